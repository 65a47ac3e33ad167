//! ModSecurity serial audit log: sections `--ID-A--` to `--ID-Z--` are one event.

use super::assembler::{Assemble, Emit, Held};
use super::growing::Growing;

/// Most lines of one event, as in OSSEC.
const MAX_LINES: usize = 96;

/// Joins the lines between the marks with a blank, the marks included, empty lines left out.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    event: Growing,
}

impl Assemble for Blocks {
    fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Held {
        let mark = section(line);
        if mark == Some(b'A') {
            self.event.finish(emit);
            self.event.add(line);
            return Held::FromThisLine;
        }
        if self.event.is_empty() {
            // Outside of any entry.
            return Held::Nothing;
        }
        if !line.is_empty() && (self.event.lines < MAX_LINES || mark == Some(b'Z')) {
            self.event.add(line);
        }
        if mark == Some(b'Z') {
            self.event.finish(emit);
            return Held::Nothing;
        }
        Held::FromEarlier
    }

    fn flush(&mut self, emit: Emit<'_>) {
        self.event.finish(emit);
    }

    fn is_holding(&self) -> bool {
        !self.event.is_empty()
    }
}

/// The letter of a section mark.
fn section(line: &[u8]) -> Option<u8> {
    let inner = line.strip_prefix(b"--")?.strip_suffix(b"--")?;
    let (letter, id) = inner.split_last()?;
    let id = id.strip_suffix(b"-")?;
    (letter.is_ascii_uppercase() && !id.is_empty() && id.iter().all(u8::is_ascii_alphanumeric)).then_some(*letter)
}
