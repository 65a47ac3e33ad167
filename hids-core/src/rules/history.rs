//! Earlier events that composite rules may count in the strict mode: OSSEC's lists
//! (`src/analysisd/eventinfo_list.c`). The default mode counts by keys (`rules/count`).

use std::collections::VecDeque;

use super::event::RuleEvent;
use super::tree::EventList;
use crate::decode::{EventKind, FieldId};
use crate::model::Timestamp;

/// When there are more events than memory for them, so many of the oldest are forgotten at once.
const FORGOTTEN_AT_ONCE: u64 = 10;
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

    pub(super) fn push(&mut self, time: Timestamp, line: &[u8]) {
        self.text.extend_from_slice(line);
        self.lines.push((time, self.text.len()));
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
    /// Events are numbered as they come.
    number: u64,
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

/// How much the lists hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListLimits {
    /// Events of the list of a rule (`analysisd.sid_prev_matched_max`).
    pub of_rule: usize,
    /// Events remembered at all, whether or not they are in a list (`<memory_size>`).
    pub of_all: usize,
    /// Whether all of them are a list, for `if_matched_regex`.
    pub keeps_all: bool,
}

/// Where the events of a rule go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lists<'a> {
    /// The list of the rule, because another one names it; then no other.
    pub own: Option<u32>,
    pub groups: &'a [u32],
    /// How often they count in the lists of groups: once for each place that the rule has in the tree.
    pub times: u32,
}

/// An event in a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub slot: u32,
    pub times: u32,
}

/// All events kept: each once, named by the lists it is in.
#[derive(Debug)]
pub(super) struct EventStore {
    slots: Vec<Stored>,
    free: Vec<u32>,
    /// The lists of rules and groups, oldest first.
    lists: Vec<VecDeque<Listed>>,
    /// All recent events, for `if_matched_regex`.
    all: VecDeque<Listed>,
    limits: ListLimits,
    /// Events so far, and how many of them are forgotten.
    events: u64,
    forgotten: u64,
    total_bytes: usize,
    /// Lines cut because too much was kept.
    pub shortened: u64,
}

impl EventStore {
    pub(super) fn new(lists: u32, limits: ListLimits) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            lists: (0..lists).map(|_| VecDeque::new()).collect(),
            all: VecDeque::new(),
            limits,
            events: 0,
            forgotten: 0,
            total_bytes: 0,
            shortened: 0,
        }
    }

    pub(super) fn list(&self, list: EventList) -> &VecDeque<Listed> {
        match list {
            EventList::Rule(list) | EventList::Group(list) => &self.lists[list as usize],
            EventList::All => &self.all,
        }
    }

    pub(super) fn get(&self, slot: u32) -> &Stored {
        &self.slots[slot as usize]
    }

    pub(super) fn mark(&mut self, slot: u32, level: u16) {
        self.slots[slot as usize].mark = level;
    }

    /// Keeps `event` in `lists`, and in the list of all if there is one.
    pub(super) fn add(&mut self, event: &RuleEvent<'_>, mark: u16, lists: Lists<'_>) {
        self.remember();
        if lists.own.is_none() && lists.groups.is_empty() && !self.limits.keeps_all {
            return;
        }
        if let Some(own) = lists.own
            && self.lists[own as usize].len() >= self.limits.of_rule
            && let Some(oldest) = self.lists[own as usize].pop_front()
        {
            self.release(oldest.slot);
        }
        let slot = self.fill(event, mark);
        let places = match &lists.own {
            Some(own) => std::slice::from_ref(own),
            None => lists.groups,
        };
        let times = if lists.own.is_some() { 1 } else { lists.times };
        for &list in places {
            self.lists[list as usize].push_back(Listed { slot, times });
        }
        if self.limits.keeps_all {
            self.all.push_back(Listed { slot, times: 1 });
        }
        self.slots[slot as usize].references = places.len() as u32 + u32::from(self.limits.keeps_all);
    }

    /// Numbers an event; if there are too many, the oldest leave all lists.
    fn remember(&mut self) {
        self.events += 1;
        if self.events - self.forgotten <= self.limits.of_all as u64 {
            return;
        }
        self.forgotten += FORGOTTEN_AT_ONCE;
        for list in 0..=self.lists.len() {
            while let Some(&oldest) = self.lists.get(list).unwrap_or(&self.all).front()
                && self.slots[oldest.slot as usize].number <= self.forgotten
            {
                self.lists.get_mut(list).unwrap_or(&mut self.all).pop_front();
                self.release(oldest.slot);
            }
        }
    }

    fn fill(&mut self, event: &RuleEvent<'_>, mark: u16) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Stored::default());
            // At most the events remembered, far below 2^32.
            self.slots.len() as u32 - 1
        });
        let crowded = self.total_bytes > MAX_TOTAL_BYTES;
        let max_log_bytes = if crowded { SHORT_LOG_BYTES } else { MAX_LOG_BYTES };
        self.shortened += u64::from(event.full_log.len() > max_log_bytes);
        let stored = &mut self.slots[slot as usize];
        self.total_bytes -= stored.text.capacity();
        stored.fill(event, mark, max_log_bytes);
        self.total_bytes += stored.text.capacity();
        stored.number = self.events;
        slot
    }

    fn release(&mut self, slot: u32) {
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
