//! Files that are renamed away from the paths that are tailed, also when they are renamed again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::inotify::ReadFlags;

use super::ids::EntryId;
use super::kernel_watches::KernelEvent;

/// Which entry a renamed file belonged to.
#[derive(Debug)]
pub(super) struct Renames {
    /// By the kernel's cookie, within one batch of events.
    moved_from: HashMap<u32, EntryId>,
    /// By the name that the file was given, and when.
    renamed: HashMap<PathBuf, (EntryId, Instant)>,
    /// How long a new name is remembered: by then a file that no program has open any more was read.
    keep: Duration,
}

impl Renames {
    pub(super) fn new(keep: Duration) -> Self {
        Self { moved_from: HashMap::new(), renamed: HashMap::new(), keep }
    }

    /// Notes the event of a name: `path` is its whole path, `owner` finds the entry whose file was there. Returns
    /// the entry whose file has the name `path` from now on.
    pub(super) fn note(
        &mut self,
        event: &KernelEvent,
        path: &Path,
        owner: impl FnOnce() -> Option<EntryId>,
    ) -> Option<EntryId> {
        if event.what.contains(ReadFlags::MOVED_FROM) {
            let renamed = self.renamed.remove(path).map(|(entry, _)| entry);
            if let Some(entry) = owner().or(renamed) {
                self.moved_from.insert(event.cookie, entry);
            }
        }
        if !event.what.contains(ReadFlags::MOVED_TO) {
            return None;
        }
        let entry = self.moved_from.remove(&event.cookie)?;
        self.renamed.insert(path.to_owned(), (entry, Instant::now()));
        Some(entry)
    }

    /// Ends a batch of events.
    pub(super) fn end_batch(&mut self) {
        self.moved_from.clear();
        self.renamed.retain(|_, (_, at)| at.elapsed() < self.keep);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(what: ReadFlags, cookie: u32) -> KernelEvent {
        KernelEvent { watch: 1, what, cookie, name: None }
    }

    #[test]
    fn a_file_that_is_renamed_twice_still_belongs_to_its_entry() {
        let mut renames = Renames::new(Duration::from_secs(60));
        let entry = EntryId(7);
        let (log, first, second) = (Path::new("/l/a.log"), Path::new("/l/a.log.1"), Path::new("/l/a.log.2"));
        assert_eq!(renames.note(&event(ReadFlags::MOVED_FROM, 1), log, || Some(entry)), None);
        assert_eq!(renames.note(&event(ReadFlags::MOVED_TO, 1), first, || None), Some(entry));
        renames.end_batch();
        assert_eq!(renames.note(&event(ReadFlags::MOVED_FROM, 2), first, || None), None);
        assert_eq!(renames.note(&event(ReadFlags::MOVED_TO, 2), second, || None), Some(entry));
        assert_eq!(renames.note(&event(ReadFlags::MOVED_TO, 3), Path::new("/l/other"), || None), None);
    }

    #[test]
    fn half_a_rename_is_forgotten_with_its_batch() {
        let mut renames = Renames::new(Duration::ZERO);
        renames.note(&event(ReadFlags::MOVED_FROM, 1), Path::new("/l/a.log"), || Some(EntryId(7)));
        renames.end_batch();
        assert_eq!(renames.note(&event(ReadFlags::MOVED_TO, 1), Path::new("/l/a.log.1"), || None), None);
    }
}
