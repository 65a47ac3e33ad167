//! Without a number of its own, and found in one blocker after the other: the address of a header that the client
//! sends (`X-Forwarded-For`, `Host`, `User-Agent`, `Referer`), or of the user name of basic authentication.

use super::blames_only_the_peer;

const LINES: &[&str] = &[
    "198.51.100.7 - - [30/Nov/2026:10:00:00 +0100] \"GET /a HTTP/1.1\" 404 1 \"-\" \"203.0.113.9\"",
    "198.51.100.7 - - [30/Nov/2026:10:00:00 +0100] \"GET /a HTTP/1.1\" 404 1 \"203.0.113.9 - - [30/Nov/2026:10:00:00 +0100]\" \"x\"",
    "198.51.100.7 - 203.0.113.9 [30/Nov/2026:10:00:00 +0100] \"GET /a HTTP/1.1\" 401 1 \"-\" \"x\"",
    "198.51.100.7 - - [30/Nov/2026:10:00:00 +0100] \"GET http://203.0.113.9/ HTTP/1.1\" 404 1 \"-\" \"x\" \"203.0.113.9\"",
    "203.0.113.9 198.51.100.7 - - [30/Nov/2026:10:00:00 +0100] \"GET /a HTTP/1.1\" 404 1 \"-\" \"x\"",
    "198.51.100.7 203.0.113.9 - - [30/Nov/2026:10:00:00 +0100] \"GET /a HTTP/1.1\" 404 1 \"-\" \"x\"",
];

#[test]
fn what_the_client_writes_names_nobody() {
    blames_only_the_peer(LINES);
}
