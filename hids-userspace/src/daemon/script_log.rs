//! A place for the log lines of an administrator's response programs.
//!
//! OSSEC's own programs, and those written after their example, change to the directory above their own and
//! append to `../logs/active-responses.log`. Below OSSEC's directory that file is there; beside a configuration
//! elsewhere it is reached through a link `BASE/logs`.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;

use tracing::{info, warn};

use crate::config::{Config, ResponseKind};

/// Makes the link if a program may need it and nothing is there. A failure is logged: only lines of such
/// programs are lost by it.
pub(super) fn provide(config: &Config) {
    let runs_programs =
        config.respond.responses.iter().any(|response| matches!(response.kind, ResponseKind::Program(_)));
    let link = config.paths.base.join("logs");
    if !runs_programs || link == config.paths.logs || link.symlink_metadata().is_ok() {
        return;
    }
    match symlink(&config.paths.logs, &link) {
        Ok(()) => info!(
            link = %link.display(),
            to = %config.paths.logs.display(),
            "created the active-responses.log link that OSSEC response programs expect"
        ),
        // Another start was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => warn!(
            %error,
            link = %link.display(),
            consequence = "lines that response programs append to ../logs/active-responses.log are lost",
            help = "replace it with a link to the log directory",
            "cannot create the log link for response programs"
        ),
    }
    // A link to nowhere would make programs fail in another way.
    if let Err(error) = fs::metadata(&link) {
        warn!(%error, link = %link.display(), "dangling log link for response programs");
    }
}
