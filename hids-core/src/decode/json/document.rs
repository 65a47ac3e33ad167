//! What was read of one object.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::fields::{FieldId, FieldTable, FieldValues, Place};
use super::frame::Frame;
use crate::model::FieldName;

/// Most fields of an object that are kept for the alert alone. Access logs with all headers have some forty; a client
/// that sends more must not hide those that decoders and rules ask for, which are kept whatever their number (it is
/// bounded by the rules).
const MAX_OTHER_FIELDS: usize = 96;

/// Longest name of a field; what lies below a longer one has no name and is passed over.
pub(super) const MAX_NAME_BYTES: usize = 256;

/// Most names that are remembered from line to line; when they are too many (a client chooses them) all are
/// forgotten.
const MAX_LEARNT: usize = 2048;

/// Which kind of value it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    String,
    /// A number, `true`, `false`, `null`.
    Word,
    /// Several values, or one in brackets.
    Array,
}

#[derive(Clone, Debug)]
enum Name {
    /// A decoder or rule asks for it.
    Known(FieldId),
    Other(FieldName),
}

#[derive(Clone, Debug)]
struct Entry {
    name: Name,
    place: Place,
    kind: Kind,
    /// Whether the object has the name twice; the first value is kept.
    is_repeated: bool,
}

/// The fields of one object; reused from line to line.
#[derive(Default)]
pub(in crate::decode) struct Document {
    entries: Vec<Entry>,
    /// Of each dynamic field that decoders and rules know, its index in `entries` plus one.
    known: Vec<u16>,
    others: usize,
    /// Values that are not in the line as they are.
    pub(super) text: Vec<u8>,
    learnt: HashMap<Box<str>, FieldName>,
    pub(super) path: Vec<u8>,
    pub(super) stack: Vec<Frame>,
}

/// A value as decoders see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    pub text: &'a [u8],
    pub place: Place,
    pub kind: Kind,
    pub is_repeated: bool,
}

impl Document {
    pub(super) fn clear(&mut self, table: &FieldTable) {
        for entry in &self.entries {
            if let Name::Known(id) = entry.name {
                self.known[slot(id)] = 0;
            }
        }
        self.entries.clear();
        self.known.resize(table.dynamic_count(), 0);
        self.others = 0;
        self.text.clear();
        self.path.clear();
        self.stack.clear();
    }

    /// Keeps a value under the current path; its index, unless it is not kept.
    pub(super) fn keep(&mut self, table: &FieldTable, place: Place, kind: Kind) -> Option<usize> {
        let path = std::str::from_utf8(&self.path).ok().filter(|path| !path.chars().any(char::is_control))?;
        let name = match table.dynamic(path) {
            Some(id) => {
                let known = self.known.get_mut(slot(id))?;
                if let Some(first) = usize::from(*known).checked_sub(1) {
                    self.entries[first].is_repeated = true;
                    return None;
                }
                *known = u16::try_from(self.entries.len() + 1).ok()?;
                Name::Known(id)
            }
            None if self.others == MAX_OTHER_FIELDS => return None,
            None => {
                let name = learn(&mut self.learnt, path);
                let is_same = |entry: &Entry| matches!(&entry.name, Name::Other(other) if *other == name);
                if self.entries.iter().any(is_same) {
                    return None;
                }
                self.others += 1;
                Name::Other(name)
            }
        };
        self.entries.push(Entry { name, place, kind, is_repeated: false });
        Some(self.entries.len() - 1)
    }

    /// Adds a further value of an array to the one at `index`, which is the last that was kept.
    pub(super) fn join(&mut self, index: usize, place: Place, log: &[u8]) {
        let Some(entry) = self.entries.get_mut(index) else { return };
        let text = &mut self.text;
        let further = place.start as usize..place.end as usize;
        let start = if entry.place.made {
            entry.place.start as usize
        } else {
            // What is behind it, the further value, is written again.
            let start = text.len();
            text.extend_from_slice(entry.place.of(log));
            start
        };
        if !place.made {
            text.extend_from_slice(b", ");
            text.extend_from_slice(place.of(log));
        } else if entry.place.made {
            // It follows the value directly.
            drop(text.splice(further.start..further.start, *b", "));
        } else {
            text.extend_from_slice(b", ");
            text.extend_from_within(further);
        }
        entry.place = Place::made(start..text.len());
    }

    /// The value of a field that decoders or rules know.
    pub(super) fn value<'a>(&'a self, id: FieldId, log: &'a [u8]) -> Option<Value<'a>> {
        let entry = self.entries.get(usize::from(*self.known.get(slot(id))?).checked_sub(1)?)?;
        let text = entry.place.of(if entry.place.made { &self.text } else { log });
        Some(Value { text, place: entry.place, kind: entry.kind, is_repeated: entry.is_repeated })
    }

    /// Copies all fields to those of the event, except where a decoder has set one of the name. What stands in this document's text stands `base` bytes later there.
    pub(in crate::decode) fn copy_to(&self, fields: &mut FieldValues, base: usize) {
        for entry in &self.entries {
            let place = entry.place.moved(base);
            match &entry.name {
                Name::Known(id) if fields.has(*id) => {}
                Name::Known(id) => fields.set_place(*id, place),
                Name::Other(name) => fields.set_named(name, place),
            }
        }
    }

    /// Copies the text that its places refer to; where it begins there.
    pub(in crate::decode) fn copy_text_to(&self, fields: &mut FieldValues) -> usize {
        fields.add_text(&self.text)
    }
}

fn slot(id: FieldId) -> usize {
    usize::from(id.0).wrapping_sub(FieldId::STATIC)
}

/// The name of a path, as alerts show it.
fn learn(learnt: &mut HashMap<Box<str>, FieldName>, path: &str) -> FieldName {
    if let Some(name) = learnt.get(path) {
        return name.clone();
    }
    if learnt.len() >= MAX_LEARNT {
        learnt.clear();
    }
    let name = FieldName::Dynamic(Arc::from(&*FieldName::apart(path)));
    learnt.insert(path.into(), name.clone());
    name
}
