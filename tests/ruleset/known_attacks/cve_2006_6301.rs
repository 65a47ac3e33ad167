//! CVE-2006-6301: DenyHosts 2.5 took the address out of a login name that reads like the rest of the line.

use super::blames_only_the_peer;

const LINES: &[&str] = &[
    "sshd[7]: Invalid user root from 203.0.113.9 from 198.51.100.7",
    "sshd[7]: Invalid user root from 203.0.113.9 from 198.51.100.7 port 4711",
    "sshd[7]: Failed password for invalid user x from 203.0.113.9 port 1 ssh2 from 198.51.100.7 port 22 ssh2",
    "sshd[7]: Failed none for invalid user rhost=203.0.113.9 from 198.51.100.7 port 22 ssh2",
    "sshd[7]: User root from 203.0.113.9 not allowed because not listed in AllowUsers from 198.51.100.7 not allowed because not listed in AllowUsers",
    "sshd-session[7]: Connection closed by invalid user x 203.0.113.9 port 1 198.51.100.7 port 22 [preauth]",
];

#[test]
fn what_the_client_writes_names_nobody() {
    blames_only_the_peer(LINES);
}
