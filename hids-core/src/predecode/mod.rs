//! Finds host name, program name and message in a line.
//!
//! OSSEC recognises a header by the bytes at a few positions (`src/analysisd/cleanevent.c`); the
//! same positions are tested here. Owns the layouts of headers. Never: validates names (they are
//! hostile text) or reads the time.

mod header;
mod other;
mod rfc5424;
#[cfg(test)]
mod tests;

/// Which headers are recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Headers {
    /// OSSEC's, and what current syslog daemons write: ISO times in UTC (`Z`), without or with
    /// a short offset, a leading `<PRI>`, RFC 5424.
    #[default]
    Modern,
    /// OSSEC's only.
    StrictOssec,
}

/// A line taken apart; everything is a part of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predecoded<'a> {
    /// Host name in the line.
    pub hostname: Option<&'a [u8]>,
    /// Program name in the line.
    pub program_name: Option<&'a [u8]>,
    /// The message.
    pub log: &'a [u8],
    /// Where `log` starts in the line.
    pub log_offset: usize,
}

impl<'a> Predecoded<'a> {
    /// A line that is known to have no header.
    pub fn without_header(line: &'a [u8]) -> Self {
        Self::message(line, 0)
    }

    /// The line from `offset` on, without names.
    fn message(line: &'a [u8], offset: usize) -> Self {
        let offset = offset.min(line.len());
        Self { hostname: None, program_name: None, log: &line[offset..], log_offset: offset }
    }
}

/// Takes `line` apart.
pub fn predecode(line: &[u8], headers: Headers) -> Predecoded<'_> {
    if let Some(end) = header::end_of_time(line) {
        return header::names(line, end);
    }
    if let Some(found) = other::layout(line) {
        return found;
    }
    match headers {
        Headers::Modern => rfc5424::modern(line).unwrap_or_else(|| Predecoded::message(line, 0)),
        Headers::StrictOssec => Predecoded::message(line, 0),
    }
}

/// Whether `line` has the byte `what` at each of `positions`.
fn has(line: &[u8], what: u8, positions: &[usize]) -> bool {
    positions.iter().all(|&at| line.get(at) == Some(&what))
}
