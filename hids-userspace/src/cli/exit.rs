//! Exit codes of both programs; listed in hidsd(8) and hidsctl(8).

use std::process::ExitCode;

use crate::control::ClientError;

/// Shown under `--help`.
pub const HELP: &str = "Exit status: 0 success, 1 negative result (configuration has errors, address is not \
                        blocked), 2 usage error, 3 hidsd is not running, 4 failure, 5 success, but some changes \
                        require a restart";

/// How a program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Success,
    /// The answer is no: the configuration has errors, the address is not blocked.
    No,
    /// Wrong usage (clap ends with this code itself).
    Usage,
    /// The daemon is not running.
    NotRunning,
    /// Something failed; the message says what.
    Failed,
    /// The configuration was reloaded, but a part of it is not in force before a restart.
    RestartRequired,
    /// Of `fim check`, whose numbers are those of AIDE.
    Check(CheckExit),
}

/// How `hidsctl fim check` ends: the bits 1 (new), 2 (removed) and 4 (changed), or an error of 14 and more, with the
/// numbers that AIDE has for them (aide(1)). So a script for the one works with the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckExit {
    /// Bits of what was found; 0 = nothing.
    Found(u8),
    /// The baseline cannot be written.
    NotWritten,
    /// Wrong usage.
    Usage,
    /// The configuration has errors, or there is none.
    Configuration,
    /// Something could not be examined.
    Io,
    /// The baseline is in use by another process.
    InUse,
    /// There is no baseline, or it is damaged or not to be trusted.
    Baseline,
}

impl CheckExit {
    const fn code(self) -> u8 {
        match self {
            Self::Found(bits) => bits & 7,
            Self::NotWritten => 14,
            Self::Usage => 15,
            Self::Configuration => 17,
            Self::Io => 18,
            Self::InUse => 21,
            Self::Baseline => 24,
        }
    }
}

/// The configuration has errors, which have been printed.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("configuration has errors")]
pub(super) struct BadConfiguration;

/// An argument that clap cannot judge is wrong.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("usage error")]
pub(super) struct WrongUsage;

/// A rule that was asked about is none of the configuration's.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no such rule: {0} (see `hidsctl rules list`)")]
pub(super) struct NoSuchRule(pub u32);

impl Exit {
    /// The number.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::No => 1,
            Self::Usage => 2,
            Self::NotRunning => 3,
            Self::Failed => 4,
            Self::RestartRequired => 5,
            Self::Check(check) => check.code(),
        }
    }

    /// The code for an error that ended a command.
    pub fn from_error(error: &anyhow::Error) -> Self {
        if error.is::<BadConfiguration>() || error.is::<NoSuchRule>() {
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
        Self::from(exit.code())
    }
}
