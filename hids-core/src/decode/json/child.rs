//! What a decoder below a JSON decoder asks for and extracts.

use super::super::fields::{FieldId, FieldValues, Place};
use super::address::{address, is_port};
use super::document::{Document, Kind, Value};
use crate::pattern::{Captures, Pattern};

/// The compiled form of [`JsonDef`](super::JsonDef).
#[derive(Debug, Default)]
pub(in crate::decode) struct JsonChild {
    pub wants: Box<[(FieldId, Pattern)]>,
    /// From, to.
    pub maps: Box<[(FieldId, FieldId)]>,
    pub regex_field: Option<FieldId>,
}

/// Why a decoder does not take this object, as far as its own conditions on program and values go.
pub(in crate::decode) fn refused_by(
    (wanted, child): (Option<&Pattern>, &JsonChild),
    program: Option<&[u8]>,
    log: &[u8],
    document: &Document,
) -> Option<&'static str> {
    if let Some(wanted) = wanted
        && !program.is_some_and(|program| wanted.is_match(program))
    {
        return Some("program_name");
    }
    let fits = |(field, pattern): &(FieldId, Pattern)| {
        document.value(*field, log).is_some_and(|value| pattern.is_match(value.text))
    };
    (!child.wants.iter().all(fits)).then_some("field")
}

impl JsonChild {
    /// Whether anything decides but the regex.
    pub(in crate::decode) fn has_conditions(&self) -> bool {
        !self.wants.is_empty()
    }

    /// Sets the fields that values are mapped to. Of several for one field the first that is there counts, whether
    /// it can be used or not: the one behind it may be a client's.
    pub(in crate::decode) fn map(&self, log: &[u8], document: &Document, base: usize, fields: &mut FieldValues) {
        for (at, &(from, to)) in self.maps.iter().enumerate() {
            let Some(value) = document.value(from, log).filter(has_text) else { continue };
            let is_later = |&(other, target): &(FieldId, FieldId)| {
                target == to && document.value(other, log).as_ref().is_some_and(has_text)
            };
            if !self.maps[..at].iter().any(is_later)
                && let Some(place) = usable(to, value)
            {
                fields.set_place(to, place.moved(base));
            }
        }
    }

    /// Runs `pattern` on the value that it looks at; `None` where it does not match.
    pub(in crate::decode) fn extract(
        &self,
        (pattern, order): (&Pattern, &[FieldId]),
        log: &[u8],
        (document, base): (&Document, usize),
        captures: &mut Captures,
        fields: &mut FieldValues,
    ) -> Option<()> {
        let value = document.value(self.regex_field?, log)?;
        pattern.captures(value.text, captures)?;
        for (&field, span) in order.iter().zip(captures.spans()) {
            let part = Value { text: &value.text[span.clone()], place: value.place.part(span.clone()), ..value };
            if let Some(place) = usable(field, part) {
                fields.set_place(field, place.moved(base));
            }
        }
        Some(())
    }

    /// Whether [`extract`](Self::extract) would match.
    pub(in crate::decode) fn matches(&self, pattern: &Pattern, log: &[u8], document: &Document) -> bool {
        let value = self.regex_field.and_then(|field| document.value(field, log));
        value.is_some_and(|value| pattern.is_match(value.text))
    }
}

/// Whether a value says anything: logs write `-` and `null` for nothing.
fn has_text(value: &Value<'_>) -> bool {
    let is_null = value.kind == Kind::Word && value.text == b"null";
    !(value.text.is_empty() || value.text == b"-" || is_null)
}

/// The part of `value` that `field` gets. An address is one text alone that its object has once.
fn usable(field: FieldId, value: Value<'_>) -> Option<Place> {
    match field {
        FieldId::SRC_IP | FieldId::DST_IP => {
            let is_sure = value.kind == Kind::String && !value.is_repeated;
            is_sure.then(|| address(value.text)).flatten().map(|range| value.place.part(range))
        }
        FieldId::SRC_PORT | FieldId::DST_PORT => {
            std::str::from_utf8(value.text).is_ok_and(is_port).then_some(value.place)
        }
        _ => Some(value.place),
    }
}
