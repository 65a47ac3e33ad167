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
use tracing::info;

use super::stage::{Shared, lock, policy_of};
use crate::wildcard::has_wildcard;

/// Between two looks. What is written into a new directory before the look is found by the scan that follows.
const EVERY: Duration = Duration::from_secs(10);

/// A look takes at most this part of the time: a pattern may stand for many directories.
const SHARE: u32 = 100;

impl Shared {
    /// Looks until the daemon stops.
    pub(super) fn follow_wildcards(&self, stopped: &Receiver<()>) {
        let mut pause = EVERY;
        while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            let began = Instant::now();
            self.look_for_directories();
            pause = EVERY.max(began.elapsed() * SHARE);
        }
    }

    fn look_for_directories(&self) {
        let Some(parts) = self.parts.get() else { return };
        // Held while looking: a reload that comes meanwhile replaces what is found.
        let means = lock(&self.means);
        let config = &means.config;
        let mut directories = config.syscheck.directories.iter();
        if config.analysis.strict_ossec
            || !directories.any(|directory| has_wildcard(Path::new(OsStr::from_bytes(&directory.root))))
        {
            return;
        }
        let known = parts.fim.roots();
        let policy = policy_of(config, &known);
        let added = added(&policy, &known);
        if added > 0 {
            info!(added, "monitoring new directories that match a wildcard of <directories>");
            parts.watch_by(policy, config);
        }
    }
}

fn added(policy: &Policy, known: &[Vec<u8>]) -> usize {
    let known: HashSet<&[u8]> = known.iter().map(Vec::as_slice).collect();
    policy.watches().iter().filter(|watch| !known.contains(watch.root.as_slice())).count()
}
