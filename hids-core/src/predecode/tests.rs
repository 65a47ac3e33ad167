//! Headers beyond OSSEC's; OSSEC's own answers are compared in `tests/compat`.

use super::*;

fn modern(line: &str) -> (Option<&str>, Option<&str>, &str) {
    let found = predecode(line.as_bytes(), Headers::Modern);
    let text = |bytes| std::str::from_utf8(bytes).unwrap();
    (found.hostname.map(text), found.program_name.map(text), text(found.log))
}

#[test]
fn utc_time_with_z_is_a_header_in_the_default_mode_only() {
    let line = "2024-05-01T10:00:00.123456Z web1 sshd[12]: hello";
    assert_eq!(modern(line), (Some("web1"), Some("sshd"), "hello"));
    assert_eq!(predecode(line.as_bytes(), Headers::StrictOssec).log, line.as_bytes());
}

#[test]
fn priority_and_rfc_5424_are_headers_in_the_default_mode() {
    assert_eq!(modern("<34>Oct 11 22:14:15 web1 su: hi"), (Some("web1"), Some("su"), "hi"));
    let line = "<34>1 2003-10-11T22:14:15.003Z web1 sshd 12 ID47 [x@1 a=\"]\"][y] text";
    assert_eq!(modern(line), (Some("web1"), Some("sshd"), "text"));
}

#[test]
fn an_application_log_with_an_iso_time_stays_whole() {
    let line = "2024-05-01T10:00:00Z INFO server started on port 80";
    assert_eq!(modern(line), (None, None, line));
}

proptest::proptest! {
    #[test]
    fn any_line_is_taken_apart_without_panic(line in "([A-Z<>0-9\\[]{0,4}[-0-9T:., /|\\[\\]A-Za-z]{0,60}|\\PC{0,50})") {
        for headers in [Headers::Modern, Headers::StrictOssec] {
            let found = predecode(line.as_bytes(), headers);
            proptest::prop_assert!(line.as_bytes()[found.log_offset..].starts_with(found.log));
        }
    }
}

#[test]
fn every_beginning_of_every_header_is_taken() {
    let lines = [
        "<34>1 2003-10-11T22:14:15.003Z web1 sshd 12 ID47 [x@1 a=\"b\"] text",
        "2024-05-01T10:00:00.123456+02:00 web1 sshd[12]: hello",
        "2024-05-01 10:00:00,123 INFO hello",
        "2024 May 01 10:00:00 web1 sshd[12]: hello",
        "2024:05:01-10:00:00 web1 sshd[12]: hello",
        "M\u{e4}r 01 10:00:00 web1 aa|bb:sshd[12]: [ID 1 x] hello",
        "Wed Oct 11 22:14:15 2024 1 hello",
        "10/11-22:14:15.123456  hello",
        "10/11/2024-22:14:15.123456  hello",
        "[Wed Oct 11 22:14:15 2024] hello",
        "[Time 2024.05.01 10:00:00 UTC] [Host web1] [Sender su] [Message hello]",
        "1700000000.123     17 hello",
    ];
    for line in lines {
        for length in 0..=line.len() {
            let part = &line.as_bytes()[..length];
            for headers in [Headers::Modern, Headers::StrictOssec] {
                let found = predecode(part, headers);
                assert_eq!(found.log, &part[found.log_offset..][..found.log.len()], "{line}, {length} bytes");
            }
        }
    }
}
