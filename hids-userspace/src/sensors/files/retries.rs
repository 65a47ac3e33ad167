//! Handles that the kernel cannot resolve at this moment.
//!
//! While a directory is being removed, `open_by_handle_at(2)` may fail with ENOMEM rather than ESTALE (seen on
//! ext4, Linux 6.18, some times a second beside a compiler). So an error says that something is lost only when it
//! stays: until then the place waits here and is tried again. Other errors (EMFILE, EINTR, EIO, EACCES) are treated
//! alike, as none of them proves that the directory is gone; see [`is_gone`](super::resolve::is_gone) for those that do.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hids_core::model::Operations;

use super::event::Event;
use super::file_handle::Handle;
use super::parse::Place;
use crate::platform::mountinfo::Device;

/// How long a handle is tried. A removal is over within microseconds; a second is late enough to be sure, and early
/// enough for a gap.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two rounds of tries.
const PAUSE: Duration = Duration::from_millis(10);

/// Handles that wait at one time; beyond it the gap is reported at once.
const MOST: usize = 4096;

/// What waits.
#[derive(Debug)]
pub(super) enum Unresolved {
    /// The path of a directory, for an event of the name in it.
    Directory { handle: Handle, name: Box<[u8]>, event: Event },
    /// The number of names of a file that was changed.
    File { handle: Handle, operations: Operations, pid: u32 },
}

/// One of them.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Of the filesystem.
    pub(super) device: Device,
    since: Instant,
    pub(super) wanted: Unresolved,
}

impl Waiting {
    /// Whether it may still be resolved; if not, it is lost.
    pub(super) fn may_pass(&self) -> bool {
        self.since.elapsed() < PATIENCE
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Retries {
    waiting: VecDeque<Waiting>,
    tried: Option<Instant>,
}

/// There is no room: the event is lost.
pub(super) struct Full;

impl Retries {
    /// Keeps the event of a name in a directory that cannot be resolved.
    pub(super) fn add_place(&mut self, device: Device, place: &Place<'_>, event: Event) -> Result<(), Full> {
        self.add(device, Unresolved::Directory { handle: place.directory.into(), name: place.name.into(), event })
    }

    /// Keeps the change of a file that cannot be resolved.
    pub(super) fn add_file(
        &mut self,
        device: Device,
        handle: &[u8],
        operations: Operations,
        pid: u32,
    ) -> Result<(), Full> {
        self.add(device, Unresolved::File { handle: handle.into(), operations, pid })
    }

    fn add(&mut self, device: Device, wanted: Unresolved) -> Result<(), Full> {
        if self.waiting.len() >= MOST {
            return Err(Full);
        }
        let now = Instant::now();
        self.tried.get_or_insert(now);
        self.waiting.push_back(Waiting { device, since: now, wanted });
        Ok(())
    }

    /// Takes everything that waits, for another try.
    pub(super) fn take(&mut self) -> VecDeque<Waiting> {
        self.tried = Some(Instant::now());
        std::mem::take(&mut self.waiting)
    }

    /// Keeps what could not be resolved this time either.
    pub(super) fn keep(&mut self, waiting: Waiting) {
        self.waiting.push_back(waiting);
    }

    /// When the next round is due; `None` when nothing waits.
    pub(super) fn due(&self) -> Option<Duration> {
        let tried = self.tried.filter(|_| !self.waiting.is_empty())?;
        Some((tried + PAUSE).saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_tried_after_a_pause_and_there_is_room_for_so_many() {
        let mut retries = Retries::default();
        assert_eq!(retries.due(), None);
        for _ in 0..MOST {
            assert!(retries.add_file((8, 1), b"handle", Operations::NONE, 1).is_ok());
        }
        assert!(retries.add_file((8, 1), b"handle", Operations::NONE, 1).is_err());
        assert!(retries.due().is_some_and(|due| due <= PAUSE));
        let mut waiting = retries.take();
        assert_eq!((waiting.len(), retries.due()), (MOST, None));
        let first = waiting.pop_front().expect("one");
        assert!(first.may_pass());
        retries.keep(first);
        assert!(retries.due().is_some_and(|due| due <= PAUSE));
    }
}
