//! Finds host name, program name and message in a line.
//!
//! OSSEC recognises a header by the bytes at a few positions (`src/analysisd/cleanevent.c`); the
//! same positions are tested here. Owns the layouts of headers and of container runtimes' lines. Never: validates names (they are
//! hostile text) or reads the time.

pub(crate) mod container;
pub(crate) mod forms;
mod header;
mod other;
mod rfc5424;
#[cfg(test)]
mod tests;

/// Which headers are recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Headers {
    /// OSSEC's, and what other syslog daemons write: ISO times in UTC (`Z`), without or with
    /// a short offset, a leading `<PRI>`, RFC 5424, and the forms of `forms`.
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

/// Takes `line` apart. What a container runtime put before it does not count.
pub fn predecode(line: &[u8], headers: Headers) -> Predecoded<'_> {
    let cri = if headers == Headers::Modern { container::cri(line) } else { None };
    let Some(start) = cri else { return without_wrapper(line, headers) };
    let inside = without_wrapper(&line[start..], headers);
    Predecoded { log_offset: inside.log_offset + start, ..inside }
}

fn without_wrapper(line: &[u8], headers: Headers) -> Predecoded<'_> {
    let found = match header::end_of_time(line) {
        Some(end) => header::names(line, end),
        None => match (other::layout(line), headers) {
            (Some(found), _) => return found,
            (None, Headers::StrictOssec) => return Predecoded::message(line, 0),
            (None, Headers::Modern) => rfc5424::modern(line).unwrap_or_else(|| Predecoded::message(line, 0)),
        },
    };
    // A number is what devices count their messages by.
    let has_program = found.program_name.is_some_and(|name| name.iter().any(|byte| !byte.is_ascii_digit()));
    if has_program || headers == Headers::StrictOssec {
        return found;
    }
    forms::predecode(line).unwrap_or(found)
}

/// Whether `line` has the byte `what` at each of `positions`.
fn has(line: &[u8], what: u8, positions: &[usize]) -> bool {
    positions.iter().all(|&at| line.get(at) == Some(&what))
}
