//! An installation of OSSEC: its memory of first times and ignored events, and what its file integrity knows.
//!
//! Formats as its programs write them: `queue/fts/fts-queue`, `queue/fts/ig-queue` (`src/analysisd/fts.c`) and
//! `queue/syscheck/syscheck` (`src/analysisd/decoders/syscheck.c`).

mod memory;
mod settings;
mod syscheck;

pub(crate) use memory::combinations;
pub(crate) use settings::translate;
pub(crate) use syscheck::{KnownFile, known_files};

/// Largest file of a queue.
pub(crate) const MOST_BYTES: u64 = 256 << 20;
