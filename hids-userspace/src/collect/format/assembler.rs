//! What every format does: takes lines, emits events.

use std::fmt::Debug;
use std::time::Duration;

use jiff::tz::TimeZone;

/// Takes an event.
pub(crate) type Emit<'a> = &'a mut dyn FnMut(&[u8]);

/// Longest event that is made of several lines, in bytes; what is beyond is left out.
pub(super) const MAX_EVENT_BYTES: usize = 64 * 1024;

/// How long to wait for more lines of an event whose end cannot be seen.
const PATIENCE: Duration = Duration::from_secs(1);

/// What an assembler holds back after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Nothing: all lines so far have been emitted.
    Nothing,
    /// An event that begins with the line just given.
    FromThisLine,
    /// An event that began earlier.
    FromEarlier,
}

/// What some formats write into their events.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// Name of this machine.
    pub hostname: String,
    /// Its time zone.
    pub zone: TimeZone,
}

/// Makes events of lines. A format that holds no lines back implements [`line`](Self::line) only.
pub(crate) trait Assemble: Debug + Send {
    /// Takes a line without its line end.
    fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Held;

    /// Emits what is held.
    fn flush(&mut self, _emit: Emit<'_>) {}

    /// Whether lines are held back.
    fn is_holding(&self) -> bool {
        false
    }

    /// How long after the last line what is held is emitted; `None`: not before more lines come.
    fn flush_after(&self) -> Option<Duration> {
        Some(PATIENCE)
    }
}
