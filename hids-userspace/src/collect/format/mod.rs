//! How lines become events, one module for each `<log_format>` that joins or rewrites lines.
//!
//! Pure: lines in, events out. An assembler tells after each line whether it holds lines back, so
//! that a position never lies behind lines that were not handed on.

use std::time::Duration;

use hids_core::model::Channel;

use crate::config::LogFormat;

/// Takes an event.
pub type Emit<'a> = &'a mut dyn FnMut(&[u8]);

/// What an assembler holds back after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nothing: all lines so far have been handed on.
    Nothing,
    /// An event that begins with the line just given.
    FromThisLine,
    /// An event that began earlier.
    FromEarlier,
}

/// How long to wait for more lines of an event whose end cannot be seen.
const PATIENCE: Duration = Duration::from_secs(1);

/// Makes events of lines.
#[derive(Debug)]
pub enum Assembler {
    /// One line, one event.
    Lines,
}

/// The decoders that see events of this format.
pub fn channel(format: LogFormat) -> Channel {
    match format {
        LogFormat::NmapGreppable => Channel::HostInformation,
        _ => Channel::Log,
    }
}

impl Assembler {
    /// An assembler for the file at `path`.
    pub fn new(_format: LogFormat, _path: &std::path::Path) -> Self {
        Self::Lines
    }

    /// Takes a line without its line end.
    pub fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Held {
        match self {
            Self::Lines => {
                emit(line);
                Held::Nothing
            }
        }
    }

    /// Hands on what is held.
    pub fn flush(&mut self, _emit: Emit<'_>) {}

    /// Whether lines are held back.
    pub fn is_holding(&self) -> bool {
        false
    }

    /// How long after the last line what is held is handed on; `None`: not before more lines come.
    pub fn flush_after(&self) -> Option<Duration> {
        Some(PATIENCE)
    }
}
