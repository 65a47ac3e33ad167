//! Attacks on programs of this kind that got a number: each with the lines that it used, or lines like them.

use hids_core::diag::{SourceFile, has_errors};
use hids_core::xml;

use crate::shipped::Shipped;

/// The attacker.
const PEER: &str = "198.51.100.7";
/// Whom the attacker wants to have blocked.
const INNOCENT: &str = "203.0.113.9";

/// Number, program that was fooled, and a line in which `PEER` wrote what belongs to `INNOCENT`.
const BLAMES: &[(&str, &str)] = &[
    // DenyHosts 2.5 and fail2ban 0.7.4: a login name that reads like the rest of the line.
    ("CVE-2006-6301", "sshd[7]: Invalid user root from 203.0.113.9 from 198.51.100.7"),
    (
        "CVE-2006-6301",
        "sshd[7]: Failed password for invalid user x from 203.0.113.9 port 1 ssh2 from 198.51.100.7 port 22 ssh2",
    ),
    ("CVE-2006-6302", "sshd[7]: Invalid user a from 203.0.113.9 port 22 from 198.51.100.7 port 4711"),
    // fail2ban 0.8, BlockHosts 2.0.3, DenyHosts 2.6: the client's version string.
    (
        "CVE-2007-4321",
        "sshd[7]: Bad protocol version identification 'Failed password for root from 203.0.113.9' from 198.51.100.7",
    ),
    (
        "CVE-2007-4322",
        "sshd[7]: Bad protocol version identification 'Invalid user x from 203.0.113.9' from 198.51.100.7 port 4711",
    ),
    (
        "CVE-2007-4323",
        "sshd[7]: banner exchange: Connection from 198.51.100.7 port 4711: invalid format: from 203.0.113.9 port 22",
    ),
    // fail2ban 0.8.3: a reverse name that looks like an address.
    (
        "CVE-2009-0362",
        "sshd[7]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= \
         rhost=203.0.113.9.evil.example  user=root",
    ),
    // fail2ban before 0.8.10: what a client asks for stands behind its address in Apache's log.
    (
        "CVE-2013-2178",
        "[Mon Nov 30 10:00:00 2026] [error] [client 198.51.100.7] File does not exist: /var/www/[client 203.0.113.9] user \
         x not found: /, referer: http://x/",
    ),
    (
        "CVE-2013-2178",
        "[Mon Nov 30 10:00:00.123456 2026] [authz_core:error] [pid 7] [client 198.51.100.7:4711] AH01630: client denied \
         by server configuration: /srv/x] [client 203.0.113.9] user root: authentication failure for \"/\": Password",
    ),
    // fail2ban before 0.8.11: the address in the envelope, and the name at the login.
    (
        "CVE-2013-7176",
        "postfix/smtpd[7]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 554 5.7.1 <x from unknown[203.0.113.9]: 554 \
         5.7.1 >: Relay access denied; from=<a@[203.0.113.9]> to=<b@c> proto=SMTP helo=<[203.0.113.9]>",
    ),
    (
        "CVE-2013-7177",
        "cyrus/imap[7]: badlogin: 203.0.113.9.evil.example [198.51.100.7] plaintext x [203.0.113.9] SASL(-13): \
         authentication failure: checkpass failed",
    ),
];

#[test]
fn nobody_is_blamed_by_what_a_client_writes() {
    let mut engine = Shipped::new();
    for (number, line) in BLAMES {
        engine.reset();
        let line = if line.starts_with('[') { (*line).to_owned() } else { format!("Nov 30 10:00:00 web1 {line}") };
        // Often enough for each rule that adds up.
        for second in 0..20 {
            let answer = engine.answer(&line, second);
            assert_ne!(answer.srcip.as_deref(), Some(INNOCENT), "{number}: {answer:?} of {line}");
            assert!(!answer.blocks || answer.srcip.as_deref() == Some(PEER), "{number}: {answer:?} of {line}");
            assert!(answer.decoder.is_some(), "{number}: nothing understands {line}");
        }
    }
}

/// CVE-2020-8443 and CVE-2020-8444: OSSEC's analysis wrote and read behind lines that end in the middle of a header.
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

/// CVE-2021-28040: OSSEC's XML reader called itself once for each element around an element.
#[test]
fn elements_inside_of_one_another_do_not_end_the_program() {
    let depth = 500_000;
    let file = SourceFile::new("deep.xml", "<a>".repeat(depth) + &"</a>".repeat(depth));
    let (elements, diagnostics) = xml::parse(&file);
    drop(elements);
    assert!(has_errors(&diagnostics), "{depth} levels are accepted");
}
