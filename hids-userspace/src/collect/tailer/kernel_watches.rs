//! The kernel's notifications about files (inotify): what is watched, and what is reported of it.

use std::ffi::{CStr, OsStr, OsString};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tracing::warn;

/// What changes the content of a directory.
const NAMES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// The directory itself is no longer what is at its path.
pub(super) const SELF_GONE: ReadFlags =
    ReadFlags::DELETE_SELF.union(ReadFlags::MOVE_SELF).union(ReadFlags::UNMOUNT).union(ReadFlags::IGNORED);

/// The kernel's number of a watch.
pub(super) type WatchId = i32;

/// What the kernel reports of a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DirectoryEvents {
    /// Names that come and go.
    #[default]
    Names,
    /// Writes to the files in it as well.
    NamesAndWrites,
}

/// One event of the kernel.
#[derive(Debug)]
pub(super) struct KernelEvent {
    pub watch: WatchId,
    pub what: ReadFlags,
    /// The same for both events of a rename.
    pub cookie: u32,
    /// The name in the watched directory.
    pub name: Option<OsString>,
}

/// The inotify instance; clones share it. Without one, watching does nothing and there are no events.
#[derive(Clone, Debug)]
pub(super) struct KernelWatches {
    inotify: Option<Arc<OwnedFd>>,
}

impl KernelWatches {
    /// Opens an instance; that the kernel has none left is logged.
    pub(super) fn open() -> Self {
        match inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK) {
            Ok(fd) => Self { inotify: Some(Arc::new(fd)) },
            Err(error) => {
                warn!(error = %error, consequence = "log files are checked once a second instead",
                    help = "raise fs.inotify.max_user_instances", "cannot use inotify");
                Self { inotify: None }
            }
        }
    }

    /// Whether the kernel reports anything.
    pub(super) fn is_available(&self) -> bool {
        self.inotify.is_some()
    }

    /// Readable when there are events.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Watches an open file for writes; by its descriptor, because its name may mean another file by now.
    pub(super) fn watch_file(&self, file: &File) -> io::Result<Option<WatchId>> {
        let Some(inotify) = &self.inotify else { return Ok(None) };
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        Ok(Some(inotify::add_watch(inotify, path, WatchFlags::MODIFY)?))
    }

    /// Watches a directory.
    pub(super) fn watch_directory(&self, directory: &Path, events: DirectoryEvents) -> io::Result<Option<WatchId>> {
        let Some(inotify) = &self.inotify else { return Ok(None) };
        let mask = match events {
            DirectoryEvents::Names => NAMES,
            DirectoryEvents::NamesAndWrites => NAMES | WatchFlags::MODIFY,
        };
        Ok(Some(inotify::add_watch(inotify, directory, mask)?))
    }

    /// Ends a watch.
    pub(super) fn remove(&self, watch: WatchId) {
        if let Some(inotify) = &self.inotify {
            // Fails when the kernel has removed it already.
            let _ = inotify::remove_watch(inotify, watch);
        }
    }

    /// Reads all events that there are.
    pub(super) fn read(&self, buffer: &mut [MaybeUninit<u8>]) -> Vec<KernelEvent> {
        let mut events = Vec::new();
        let Some(inotify) = &self.inotify else { return events };
        let mut reader = inotify::Reader::new(inotify, buffer);
        loop {
            match reader.next() {
                Ok(event) => events.push(KernelEvent {
                    watch: event.wd(),
                    what: event.events(),
                    cookie: event.cookie(),
                    name: event.file_name().map(CStr::to_bytes).map(|name| OsStr::from_bytes(name).to_owned()),
                }),
                Err(Errno::INTR) => {}
                // AGAIN: there are no more.
                Err(_) => return events,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_write_is_reported_under_the_number_of_the_files_watch() {
        let watches = KernelWatches::open();
        let mut file = tempfile::tempfile().expect("a file");
        let watch = watches.watch_file(&file).expect("watched").expect("inotify");
        file.write_all(b"x").expect("written");
        let mut buffer = vec![MaybeUninit::uninit(); 4096];
        let events = watches.read(&mut buffer);
        assert_eq!(
            events.iter().map(|event| (event.watch, event.what)).collect::<Vec<_>>(),
            [(watch, ReadFlags::MODIFY)]
        );
        watches.remove(watch);
        file.write_all(b"x").expect("written");
        assert!(watches.read(&mut buffer).iter().all(|event| event.what != ReadFlags::MODIFY));
    }
}
