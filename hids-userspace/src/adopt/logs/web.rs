//! What is common to the logs of web servers: bounds, and what makes a log unusable.

use super::{Log, Logs};
use crate::adopt::draft::writable;
use crate::adopt::system::System;

/// Most files of configuration that are read, the included ones among them.
const MOST_FILES: usize = 1000;
/// Deepest inclusion.
const MOST_DEPTH: usize = 16;
/// Most logs that are taken from one server's configuration.
const MOST_LOGS: usize = 500;

/// Counts what is read, so that a configuration that includes itself ends.
#[derive(Debug, Default)]
pub(super) struct Budget {
    files: usize,
    logs: usize,
}

impl Budget {
    /// Whether another file may be read, so deep.
    pub(super) fn takes_file(&mut self, depth: usize) -> bool {
        self.files += 1;
        self.files <= MOST_FILES && depth <= MOST_DEPTH
    }

    /// Adds a log file of a web server, or says why not.
    pub(super) fn add(&mut self, system: &System, logs: &mut Logs, path: &str, found_in: String, is_json: bool) {
        self.logs += 1;
        let refusal = if self.logs > MOST_LOGS {
            Some("too many logs")
        } else if path.starts_with('|') {
            Some("written to a program")
        } else if path.starts_with("syslog") {
            Some("sent to syslog; hids reads it there")
        } else if is_json {
            Some("in JSON, which is not supported; add a log in the combined format")
        } else if path.contains('$') {
            Some("the name contains a variable")
        } else if !path.starts_with('/') {
            Some("not an absolute path")
        } else if path.contains(['*', '?', '[', '%']) || writable(path).is_err() {
            Some("the name contains characters that ossec.conf cannot hold or that are wildcards")
        } else {
            None
        };
        match refusal {
            Some(why) => logs.refuse(path, found_in, why),
            // Devices such as /dev/stderr and /dev/null.
            None if path.starts_with("/dev/") || path.starts_with("/proc/") => {}
            None => logs.add(Log { path: system.resolved(path), format: "apache", found_in }),
        }
    }
}

/// Whether a definition of a log format makes lines of JSON.
pub(super) fn is_json(format: &str) -> bool {
    let format = format.trim_start();
    format.starts_with('{') && format.contains("\":") | format.contains("\\\":")
}
