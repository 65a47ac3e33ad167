//! Earlier events that composite rules may count, in bounded lists.

use std::collections::VecDeque;

use super::run::RuleEvent;
use super::tree::ContextList;
use crate::decode::{EventKind, FieldId};
use crate::model::Timestamp;

/// Events kept per rule or group (`analysisd.sid_prev_matched_max`).
pub(super) const LIST_LENGTH: usize = 128;
/// Longest line kept; OSSEC's longest message.
const MAX_LOG_BYTES: usize = 6144;
/// Longest line kept when the lines kept use more than [`MAX_TOTAL_BYTES`].
const SHORT_LOG_BYTES: usize = 256;
const MAX_TOTAL_BYTES: usize = 32 << 20;
/// Of a field, this much is kept and compared, besides its length.
const MAX_FIELD_BYTES: usize = 1024;
/// A free place gives memory beyond this back.
const KEEP_CAPACITY_BYTES: usize = 1024;

/// Parts of an event that later events are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Hostname,
    SrcIp,
    DstUser,
    SrcPort,
    DstPort,
    Id,
    Url,
}

const KEPT_FIELDS: [(Kept, FieldId); 6] = [
    (Kept::SrcIp, FieldId::SRC_IP),
    (Kept::DstUser, FieldId::DST_USER),
    (Kept::SrcPort, FieldId::SRC_PORT),
    (Kept::DstPort, FieldId::DST_PORT),
    (Kept::Id, FieldId::ID),
    (Kept::Url, FieldId::URL),
];

/// The lines that a composite rule counted: copies, since their events may be replaced at once.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    text: Vec<u8>,
    lines: Vec<(Timestamp, usize)>,
}

impl Evidence {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.lines.clear();
    }

    pub(super) fn push(&mut self, stored: &Stored) {
        self.text.extend_from_slice(stored.full_log());
        self.lines.push((stored.time, self.text.len()));
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = (Timestamp, &[u8])> {
        let mut start = 0;
        self.lines.iter().map(move |&(time, end)| (time, &self.text[std::mem::replace(&mut start, end)..end]))
    }
}

/// An event kept.
#[derive(Debug, Default)]
pub(super) struct Stored {
    references: u32,
    pub time: Timestamp,
    pub seconds: i64,
    /// Level of the composite rule that last counted it.
    pub mark: u16,
    pub kind: EventKind,
    text: Vec<u8>,
    full_log_end: u32,
    log: (u32, u32),
    parts: [Option<Part>; 7],
}

#[derive(Clone, Copy, Debug)]
struct Part {
    start: u32,
    end: u32,
    /// Length before it was cut.
    length: u32,
}

impl Stored {
    pub(super) fn log(&self) -> &[u8] {
        &self.text[self.log.0 as usize..self.log.1 as usize]
    }

    pub(super) fn full_log(&self) -> &[u8] {
        &self.text[..self.full_log_end as usize]
    }

    /// Whether the part equals `value`; `None` when the event had no such part.
    pub(super) fn equals(&self, kept: Kept, value: &[u8]) -> Option<bool> {
        let part = self.parts[kept as usize]?;
        let known = &self.text[part.start as usize..part.end as usize];
        Some(part.length as usize == value.len() && known == &value[..value.len().min(MAX_FIELD_BYTES)])
    }

    fn fill(&mut self, event: &RuleEvent<'_>, mark: u16, max_log_bytes: usize) {
        self.time = event.now;
        self.seconds = event.now.unix_seconds();
        self.mark = mark;
        self.kind = event.kind;
        self.text.clear();
        self.text.extend_from_slice(&event.full_log[..event.full_log.len().min(max_log_bytes)]);
        self.full_log_end = self.text.len() as u32;
        let start = event.log_offset.min(self.text.len());
        self.log = (start as u32, (start + event.log.len()).min(self.text.len()) as u32);
        self.parts = [None; 7];
        self.keep(Kept::Hostname, Some(event.hostname));
        for (kept, field) in KEPT_FIELDS {
            self.keep(kept, event.field(field));
        }
    }

    fn keep(&mut self, kept: Kept, value: Option<&[u8]>) {
        self.parts[kept as usize] = value.map(|value| {
            let start = self.text.len() as u32;
            self.text.extend_from_slice(&value[..value.len().min(MAX_FIELD_BYTES)]);
            Part { start, end: self.text.len() as u32, length: value.len() as u32 }
        });
    }
}

/// All events kept: each once, named by the lists it is in.
#[derive(Debug)]
pub(super) struct EventStore {
    slots: Vec<Stored>,
    free: Vec<u32>,
    /// The lists of rules and groups, oldest first.
    lists: Vec<VecDeque<u32>>,
    /// All recent events, for `if_matched_regex`.
    all: VecDeque<u32>,
    all_length: usize,
    total_bytes: usize,
    /// Lines cut because too much was kept.
    pub shortened: u64,
}

impl EventStore {
    pub(super) fn new(lists: u32, all_length: usize) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            lists: (0..lists).map(|_| VecDeque::new()).collect(),
            all: VecDeque::new(),
            all_length,
            total_bytes: 0,
            shortened: 0,
        }
    }

    pub(super) fn list(&self, list: ContextList) -> &VecDeque<u32> {
        match list {
            ContextList::Rule(list) | ContextList::Group(list) => &self.lists[list as usize],
            ContextList::All => &self.all,
        }
    }

    pub(super) fn get(&self, slot: u32) -> &Stored {
        &self.slots[slot as usize]
    }

    pub(super) fn mark(&mut self, slot: u32, level: u16) {
        self.slots[slot as usize].mark = level;
    }

    /// Keeps `event` in `lists`, and in the list of all if there is one.
    pub(super) fn add(&mut self, event: &RuleEvent<'_>, mark: u16, lists: &[u32]) {
        if lists.is_empty() && self.all_length == 0 {
            return;
        }
        for &list in lists {
            if self.lists[list as usize].len() >= LIST_LENGTH {
                let oldest = self.lists[list as usize].pop_front();
                self.release(oldest);
            }
        }
        if self.all_length > 0 && self.all.len() >= self.all_length {
            let oldest = self.all.pop_front();
            self.release(oldest);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Stored::default());
            // 128 events of each list and `memory_size` are far below 2^32.
            self.slots.len() as u32 - 1
        });
        let crowded = self.total_bytes > MAX_TOTAL_BYTES;
        let max_log_bytes = if crowded { SHORT_LOG_BYTES } else { MAX_LOG_BYTES };
        self.shortened += u64::from(event.full_log.len() > max_log_bytes);
        let stored = &mut self.slots[slot as usize];
        self.total_bytes -= stored.text.capacity();
        stored.fill(event, mark, max_log_bytes);
        self.total_bytes += stored.text.capacity();
        stored.references = 0;
        for &list in lists {
            self.lists[list as usize].push_back(slot);
            stored.references += 1;
        }
        if self.all_length > 0 {
            self.all.push_back(slot);
            stored.references += 1;
        }
    }

    fn release(&mut self, slot: Option<u32>) {
        let Some(slot) = slot else { return };
        let stored = &mut self.slots[slot as usize];
        stored.references -= 1;
        if stored.references > 0 {
            return;
        }
        if stored.text.capacity() > KEEP_CAPACITY_BYTES {
            self.total_bytes -= stored.text.capacity();
            stored.text = Vec::new();
        }
        self.free.push(slot);
    }
}
