//! Detects lines that can be parsed in more than one way.

use std::net::IpAddr;

use crate::pattern::{Captures, Pattern};

/// A line that ends as an access log's does, whatever it begins with: where the first word is a
/// header that the client sent, it may begin as any other line. The group is what stands before the date.
const ACCESS_LOG: &str =
    r#"^((?:[^"\\]|\\.)*)\[\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "(?:[^"\\]|\\.)*" +\d{3}(?: |$)"#;

/// Reads lines as access logs.
pub(super) struct AccessLog(Option<Pattern>);

impl AccessLog {
    pub(super) fn new() -> Self {
        // The pattern is ours and compiles; a test reads a line with it.
        Self(Pattern::pcre2(ACCESS_LOG).ok())
    }

    /// Whether `line` can be a line of an access log whose client is not `address`.
    pub(super) fn has_other_client(&self, line: &[u8], found: &[u8], captures: &mut Captures) -> bool {
        let Some(front) = self.front(line, captures) else { return false };
        let first = address(found);
        client(front).is_some_and(|client| client != found) || addresses(front).any(|(_, other)| Some(other) != first)
    }

    /// What stands before the date of an access log.
    fn front<'l>(&self, line: &'l [u8], captures: &mut Captures) -> Option<&'l [u8]> {
        // Found at once where there is none, which is nearly always.
        line.windows(3).any(|window| window == b"] \"").then_some(())?;
        self.0.as_ref()?.captures(line, captures)?;
        line.get(captures.spans().first()?.clone())
    }
}

/// The last word that an ident answer, " - ", follows.
fn client(front: &[u8]) -> Option<&[u8]> {
    let ends = (0..front.len().saturating_sub(2)).rev().filter(|&at| &front[at..at + 3] == b" - ");
    let word_before = |end: usize| front[..end].rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    ends.map(word_before).find(|word| !word.is_empty() && *word != b"-")
}

/// Whether an address other than `found` stands behind the same word in `log`; `found` is a part of it.
///
/// "from 192.0.2.1 … from 192.0.2.2": each could be the one that the program wrote.
pub(super) fn has_twin(log: &[u8], start: usize, end: usize) -> bool {
    let word = word_before(log, start);
    let found = address(&log[start..end]);
    addresses(log).any(|(at, other)| at != start && Some(other) != found && word_before(log, at) == word)
}

/// The word that leads to what stands at `at`, with the signs between them: `from `, `rhost=`.
fn word_before(log: &[u8], at: usize) -> &[u8] {
    let signs = log[..at].iter().rev().take_while(|byte| !byte.is_ascii_alphanumeric()).count();
    let word = log[..at - signs].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    &log[at - signs - word..at]
}

/// All addresses of a text with their places.
fn addresses(log: &[u8]) -> impl Iterator<Item = (usize, IpAddr)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < log.len() {
            let length = log[at..].iter().take_while(|&&byte| is_of_address(byte)).count();
            let (start, piece) = (at, &log[at..at + length]);
            at += length.max(1);
            if let Some(found) = address(piece) {
                return Some((start, found));
            }
        }
        None
    })
}

fn is_of_address(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')
}

/// The address that a text is; what punctuation or a port follows it does not count.
pub(super) fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim_matches(['.', ',', '[', ']', '"', '(', ')']);
    let without_port = || text.rsplit_once(':').and_then(|(address, _)| address.trim_end_matches(']').parse().ok());
    let found: Option<IpAddr> = text.parse().ok().or_else(without_port);
    found.map(|address| address.to_canonical())
}
