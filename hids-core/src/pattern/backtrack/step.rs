//! One step of the machine.

use super::byteset::ByteSet;
use super::node::Assertion;

/// Marks the numbers of results of steps in parts.
pub(super) const IN_PART: u32 = 1 << 31;

/// One step of the machine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Takes one byte of the set.
    Byte(ByteSet),
    /// Tries the next step, then `other` (or the other way round when lazy). With what each of them can go on stands
    /// in [`Code::ways`](super::code::Code::ways).
    Split {
        other: u32,
        lazy: bool,
        memo: u32,
        ways: u32,
        /// Whether the step can come again and again, so that a result is worth noting even where one way is left.
        repeats: bool,
    },
    Jump(u32),
    /// A loop over one byte of the set. Lazy ones go on at the step before this, which takes a byte. With what the
    /// next step can go on stands in [`Code::ways`](super::code::Code::ways).
    Bytes {
        set: ByteSet,
        lazy: bool,
        memo: u32,
        ways: u32,
    },
    Assertion(Assertion),
    Open(u32),
    Close(u32),
    /// A round of a loop whose body can match nothing begins: forgets that bytes were taken.
    Round(u32),
    /// The end of such a round: when it took nothing, the loop is over.
    Repeat {
        mark: u32,
        body: u32,
        lazy: bool,
        memo: u32,
    },
    /// The part up to its `End` must match here; goes on at `after`.
    Part {
        kind: Kind,
        after: u32,
        has_group: bool,
    },
    /// Goes back so many bytes.
    Back(u32),
    Again {
        group: u32,
        caseless: bool,
    },
    /// The end of a part, or of the pattern.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Must match; takes nothing.
    Around,
    /// Must not match.
    NotAround,
    /// Must match; what it takes is kept.
    Atomic,
}
