//! Literals with an anchor: compared, not searched.

/// A literal that must stand at the start, at the end, or be the whole text.
#[derive(Debug)]
pub(super) struct Anchored {
    literal: Box<[u8]>,
    at_start: bool,
    at_end: bool,
}

impl Anchored {
    /// `text` as such a literal, if it is one: an anchor at either end and in between only
    /// characters that `is_literal` accepts. OSSEC: `os_regex/os_regex_compile.c`.
    pub(super) fn parse(text: &str, is_literal: fn(u8) -> bool) -> Option<Self> {
        let rest = text.strip_prefix('^');
        let at_start = rest.is_some();
        let rest = rest.unwrap_or(text);
        let literal = rest.strip_suffix('$');
        let at_end = literal.is_some();
        let literal = literal.unwrap_or(rest);
        if !(at_start || at_end) || !literal.bytes().all(is_literal) {
            return None;
        }
        Some(Self { literal: literal.as_bytes().into(), at_start, at_end })
    }

    /// Where the match ends.
    pub(super) fn find(&self, subject: &[u8]) -> Option<usize> {
        let length = self.literal.len();
        let matches = match (self.at_start, self.at_end) {
            (true, true) => subject.eq_ignore_ascii_case(&self.literal),
            (true, false) => subject.get(..length).is_some_and(|head| head.eq_ignore_ascii_case(&self.literal)),
            _ => subject
                .len()
                .checked_sub(length)
                .is_some_and(|start| subject[start..].eq_ignore_ascii_case(&self.literal)),
        };
        matches.then_some(if self.at_end { subject.len() } else { length })
    }
}

/// The characters that may stand in such a literal of os_regex and PCRE2.
pub(super) fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" !\"#%&',/:;<=>@_`~-".contains(&byte)
}
