//! `protect="yes"`: the guard in the kernel, and the plain word that it is not in force where it is not.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::Sender;
use hids_core::model::{Protection as ProtectionNews, Refusal};
use tracing::error;

use super::problem::Problem;
use crate::config::{ProtectAllow, ProtectMode, SyscheckConfig};
use crate::fim::QueryError;
use crate::platform::error_chain::error_chain;
use crate::sensors::WhoLookup;
use crate::sensors::guard::{AllowedProgram, Guard, GuardHandle, GuardMode, GuardOptions, GuardReport, PINS};

/// How protection stands.
#[derive(Debug)]
pub(super) enum Protection {
    /// No directory asks for it.
    NotWanted,
    /// The kernel has it.
    Runs(GuardHandle),
    /// The kernel cannot, for this reason.
    NotInForce {
        /// What would be refused if it could.
        wanted: GuardMode,
        /// Why.
        why: String,
        /// What to do.
        help: &'static str,
    },
}

impl Protection {
    /// Starts what the configuration asks for.
    pub(super) fn start(config: &SyscheckConfig, processes: Arc<dyn WhoLookup>, refusals: Sender<Refusal>) -> Self {
        let trees = trees(config);
        if trees.is_empty() {
            return Self::NotWanted;
        }
        let wanted = mode(config.protect_mode);
        let allow = config.protect_allow.iter().map(allowed).collect();
        let options = GuardOptions { mode: wanted, trees, allow, pins: PathBuf::from(PINS), processes };
        match Guard::start(options, refusals) {
            Ok(handle) => Self::Runs(handle),
            Err(why) => {
                error!(
                    why = why.with_sources(),
                    consequence = "writes to protected directories are neither blocked nor reported",
                    help = why.help(),
                    "FILE PROTECTION INACTIVE"
                );
                Self::NotInForce { wanted, why: why.with_sources(), help: why.help() }
            }
        }
    }

    /// What is told at the start: protection that was asked for and is not there.
    pub(super) fn news(&self) -> Option<ProtectionNews> {
        match self {
            Self::NotInForce { wanted: GuardMode::Enforce, why, .. } => {
                Some(ProtectionNews { enforced: false, reason: why.clone(), uid: None })
            }
            _ => None,
        }
    }

    /// Switches, if there is a guard.
    pub(super) fn switch(&self, mode: GuardMode, by: &str) -> Result<ProtectionNews, QueryError> {
        match self {
            Self::NotWanted => Err(QueryError::NothingProtected),
            Self::NotInForce { why, .. } => Err(QueryError::NotProtected { why: why.clone() }),
            Self::Runs(handle) => {
                handle.set_mode(mode).map_err(|error| QueryError::NotSwitched { why: error_chain(&error) })?;
                Ok(ProtectionNews { enforced: mode == GuardMode::Enforce, reason: by.to_owned(), uid: None })
            }
        }
    }

    /// Takes over the mode of a new configuration; what is to be told of that.
    pub(super) fn reload(&self, config: &SyscheckConfig) -> Option<ProtectionNews> {
        let Self::Runs(handle) = self else { return None };
        let wanted = mode(config.protect_mode);
        (handle.report().mode != Some(wanted)).then(|| self.switch(wanted, "configuration reloaded").ok())?
    }

    /// The word in status; nothing when nobody asks for protection.
    pub(super) fn text(&self) -> Option<String> {
        Some(match self {
            Self::NotWanted => return None,
            Self::NotInForce { why, .. } => format!("INACTIVE: {why}"),
            Self::Runs(handle) => match handle.report().mode {
                Some(GuardMode::Enforce) => "enforced: writes are blocked".to_owned(),
                Some(GuardMode::Monitor) => "monitor: writes are reported, not blocked".to_owned(),
                None => "DISABLED".to_owned(),
            },
        })
    }

    /// What an administrator has to know first.
    pub(super) fn problem(&self) -> Option<Problem> {
        match self {
            Self::NotInForce { why, help, .. } => {
                Some(Problem::critical(format!("protected directories are writable: {why}"), *help))
            }
            _ => None,
        }
    }

    /// Counters of the guard.
    pub(super) fn report(&self) -> Option<GuardReport> {
        match self {
            Self::Runs(handle) => Some(handle.report()),
            _ => None,
        }
    }
}

fn trees(config: &SyscheckConfig) -> Vec<PathBuf> {
    config
        .directories
        .iter()
        .filter(|watched| watched.protect)
        .map(|watched| OsStr::from_bytes(&watched.root).into())
        .collect()
}

fn mode(mode: ProtectMode) -> GuardMode {
    match mode {
        ProtectMode::Monitor => GuardMode::Monitor,
        ProtectMode::Enforce => GuardMode::Enforce,
    }
}

fn allowed(program: &ProtectAllow) -> AllowedProgram {
    AllowedProgram { path: program.path.clone(), sha256: program.sha256 }
}
