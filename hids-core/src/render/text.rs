//! Hostile bytes made visible: one line in, one line out.

use std::fmt::Write as _;

/// OSSEC cuts a log at this many bytes in alerts.log (`%.1256s` in `src/analysisd/alerts/log.c`).
pub const LINE_LIMIT_BYTES: usize = 1256;

/// Words that OSSEC's own readers (`src/shared/read-alert.c`) take as a field wherever a line
/// starts with them, and `Previous output:`, which ours does.
const FIELD_STARTS: [&[u8]; 20] = [
    b"** Alert",
    b"Rule: ",
    b"Src IP: ",
    b"Src Location: ",
    b"Src Port: ",
    b"Dst IP: ",
    b"Dst Location: ",
    b"Dst Port: ",
    b"User: ",
    b"Previous output:",
    b"Old md5sum was: ",
    b"New md5sum is : ",
    b"Old sha1sum was: ",
    b"New sha1sum is : ",
    b"Old sha256sum was: ",
    b"New sha256sum is : ",
    b"Size changed from ",
    b"Ownership was ",
    b"Group ownership was ",
    b"Permissions changed from ",
];

/// Appends `bytes` to `out` so that they are exactly one line of printable UTF-8, at most
/// `limit_bytes` long, cut between characters and never inside an escape.
///
/// Newline and carriage return become `\n` and `\r`, other control bytes and bytes that are not
/// UTF-8 `\x1b`, characters that break or reorder lines on a screen `\u{2028}`. A tab stays. A
/// backslash stays single: doubling it would change every `DOMAIN\user` that tools look for.
pub fn visible(out: &mut Vec<u8>, bytes: &[u8], limit_bytes: usize) {
    let end = out.len().saturating_add(limit_bytes);
    let mut escape = String::new();
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            escape.clear();
            push_char(&mut escape, char);
            if out.len() + escape.len() > end {
                return;
            }
            out.extend_from_slice(escape.as_bytes());
        }
        for byte in chunk.invalid() {
            if out.len() + 4 > end {
                return;
            }
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
}

/// [`visible`] as a new string without a limit.
pub fn visible_string(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|char| push_char(&mut out, char));
        push_bytes(&mut out, chunk.invalid());
    }
    out
}

/// The text of a mail header: visible, one line, no leading or trailing blanks.
pub fn header_text(text: &str) -> String {
    visible_string(text.as_bytes()).replace('\t', " ").trim().to_owned()
}

/// Valid UTF-8 as it is, other bytes as `\x1b` text: for formats with escapes of their own.
pub(super) fn lossless(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        push_bytes(&mut out, chunk.invalid());
    }
    out
}

/// Appends a log line to alerts.log: [`visible`], guarded and ended with a newline.
///
/// A line that starts like a field of the layout, or that is empty (an empty line ends a record),
/// gets one blank in front. OSSEC's readers compare at the start of a line only, so the blank makes
/// it text for them while people and `grep` still see it. A line that already starts with blanks
/// before such a word gets one more, so that taking one off gives back exactly what was logged.
pub(super) fn push_log_line(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    if is_guarded(bytes) {
        out.push(b' ');
    }
    let guard = out.len() - start;
    visible(out, bytes, LINE_LIMIT_BYTES - guard);
    out.push(b'\n');
}

/// Takes the guard blank off a line of alerts.log.
pub(super) fn unguarded(line: &[u8]) -> &[u8] {
    match line.strip_prefix(b" ") {
        Some(rest) if is_guarded(rest) => rest,
        _ => line,
    }
}

/// Whether a log line needs a guard: nothing, or a field word, after leading blanks.
fn is_guarded(line: &[u8]) -> bool {
    let blanks = line.iter().take_while(|&&byte| byte == b' ').count();
    // Once cut, a line of more blanks than fit would read as empty.
    let rest = &line[blanks..];
    rest.is_empty() || blanks >= LINE_LIMIT_BYTES - 1 || FIELD_STARTS.iter().any(|word| rest.starts_with(word))
}

/// Escapes what JSON allows raw but a terminal or a line reader may act on.
///
/// `json` is serialised JSON: such characters can only stand inside its strings, where `\uXXXX`
/// means the same.
pub(super) fn plain_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 1);
    for char in json.chars() {
        if is_unsafe(char) {
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(char);
        }
    }
    out
}

fn push_char(out: &mut String, char: char) {
    match char {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push('\t'),
        _ if char.is_ascii() && is_unsafe(char) => {
            let _ = write!(out, "\\x{:02x}", char as u32);
        }
        _ if is_unsafe(char) => {
            let _ = write!(out, "\\u{{{:x}}}", char as u32);
        }
        _ => out.push(char),
    }
}

fn push_bytes(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "\\x{byte:02x}");
    }
}

/// Control characters (C0, DEL, C1), line and paragraph separators, bidirectional controls,
/// byte-order mark and tags: all that can end a line or make it look like another.
pub(super) fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{061c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// At most `limit_bytes` of `text`, cut between characters.
pub(super) fn cut(text: &str, limit_bytes: usize) -> &str {
    let mut end = text.len().min(limit_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
