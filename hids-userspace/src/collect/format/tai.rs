//! djb's multilog: the TAI64N stamp of each line becomes a syslog header.

use std::path::Path;

use jiff::Timestamp;

use super::assembler::{Assemble, Emit, Held, Machine};

/// 2^62 stands for 1970; TAI was 10 s ahead then, which is what multilog counts with.
const EPOCH: u64 = (1 << 62) + 10;

/// Rewrites lines of `…/NAME/current`.
#[derive(Debug)]
pub(super) struct Tai {
    machine: Machine,
    program: String,
}

impl Tai {
    /// `None` unless the path ends with `/NAME/current`.
    pub(super) fn new(path: &Path, machine: &Machine) -> Option<Self> {
        let program = path.parent()?.file_name()?.to_string_lossy().into_owned();
        (path.file_name()? == "current").then(|| Self { machine: machine.clone(), program })
    }

    fn header(&self, line: &[u8]) -> Option<String> {
        let hex = line.strip_prefix(b"@")?.get(..24)?;
        let hex = std::str::from_utf8(hex).ok()?;
        let seconds = u64::from_str_radix(hex.get(..16)?, 16).ok()?.checked_sub(EPOCH)?;
        let time = Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?.to_zoned(self.machine.zone.clone());
        Some(format!("{} {} {}: ", time.strftime("%b %e %H:%M:%S"), self.machine.hostname, self.program))
    }
}

impl Assemble for Tai {
    /// A line without a stamp is emitted as it is.
    fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Held {
        match self.header(line) {
            Some(header) => emit(&[header.as_bytes(), line[25..].trim_ascii_start()].concat()),
            None => emit(line),
        }
        Held::Nothing
    }
}
