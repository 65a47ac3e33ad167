//! Which decoder took an event.

use super::decoder::NameId;
use super::kind::EventKind;

/// The decoder, and what it says besides fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The decoder's number; `None` when no decoder knows the line.
    pub(super) decoder: Option<u16>,
    /// What alerts show.
    pub name: Option<NameId>,
    /// Kind of the event.
    pub kind: EventKind,
    /// The rule that another OSSEC raised, for forwarded alerts.
    pub original_rule: Option<u32>,
}

impl Decoded {
    /// Whether a decoder knows the line.
    pub fn is_known(&self) -> bool {
        self.decoder.is_some()
    }

    /// The decoder's number in its set.
    pub(super) fn index(&self) -> Option<u16> {
        self.decoder
    }

    /// An event that needs no decoder because its sensor is our own.
    pub fn built_in(name: Option<NameId>, kind: EventKind) -> Self {
        Self { decoder: None, name, kind, original_rule: None }
    }
}
