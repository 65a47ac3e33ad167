//! CVE-2013-7177: fail2ban before 0.8.11; the name at a login to Cyrus IMAP.

use super::blames_only_the_peer;

const LINES: &[&str] = &[
    "cyrus/imap[7]: badlogin: 203.0.113.9.evil.example [198.51.100.7] plaintext x [203.0.113.9] SASL(-13): authentication failure: checkpass failed",
    "cyrus/imaps[7]: badlogin: host.example [198.51.100.7] plaintext badlogin: x [203.0.113.9] plaintext SASL(-13): authentication failure",
    "cyrus/pop3[7]: badlogin: [198.51.100.7] LOGIN [203.0.113.9] authentication failure",
];

#[test]
fn what_the_client_writes_names_nobody() {
    blames_only_the_peer(LINES);
}
