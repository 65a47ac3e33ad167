//! Databases that are not as their format says.

use std::io;

/// The error of a file that is no database, or a broken one.
pub(super) fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
