//! How many files may be open at a time, and which one is closed for the next.

use std::collections::VecDeque;

use super::ids::FileId;

/// The files with an open descriptor, the one that was opened first at the front.
#[derive(Debug)]
pub(super) struct Descriptors {
    order: VecDeque<FileId>,
    open: usize,
    max: usize,
}

/// What has become of a file's descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Descriptor {
    /// The file has none, or is gone.
    None,
    /// It was used since this was last asked, or the file could not be opened again.
    Needed,
    /// It was idle and has been closed.
    Closed,
}

impl Descriptors {
    /// At most `max` at a time; `None`: as many as the kernel grants, less a reserve.
    pub(super) fn new(max: Option<usize>) -> Self {
        Self { order: VecDeque::new(), open: 0, max: max.unwrap_or_else(allowance) }
    }

    /// Notes that `id` has been opened. While too many are open, `close_if_idle` is called with one after the other.
    pub(super) fn opened(&mut self, id: FileId, mut close_if_idle: impl FnMut(FileId) -> Descriptor) {
        self.open += 1;
        self.order.push_back(id);
        let mut checked = 0;
        while self.open > self.max && checked < self.order.len() * 2 {
            checked += 1;
            let Some(oldest) = self.order.pop_front() else { return };
            match if oldest == id { Descriptor::Needed } else { close_if_idle(oldest) } {
                Descriptor::None => {}
                Descriptor::Needed => self.order.push_back(oldest),
                Descriptor::Closed => self.open -= 1,
            }
        }
    }

    /// Notes that an open file was closed for good.
    pub(super) fn closed(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// Forgets files that are gone.
    pub(super) fn retain(&mut self, exists: impl Fn(FileId) -> bool) {
        self.order.retain(|id| exists(*id));
    }

    pub(super) fn shrink(&mut self) {
        self.order.shrink_to_fit();
    }
}

/// As many as the kernel grants, less a reserve for everything else.
fn allowance() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const RESERVE: u64 = 256;
    let limits = getrlimit(Resource::Nofile);
    if limits.current != limits.maximum {
        // Refused at worst; then the old limit stays.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, maximum: limits.maximum });
    }
    let now = getrlimit(Resource::Nofile).current.unwrap_or(1 << 20);
    usize::try_from(now.saturating_sub(RESERVE).clamp(64, 1 << 20)).unwrap_or(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_idle_file_is_closed_and_the_new_one_never() {
        let mut descriptors = Descriptors::new(Some(2));
        let (a, b, c) = (FileId(1), FileId(2), FileId(3));
        let mut closed = Vec::new();
        let mut open = |id| {
            descriptors.opened(id, |other| {
                if other == a {
                    return Descriptor::Needed;
                }
                closed.push(other);
                Descriptor::Closed
            });
        };
        [a, b, c].into_iter().for_each(&mut open);
        assert_eq!(closed, [b]);
    }
}
