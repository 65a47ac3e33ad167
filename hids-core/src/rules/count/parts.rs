//! Extraction of counter keys from an event.

use super::counters::Parts;
use super::source::Source;
use crate::decode::FieldId;
use crate::rules::def::Same;
use crate::rules::event::RuleEvent;

/// Writes the parts of a key; `None` when the event lacks one.
pub(super) fn write(parts: &Parts, event: &RuleEvent<'_>, out: &mut Vec<u8>) -> Option<()> {
    const FIELDS: [(u16, FieldId); 4] = [
        (Same::USER, FieldId::DST_USER),
        (Same::SRC_PORT, FieldId::SRC_PORT),
        (Same::DST_PORT, FieldId::DST_PORT),
        (Same::ID, FieldId::ID),
    ];
    let mut put = |value: &[u8]| {
        out.extend_from_slice(&value.len().to_ne_bytes());
        out.extend_from_slice(value);
    };
    for (bit, field) in FIELDS {
        if parts.same.has(bit) {
            put(event.field(field)?);
        }
    }
    if parts.same.has(Same::LOCATION) {
        put(event.hostname);
    }
    if parts.event_kind {
        put(&[event.kind as u8]);
    }
    if parts.same.has(Same::DIFFERENT_URL) {
        event.field(FieldId::URL)?;
    }
    if parts.same.has(Same::SOURCE_IP) {
        Source::of(event.field(FieldId::SRC_IP)?).write(out);
    }
    Some(())
}
