//! Memory limits and eviction, safe against clients that write arbitrary log lines.

/// What keys of one class hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub keys: usize,
    pub events: usize,
    /// Of lines and of long lists.
    pub bytes: usize,
}

impl Usage {
    /// Half of what is kept: together at most 21 MiB of keys, 4 MiB of their table, 6 MiB of events and
    /// 24 MiB of lines.
    pub(super) const HALF: Self = Self { keys: 160 << 10, events: 64 << 10, bytes: 12 << 20 };

    pub(super) fn exceeds(&self, limit: &Self) -> bool {
        self.keys > limit.keys || self.events > limit.events || self.bytes > limit.bytes
    }
}

/// Keys have room for themselves by class: one with a single event never costs one with more its place.
///
/// Whoever sends one event from each of many addresses pushes out others that sent one. To push out a
/// key with two or more, as many keys with two or more are needed as there is room for, between two
/// events of it; keys of another kind (users, say, which one sender can make up) do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Class {
    #[default]
    Single,
    Several,
}

impl Class {
    pub(super) const ALL: [Self; 2] = [Self::Single, Self::Several];

    pub(super) fn of(events: usize) -> Self {
        if events > 1 { Self::Several } else { Self::Single }
    }
}

/// The keys of one kind and class, those seen least recently first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shelf {
    pub oldest: Option<u32>,
    pub newest: Option<u32>,
    /// Events under all of them; one is counted under each of its keys.
    pub events: usize,
}
