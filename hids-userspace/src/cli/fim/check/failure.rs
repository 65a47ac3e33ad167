//! Why a check was not made.

use crate::cli::exit::CheckExit;
use crate::platform::error_chain::error_chain;

/// Why a check could not be made, with its number.
#[derive(Debug, thiserror::Error)]
#[error("{why:#}")]
pub(super) struct Failure {
    pub exit: CheckExit,
    pub why: anyhow::Error,
}

/// Gives an error its number.
pub(super) trait Ends<T> {
    fn ends(self, exit: CheckExit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> Ends<T> for Result<T, E> {
    fn ends(self, exit: CheckExit) -> Result<T, Failure> {
        self.map_err(|why| Failure { exit, why: why.into() })
    }
}

/// An error as text for one that is passed on as text.
pub(super) fn text(error: &(dyn std::error::Error + 'static)) -> anyhow::Error {
    anyhow::anyhow!("{}", error_chain(error))
}
