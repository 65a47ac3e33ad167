//! A machine's control groups. They are the one thing of it that no namespace takes away.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::wait;

/// Before the process id of whoever made them.
const PREFIX: &str = "hids-machine-";

/// Where hierarchies are that systemd keeps its processes in: the one of cgroup 2, or that and systemd's own beside
/// those of cgroup 1 (`SYSTEMD-NSPAWN(1)`, `systemd.io/CGROUP_DELEGATION`).
const HIERARCHIES: &[&str] = &["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"];

/// How long the processes of a killed machine may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// A group in each hierarchy, so that machines do not get into each other's way.
#[derive(Debug)]
pub(super) struct Groups(Vec<PathBuf>);

impl Groups {
    /// Makes them, and removes those of processes that are gone.
    pub(super) fn new() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{PREFIX}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut groups = Self(Vec::new());
        for hierarchy in HIERARCHIES.iter().map(Path::new).filter(|path| path.join("cgroup.procs").is_file()) {
            sweep(hierarchy);
            let group = hierarchy.join(&name);
            fs::create_dir(&group).with_context(|| format!("cannot make {}", group.display()))?;
            groups.0.push(group);
        }
        anyhow::ensure!(!groups.0.is_empty(), "no control groups are mounted");
        Ok(groups)
    }

    /// Their directories.
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.0
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for group in &self.0 {
            // What is still used then is left to the next machine.
            let _ = wait::until("the end of a machine", PATIENCE, || remove(group));
        }
    }
}

/// Removes groups whose maker is gone.
fn sweep(hierarchy: &Path) {
    for entry in fs::read_dir(hierarchy).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if maker.is_some_and(|maker| !Path::new("/proc").join(maker).exists()) {
            // Another process may do the same.
            let _ = remove(&entry.path());
        }
    }
}

/// Removes a group and those below it; whether they are gone.
fn remove(group: &Path) -> bool {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    fs::remove_dir(group).is_ok() || !group.exists()
}
