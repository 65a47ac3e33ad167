//! Exit codes of both programs; listed in hidsd(8) and hidsctl(8).

use std::process::ExitCode;

use crate::control::ClientError;

/// Shown under `--help`.
pub const HELP: &str = "Exit status: 0 success, 1 negative result (configuration has errors, address is not \
                        blocked), 2 usage error, 3 hidsd is not running, 4 failure, 5 success, but some changes \
                        require a restart";

/// How a program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Success = 0,
    /// The answer is no: the configuration has errors, the address is not blocked.
    No = 1,
    /// Wrong usage (clap ends with this code itself).
    Usage = 2,
    /// The daemon is not running.
    NotRunning = 3,
    /// Something failed; the message says what.
    Failed = 4,
    /// The configuration was reloaded, but a part of it is not in force before a restart.
    RestartRequired = 5,
}

/// The configuration has errors, which have been printed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("configuration has errors")]
pub(super) struct BadConfiguration;

/// An argument that clap cannot judge is wrong.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("usage error")]
pub(super) struct WrongUsage;

impl Exit {
    /// The code for an error that ended a command.
    pub fn from_error(error: &anyhow::Error) -> Self {
        if error.is::<BadConfiguration>() {
            return Self::No;
        }
        if error.is::<WrongUsage>() {
            return Self::Usage;
        }
        match error.downcast_ref::<ClientError>() {
            Some(ClientError::NotRunning { .. }) => Self::NotRunning,
            Some(ClientError::Refused(_)) => Self::No,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
