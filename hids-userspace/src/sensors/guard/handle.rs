//! Starting, steering and stopping the guard.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use hids_common::guard::{GuardDrop, GuardOperation};
use tracing::{info, warn};

use super::allow::AllowList;
use super::maps::GuardMaps;
use super::mounts::Mounts;
use super::places::Places;
use super::report::GuardReport;
use super::watch::{Shared, Watch};
use super::{GuardError, GuardMode, GuardOptions, Refusals, pins, programs, switch_off};
use crate::platform::waker::Waker;
use crate::sensors::Degradation;

/// Starts the guard.
#[derive(Debug)]
pub struct Guard;

/// The running guard. Dropping it ends the thread that reads records; the lock stays.
#[derive(Debug)]
pub struct GuardHandle {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    directory: PathBuf,
    taken_over: bool,
}

impl Guard {
    /// Protects what `options` say: takes pinned programs of this version over, else loads, attaches and
    /// pins new ones, and only then removes others. Refusals are sent to `refusals`; what does not fit
    /// is counted.
    ///
    /// # Errors
    /// Where the kernel has no BPF LSM or does not accept the programs: nothing is protected by this
    /// call then, and what was pinned before stays.
    pub fn start(options: GuardOptions, refusals: Refusals) -> Result<GuardHandle, Degradation> {
        let version = pins::version().ok_or(Degradation::ObjectLeftOut)?;
        let known = pins::all(&options.pins)?;
        let is_ours =
            |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(version.as_bytes()));
        let ours = known.iter().rfind(|directory| directory.is_whole && is_ours(&directory.path));
        let mut allow = AllowList::new(options.allow.clone());
        let (directory, taken_over, prepared) = match ours {
            Some(ours) => {
                let subvolumes = GuardMaps::open(&ours.path)?.tells_subvolumes()?;
                let prepared = Prepared::new(&options, &mut allow, subvolumes)?;
                prepared.fill(&ours.path)?;
                (ours.path.clone(), true, prepared)
            }
            None => {
                let loaded = programs::load()?;
                let prepared = Prepared::new(&options, &mut allow, loaded.tells_subvolumes())?;
                (install(loaded, &options.pins, &version, &prepared)?, false, prepared)
            }
        };
        for other in known.iter().filter(|other| other.path != directory) {
            remove_other(&other.path);
        }
        info!(mode = options.mode.name(), pins = %directory.display(), taken_over, "guard started");
        let (thread, shared) = Watch::start(&directory, options, allow, prepared.places, refusals)?;
        Ok(GuardHandle { shared, thread: Some(thread), directory, taken_over })
    }
}

/// What is told to the kernel, worked out before anything is changed there.
struct Prepared {
    mode: GuardMode,
    places: Places,
    allowed: BTreeMap<hids_common::guard::FileKey, u32>,
    mount_namespace: u32,
    tells_subvolumes: bool,
}

impl Prepared {
    fn new(options: &GuardOptions, allow: &mut AllowList, tells_subvolumes: bool) -> Result<Self, Degradation> {
        let mounts = Mounts::now(tells_subvolumes).map_err(Degradation::Mounts)?;
        let namespace = std::fs::metadata("/proc/self/ns/mnt").map_err(Degradation::Mounts)?.ino();
        let mount_namespace = u32::try_from(namespace).unwrap_or_default();
        let (places, allowed) = super::watch::survey(&options.trees, allow, &mounts);
        Ok(Self { mode: options.mode, places, allowed, mount_namespace, tells_subvolumes })
    }

    /// Fills the pinned maps; the mode comes last.
    fn fill(&self, directory: &Path) -> Result<(), GuardError> {
        let mut maps = GuardMaps::open(directory)?;
        maps.set_mount_namespace(self.mount_namespace)?;
        maps.set_tells_subvolumes(self.tells_subvolumes)?;
        maps.allow(&self.allowed)?;
        // Files that were linked by the programs' own doing are found again by the watch's first look.
        maps.protect_also(&self.places.flags())?;
        maps.set_mode(self.mode.code())
    }
}

/// Fills and attaches new programs; leaves nothing behind when that fails.
fn install(loaded: programs::Loaded, pins: &Path, version: &str, prepared: &Prepared) -> Result<PathBuf, Degradation> {
    let directory = pins::make(pins, version)?;
    let attached = loaded
        .pin_maps(&directory)
        .and_then(|()| Ok(prepared.fill(&directory)?))
        .and_then(|()| loaded.attach(&directory));
    match attached {
        Ok(_) => Ok(directory),
        Err(error) => {
            remove_other(&directory);
            Err(error)
        }
    }
}

/// Removes the guard of another version, or one that was not finished.
fn remove_other(directory: &Path) {
    if let Err(error) = switch_off(directory).and_then(|()| pins::remove(directory)) {
        let help = "run hidsctl fim unlock to remove all guards";
        warn!(pins = %directory.display(), %error, help, "cannot remove the previous guard; it keeps blocking");
    }
}

impl GuardHandle {
    /// Switches between telling and refusing, at once.
    ///
    /// # Errors
    /// When the pins are gone.
    pub fn set_mode(&self, mode: GuardMode) -> Result<(), GuardError> {
        GuardMaps::open(&self.directory)?.set_mode(mode.code())
    }

    /// What it does, and what it cannot do.
    pub fn report(&self) -> GuardReport {
        let mut report = GuardReport { taken_over: self.taken_over, ..self.shared.report() };
        if let Ok(maps) = GuardMaps::open(&self.directory) {
            report.mode = maps.mode().ok().and_then(GuardMode::from_code);
            report.protected = maps.counts().0;
            report.judged = GuardOperation::ALL.iter().map(|op| (op.name(), maps.judged(*op))).collect();
            report.dropped = GuardDrop::ALL.iter().map(|reason| (reason.name(), maps.dropped(*reason))).collect();
        }
        report
    }
}

impl Drop for GuardHandle {
    fn drop(&mut self) {
        self.shared.stop();
        if let Some(thread) = self.thread.take() {
            // A panic there has been told of by the panic hook already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Nothing yet.
    pub(super) fn new() -> Result<Self, Degradation> {
        Ok(Self { stop: Waker::new().map_err(Degradation::Mounts)?, report: Mutex::default() })
    }

    fn report(&self) -> GuardReport {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stop(&self) {
        self.stop.wake();
    }
}
