//! Hostile bytes made visible: one line in, one line out.

use std::fmt::Write as _;

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

pub(crate) fn push_bytes(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "\\x{byte:02x}");
    }
}

/// Control characters (C0, DEL, C1), line and paragraph separators, bidirectional controls,
/// byte-order mark and tags: all that can end a line or make it look like another.
pub(crate) fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{061c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
