//! Files whose content could not be read when they were inspected last.

use std::collections::BTreeMap;
use std::time::Instant;

/// Most paths that are remembered, and counted.
const MOST: usize = 10_000;

/// The paths, each with the time of the inspection.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    paths: BTreeMap<Vec<u8>, Instant>,
    /// Whether one has been logged.
    is_logged: bool,
}

impl Unreadable {
    /// An inspection could not read `path`; whether it is the first of this run, which is logged.
    pub(super) fn note(&mut self, path: &[u8], now: Instant) -> bool {
        if let Some(noted) = self.paths.get_mut(path) {
            *noted = now;
        } else if self.paths.len() < MOST {
            self.paths.insert(path.to_vec(), now);
        }
        !std::mem::replace(&mut self.is_logged, true)
    }

    /// It could be read, or is gone.
    pub(super) fn clear(&mut self, path: &[u8]) {
        self.paths.remove(path);
    }

    /// Everything that `covers` names was read since `since`, but for what was noted after that.
    pub(super) fn all_read(&mut self, since: Instant, covers: impl Fn(&[u8]) -> bool) {
        self.paths.retain(|path, noted| *noted >= since || !covers(path));
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.paths.len() as u64
    }

    /// Some of them, by name.
    pub(super) fn some(&self, most: usize) -> Vec<&[u8]> {
        self.paths.keys().take(most).map(Vec::as_slice).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_file_counts_once_however_often_it_is_inspected_and_not_once_it_was_read() {
        let (mut unreadable, start) = (Unreadable::default(), Instant::now());
        assert!(unreadable.note(b"/a", start), "the first is logged");
        assert!(!unreadable.note(b"/a", start) && !unreadable.note(b"/b", start));
        assert_eq!((unreadable.count(), unreadable.some(1)), (2, vec![b"/a".as_slice()]));
        unreadable.clear(b"/a");
        assert_eq!(unreadable.some(9), [b"/b".as_slice()]);
    }

    #[test]
    fn a_whole_scan_forgets_what_it_could_read_and_nothing_else() {
        let (mut unreadable, start) = (Unreadable::default(), Instant::now());
        let later = start + Duration::from_secs(1);
        unreadable.note(b"/in/old", start);
        unreadable.note(b"/in/again", later);
        unreadable.note(b"/out/old", start);
        unreadable.all_read(later, |path| path.starts_with(b"/in/"));
        assert_eq!(unreadable.some(9), [b"/in/again".as_slice(), b"/out/old"]);
    }

    #[test]
    fn memory_is_bounded() {
        let (mut unreadable, now) = (Unreadable::default(), Instant::now());
        (0..MOST + 100).for_each(|number| _ = unreadable.note(number.to_string().as_bytes(), now));
        assert_eq!(unreadable.count(), MOST as u64);
    }
}
