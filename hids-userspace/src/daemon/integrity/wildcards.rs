//! Directories that appear later under a wildcard of `<directories>`: they are looked for now and then.
//!
//! The strict mode looks at the start and at a reload only, as OSSEC does.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use hids_core::fim::Policy;

use crate::config::Config;
use crate::wildcard::has_wildcard;

/// Between two looks. What is written into a new directory before the look is found by the scan that follows.
const EVERY: Duration = Duration::from_secs(10);

/// A look takes at most this part of the time: a pattern may stand for many directories.
const SHARE: u32 = 100;

/// Looks until the daemon stops.
pub(super) fn follow(stopped: &Receiver<()>, mut look: impl FnMut()) {
    let mut pause = EVERY;
    while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        let began = Instant::now();
        look();
        pause = EVERY.max(began.elapsed() * SHARE);
    }
}

/// Whether directories may appear that this configuration monitors.
pub(super) fn may_appear(config: &Config) -> bool {
    let mut directories = config.syscheck.directories.iter();
    !config.analysis.strict_ossec
        && directories.any(|directory| has_wildcard(Path::new(OsStr::from_bytes(&directory.root))))
}

/// How many roots of `policy` are not among the known ones.
pub(super) fn added(policy: &Policy, known: &[Vec<u8>]) -> usize {
    let known: HashSet<&[u8]> = known.iter().map(Vec::as_slice).collect();
    policy.watches().iter().filter(|watch| !known.contains(watch.root.as_slice())).count()
}
