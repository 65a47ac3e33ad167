//! Paged iteration over the baseline entries of a directory between two names.

use std::collections::VecDeque;
use std::ffi::CStr;

use crate::fim::{BaselineView, Entry, StoreError};

/// Entries asked for at a time: those of one range of names, and a few that were deleted.
const PIECE: usize = 272;

/// Known entries in the order of their names. There may be millions that are not listed any more, so few are
/// held at a time.
pub(super) struct KnownRange<'a> {
    known: &'a dyn BaselineView,
    directory: &'a [u8],
    end: Option<&'a CStr>,
    after: Option<Vec<u8>>,
    held: VecDeque<(Vec<u8>, Entry)>,
    exhausted: bool,
}

impl<'a> KnownRange<'a> {
    /// Names behind `after` (`None` = from the first), up to and with `end` (`None` = to the last).
    pub(super) fn new(
        known: &'a dyn BaselineView,
        directory: &'a [u8],
        after: Option<&CStr>,
        end: Option<&'a CStr>,
    ) -> Self {
        let after = after.map(|name| name.to_bytes().to_vec());
        Self { known, directory, end, after, held: VecDeque::new(), exhausted: false }
    }

    /// The next entry, if there is one and its name is `wanted`.
    pub(super) fn next_if(
        &mut self,
        wanted: impl FnOnce(&[u8]) -> bool,
    ) -> Result<Option<(Vec<u8>, Entry)>, StoreError> {
        if self.held.is_empty() && !self.exhausted {
            self.fetch()?;
        }
        Ok(if self.held.front().is_some_and(|(name, _)| wanted(name)) { self.held.pop_front() } else { None })
    }

    fn fetch(&mut self) -> Result<(), StoreError> {
        let some = self.known.children(self.directory, self.after.as_deref(), PIECE)?;
        self.exhausted = some.len() < PIECE;
        self.after = some.last().map(|(name, _)| name.clone());
        self.held.extend(some);
        let end = self.end.map(CStr::to_bytes);
        while self.held.back().is_some_and(|(name, _)| end.is_some_and(|end| name.as_slice() > end)) {
            self.held.pop_back();
            self.exhausted = true;
        }
        Ok(())
    }
}
