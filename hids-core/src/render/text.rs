//! Lines and texts for the formats of this module.

use crate::escape::push_bytes;
pub use crate::escape::{visible, visible_string};

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

/// Appends a text of file integrity, line by line. Its maker (`fim::text`) has escaped the names in it, so that
/// its line ends are its own and no line begins with hostile bytes; lines without text are left out, since
/// an empty line ends a record.
pub(super) fn push_own_lines(out: &mut Vec<u8>, text: &[u8]) {
    for line in own_lines(text) {
        visible(out, line, LINE_LIMIT_BYTES);
        out.push(b'\n');
    }
}

/// The lines of a text of our own.
pub(super) fn own_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
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

/// At most `limit_bytes` of `text`, cut between characters.
pub(super) fn cut(text: &str, limit_bytes: usize) -> &str {
    let mut end = text.len().min(limit_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
