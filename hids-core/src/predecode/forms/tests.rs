//! Every form, with every word that may stand before the tag.

use super::super::{Headers, predecode};

type Found<'a> = (Option<&'a str>, Option<&'a str>, &'a str);

fn modern(line: &str) -> Found<'_> {
    let found = predecode(line.as_bytes(), Headers::Modern);
    let text = |bytes| std::str::from_utf8(bytes).expect("parts of a text");
    (found.hostname.map(text), found.program_name.map(text), text(found.log))
}

/// Times as they stand in logs; `false`: only a tag with a process number makes a header.
const TIMES: [(&str, bool); 34] = [
    ("Nov 29 16:00:00", true),
    ("Nov  8 16:00:00", true),
    ("Nov 8 16:00:00", true),
    ("Nov 29 16:00:00.123456", true),
    ("Nov 29 16:00:00 2026", true),
    ("Nov  8 2026 16:00:00", true),
    ("Nov 29 2026 16:00:00.123", true),
    ("Nov 29 16:00:00 UTC", true),
    ("Nov 29 16:00:00 CET 2026", false),
    ("Nov 29 16:00:00 +0100", true),
    ("Sun Nov 29 16:00:00 2026", true),
    ("Sun Nov  8 16:00:00", true),
    ("Sun Nov 29 2026 16:00:00", true),
    ("29 Nov 2026 16:00:00", true),
    ("8 Nov 16:00:00", true),
    ("Sun, 29 Nov 2026 16:00:00 +0100", true),
    ("2026 Nov 29 16:00:00", true),
    ("2026-11-29T16:00:00", true),
    ("2026-11-29T16:00:00Z", true),
    ("2026-11-29T16:00:00.123456789Z", true),
    ("2026-11-29T16:00:00,123+01:00", true),
    ("2026-11-29T16:00:00+0100", true),
    ("2026-11-29 16:00:00", false),
    ("2026-11-29 16:00:00.123456+02:00", false),
    ("2026-11-29 16:00:00 UTC", false),
    ("Sun 2026-11-29 16:00:00 CET", false),
    ("2026/11/29 16:00:00", false),
    ("2026/11/29 16:00:00.123", false),
    ("1795558167.123456", false),
    ("1795558167", false),
    ("[12345.678901]", false),
    ("[    5.123456]", false),
    ("<38>Nov  8 16:00:00", true),
    ("<auth.info>Nov 8 16:00:00", true),
];

const HOSTS: [&str; 10] = [
    "host",
    "web1.example.org",
    "192.0.2.1",
    "2001:db8::aa",
    "fe80::1%eth0",
    "[localhost]",
    "[2001:db8::1]",
    "h\u{f4}te",
    "host-a_b",
    "a/b@c",
];

/// Words between time and tag, with the host that they give.
fn middles(host: &str) -> Vec<(String, Option<String>)> {
    let host_of = |text: &str| Some(text.to_owned());
    vec![
        (String::new(), None),
        (format!("{host} "), host_of(host)),
        (format!(" {host}  "), host_of(host)),
        ("auth.info ".to_owned(), None),
        (format!("{host} auth.info "), host_of(host)),
        (format!("<auth.info> {host} "), host_of(host)),
        (format!("authpriv.warn {host} "), host_of(host)),
        (format!("{host} 00419 "), host_of(host)),
        (format!("gw Message forwarded from {host}: "), host_of(host)),
        (format!("gw Nov 29 15:59:59 {host} "), host_of(host)),
    ]
}

// C27
#[test]
fn every_form_gives_host_program_and_message_whatever_words_stand_between() {
    let message = "Failed password for root from 192.0.2.60 port 38066 ssh2";
    for (time, _) in TIMES.iter().filter(|(time, _)| *time != "Nov 29 16:00:00 CET 2026") {
        for host in HOSTS {
            for (middle, hostname) in middles(host) {
                let line = format!("{time} {middle}sshd[2047]: {message}");
                let (found, program, log) = modern(&line);
                assert_eq!((program, log), (Some("sshd"), message), "{line}");
                // Without a host OSSEC's layout takes the word before the tag for one; so do both modes.
                if hostname.is_some() {
                    assert_eq!(found.map(str::to_owned), hostname, "{line}");
                }
            }
        }
    }
}

#[test]
fn a_program_without_a_process_number_is_one_where_applications_write_other_times() {
    for (time, any) in TIMES {
        let line = format!("{time} host app: text");
        assert_eq!(modern(&line).1, any.then_some("app"), "{line}");
        let line = format!("{time} host sudo: text");
        if any || !time.contains("CET 2026") {
            assert_eq!(modern(&line).1, Some("sudo"), "{line}");
        }
    }
}

// C27: each line is a whole one as its syslog writes it.
#[test]
fn lines_of_syslogs_that_are_common() {
    let cases = [
        ("Apr 28 13:11:39 host auth.info sshd[27366]: x", Some("host"), Some("sshd"), "x"),
        ("Mon Aug  4 16:28:47 2025 authpriv.warn dropbear[2047]: x", None, Some("dropbear"), "x"),
        ("Feb 17 12:40:18 sshd[458759]: x", None, Some("sshd"), "x"),
        ("Oct 2 17:53:41 host sshd[13058]: x", Some("host"), Some("sshd"), "x"),
        ("Aug 10 07:13:39 [localhost] sshd[5]: x", Some("[localhost]"), Some("sshd"), "x"),
        ("Nov 29 16:00:00 sol sshd[123]: [ID 800047 auth.info] x", Some("sol"), Some("sshd"), "x"),
        ("Nov 29 16:00:00 aix auth|security:info sshd[123]: x", Some("aix"), Some("sshd"), "x"),
        ("000123: *Nov 29 16:00:00.123 UTC: sshd[1]: x", None, Some("sshd"), "x"),
        (
            "Nov 29 16:00:00 10.0.0.1 123: *Nov 29 15:59:59.123 UTC: %SEC_LOGIN-4-LOGIN_FAILED: x",
            Some("10.0.0.1"),
            None,
            "%SEC_LOGIN-4-LOGIN_FAILED: x",
        ),
        ("Nov 08 2026 01:00:28 asa01 : %ASA-6-605004: x", Some("asa01"), None, "%ASA-6-605004: x"),
        ("Nov 29 16:00:00  mx5 sshd[123]: x", Some("mx5"), Some("sshd"), "x"),
    ];
    for (line, host, program, log) in cases {
        assert_eq!(modern(line), (host, program, log), "{line}");
    }
}

// Decoders of these want the line as it is.
#[test]
fn logs_of_applications_and_access_logs_stay_whole() {
    let lines = [
        "2026-11-29 16:00:00.123 UTC [1234] LOG:  database system is ready",
        "2026-11-29 16:00:00.123 UTC [1234] user@db FATAL:  password authentication failed",
        // The name of the user is the client's.
        "2026-11-29 16:00:00.123 UTC [1234] Nov 29 16:00:00 h kernel: [UFW BLOCK] SRC=192.0.2.1@db FATAL:  no entry",
        "2026-11-29T16:00:00.123456Z 8 Nov 29 16:00:00 h sshd[1]: x",
        "2026-11-29 16:00:00.123 ERROR Nov 29 16:00:00 h sshd[1]: x",
        "2026/11/29 16:00:00 [warning] Nov 29 16:00:00 h sshd[1]: x",
        "2026-11-29T16:00:00.123456Z 8 [Note] Access denied for user 'root'@'192.0.2.1'",
        "2026/11/29 16:00:00 [error] 123#123: *1 open() failed, client: 192.0.2.1",
        "2026-11-29 16:00:00.123 ERROR Reader: failed",
        "2026-11-29 16:00:00 status installed hids:amd64 0.1.0",
        "2026-11-29 16:00:00 install hids:amd64 <none> 0.1.0",
        "[   12.345678] usb 1-1: new high-speed USB device",
        "[12345.678901] sd 0:0:0:0: [sda] Attached",
        "1795558167 INFO started: yes",
        "192.0.2.1 - - [29/Nov/2026:16:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
        "2026-11-29T16:00:00Z INFO server started on port 80",
    ];
    for line in lines {
        assert_eq!(modern(line), (None, None, line), "{line}");
    }
}

/// Text that a stranger chooses stands in a message: it must not become a header.
#[test]
fn words_of_a_message_are_no_header() {
    let host_only = [
        "Nov 29 16:00:00 host last message repeated 2 times",
        "Nov 29 16:00:00 host login failed sshd[1]: Failed password",
        "Nov 29 16:00:00 host one two sshd[1]: Failed password",
        "Nov 29 16:00:00 host auth.info user sshd[1]: Failed password",
        "Nov 29 16:00:00 host exception.info sshd[1]: Failed password",
        "Nov 29 16:00:00 host -- MARK --",
    ];
    for line in host_only {
        assert_eq!(modern(line).1, None, "{line}");
    }
    // A program that is found stays, whatever it says.
    let said = "Nov 29 16:00:00 host app[1]: Nov 29 16:00:00 other sshd[1]: Failed password";
    assert_eq!(modern(said).1, Some("app"));
    let said = "Nov 29 16:00:00.123 host app[1]: host auth.info sshd[1]: Failed password";
    assert_eq!(modern(said), (Some("host"), Some("app"), "host auth.info sshd[1]: Failed password"));
}

#[test]
fn the_strict_mode_knows_none_of_them() {
    for (time, _) in &TIMES[3..5] {
        let line = format!("{time} host auth.info sshd[1]: x");
        assert_eq!(predecode(line.as_bytes(), Headers::StrictOssec).program_name, None, "{line}");
    }
}

proptest::proptest! {
    /// A line that one form takes apart is taken apart in the same way whatever the message is.
    #[test]
    fn a_message_never_changes_what_the_header_says(
        time in 0..TIMES.len(), host in 0..HOSTS.len(), middle in 0..10_usize,
        message in "([a-zA-Z0-9 :\\[\\].<>%*]{0,40}|(Nov 29 16:00:00 )?(host )?(auth\\.info )?(sshd\\[1\\]: )?\\PC{0,20})",
    ) {
        let (time, _) = TIMES[time];
        proptest::prop_assume!(time != "Nov 29 16:00:00 CET 2026");
        let (middle, _) = middles(HOSTS[host]).swap_remove(middle);
        let line = format!("{time} {middle}su[77]: {message}");
        let found = modern(&line);
        let expected = message.strip_prefix("[ID ").and_then(|rest| rest.split_once("] ")).map_or(&*message, |(_, rest)| rest);
        proptest::prop_assert_eq!((found.1, found.2), (Some("su"), expected), "{}", line);
    }

    #[test]
    fn any_bytes_are_taken_apart_without_panic(line: Vec<u8>, time in 0..TIMES.len(), cut in 0..60_usize) {
        let mut text = TIMES[time].0.as_bytes().to_vec();
        text.truncate(cut);
        text.extend_from_slice(&line);
        for line in [&line, &text] {
            let found = predecode(line, Headers::Modern);
            proptest::prop_assert!(line[found.log_offset..].starts_with(found.log));
            super::time(line);
        }
    }
}
