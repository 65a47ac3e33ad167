//! Which assembler a format has: the one place to enter a new one.

use std::path::Path;

use hids_core::model::Channel;

use super::assembler::{Assemble, Machine};
use super::audit::Audit;
use super::blocks::Blocks;
use super::continued::{Continued, Style};
use super::counted::Counted;
use super::mysql::Mysql;
use super::nmap::Nmap;
use super::ossec_alert::OssecAlert;
use super::single::Single;
use super::snort::Snort;
use super::tai::Tai;
use crate::config::LogFormat;

/// Makes events of the lines of one file.
pub(crate) type Assembler = Box<dyn Assemble>;

/// An assembler for the file at `path`.
pub(crate) fn assembler(format: LogFormat, path: &Path, machine: &Machine) -> Assembler {
    match format {
        LogFormat::Line | LogFormat::Journald | LogFormat::MultiLine(0 | 1) => Box::new(Single),
        LogFormat::SnortFull => Box::new(Snort::default()),
        LogFormat::NmapGreppable => Box::new(Nmap),
        LogFormat::Mysql => Box::new(Mysql::default()),
        LogFormat::Mssql => Box::new(Continued::new(Style::Mssql)),
        LogFormat::Postgresql => Box::new(Continued::new(Style::Postgresql)),
        LogFormat::MultiLineIndented => Box::new(Continued::new(Style::Indented)),
        LogFormat::OssecAlert => Box::new(OssecAlert::default()),
        LogFormat::DjbMultilog => match Tai::new(path, machine) {
            Some(tai) => Box::new(tai),
            None => Box::new(Single),
        },
        LogFormat::MultiLine(count) => Box::new(Counted::new(count)),
        LogFormat::Audit => Box::new(Audit::default()),
        LogFormat::ModsecAudit => Box::new(Blocks::default()),
    }
}

/// The decoders that see events of this format.
pub(crate) fn channel(format: LogFormat) -> Channel {
    match format {
        LogFormat::NmapGreppable => Channel::HostInformation,
        _ => Channel::Log,
    }
}
