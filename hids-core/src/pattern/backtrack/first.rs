//! With which bytes a way through a pattern can go on: a way that cannot is not tried.

use super::byteset::ByteSet;
use super::node::Assertion;
use super::step::{Kind, Step};

/// Most steps that are looked at for one set; beyond them, everything may follow.
const MAX_LOOK: usize = 64;

/// What may follow a place in a pattern; more than what does, where that is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct First {
    bytes: ByteSet,
    /// Whether the text may end there.
    at_end: bool,
}

impl First {
    const ANYTHING: Self = Self { bytes: ByteSet::ALL, at_end: true };

    /// What may follow where `step` comes next.
    pub(super) fn of(steps: &[Step], step: u32) -> Self {
        let mut first = Self::default();
        let mut looked: Vec<u32> = Vec::new();
        let mut ahead = vec![step];
        while let Some(step) = ahead.pop() {
            if looked.contains(&step) {
                continue;
            }
            if looked.len() >= MAX_LOOK {
                return Self::ANYTHING;
            }
            looked.push(step);
            match steps[step as usize] {
                Step::Byte(set) => first.bytes = first.bytes.union(set),
                Step::Bytes { set, .. } => {
                    first.bytes = first.bytes.union(set);
                    ahead.push(step + 1);
                }
                Step::Split { other, .. } => ahead.extend([step + 1, other]),
                Step::Repeat { body, .. } => ahead.extend([step + 1, body]),
                Step::Jump(to) => ahead.push(to),
                Step::Open(_) | Step::Close(_) | Step::Round(_) => ahead.push(step + 1),
                Step::Assertion(assertion) => match assertion {
                    Assertion::End => first.at_end = true,
                    Assertion::FinalNewline | Assertion::LineEnd => {
                        first.bytes.insert(b'\n');
                        first.at_end = true;
                    }
                    // Takes nothing: what follows it decides.
                    Assertion::Start | Assertion::LineStart | Assertion::Word | Assertion::NotWord => {
                        ahead.push(step + 1);
                    }
                },
                Step::Part { kind: Kind::Around | Kind::NotAround, after, .. } => ahead.push(after),
                Step::Part { kind: Kind::Atomic, .. } | Step::Back(_) | Step::Again { .. } | Step::End => {
                    return Self::ANYTHING;
                }
            }
        }
        first
    }

    /// Whether `byte`, or the end of the text, may follow.
    pub(super) fn allows(&self, byte: Option<u8>) -> bool {
        byte.map_or(self.at_end, |byte| self.bytes.contains(byte))
    }
}
