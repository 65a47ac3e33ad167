//! How lines become events, one module for each `<log_format>` that joins or rewrites lines.
//!
//! Pure: lines in, events out. An assembler tells after each line whether it holds lines back, so
//! that a position never lies behind lines that were not handed on.

mod audit;
mod blocks;
mod continued;
mod counted;
mod mysql;
mod nmap;
mod ossec_alert;
mod snort;
mod tai;

use std::path::Path;
use std::time::Duration;

use hids_core::model::Channel;
use jiff::tz::TimeZone;

use crate::config::LogFormat;

/// Takes an event.
pub type Emit<'a> = &'a mut dyn FnMut(&[u8]);

/// Longest event that is made of several lines, in bytes; what is beyond is left out.
const MAX_EVENT_BYTES: usize = 64 * 1024;

/// How long to wait for more lines of an event whose end cannot be seen.
const PATIENCE: Duration = Duration::from_secs(1);

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

/// What some formats write into their events.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Name of this machine.
    pub hostname: String,
    /// Its time zone.
    pub zone: TimeZone,
}

/// Makes events of lines.
#[derive(Debug)]
pub enum Assembler {
    /// One line, one event.
    Lines,
    /// Lines that continue the one before.
    Continued(continued::Continued),
    /// Every so many lines.
    Counted(counted::Counted),
    /// Linux audit.
    Audit(audit::Audit),
    /// Blocks with a first and a last line.
    Blocks(blocks::Blocks),
    /// Snort "full" alerts.
    Snort(snort::Snort),
    /// Nmap greppable output.
    Nmap,
    /// MySQL.
    Mysql(mysql::Mysql),
    /// alerts.log of an OSSEC.
    OssecAlert(ossec_alert::OssecAlert),
    /// djb multilog.
    Tai(tai::Tai),
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
    pub fn new(format: LogFormat, path: &Path, machine: &Machine) -> Self {
        use continued::{Continued, Style};
        match format {
            LogFormat::Line | LogFormat::Journald | LogFormat::MultiLine(0 | 1) => Self::Lines,
            LogFormat::SnortFull => Self::Snort(snort::Snort::default()),
            LogFormat::NmapGreppable => Self::Nmap,
            LogFormat::Mysql => Self::Mysql(mysql::Mysql::default()),
            LogFormat::Mssql => Self::Continued(Continued::new(Style::Mssql)),
            LogFormat::Postgresql => Self::Continued(Continued::new(Style::Postgresql)),
            LogFormat::MultiLineIndented => Self::Continued(Continued::new(Style::Indented)),
            LogFormat::OssecAlert => Self::OssecAlert(ossec_alert::OssecAlert::default()),
            LogFormat::DjbMultilog => tai::Tai::new(path, machine).map_or(Self::Lines, Self::Tai),
            LogFormat::MultiLine(count) => Self::Counted(counted::Counted::new(count)),
            LogFormat::Audit => Self::Audit(audit::Audit::default()),
            LogFormat::ModsecAudit => Self::Blocks(blocks::Blocks::default()),
        }
    }

    /// Takes a line without its line end.
    pub fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Held {
        match self {
            Self::Lines => emit(line),
            Self::Nmap => nmap::line(line, emit),
            Self::Mysql(state) => state.line(line, emit),
            Self::Tai(state) => state.line(line, emit),
            Self::Continued(state) => return state.line(line, emit),
            Self::Counted(state) => return state.line(line, emit),
            Self::Audit(state) => return state.line(line, emit),
            Self::Blocks(state) => return state.line(line, emit),
            Self::Snort(state) => return state.line(line, emit),
            Self::OssecAlert(state) => return state.line(line, emit),
        }
        Held::Nothing
    }

    /// Hands on what is held.
    pub fn flush(&mut self, emit: Emit<'_>) {
        match self {
            Self::Lines | Self::Nmap | Self::Mysql(_) | Self::Tai(_) => {}
            Self::Continued(state) => state.flush(emit),
            Self::Counted(state) => state.flush(emit),
            Self::Audit(state) => state.flush(emit),
            Self::Blocks(state) => state.flush(emit),
            Self::Snort(state) => state.flush(),
            Self::OssecAlert(state) => state.flush(emit),
        }
    }

    /// Whether lines are held back.
    pub fn is_holding(&self) -> bool {
        match self {
            Self::Lines | Self::Nmap | Self::Mysql(_) | Self::Tai(_) => false,
            Self::Continued(state) => state.is_holding(),
            Self::Counted(state) => state.is_holding(),
            Self::Audit(state) => state.is_holding(),
            Self::Blocks(state) => state.is_holding(),
            Self::Snort(state) => state.is_holding(),
            Self::OssecAlert(state) => state.is_holding(),
        }
    }

    /// How long after the last line what is held is handed on; `None`: not before more lines come.
    pub fn flush_after(&self) -> Option<Duration> {
        match self {
            // Handing on fewer lines would put all later ones into wrong groups.
            Self::Counted(_) => None,
            _ => Some(PATIENCE),
        }
    }
}

/// An event that grows line by line.
#[derive(Debug, Default)]
struct Growing {
    bytes: Vec<u8>,
    lines: usize,
}

impl Growing {
    fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Appends a line after a blank.
    fn add(&mut self, line: &[u8]) {
        if self.lines > 0 {
            self.append(b" ");
        }
        self.append(line);
        self.lines += 1;
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = MAX_EVENT_BYTES.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Hands the event on, if there is one.
    fn finish(&mut self, emit: Emit<'_>) {
        if self.lines > 0 {
            emit(&self.bytes);
        }
        self.clear();
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.lines = 0;
    }
}

/// Whether `line` begins like `shape`, where `0` stands for any digit and all else for itself.
fn begins_like(line: &[u8], shape: &[u8]) -> bool {
    line.len() >= shape.len()
        && shape.iter().zip(line).all(|(want, have)| if *want == b'0' { have.is_ascii_digit() } else { want == have })
}

fn trim_blanks(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    &line[start..]
}

#[cfg(test)]
mod tests;
