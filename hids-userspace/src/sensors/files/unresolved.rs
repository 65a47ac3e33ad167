//! Handles that the kernel cannot resolve at this moment.
//!
//! While a directory is being removed, `open_by_handle_at(2)` may fail with ENOMEM rather than ESTALE (seen on
//! ext4, Linux 6.18, some times a second beside a compiler). So an error says that something is lost only when it
//! stays: until then the place waits here and is tried again. Other errors (EMFILE, EINTR, EIO, EACCES) are treated
//! alike, as none of them proves that the directory is gone; see [`is_gone`](super::resolve::is_gone) for those that do.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hids_core::model::{GapCause, Operations};

use super::dispatch::{Dispatched, Event, report_place};
use super::filesystem::Handle;
use super::parse::Place;
use super::sensor::Sensor;

/// How long a handle is tried. A removal is over within microseconds; a second is late enough to be sure, and early
/// enough for a gap.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two rounds of tries.
const PAUSE: Duration = Duration::from_millis(10);

/// Handles that wait at one time; beyond it the gap is reported at once.
const MOST: usize = 4096;

/// What waits.
#[derive(Debug)]
enum Wanted {
    /// The path of a directory, for an event of the name in it.
    Directory { handle: Handle, name: Box<[u8]>, event: Event },
    /// The number of names of a file that was changed.
    File { handle: Handle, operations: Operations, pid: u32 },
}

#[derive(Debug)]
struct Waiting {
    /// Of the filesystem.
    device: Box<[u8]>,
    since: Instant,
    wanted: Wanted,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Unresolved {
    waiting: VecDeque<Waiting>,
    tried: Option<Instant>,
}

/// There is no room: the event is lost.
pub(super) struct Full;

impl Unresolved {
    /// Keeps the event of a name in a directory that cannot be resolved.
    pub(super) fn add_place(&mut self, device: &[u8], place: &Place<'_>, event: Event) -> Result<(), Full> {
        self.add(device, Wanted::Directory { handle: place.directory.into(), name: place.name.into(), event })
    }

    /// Keeps the change of a file that cannot be resolved.
    pub(super) fn add_file(
        &mut self,
        device: &[u8],
        handle: &[u8],
        operations: Operations,
        pid: u32,
    ) -> Result<(), Full> {
        self.add(device, Wanted::File { handle: handle.into(), operations, pid })
    }

    fn add(&mut self, device: &[u8], wanted: Wanted) -> Result<(), Full> {
        if self.waiting.len() >= MOST {
            return Err(Full);
        }
        let now = Instant::now();
        self.tried.get_or_insert(now);
        self.waiting.push_back(Waiting { device: device.into(), since: now, wanted });
        Ok(())
    }

    /// When the next round is due; `None` when nothing waits.
    fn due(&self) -> Option<Duration> {
        let tried = self.tried.filter(|_| !self.waiting.is_empty())?;
        Some((tried + PAUSE).saturating_duration_since(Instant::now()))
    }
}

impl Sensor {
    /// Tries again what could not be resolved, if it is time. Gives when the next round is due; `None` = nothing waits.
    pub(super) fn resolve_again(&mut self) -> Option<Duration> {
        if self.unresolved.due()? > Duration::ZERO {
            return self.unresolved.due();
        }
        self.unresolved.tried = Some(Instant::now());
        let mut check_roots = false;
        for waiting in std::mem::take(&mut self.unresolved.waiting) {
            // A filesystem that is watched no longer has lost nothing.
            let same = |filesystem: &super::filesystem::Filesystem| *filesystem.planned.device == *waiting.device;
            let Some(number) = self.filesystems.iter().position(same) else { continue };
            match self.try_again(number, &waiting.wanted) {
                Ok(()) | Err(Dispatched::Done) => {}
                Err(Dispatched::RootsChanged) => check_roots = true,
                Err(_) if waiting.since.elapsed() < PATIENCE => self.unresolved.waiting.push_back(waiting),
                Err(_) => {
                    self.out.report.unresolved += 1;
                    self.mark_again(number, GapCause::Unresolved);
                }
            }
        }
        if check_roots {
            self.check_roots();
        }
        self.unresolved.due()
    }

    fn try_again(&mut self, number: usize, wanted: &Wanted) -> Result<(), Dispatched> {
        match wanted {
            Wanted::Directory { handle, name, event } => {
                let place = Place { directory: handle, name };
                report_place(self, number, &place, *event).map(drop)
            }
            Wanted::File { handle, operations, pid } => {
                if self.find_names(number, handle, *operations, *pid) {
                    Ok(())
                } else {
                    Err(Dispatched::Lost)
                }
            }
        }
    }
}
