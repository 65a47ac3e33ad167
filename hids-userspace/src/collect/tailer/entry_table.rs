//! All paths that are tailed, and which of them are names of the same file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hids_core::model::LogSource;
use tracing::{debug, info, warn};

use super::entry::{Entry, Start};
use super::ids::{EntryId, SourceId};
use super::position::{FileIdentity, position_key};
use crate::collect::format;
use crate::collect::report::{SourceRegistry, SourceState};
use crate::config::LogFormat;

/// The entries by number and by path.
#[derive(Debug)]
pub(super) struct EntryTable {
    entries: BTreeMap<EntryId, Entry>,
    next: usize,
    by_path: BTreeMap<PathBuf, EntryId>,
    /// Entries whose file another entry reads.
    duplicates: HashMap<FileIdentity, BTreeSet<EntryId>>,
    registry: SourceRegistry,
}

impl EntryTable {
    pub(super) fn new(registry: SourceRegistry) -> Self {
        Self { entries: BTreeMap::new(), next: 0, by_path: BTreeMap::new(), duplicates: HashMap::new(), registry }
    }

    /// Adds an entry for a path that has none.
    pub(super) fn add(&mut self, path: &Path, origin: SourceId, format: LogFormat, start: Start) -> EntryId {
        let location = path.to_string_lossy().into_owned();
        let entry = Entry {
            path: path.to_owned(),
            origin,
            key: position_key(&location).into(),
            stats: self.registry.add(&location),
            source: Arc::new(LogSource { location, channel: format::channel(format) }),
            format,
            current: None,
            rotated: Vec::new(),
            same_as: None,
            start,
            wanted: true,
        };
        let id = EntryId(self.next);
        self.next += 1;
        self.entries.insert(id, entry);
        self.by_path.insert(path.to_owned(), id);
        id
    }

    /// Removes an entry, from the report as well.
    pub(super) fn remove(&mut self, id: EntryId) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.by_path.remove(&entry.path);
        self.registry.remove(&entry.source.location);
        Some(entry)
    }

    pub(super) fn get(&self, id: EntryId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: EntryId) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    /// The entry of a path.
    pub(super) fn find(&self, path: &Path) -> Option<EntryId> {
        self.by_path.get(path).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The numbers of those entries that `which` selects.
    pub(super) fn ids(&self, which: impl Fn(&Entry) -> bool) -> Vec<EntryId> {
        self.entries.iter().filter(|(_, entry)| which(entry)).map(|(id, _)| *id).collect()
    }

    /// The entries of all paths below `directory`.
    pub(super) fn below(&self, directory: &Path) -> Vec<EntryId> {
        let paths = self.by_path.range(directory.to_owned()..);
        paths.take_while(|(path, _)| path.starts_with(directory)).map(|(_, id)| *id).collect()
    }

    /// No entry is wanted until its source asks for it again.
    pub(super) fn mark_unwanted(&mut self) {
        self.entries.values_mut().for_each(|entry| entry.wanted = false);
    }

    /// Notes that another entry reads the file of this one.
    pub(super) fn add_duplicate(&mut self, id: EntryId, identity: FileIdentity) {
        self.duplicates.entry(identity).or_default().insert(id);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.same_as = Some(identity);
            entry.start = Start::Beginning;
        }
    }

    /// The file that another entry reads is no longer at the path of this one.
    pub(super) fn remove_duplicate(&mut self, id: EntryId) {
        if let Some(identity) = self.entries.get_mut(&id).and_then(|entry| entry.same_as.take())
            && let Some(duplicates) = self.duplicates.get_mut(&identity)
        {
            duplicates.remove(&id);
            if duplicates.is_empty() {
                self.duplicates.remove(&identity);
            }
        }
    }

    /// Whether the file is read for one entry and is at the path of another, too.
    pub(super) fn has_duplicates(&self, identity: FileIdentity) -> bool {
        self.duplicates.contains_key(&identity)
    }

    /// The entries that have the file as well, now that its reader has closed it.
    pub(super) fn take_duplicates(&mut self, identity: FileIdentity) -> BTreeSet<EntryId> {
        self.duplicates.remove(&identity).unwrap_or_default()
    }

    /// Reports and logs the state of an entry, if it is another one.
    pub(super) fn set_state(&self, id: EntryId, state: SourceState) {
        let Some(entry) = self.entries.get(&id) else { return };
        if !entry.stats.change_state(state.clone()) {
            return;
        }
        let path = entry.path.display();
        match state {
            SourceState::Reading => debug!(path = %path, "watching log file"),
            SourceState::Missing => info!(path = %path, "log file does not exist yet; it will be watched once created"),
            SourceState::Unreadable(why) => {
                warn!(path = %path, reason = %why, consequence = "its lines are not analysed", "cannot read log file")
            }
            SourceState::Duplicate(of) => info!(path = %path, same_as = %of, "log file is already watched"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_path_and_by_directory() {
        let mut table = EntryTable::new(SourceRegistry::default());
        let add = |table: &mut EntryTable, path: &str| {
            table.add(Path::new(path), SourceId(0), LogFormat::Line, Start::Beginning)
        };
        let (a, b) = (add(&mut table, "/l/x/a.log"), add(&mut table, "/l/x/b.log"));
        add(&mut table, "/l/xy/c.log");
        assert_eq!(table.find(Path::new("/l/x/b.log")), Some(b));
        assert_eq!(table.below(Path::new("/l/x")), [a, b]);
        assert!(table.remove(a).is_some());
        assert_eq!(table.below(Path::new("/l/x")), [b]);
    }

    #[test]
    fn the_second_name_of_a_file_is_forgotten_when_it_names_another_one() {
        let mut table = EntryTable::new(SourceRegistry::default());
        let id = table.add(Path::new("/l/a.log"), SourceId(0), LogFormat::Line, Start::End);
        let identity = FileIdentity { dev: 1, inode: 2 };
        table.add_duplicate(id, identity);
        assert!(table.has_duplicates(identity));
        table.remove_duplicate(id);
        assert!(!table.has_duplicates(identity));
        assert!(table.take_duplicates(identity).is_empty());
    }
}
