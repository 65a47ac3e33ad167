//! What can fail while a guard runs or is pinned.

use std::io;
use std::path::PathBuf;

/// An operation on a running or pinned guard that failed.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// A pinned map cannot be opened, read or written.
    #[error("cannot use the guard's map {name}")]
    Map {
        /// Its name.
        name: &'static str,
        /// The kernel's answer.
        #[source]
        source: aya::maps::MapError,
    },
    /// The directory of pins.
    #[error("cannot use the pins in {path}")]
    Pins {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no guard.
    #[error("no guard is pinned in {0}")]
    NotLocked(PathBuf),
}
