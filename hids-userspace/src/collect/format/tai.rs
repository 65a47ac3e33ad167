//! djb's multilog: the TAI64N stamp of each line becomes a syslog header.

use std::path::Path;

use jiff::Timestamp;

use super::{Emit, Machine};

/// 2^62 stands for 1970; TAI was 10 s ahead then, which is what multilog counts with.
const EPOCH: u64 = (1 << 62) + 10;

/// Rewrites lines of `…/NAME/current`.
#[derive(Debug)]
pub struct Tai {
    machine: Machine,
    program: String,
}

impl Tai {
    /// `None` unless the path ends with `/NAME/current`.
    pub(super) fn new(path: &Path, machine: &Machine) -> Option<Self> {
        let program = path.parent()?.file_name()?.to_string_lossy().into_owned();
        (path.file_name()? == "current").then(|| Self { machine: machine.clone(), program })
    }

    /// A line without a stamp is handed on as it is.
    pub(super) fn line(&self, line: &[u8], emit: Emit<'_>) {
        match self.header(line) {
            Some(header) => emit(&[header.as_bytes(), line[25..].trim_ascii_start()].concat()),
            None => emit(line),
        }
    }

    fn header(&self, line: &[u8]) -> Option<String> {
        let hex = line.strip_prefix(b"@")?.get(..24)?;
        let hex = std::str::from_utf8(hex).ok()?;
        let seconds = u64::from_str_radix(hex.get(..16)?, 16).ok()?.checked_sub(EPOCH)?;
        let time = Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?.to_zoned(self.machine.zone.clone());
        Some(format!("{} {} {}: ", time.strftime("%b %e %H:%M:%S"), self.machine.hostname, self.program))
    }
}
