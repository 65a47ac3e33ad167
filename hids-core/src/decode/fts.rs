//! "First time seen": which combinations of fields have occurred before.

use std::collections::{HashSet, VecDeque};

use super::fields::{FieldId, FieldValues};

/// Combinations remembered; beyond it the oldest is forgotten (and would be new again).
const MAX_COMBINATIONS: usize = 100_000;
/// Which fields make up a combination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FtsFields(u8);

impl FtsFields {
    const NAME: u8 = 1;
    const ID: u8 = 2;
    const USER: u8 = 4;
    const SRC_IP: u8 = 8;
    const DST_IP: u8 = 16;
    const DATA: u8 = 32;
    const SYSTEM_NAME: u8 = 64;
    const LOCATION: u8 = 128;

    /// The fields that a comma list names; words are searched for as in OSSEC
    /// (`decoders/decode-xml.c`), so that `srcuser` means the user acted upon.
    pub fn parse(text: &str) -> Option<Self> {
        let bit = |word: &str| {
            let words = [
                ("user", Self::USER),
                ("srcip", Self::SRC_IP),
                ("dstip", Self::DST_IP),
                ("id", Self::ID),
                ("location", Self::LOCATION),
                ("data", Self::DATA),
                ("system_name", Self::SYSTEM_NAME),
                ("name", Self::NAME),
            ];
            words.iter().find(|(name, _)| word.contains(name)).map(|(_, bit)| *bit)
        };
        let mut bits = 0;
        for word in text.split(',') {
            bits |= bit(word)?;
        }
        Some(Self(bits))
    }

    /// As OSSEC tests `check_if_ignored`: data and system name by the flags of `<ignore>`.
    pub fn as_tested_by_ossec(self, ignore: Self) -> Self {
        let crossed = Self::DATA | Self::SYSTEM_NAME;
        Self((self.0 & !crossed) | (ignore.0 & crossed))
    }

    /// Writes the combination of one event to `out`: selected values with blanks in between.
    pub fn write(self, names: EventNames<'_>, fields: &FieldValues, out: &mut Vec<u8>) {
        out.clear();
        let field = |id| fields.value(id, names.log).unwrap_or_default();
        let values: [(u8, &[u8]); 8] = [
            (Self::NAME, names.decoder.as_bytes()),
            (Self::ID, field(FieldId::ID)),
            (Self::USER, field(FieldId::DST_USER)),
            (Self::SRC_IP, field(FieldId::SRC_IP)),
            (Self::DST_IP, field(FieldId::DST_IP)),
            (Self::DATA, field(FieldId::DATA)),
            (Self::SYSTEM_NAME, field(FieldId::SYSTEM_NAME)),
            (Self::LOCATION, names.location.as_bytes()),
        ];
        for (bit, value) in values {
            if self.0 & bit != 0 {
                out.extend_from_slice(value);
            }
            out.push(b' ');
        }
    }
}

/// What a combination needs of an event besides its fields.
#[derive(Clone, Copy, Debug)]
pub struct EventNames<'a> {
    /// Name of the decoder.
    pub decoder: &'a str,
    /// Where the line comes from.
    pub location: &'a str,
    /// The message.
    pub log: &'a [u8],
}

/// The combinations that have occurred.
#[derive(Debug)]
pub struct FirstSeen {
    seen: HashSet<Box<[u8]>>,
    order: VecDeque<Box<[u8]>>,
    recent: VecDeque<Box<[u8]>>,
    forgotten: u64,
    recent_length: usize,
    shared_prefix: usize,
}

impl FirstSeen {
    /// Nothing has occurred. Combinations of intrusion detection events are compared with the last
    /// `recent_length` ones (`analysisd.fts_list_size`), and are alike if they share more than
    /// `shared_prefix` leading characters (`analysisd.fts_min_size_for_str`).
    pub fn new(recent_length: usize, shared_prefix: usize) -> Self {
        Self {
            seen: HashSet::new(),
            order: VecDeque::new(),
            recent: VecDeque::new(),
            forgotten: 0,
            recent_length,
            shared_prefix,
        }
    }

    /// Whether `combination` is new; it is not afterwards.
    ///
    /// Events of intrusion detection that resemble three recent ones count as one (`fts.c`).
    pub fn is_new(&mut self, combination: &[u8], is_ids: bool) -> bool {
        if self.seen.contains(combination) {
            return false;
        }
        let mut key = combination;
        if is_ids {
            let shared = |other: &[u8]| other.iter().zip(combination).take_while(|(a, b)| a == b).count();
            if self.recent.iter().filter(|other| shared(other) > self.shared_prefix).count() > 2 {
                key = &combination[..self.shared_prefix];
            }
            if self.recent.len() >= self.recent_length {
                self.recent.pop_front();
            }
            self.recent.push_back(key.into());
        }
        self.insert(key)
    }

    fn insert(&mut self, key: &[u8]) -> bool {
        if !self.seen.insert(key.into()) {
            return false;
        }
        self.order.push_back(key.into());
        if self.order.len() > MAX_COMBINATIONS
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
            self.forgotten += 1;
        }
        true
    }

    /// Whether `combination` has occurred.
    pub fn contains(&self, combination: &[u8]) -> bool {
        self.seen.contains(combination)
    }

    /// The combinations, oldest first.
    pub fn combinations(&self) -> impl Iterator<Item = &[u8]> {
        self.order.iter().map(AsRef::as_ref)
    }

    /// Remembers a combination of an earlier run.
    pub fn restore(&mut self, combination: &[u8]) {
        self.insert(combination);
    }

    /// How many combinations were forgotten for lack of room.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}
