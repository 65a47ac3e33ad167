//! The guard: refuses changes to protected directories in the kernel (BPF LSM), or only tells of them.
//!
//! Owns the pinned programs and maps and the thread that reads their records. It decides nothing about
//! a refusal; those flow out as [`Refusal`]s. The lock stays in force when the daemon ends: programs
//! and maps are pinned in the BPF filesystem, the next daemon takes them over, [`unlock`] removes them.
//!
//! Who may change what is protected: executables of the allow-list and every process that descends
//! from one while it runs (a package's scripts). Whoever may start an allowed program as root with
//! arguments or an environment of his choice can make it change things; the list should therefore hold
//! package managers and nothing more general. Not covered: writing to the disk below the filesystem,
//! loading kernel code, and switching the guard off as root, which is told of.

mod allow;
mod error;
mod fields;
mod handle;
mod hooks;
mod maps;
mod mounts;
mod pins;
mod places;
mod programs;
mod records;
mod report;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hids_common::guard::{MODE_ENFORCE, MODE_MONITOR, MODE_OFF};
use hids_core::model::Refusal;
use serde::Serialize;

pub use allow::{Allowance, AllowedProgram};
pub use error::GuardError;
pub use handle::{Guard, GuardHandle};
pub use hids_common::guard::GuardOperation;
pub use report::{GuardReport, NotAllowed};

use super::WhoLookup;
use maps::GuardMaps;

/// Where pins are by default.
pub const PINS: &str = "/sys/fs/bpf/hids";

/// Whether protected files are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GuardMode {
    /// What would be refused happens and is told.
    Monitor,
    /// It is refused and told.
    Enforce,
}

impl GuardMode {
    /// As in `<protect_mode>`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Monitor => "monitor",
            Self::Enforce => "enforce",
        }
    }

    const fn code(self) -> u32 {
        match self {
            Self::Monitor => MODE_MONITOR,
            Self::Enforce => MODE_ENFORCE,
        }
    }

    const fn from_code(code: u32) -> Option<Self> {
        match code {
            MODE_MONITOR => Some(Self::Monitor),
            MODE_ENFORCE => Some(Self::Enforce),
            _ => None,
        }
    }
}

/// What to protect, and how.
pub struct GuardOptions {
    /// Whether anything is refused.
    pub mode: GuardMode,
    /// Directories or single files, by absolute path.
    pub trees: Vec<PathBuf>,
    /// Executables that may change them.
    pub allow: Vec<AllowedProgram>,
    /// Directory of the pins, in a BPF filesystem; [`PINS`] but for tests.
    pub pins: PathBuf,
    /// Tells ancestors and control groups of processes.
    pub processes: Arc<dyn WhoLookup>,
}

/// A guard as its pins show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GuardStatus {
    /// Its directory of pins.
    pub pins: PathBuf,
    /// `None` when it is switched off.
    pub mode: Option<GuardMode>,
    /// Attached programs.
    pub programs: usize,
    /// Files and directories in the kernel's map.
    pub protected: usize,
    /// Executables in the kernel's map.
    pub allowed: usize,
    /// Operations on protected files by others since it was loaded, refused or only told.
    pub judged: u64,
}

/// What is pinned in `pins`, with or without a daemon. `None` when nothing is locked.
///
/// # Errors
/// When the pins cannot be read (not root, no BPF filesystem there).
pub fn status(pins: &Path) -> Result<Option<GuardStatus>, GuardError> {
    let Some(directory) = pins::all(pins)?.into_iter().rfind(|directory| directory.is_whole) else { return Ok(None) };
    let maps = GuardMaps::open(&directory.path)?;
    let (protected, allowed) = maps.counts();
    Ok(Some(GuardStatus {
        mode: GuardMode::from_code(maps.mode()?),
        programs: directory.links,
        protected,
        allowed,
        judged: GuardOperation::ALL.iter().map(|operation| maps.judged(*operation)).sum(),
        pins: directory.path,
    }))
}

/// Switches what is pinned in `pins`, with or without a daemon.
///
/// # Errors
/// When nothing is pinned there, or not root.
pub fn set_mode(pins: &Path, mode: GuardMode) -> Result<(), GuardError> {
    let all = pins::all(pins)?;
    if all.is_empty() {
        return Err(GuardError::NotLocked(pins.to_path_buf()));
    }
    all.iter().try_for_each(|directory| GuardMaps::open(&directory.path)?.set_mode(mode.code()))
}

/// Removes everything that is pinned in `pins`: nothing is protected any more. With or without a
/// daemon. Returns how many guards there were.
///
/// # Errors
/// When a pin cannot be removed; those before it are.
pub fn unlock(pins: &Path) -> Result<usize, GuardError> {
    let all = pins::all(pins)?;
    for directory in &all {
        switch_off(&directory.path)?;
        pins::remove(&directory.path)?;
    }
    Ok(all.len())
}

/// A guard that is not whole may lack maps; then it has no program either.
fn switch_off(directory: &Path) -> Result<(), GuardError> {
    match GuardMaps::open(directory) {
        Ok(mut maps) => maps.set_mode(MODE_OFF),
        Err(_) => Ok(()),
    }
}

/// A channel end that refusals flow into.
type Refusals = crossbeam_channel::Sender<Refusal>;
