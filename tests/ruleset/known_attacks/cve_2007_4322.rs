//! CVE-2007-4322: BlockHosts before 2.0.4, the same.

use super::blames_only_the_peer;

const LINES: &[&str] = &[
    "sshd[7]: Bad protocol version identification 'Invalid user x from 203.0.113.9' from 198.51.100.7 port 4711",
    "sshd[7]: Bad protocol version identification '' from 203.0.113.9' from 198.51.100.7 port 4711",
];

#[test]
fn what_the_client_writes_names_nobody() {
    blames_only_the_peer(LINES);
}
