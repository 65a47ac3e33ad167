//! CVE-2007-4321: fail2ban 0.8 took the address out of the client's version string.

use super::blames_only_the_peer;

const LINES: &[&str] = &[
    "sshd[7]: Bad protocol version identification 'Failed password for root from 203.0.113.9' from 198.51.100.7",
    "sshd[7]: Bad protocol version identification '\\nsshd[1]: Invalid user x from 203.0.113.9' from 198.51.100.7 port 4711",
];

#[test]
fn what_the_client_writes_names_nobody() {
    blames_only_the_peer(LINES);
}
