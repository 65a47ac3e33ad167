//! Cuts bytes into lines.

/// Longest line that is sent, in bytes; the rest of a longer one is left out and counted.
pub(super) const MAX_LINE_BYTES: usize = 64 * 1024;

/// What stands at the beginning of some bytes of a log file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fragment<'a> {
    /// A whole line, without its line end; `length` bytes with it.
    Line { line: &'a [u8], length: usize },
    /// The first [`MAX_LINE_BYTES`] of a line that is longer.
    Cut { line: &'a [u8] },
    /// Bytes of a cut line that are left out; `ends` when its end is among them.
    Rest { length: usize, ends: bool },
    /// The end of the line is not there yet.
    Unfinished,
}

/// Looks at the beginning of `data`; `in_cut_line` when it stands inside a line that was cut.
pub(super) fn next_fragment(data: &[u8], in_cut_line: bool) -> Fragment<'_> {
    if in_cut_line {
        return match memchr::memchr(b'\n', data) {
            Some(at) => Fragment::Rest { length: at + 1, ends: true },
            None if data.is_empty() => Fragment::Unfinished,
            None => Fragment::Rest { length: data.len(), ends: false },
        };
    }
    // One byte more than the longest line: it may be its `\r`.
    let window = &data[..data.len().min(MAX_LINE_BYTES + 2)];
    match memchr::memchr(b'\n', window) {
        Some(at) => {
            let line = without_return(&data[..at]);
            if line.len() <= MAX_LINE_BYTES { Fragment::Line { line, length: at + 1 } } else { cut(data) }
        }
        None if data.len() > MAX_LINE_BYTES + 1 => cut(data),
        None => Fragment::Unfinished,
    }
}

/// A line without the `\r` of a DOS line end.
pub(super) fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn cut(data: &[u8]) -> Fragment<'_> {
    Fragment::Cut { line: &data[..MAX_LINE_BYTES] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dos_line_end_is_removed() {
        assert_eq!(next_fragment(b"a\r\nb", false), Fragment::Line { line: b"a", length: 3 });
    }

    #[test]
    fn only_one_return_is_removed() {
        assert_eq!(next_fragment(b"a\r\r\n", false), Fragment::Line { line: b"a\r", length: 4 });
    }

    #[test]
    fn a_line_without_its_end_is_unfinished() {
        assert_eq!(next_fragment(b"abc", false), Fragment::Unfinished);
        assert_eq!(next_fragment(b"", true), Fragment::Unfinished);
    }

    #[test]
    fn the_longest_line_is_whole_and_a_longer_one_is_cut() {
        for end in [&b"\n"[..], b"\r\n"] {
            let mut data = vec![b'x'; MAX_LINE_BYTES];
            data.extend_from_slice(end);
            let Fragment::Line { line, .. } = next_fragment(&data, false) else { panic!("not whole") };
            assert_eq!(line.len(), MAX_LINE_BYTES);
        }
        let mut data = vec![b'x'; MAX_LINE_BYTES + 1];
        data.push(b'\n');
        assert_eq!(next_fragment(&data, false), Fragment::Cut { line: &data[..MAX_LINE_BYTES] });
    }

    #[test]
    fn the_rest_of_a_cut_line_is_left_out_up_to_its_end() {
        assert_eq!(next_fragment(b"rest\nnext", true), Fragment::Rest { length: 5, ends: true });
        assert_eq!(next_fragment(b"rest", true), Fragment::Rest { length: 4, ends: false });
    }

    #[test]
    fn nul_bytes_and_invalid_utf8_stay() {
        assert_eq!(next_fragment(b"\0\xff\xfe\n", false), Fragment::Line { line: b"\0\xff\xfe", length: 4 });
    }
}
