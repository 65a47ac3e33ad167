//! Log sources of a system: what its web servers are configured to write, and files of well-known names.

mod apache;
mod files;
mod nginx;
mod web;

use super::system::System;

/// A log source that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    /// The path, absolute and without wildcards.
    pub path: String,
    /// Its `<log_format>`.
    pub format: &'static str,
    /// Where it was found: a file and a line, or what usually writes there.
    pub found_in: String,
}

/// A log that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    /// What stands in the configuration.
    pub what: String,
    /// Where.
    pub found_in: String,
    /// Why nothing comes of it.
    pub why: &'static str,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Logs {
    /// Readable ones in order, each path once.
    pub usable: Vec<Log>,
    /// The others.
    pub unusable: Vec<Unusable>,
}

/// Looks for them.
pub(crate) fn find(system: &System) -> Logs {
    let mut logs = Logs::default();
    apache::find(system, &mut logs);
    nginx::find(system, &mut logs);
    files::find(system, &mut logs);
    logs
}

/// Whether the system has a journal of systemd.
pub(crate) fn has_journal(system: &System) -> bool {
    ["/run/systemd/journal", "/run/log/journal", "/var/log/journal"].iter().any(|path| system.has_directory(path))
}

impl Logs {
    fn add(&mut self, log: Log) {
        if !self.usable.iter().any(|known| known.path == log.path) {
            self.usable.push(log);
        }
    }

    fn refuse(&mut self, what: &str, found_in: String, why: &'static str) {
        let unusable = Unusable { what: what.to_owned(), found_in, why };
        if !self.unusable.iter().any(|known| known.what == unusable.what) {
            self.unusable.push(unusable);
        }
    }
}
