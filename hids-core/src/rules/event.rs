//! An event as rules see it.

use crate::decode::{EventKind, EventNames, FieldId, FieldValues, FtsFields, NameId};
use crate::model::Timestamp;
use crate::pattern::{Required, Seen};

/// What rules see of an event.
#[derive(Clone, Copy, Debug)]
pub struct RuleEvent<'a> {
    /// The whole line.
    pub full_log: &'a [u8],
    /// The message.
    pub log: &'a [u8],
    /// Where the message starts in the line.
    pub log_offset: usize,
    /// Host in the line, or this machine.
    pub hostname: &'a [u8],
    /// Program in the line.
    pub program_name: Option<&'a [u8]>,
    /// Which literals the message contains.
    pub seen: &'a Seen,
    /// Decoded fields.
    pub fields: &'a FieldValues,
    /// Whether no rule that looks for a rare URL can match it ([`RuleSet::is_common_url`](super::RuleSet::is_common_url)).
    pub is_common_url: bool,
    /// Name of the decoder.
    pub decoder: Option<NameId>,
    /// The same, as text; empty without decoder.
    pub decoder_name: &'a str,
    /// Kind of the event.
    pub kind: EventKind,
    /// Combination that the decoder watches.
    pub fts: Option<FtsFields>,
    /// Where the line comes from.
    pub location: &'a str,
    /// When the line was received.
    pub now: Timestamp,
}

impl<'a> RuleEvent<'a> {
    /// The value of a field.
    pub fn field(&self, id: FieldId) -> Option<&'a [u8]> {
        self.fields.value(id, self.log)
    }

    /// Whether a pattern can match a field; one that is no part of the message may be anything.
    pub(super) fn may_match_field(&self, required: &Required) -> bool {
        !self.fields.are_in_log() || required.may_match(self.seen)
    }

    pub(super) fn names(&self) -> EventNames<'a> {
        EventNames { decoder: self.decoder_name, location: self.location, log: self.log }
    }
}
