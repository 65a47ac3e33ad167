//! Strings of JSON and of what calls itself JSON.

use memchr::memchr;

/// Undoes the escapes of `raw`, which stands between quotes, at the end of `out`.
///
/// Besides those of RFC 8259 `\xHH` and `\v` are read, which Apache and nginx write; a surrogate without its partner
/// becomes U+FFFD. Anything else behind a backslash stays as it is, backslash included.
pub fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        rest = &rest[escape(rest, out)..];
    }
    out.extend_from_slice(rest);
}

/// Writes what the escape at the start of `rest` stands for; its length.
fn escape(rest: &[u8], out: &mut Vec<u8>) -> usize {
    let Some(&byte) = rest.get(1) else {
        out.push(b'\\');
        return 1;
    };
    let plain = match byte {
        b'"' | b'\\' | b'/' => byte,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'x' => match hex(rest, 2, 2) {
            Some(value) => {
                out.push(value as u8);
                return 4;
            }
            None => return unknown(byte, out),
        },
        b'u' => match hex(rest, 2, 4) {
            Some(value) => return character(value, rest, out),
            None => return unknown(byte, out),
        },
        _ => return unknown(byte, out),
    };
    out.push(plain);
    2
}

fn unknown(byte: u8, out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[b'\\', byte]);
    2
}

/// The UTF-16 unit `first`, with the one behind it where both are one character.
fn character(first: u32, rest: &[u8], out: &mut Vec<u8>) -> usize {
    let is_high = (0xd800..0xdc00).contains(&first);
    let second = if is_high && rest.get(6..8) == Some(b"\\u") { hex(rest, 8, 4) } else { None };
    let (value, length) = match second.filter(|low| (0xdc00..0xe000).contains(low)) {
        Some(low) => (0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00), 12),
        None => (first, 6),
    };
    let character = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    length
}

fn hex(rest: &[u8], start: usize, count: usize) -> Option<u32> {
    let digits = rest.get(start..start + count)?;
    digits.iter().try_fold(0, |value, &digit| Some((value << 4) | char::from(digit).to_digit(16)?))
}
