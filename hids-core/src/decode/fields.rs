//! Fields of an event: names made numbers when decoders are compiled, values borrowed.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::model::FieldName;

/// Number of a field name: below [`FieldId::STATIC`] OSSEC's own, above a decoder's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldId(pub u16);

impl FieldId {
    /// How many fields have a name of their own.
    pub const STATIC: usize = 14;
    /// Address of the peer.
    pub const SRC_IP: Self = Self(0);
    /// Address of this side.
    pub const DST_IP: Self = Self(1);
    /// Port of the peer.
    pub const SRC_PORT: Self = Self(2);
    /// Port of this side.
    pub const DST_PORT: Self = Self(3);
    /// User who acted.
    pub const SRC_USER: Self = Self(4);
    /// User who was acted upon.
    pub const DST_USER: Self = Self(5);
    /// Protocol.
    pub const PROTOCOL: Self = Self(6);
    /// Action.
    pub const ACTION: Self = Self(7);
    /// Event id.
    pub const ID: Self = Self(8);
    /// URL.
    pub const URL: Self = Self(9);
    /// `extra_data`.
    pub const DATA: Self = Self(10);
    /// Status.
    pub const STATUS: Self = Self(11);
    /// System name.
    pub const SYSTEM_NAME: Self = Self(12);
    /// File name.
    pub const FILE_NAME: Self = Self(13);
}

const STATIC_NAMES: [FieldName; FieldId::STATIC] = FieldName::FIXED;

/// Names of all fields of a decoder set.
#[derive(Debug, Default)]
pub struct FieldTable {
    dynamic: Vec<FieldName>,
    by_name: HashMap<Arc<str>, FieldId>,
}

impl FieldTable {
    /// The number of a word in `<order>`.
    pub fn intern(&mut self, word: &str) -> FieldId {
        fixed(word).unwrap_or_else(|| self.intern_dynamic(word))
    }

    /// The same, of a word that has one.
    pub(super) fn known(&self, word: &str) -> Option<FieldId> {
        fixed(word).or_else(|| self.dynamic(word))
    }

    /// The number of a JSON value's name, which is no field of OSSEC's even where it has the name of one.
    pub fn intern_json(&mut self, path: &str) -> FieldId {
        self.by_name.get(path).copied().unwrap_or_else(|| self.add(path, &FieldName::apart(path)))
    }

    /// The number of that name, if a decoder or rule asks for it; ASCII case counts.
    pub(super) fn dynamic(&self, name: &str) -> Option<FieldId> {
        self.by_name.get(name).copied()
    }

    /// How many names there are besides OSSEC's.
    pub(super) fn dynamic_count(&self) -> usize {
        self.dynamic.len()
    }

    fn intern_dynamic(&mut self, word: &str) -> FieldId {
        self.by_name.get(word).copied().unwrap_or_else(|| self.add(word, word))
    }

    fn add(&mut self, word: &str, shown: &str) -> FieldId {
        // 65,521 different names are more than all decoders of an installation have captures.
        let id = FieldId(u16::try_from(FieldId::STATIC + self.dynamic.len()).unwrap_or(u16::MAX));
        self.dynamic.push(FieldName::Dynamic(shown.into()));
        self.by_name.insert(word.into(), id);
        id
    }

    /// The decoders' own fields of that name; ASCII case does not count.
    pub fn dynamic_named(&self, name: &str) -> Vec<FieldId> {
        let same = self.by_name.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
        let mut ids: Vec<FieldId> = same.map(|(_, id)| *id).collect();
        ids.sort_unstable_by_key(|id| id.0);
        ids
    }

    /// The name of `id`.
    pub fn name(&self, id: FieldId) -> &FieldName {
        let index = usize::from(id.0);
        STATIC_NAMES.get(index).unwrap_or_else(|| &self.dynamic[index - FieldId::STATIC])
    }
}

/// The number of a word that means a field of OSSEC's.
fn fixed(word: &str) -> Option<FieldId> {
    Some(match word {
        "srcip" => FieldId::SRC_IP,
        "dstip" => FieldId::DST_IP,
        "srcport" => FieldId::SRC_PORT,
        "dstport" => FieldId::DST_PORT,
        "srcuser" => FieldId::SRC_USER,
        "dstuser" | "user" => FieldId::DST_USER,
        "protocol" => FieldId::PROTOCOL,
        "action" => FieldId::ACTION,
        "id" => FieldId::ID,
        "url" => FieldId::URL,
        "data" | "extra_data" => FieldId::DATA,
        "status" => FieldId::STATUS,
        "system_name" => FieldId::SYSTEM_NAME,
        _ if word.contains("filename") => FieldId::FILE_NAME,
        _ => return None,
    })
}

/// Values of the fields of one event, reused from event to event.
#[derive(Clone, Debug)]
pub struct FieldValues {
    entries: Vec<Entry>,
    /// Index into `entries` of the fields with names of their own, plus one; 0 when absent.
    fixed: [u16; FieldId::STATIC],
    /// Values of JSON whose names no decoder or rule knows.
    named: Vec<(FieldName, Place)>,
    /// Values that are not part of the line.
    made: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    id: FieldId,
    place: Place,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub start: u32,
    pub end: u32,
    /// Among the values that are not part of the log.
    pub made: bool,
}

impl Place {
    pub(super) fn in_log(range: Range<usize>) -> Self {
        Self { start: narrow(range.start), end: narrow(range.end), made: false }
    }

    pub(super) fn made(range: Range<usize>) -> Self {
        Self { made: true, ..Self::in_log(range) }
    }

    /// The same place where the values that are not part of the log begin `base` bytes later.
    pub(super) fn moved(self, base: usize) -> Self {
        if !self.made {
            return self;
        }
        Self::made(self.start as usize + base..self.end as usize + base)
    }

    /// A part of it.
    pub(super) fn part(self, range: Range<usize>) -> Self {
        let start = self.start as usize;
        Self { made: self.made, ..Self::in_log(start + range.start..start + range.end) }
    }

    /// The value, in the text that it is a part of.
    pub(super) fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl Default for FieldValues {
    fn default() -> Self {
        Self { entries: Vec::new(), fixed: [0; FieldId::STATIC], named: Vec::new(), made: Vec::new() }
    }
}

impl FieldValues {
    /// Takes over the values of `other`.
    pub fn copy_from(&mut self, other: &Self) {
        self.entries.clone_from(&other.entries);
        self.fixed = other.fixed;
        self.named.clone_from(&other.named);
        self.made.clone_from(&other.made);
    }

    /// Bytes of values that are no part of the log.
    pub fn made_bytes(&self) -> usize {
        self.made.len()
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        if !self.is_empty() || !self.made.is_empty() {
            self.entries.clear();
            self.fixed = [0; FieldId::STATIC];
            self.named.clear();
            self.made.clear();
        }
    }

    /// Whether nothing was extracted.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.named.is_empty()
    }

    /// How many values have names that no decoder or rule knows.
    pub fn named_count(&self) -> usize {
        self.named.len()
    }

    /// Whether a field is set.
    pub(super) fn has(&self, id: FieldId) -> bool {
        self.index(id).is_some()
    }

    /// Adds text that places can refer to; where it begins.
    pub(super) fn add_text(&mut self, text: &[u8]) -> usize {
        let start = self.made.len();
        self.made.extend_from_slice(text);
        start
    }

    /// Sets a field to a value in the log or in added text.
    pub(super) fn set_place(&mut self, id: FieldId, place: Place) {
        self.push(Entry { id, place });
    }

    /// Sets a field whose name no decoder or rule knows.
    pub(super) fn set_named(&mut self, name: &FieldName, place: Place) {
        self.named.push((name.clone(), place));
    }

    /// The fields whose names no decoder or rule knows.
    pub fn named<'a>(&'a self, log: &'a [u8]) -> impl Iterator<Item = (&'a FieldName, &'a [u8])> {
        self.named.iter().map(move |(name, place)| (name, self.bytes(*place, log)))
    }

    /// Sets a field to a part of the log. A field set again keeps its earlier value only among
    /// [`extracted`](Self::extracted), as OSSEC's logtest prints it.
    pub fn set_range(&mut self, id: FieldId, start: usize, end: usize) {
        self.push(Entry { id, place: Place::in_log(start..end) });
    }

    /// Sets or replaces a field by a value that is not in the log.
    pub fn set_made(&mut self, id: FieldId, value: &[u8]) {
        let start = self.add_text(value);
        let entry = Entry { id, place: Place::made(start..self.made.len()) };
        match self.index(id) {
            Some(index) => self.entries[index] = entry,
            None => self.push(entry),
        }
    }

    /// Where the value of `id` stands in the log; `None` too for one that is no part of it.
    pub fn range(&self, id: FieldId) -> Option<Range<usize>> {
        let place = self.entries[self.index(id)?].place;
        (!place.made).then_some(place.start as usize..place.end as usize)
    }

    /// Gives a field that is there another part of the log, earlier values included.
    pub fn replace_range(&mut self, id: FieldId, range: Range<usize>) {
        for entry in self.entries.iter_mut().filter(|entry| entry.id == id) {
            entry.place = Place::in_log(range.clone());
        }
    }

    /// Takes a field away, earlier values included.
    pub fn remove(&mut self, id: FieldId) {
        let entries = std::mem::take(&mut self.entries);
        self.fixed = [0; FieldId::STATIC];
        entries.into_iter().filter(|entry| entry.id != id).for_each(|entry| self.push(entry));
    }

    fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
        if let Some(slot) = self.fixed.get_mut(usize::from(entry.id.0)) {
            *slot = self.entries.len() as u16;
        }
    }

    fn index(&self, id: FieldId) -> Option<usize> {
        match self.fixed.get(usize::from(id.0)) {
            Some(&slot) => usize::from(slot).checked_sub(1),
            None => self.entries.iter().rposition(|entry| entry.id == id),
        }
    }

    /// Whether every value is a part of the log.
    pub fn are_in_log(&self) -> bool {
        self.made.is_empty()
    }

    /// The value of `id`; `log` is the message the fields were extracted from.
    pub fn value<'a>(&'a self, id: FieldId, log: &'a [u8]) -> Option<&'a [u8]> {
        Some(self.bytes(self.entries[self.index(id)?].place, log))
    }

    /// The fields that count, in the order in which they were extracted.
    pub fn iter<'a>(&'a self, log: &'a [u8]) -> impl Iterator<Item = (FieldId, &'a [u8])> {
        let counts = |(index, entry): &(usize, &Entry)| self.index(entry.id) == Some(*index);
        self.entries.iter().enumerate().filter(counts).map(move |(_, &entry)| (entry.id, self.bytes(entry.place, log)))
    }

    /// Everything extracted, values that a later one replaced included.
    pub fn extracted<'a>(&'a self, log: &'a [u8]) -> impl Iterator<Item = (FieldId, &'a [u8])> {
        self.entries.iter().map(move |&entry| (entry.id, self.bytes(entry.place, log)))
    }

    fn bytes<'a>(&'a self, place: Place, log: &'a [u8]) -> &'a [u8] {
        place.of(if place.made { &self.made } else { log })
    }
}

/// Offsets within a line; the collector cuts lines at 64 KiB.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
