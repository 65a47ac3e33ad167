//! What container runtimes put around a line of a program: the files of Docker and of CRI (containerd, CRI-O).
//!
//! ```text
//! {"log":"192.0.2.1 - - [25/Nov/2026:10:00:00 +0000] \\"GET / …\\n","stream":"stdout","time":"2026-11-25T10:00:00.1Z"}
//! 2026-11-25T10:00:00.123456789Z stderr F 192.0.2.1 - - [25/Nov/2026:10:00:00 +0000] "GET / …
//! ```
//!
//! Only a wrapper that is the whole line counts: one in the message of a syslog line is that message. A line that the
//! runtime had to split (CRI's `P`, a text of Docker without its newline) is several lines here, too: its parts may be
//! megabytes apart in the file, with lines of the other stream between them.

use std::ops::Range;

use crate::escape::unescape;

/// The text inside a line of Docker's `json-file`, its escapes undone, at the end of `out`; false if it is none.
///
/// The shape is the one that Docker writes, byte by byte: other JSON belongs to the decoders.
pub(crate) fn docker(line: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(Wrapped { text, .. }) = wrapped(line) else { return false };
    let before = out.len();
    unescape(&line[text], out);
    for end in [b'\n', b'\r'] {
        if out.len() > before && out.last() == Some(&end) {
            out.pop();
        }
    }
    // A line within a line would be shown as two.
    let is_one = !out[before..].contains(&b'\n');
    if !is_one {
        out.truncate(before);
    }
    is_one
}

/// The time stamp that the container runtime put on the line.
pub(crate) fn time(line: &[u8]) -> Option<&[u8]> {
    wrapped(line).map(|found| &line[found.time])
}

/// Where the text inside a line of CRI starts.
pub(super) fn cri(line: &[u8]) -> Option<usize> {
    // Nearly all lines are turned away here.
    (line.get(10) == Some(&b'T')).then_some(())?;
    let time = end_of_time(line)?;
    let rest = &line[time..];
    let stream = [&b" stdout "[..], b" stderr "].into_iter().find(|stream| rest.starts_with(stream))?;
    let tags = &rest[stream.len()..];
    // Further tags may follow the first one.
    let end = tags.iter().take(MAX_TAG_BYTES).position(|&byte| byte == b' ')?;
    let first = tags[..end].split(|&byte| byte == b':').next()?;
    matches!(first, b"F" | b"P").then_some(time + stream.len() + end + 1)
}

const MAX_TAG_BYTES: usize = 32;

struct Wrapped {
    text: Range<usize>,
    time: Range<usize>,
}

/// `{"log":"…","stream":"stderr","attrs":{…},"time":"…"}`, of which stream and attributes may be missing.
fn wrapped(line: &[u8]) -> Option<Wrapped> {
    const LOG: &[u8] = b"{\"log\":\"";
    const TIME: &[u8] = b",\"time\":\"";
    line.starts_with(LOG).then_some(())?;
    let text = LOG.len()..end_of_string(line, LOG.len())?;
    let mut at = text.end + 1;
    let streams = [&b",\"stream\":\"stdout\""[..], b",\"stream\":\"stderr\""];
    at += streams.into_iter().find(|stream| line[at..].starts_with(stream)).map_or(0, <[u8]>::len);
    if line[at..].starts_with(b",\"attrs\":{") {
        at = end_of_attributes(line, at + b",\"attrs\":{".len())?;
    }
    line[at..].starts_with(TIME).then_some(())?;
    let time = at + TIME.len()..end_of_string(line, at + TIME.len())?;
    let is_time = end_of_time(&line[time.clone()]) == Some(time.len());
    (is_time && &line[time.end..] == b"\"}").then_some(Wrapped { text, time })
}

/// Behind `"name":"value",…}`.
fn end_of_attributes(line: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match line.get(at)? {
            b'}' => return Some(at + 1),
            b'"' => at = end_of_string(line, at + 1)? + 1,
            b':' | b',' => at += 1,
            _ => return None,
        }
    }
}

/// The quote that ends the string from `start` on.
fn end_of_string(line: &[u8], start: usize) -> Option<usize> {
    let mut at = start + memchr::memchr2(b'"', b'\\', line.get(start..)?)?;
    while line[at] == b'\\' {
        let next = at + 2;
        at = next + memchr::memchr2(b'"', b'\\', line.get(next..)?)?;
    }
    Some(at)
}

/// `YYYY-MM-DDThh:mm:ss[.f…](Z|±hh:mm)`
fn end_of_time(line: &[u8]) -> Option<usize> {
    super::rfc5424::end_of_iso_time(line).filter(|&end| end > b"0000-00-00T00:00:00".len())
}

#[cfg(test)]
mod tests {
    use super::super::{Headers, Predecoded, predecode};
    use super::*;

    fn inside(line: &str) -> Option<String> {
        let mut out = Vec::new();
        docker(line.as_bytes(), &mut out).then(|| String::from_utf8(out).expect("text"))
    }

    #[test]
    fn the_text_of_a_docker_line_is_a_line() {
        let time = r#""time":"2026-11-25T10:00:00.123456789Z"}"#;
        let cases = [
            (r#"{"log":"a \u003c\"b\"\n","stream":"stdout","#, "a <\"b\""),
            (r#"{"log":"a\r\n","stream":"stderr","#, "a"),
            (r#"{"log":"part","stream":"stderr","attrs":{"tag":"x\"y","b":"{"},"#, "part"),
            (r#"{"log":"","#, ""),
        ];
        for (front, expected) in cases {
            assert_eq!(inside(&format!("{front}{time}")).as_deref(), Some(expected), "{front}");
        }
    }

    #[test]
    fn other_objects_are_none() {
        let lines = [
            r#"{"log":"a\nb\n","stream":"stdout","time":"2026-11-25T10:00:00Z"}"#,
            r#"{"log":"a","stream":"other","time":"2026-11-25T10:00:00Z"}"#,
            r#"{"log":"a","time":"2026-11-25T10:00:00"}"#,
            r#"{"log":"a","time":"2026-11-25T10:00:00Z","x":1}"#,
            r#"{"log":"a","stream":"stdout","time":"2026-11-25T10:00:00Z"} "#,
            r#"{"log":"a","attrs":{"x":1},"time":"2026-11-25T10:00:00Z"}"#,
            r#" {"log":"a","time":"2026-11-25T10:00:00Z"}"#,
            r#"{"log":"a"#,
            r#"{"log":"a\"#,
            r#"{"log":1,"time":"2026-11-25T10:00:00Z"}"#,
        ];
        for line in lines {
            assert_eq!(inside(line), None, "{line}");
        }
    }

    fn taken_apart(line: &str) -> (Option<String>, String) {
        let Predecoded { program_name, log, log_offset, .. } = predecode(line.as_bytes(), Headers::Modern);
        assert!(line.as_bytes()[log_offset..].starts_with(log), "{line}");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        (program_name.map(text), text(log))
    }

    #[test]
    fn the_text_of_a_cri_line_is_taken_apart_as_a_line() {
        let cases = [
            ("2026-11-25T10:00:00.123456789Z stderr F message", None, "message"),
            ("2026-11-25T10:00:00.123456789+01:00 stdout P half", None, "half"),
            ("2026-11-25T10:00:00Z stdout F:tag {\"a\":1}", None, "{\"a\":1}"),
            ("2026-11-25T10:00:00Z stdout F Nov 25 10:00:00 h app[1]: said", Some("app"), "said"),
            ("2026-11-25T10:00:00Z stdout F ", None, ""),
            // None of it.
            ("2026-11-25T10:00:00Z stdin F message", None, "2026-11-25T10:00:00Z stdin F message"),
            ("2026-11-25T10:00:00Z stderr X message", None, "2026-11-25T10:00:00Z stderr X message"),
            ("2026-11-25T10:00:00Z stderr app[1]: F said", Some("app"), "F said"),
        ];
        for (line, program, log) in cases {
            assert_eq!(taken_apart(line), (program.map(str::to_owned), log.to_owned()), "{line}");
        }
        let strict = predecode(b"2026-11-25T10:00:00.123456789Z stderr F a", Headers::StrictOssec);
        assert!(strict.log.ends_with(b"F a"));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(line: Vec<u8>, cut in 0..90_usize) {
            let whole = br#"{"log":"a\u003cb\n","stream":"stdout","attrs":{"a":"b"},"time":"2026-11-25T10:00:00.1Z"}"#;
            let mixed = [&whole[..cut.min(whole.len())], &line].concat();
            let cri = [&b"2026-11-25T10:00:00.1Z stderr F "[..cut.min(32)], &line].concat();
            for line in [&line, &mixed, &cri] {
                docker(line, &mut Vec::new());
                time(line);
                let found = predecode(line, Headers::Modern);
                proptest::prop_assert!(line[found.log_offset..].starts_with(found.log));
            }
        }
    }
}
