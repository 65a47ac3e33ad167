//! Sets of bytes: what one place of a pattern takes.

use std::fmt::Write as _;

/// Some of the 256 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    pub(super) const ALL: Self = Self([u64::MAX; 4]);

    pub(super) fn of(byte: u8) -> Self {
        let mut set = Self::default();
        set.insert(byte);
        set
    }

    pub(super) fn range(start: u8, end: u8) -> Self {
        let mut set = Self::default();
        (start..=end).for_each(|byte| set.insert(byte));
        set
    }

    pub(super) fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    pub(super) fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(std::array::from_fn(|index| self.0[index] | other.0[index]))
    }

    /// A class of the linear-time engine that takes the same bytes.
    pub(super) fn write_class(&self, out: &mut String) {
        if *self == Self::default() {
            // Takes nothing.
            out.push_str("[^\\x00-\\xff]");
            return;
        }
        out.push_str("(?-u:[");
        let mut byte = 0usize;
        while byte < 256 {
            let start = byte;
            while byte < 256 && self.contains(byte as u8) {
                byte += 1;
            }
            if byte > start {
                let _ = write!(out, "\\x{start:02x}-\\x{:02x}", byte - 1);
            }
            byte += 1;
        }
        out.push_str("])");
    }
}
