//! CVE-2020-8443: OSSEC's analysis wrote behind the end of a line that ends in the middle of a syslog header.

use crate::shipped::Shipped;

#[test]
fn lines_that_end_anywhere_are_analysed() {
    let mut engine = Shipped::new();
    let whole = [
        "<38>Nov 30 10:00:00 web1 sshd[7]: Failed password for root from 198.51.100.7 port 22 ssh2",
        "2026-11-30T10:00:00.123456+01:00 web1 sshd[7]: Invalid user x from 198.51.100.7 port 22",
        "[Mon Nov 30 10:00:00.123456 2026] [core:error] [pid 7] [client 198.51.100.7:4711] AH00126: Invalid URI",
        "198.51.100.7 - - [30/Nov/2026:10:00:00 +0100] \"GET /../../etc/passwd HTTP/1.1\" 400 226",
        "** Alert 1795558167.15: mail - syslog,sshd,\n2026 Nov 30 10:00:00 web1->/var/log/auth.log\nRule: 5712 (level 10) -> 'x'",
        "ossec: Agent started: 'web1->198.51.100.7'.",
        "Integrity checksum changed for: '/etc/passwd'\nSize changed from '1' to '2'",
        "1795558167.123 45 198.51.100.7 TCP_DENIED/403 1 GET http://x/ - NONE/- text/html",
        "type=SYSCALL msg=audit(1795558167.123:45): arch=c000003e syscall=59 success=yes exit=0",
    ];
    for line in whole {
        for end in (0..=line.len()).filter(|end| line.is_char_boundary(*end)) {
            engine.answer(&line[..end], 0);
            engine.answer(&line[end..], 0);
        }
    }
}
