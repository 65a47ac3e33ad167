//! CVE-2007-4323: DenyHosts 2.6, the same; sshd of today says it otherwise.

use super::blames_only_the_peer;

const LINES: &[&str] = &[
    "sshd[7]: banner exchange: Connection from 198.51.100.7 port 4711: invalid format: from 203.0.113.9 port 22",
    "sshd[7]: error: kex_protocol_error: type 20 seq 2 [preauth] from 203.0.113.9 from 198.51.100.7",
];

#[test]
fn what_the_client_writes_names_nobody() {
    blames_only_the_peer(LINES);
}
