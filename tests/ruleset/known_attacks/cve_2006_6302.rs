//! CVE-2006-6302: fail2ban 0.7.4 did the same; in later versions the port stands behind the address.

use super::blames_only_the_peer;

const LINES: &[&str] = &[
    "sshd[7]: Invalid user a from 203.0.113.9 port 22 from 198.51.100.7 port 4711",
    "sshd[7]: Failed password for invalid user a from 203.0.113.9 port 22 from 198.51.100.7 port 4711 ssh2",
    "sshd[7]: Failed keyboard-interactive/pam for invalid user a from 203.0.113.9 from 198.51.100.7 port 4711 ssh2",
];

#[test]
fn what_the_client_writes_names_nobody() {
    blames_only_the_peer(LINES);
}
