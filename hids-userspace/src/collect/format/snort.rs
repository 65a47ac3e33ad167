//! Snort "full" alerts: the first three lines make one line as the "fast" format has it.

use super::assembler::{Assemble, Emit, Held};
use super::growing::Growing;

/// Joins title, priority and addresses.
#[derive(Debug, Default)]
pub(super) struct Snort {
    event: Growing,
}

impl Assemble for Snort {
    fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Held {
        if line.starts_with(b"[**] [") {
            self.event.clear();
            self.event.add(line.trim_ascii_end());
            return Held::FromThisLine;
        }
        match self.event.lines {
            1 if line.starts_with(b"[Classification: ") || line.starts_with(b"[Priority: ") => {
                self.event.add(line.trim_ascii_end());
                Held::FromEarlier
            }
            2 => {
                // The time stands before the addresses.
                let addresses = memchr::memchr(b' ', line).map(|at| &line[at + 1..]);
                match addresses.filter(|text| memchr::memmem::find(text, b" -> ").is_some()) {
                    Some(addresses) => {
                        self.event.add(addresses.trim_ascii_end());
                        self.event.finish(emit);
                    }
                    None => self.event.clear(),
                }
                Held::Nothing
            }
            _ => {
                self.event.clear();
                Held::Nothing
            }
        }
    }

    /// Less than three lines are no alert.
    fn flush(&mut self, _emit: Emit<'_>) {
        self.event.clear();
    }

    fn is_holding(&self) -> bool {
        !self.event.is_empty()
    }
}
