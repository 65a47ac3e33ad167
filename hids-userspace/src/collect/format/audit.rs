//! Linux audit: the records of one event have the same `msg=audit(TIME:SERIAL)`.

use super::assembler::{Assemble, Emit, Held};
use super::growing::Growing;

/// Most records of one event, as in OSSEC.
const MAX_RECORDS: usize = 16;

/// Joins records of the same event with a blank.
#[derive(Debug, Default)]
pub(super) struct Audit {
    id: Vec<u8>,
    event: Growing,
}

impl Assemble for Audit {
    fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Held {
        let Some(id) = event_id(line) else {
            self.event.finish(emit);
            emit(line);
            return Held::Nothing;
        };
        let continues = !self.event.is_empty() && self.id == id && self.event.lines < MAX_RECORDS;
        if !continues {
            self.event.finish(emit);
            self.id.clear();
            self.id.extend_from_slice(id);
        }
        self.event.add(line);
        if is_last(line) {
            self.event.finish(emit);
            Held::Nothing
        } else if continues {
            Held::FromEarlier
        } else {
            Held::FromThisLine
        }
    }

    fn flush(&mut self, emit: Emit<'_>) {
        self.event.finish(emit);
    }

    fn is_holding(&self) -> bool {
        !self.event.is_empty()
    }
}

fn event_id(line: &[u8]) -> Option<&[u8]> {
    let start = memchr::memmem::find(line, b"msg=audit(")? + 10;
    let end = memchr::memchr(b')', &line[start..])?;
    Some(&line[start..start + end])
}

/// Whether no more records of this event can come: the end mark, and what programs send (logins, …),
/// which is always a single record. Everything else waits for the next event or a second.
fn is_last(line: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(line, b"type=") else { return false };
    let kind = &line[at + 5..];
    [&b"EOE "[..], b"USER_", b"CRED_", b"SERVICE_"].iter().any(|last| kind.starts_with(last))
}
