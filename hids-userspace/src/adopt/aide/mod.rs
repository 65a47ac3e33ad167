//! AIDE's selections: which directories are compared, what of them, and what is left out.
//!
//! Format by aide.conf(5). Only what is a path, perhaps with an end, is translated; other regular expressions have no
//! equivalent.

mod groups;
mod read;
mod translate;

pub(crate) use read::read;
pub(crate) use translate::translate;

#[cfg(test)]
mod tests;
