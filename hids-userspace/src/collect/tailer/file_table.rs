//! All files that are tailed: by number, by identity and by the kernel's watch, and which are to be read.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustix::fs::inotify::ReadFlags;
use tracing::warn;

use super::descriptors::{Descriptor, Descriptors};
use super::ids::FileId;
use super::kernel_watches::{KernelEvent, KernelWatches, WatchId};
use super::log_file::LogFile;
use super::position::FileIdentity;
use crate::collect::report::CollectCounters;

/// The files.
#[derive(Debug)]
pub(super) struct FileTable {
    files: HashMap<FileId, LogFile>,
    next: u64,
    by_identity: HashMap<FileIdentity, FileId>,
    by_watch: HashMap<WatchId, FileId>,
    /// Files to read, in this order.
    ready: VecDeque<FileId>,
    /// The file that is being read and therefore not in `files`.
    lent: Option<FileId>,
    descriptors: Descriptors,
    watches: KernelWatches,
    /// Whether the kernel refused to watch a file.
    has_unwatched: bool,
    counters: Arc<CollectCounters>,
}

impl FileTable {
    /// A table of no files, of which at most `max_open` are to be open at a time.
    pub(super) fn new(watches: KernelWatches, max_open: Option<usize>, counters: Arc<CollectCounters>) -> Self {
        Self {
            files: HashMap::new(),
            next: 0,
            by_identity: HashMap::new(),
            by_watch: HashMap::new(),
            ready: VecDeque::new(),
            lent: None,
            descriptors: Descriptors::new(max_open),
            watches,
            has_unwatched: false,
            counters,
        }
    }

    /// Adds a file, which is read as soon as it is its turn.
    pub(super) fn add(&mut self, file: LogFile) -> FileId {
        let id = FileId(self.next);
        self.next += 1;
        let is_open = file.is_open();
        self.by_identity.insert(file.identity, id);
        self.files.insert(id, file);
        if is_open {
            self.watch(id);
            self.count_open(id);
        }
        self.make_ready(id);
        id
    }

    pub(super) fn get(&self, id: FileId) -> Option<&LogFile> {
        self.files.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: FileId) -> Option<&mut LogFile> {
        self.files.get_mut(&id)
    }

    /// The numbers of those files that `which` selects.
    pub(super) fn ids(&self, which: impl Fn(&LogFile) -> bool) -> Vec<FileId> {
        self.files.iter().filter(|(_, file)| which(file)).map(|(id, _)| *id).collect()
    }

    /// The number of a file that is tailed.
    pub(super) fn find(&self, identity: FileIdentity) -> Option<FileId> {
        self.by_identity.get(&identity).copied()
    }

    /// Whether the file is tailed.
    pub(super) fn contains(&self, identity: FileIdentity) -> bool {
        self.by_identity.contains_key(&identity)
    }

    /// Takes a file out, to read it; [`put_back`](Self::put_back) must follow.
    pub(super) fn lend(&mut self, id: FileId) -> Option<LogFile> {
        let file = self.files.remove(&id)?;
        self.lent = Some(id);
        Some(file)
    }

    pub(super) fn put_back(&mut self, id: FileId, file: LogFile) {
        self.lent = None;
        self.files.insert(id, file);
    }

    /// Puts a file into the queue of those to read.
    pub(super) fn make_ready(&mut self, id: FileId) {
        if let Some(file) = self.files.get_mut(&id)
            && !file.queued
        {
            file.queued = true;
            file.at_end = false;
            self.ready.push_back(id);
        }
    }

    /// The file to read next.
    pub(super) fn next_ready(&mut self) -> Option<FileId> {
        self.ready.pop_front()
    }

    /// Gives a file that was closed its open descriptor back.
    pub(super) fn open(&mut self, id: FileId, descriptor: File) {
        let Some(file) = self.files.get_mut(&id) else { return };
        file.reader.open(descriptor);
        file.used = true;
        self.count_open(id);
    }

    /// Notes one more open descriptor and closes idle ones when there are too many.
    pub(super) fn count_open(&mut self, id: FileId) {
        let (files, lent) = (&mut self.files, self.lent);
        self.descriptors.opened(id, |other| {
            let Some(file) = files.get_mut(&other).filter(|file| file.is_open()) else {
                return if lent == Some(other) { Descriptor::Needed } else { Descriptor::None };
            };
            // Pipes and rotated files could not be opened again; files that wait to be read can.
            if file.is_fifo || file.rotated.is_some() || std::mem::take(&mut file.used) {
                return Descriptor::Needed;
            }
            file.reader.close();
            Descriptor::Closed
        });
    }

    /// Has the kernel report writes to an open file.
    pub(super) fn watch(&mut self, id: FileId) {
        let Some(file) = self.files.get_mut(&id) else { return };
        let Some(descriptor) = file.reader.descriptor() else { return };
        match self.watches.watch_file(descriptor) {
            Ok(None) => {}
            Ok(Some(watch)) => {
                file.watch = Some(watch);
                self.by_watch.insert(watch, id);
            }
            Err(error) => {
                self.counters.unwatched_files.fetch_add(1, Ordering::Relaxed);
                if !self.has_unwatched {
                    warn!(error = %error, help = "raise fs.inotify.max_user_watches",
                        "cannot watch each log file; their directories are watched instead");
                    self.has_unwatched = true;
                }
            }
        }
    }

    /// Whether the kernel refused to watch a file, so that its directory has to report writes.
    pub(super) fn has_unwatched(&self) -> bool {
        self.has_unwatched
    }

    /// Takes an event that belongs to the watch of a file; returns whether it did.
    pub(super) fn take_event(&mut self, event: &KernelEvent) -> bool {
        let Some(&id) = self.by_watch.get(&event.watch) else { return false };
        if event.what.contains(ReadFlags::IGNORED) {
            self.by_watch.remove(&event.watch);
            self.files.get_mut(&id).into_iter().for_each(|file| file.watch = None);
        }
        self.make_ready(id);
        true
    }

    /// Closes a file for good.
    pub(super) fn close(&mut self, id: FileId) -> Option<LogFile> {
        let file = self.files.remove(&id)?;
        self.by_identity.remove(&file.identity);
        if file.is_open() {
            self.descriptors.closed();
        }
        if let Some(watch) = file.watch {
            self.by_watch.remove(&watch);
            self.watches.remove(watch);
        }
        Some(file)
    }

    /// Forgets what is kept of files that are gone.
    pub(super) fn forget_gone(&mut self) {
        let (files, lent) = (&self.files, self.lent);
        self.descriptors.retain(|id| files.contains_key(&id) || lent == Some(id));
    }

    /// After many files have gone, frees the room that they took.
    pub(super) fn shrink(&mut self) {
        self.descriptors.shrink();
        self.ready.shrink_to_fit();
        self.files.shrink_to_fit();
        self.by_identity.shrink_to_fit();
        self.by_watch.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::mem::MaybeUninit;
    use std::path::Path;

    use super::*;
    use crate::collect::format::{self, Machine};
    use crate::collect::tailer::ids::EntryId;
    use crate::collect::tailer::initial_offset::beginning;
    use crate::config::LogFormat;

    fn log_file(file: &File) -> LogFile {
        let machine = Machine { hostname: "box".into(), zone: jiff::tz::TimeZone::UTC };
        let assembler = format::assembler(LogFormat::Line, Path::new("/l/a.log"), &machine);
        let position = beginning(&file.metadata().expect("metadata"));
        LogFile::new(EntryId(0), Some(file.try_clone().expect("descriptor")), false, position, assembler)
    }

    fn table(max_open: usize) -> (FileTable, KernelWatches) {
        let watches = KernelWatches::open();
        (FileTable::new(watches.clone(), Some(max_open), Arc::default()), watches)
    }

    #[test]
    fn a_file_that_grows_is_ready_again_once() {
        let (mut table, watches) = table(8);
        let mut file = tempfile::tempfile().expect("a file");
        let id = table.add(log_file(&file));
        assert_eq!((table.next_ready(), table.next_ready()), (Some(id), None));
        table.get_mut(id).expect("there").queued = false;
        file.write_all(b"1\n").expect("written");
        file.write_all(b"2\n").expect("written");
        for event in watches.read(&mut vec![MaybeUninit::uninit(); 4096]) {
            assert!(table.take_event(&event));
        }
        assert_eq!((table.next_ready(), table.next_ready()), (Some(id), None));
    }

    #[test]
    fn idle_files_are_closed_for_new_ones_but_not_the_one_that_is_read() {
        let (mut table, _watches) = table(1);
        let files: Vec<File> = (0..3).map(|_| tempfile::tempfile().expect("a file")).collect();
        let first = table.add(log_file(&files[0]));
        let lent = table.lend(first).expect("there");
        let second = table.add(log_file(&files[1]));
        table.put_back(first, lent);
        assert!(table.get(first).is_some_and(LogFile::is_open));
        table.get_mut(first).expect("there").used = false;
        table.get_mut(second).expect("there").rotated = Some(std::time::Instant::now());
        table.add(log_file(&files[2]));
        assert!(!table.get(first).is_some_and(LogFile::is_open));
        assert!(table.get(second).is_some_and(LogFile::is_open), "it could not be opened again");
    }

    #[test]
    fn a_closed_file_is_forgotten_by_every_index() {
        let (mut table, watches) = table(8);
        let mut file = tempfile::tempfile().expect("a file");
        let id = table.add(log_file(&file));
        let identity = table.get(id).expect("there").identity;
        assert_eq!(table.find(identity), Some(id));
        assert!(table.close(id).is_some());
        file.write_all(b"1\n").expect("written");
        assert!(!table.contains(identity));
        assert!(watches.read(&mut vec![MaybeUninit::uninit(); 4096]).iter().all(|event| !table.take_event(event)));
    }
}
