//! Hostile bytes made visible: one line in, one line out. What every output that people or programs read uses,
//! so that there is one list of dangerous characters ([`is_dangerous`]).

mod unescape;

use std::fmt::Write as _;

pub use self::unescape::unescape;

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
///
/// ```
/// use hids_core::escape::visible_string;
///
/// assert_eq!(visible_string(b"a\x1b[31mred\nline"), r"a\x1b[31mred\nline");
/// assert_eq!(visible_string("\u{202e}txt.exe".as_bytes()), r"\u{202e}txt.exe");
/// ```
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
        _ if char.is_ascii() && is_dangerous(char) => {
            let _ = write!(out, "\\x{:02x}", char as u32);
        }
        _ if is_dangerous(char) => {
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

/// Escapes what JSON allows raw but a terminal or a line reader may act on.
///
/// `json` is serialised JSON: such characters can only stand inside its strings, where `\uXXXX`
/// means the same.
pub fn plain_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 1);
    for char in json.chars() {
        if is_dangerous(char) {
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

/// Whether a character can end a line, act on a terminal, reorder what it shows, or hide in it: control
/// characters (C0, DEL, C1), line and paragraph separators, bidirectional controls, annotations, tags, and all
/// that is shown as nothing (Unicode's `Default_Ignorable_Code_Point`: zero-width characters, fillers, soft
/// hyphens, variation selectors).
pub const fn is_dangerous(char: char) -> bool {
    if (char as u32) < 0xad {
        return char.is_ascii_control() || matches!(char, '\u{80}'..='\u{9f}');
    }
    matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Characters that no output may let through, by kind; written down apart from [`is_dangerous`], for tests.
#[cfg(test)]
pub(crate) fn dangerous_samples() -> Vec<char> {
    let ranges: [(u32, u32); 24] = [
        (0x00, 0x08), // control characters, but for tab
        (0x0a, 0x1f),
        (0x7f, 0x9f),
        (0x2028, 0x2029), // line and paragraph separator
        (0x061c, 0x061c), // bidirectional controls
        (0x200e, 0x200f),
        (0x202a, 0x202e),
        (0x2066, 0x2069),
        (0x200b, 0x200d), // zero width
        (0x2060, 0x2064),
        (0xfeff, 0xfeff),
        (0x034f, 0x034f),
        (0x00ad, 0x00ad), // soft hyphen
        (0x115f, 0x1160), // fillers
        (0x3164, 0x3164),
        (0xffa0, 0xffa0),
        (0x180b, 0x180f),
        (0x206a, 0x206f), // deprecated format characters
        (0xfe00, 0xfe0f), // variation selectors
        (0xe0100, 0xe01ef),
        (0xfff9, 0xfffb),   // annotations
        (0x1d173, 0x1d17a), // musical controls
        (0xe0001, 0xe0001), // tags
        (0xe0020, 0xe007f),
    ];
    ranges.into_iter().flat_map(|(from, to)| from..=to).filter_map(char::from_u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dangerous_character_is_escaped_and_text_is_not() {
        for char in dangerous_samples() {
            let text = visible_string(format!("a{char}b").as_bytes());
            assert!(text.is_ascii() && text.len() >= 4 && !text.contains(is_dangerous), "{:x}: {text:?}", char as u32);
            let json = serde_json::to_string(&format!("a{char}b")).expect("JSON");
            let plain = plain_json(&json);
            assert!(!plain.contains(is_dangerous), "{:x}: {plain:?}", char as u32);
            assert_eq!(serde_json::from_str::<String>(&plain).expect("JSON"), format!("a{char}b"));
        }
        for text in ["Grüße, Δ, שלום, العربية, 日本語, e\u{301}, 🙂", "DOMAIN\\user\t\"x\""] {
            assert_eq!(visible_string(text.as_bytes()), text);
        }
        assert_eq!(visible_string(b"a\x1b[2J\xff\r\n"), "a\\x1b[2J\\xff\\r\\n");
        assert_eq!(visible_string("x\u{202e}y".as_bytes()), "x\\u{202e}y");
    }
}
