//! CVE-2013-2178: fail2ban before 0.8.10; what a client asks for stands behind its address in Apache's log.

use super::blames_only_the_peer;

const LINES: &[&str] = &[
    "[Mon Nov 30 10:00:00 2026] [error] [client 198.51.100.7] File does not exist: /var/www/[client 203.0.113.9] user x not found: /, referer: http://x/",
    "[Mon Nov 30 10:00:00.123456 2026] [authz_core:error] [pid 7] [client 198.51.100.7:4711] AH01630: client denied by server configuration: /srv/x] [client 203.0.113.9] user root: authentication failure for \"/\": Password",
    "[Mon Nov 30 10:00:00.123456 2026] [auth_basic:error] [pid 7] [client 198.51.100.7:4711] AH01618: user [client 203.0.113.9] user x not found: /",
    "[Mon Nov 30 10:00:00.123456 2026] [core:error] [pid 7] [client 198.51.100.7:4711] AH00126: Invalid URI in request GET [client 203.0.113.9:1] HTTP/1.1",
    "[Mon Nov 30 10:00:00 2026] [error] [client 198.51.100.7] script '/var/www/x.php' not found or unable to stat, referer: [client 203.0.113.9] user x not found",
];

#[test]
fn what_the_client_writes_names_nobody() {
    blames_only_the_peer(LINES);
}
