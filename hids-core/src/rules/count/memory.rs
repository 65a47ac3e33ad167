//! The events under their keys, in bounded memory.

use std::hash::{BuildHasher as _, RandomState};

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::counters::{Counters, KEY_PARTS};
use super::limits::{Class, Shelf, Usage};
use super::parts;
use super::prune::{Candidate, Pruner};
use super::slab::Slab;
use crate::decode::FieldId;
use crate::model::Timestamp;
use crate::rules::def::Same;
use crate::rules::event::RuleEvent;

/// Longest line kept; OSSEC's longest message.
const MAX_LINE_BYTES: usize = 6144;
/// Longest line kept while lines use more than half of their room.
const SHORT_LINE_BYTES: usize = 256;
/// What an allocation costs besides its bytes.
const ALLOCATION_BYTES: usize = 16;
/// A list of events is looked through when it has grown to this.
const FIRST_LOOK: u32 = 4;

/// What of an event is counted and shown.
#[derive(Debug, Default)]
pub(super) struct Event {
    pub time: Timestamp,
    pub line: Box<[u8]>,
    /// Number of its `url`, where a rule asks for other ones.
    pub url: u64,
    pub rule: u32,
    /// Keys under which it is.
    references: u32,
    /// Of these, keys with several events.
    with_others: u32,
    /// By the composite rule that last counted it.
    pub mark: Mark,
}

/// What a composite rule leaves on events when it fires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::rules) struct Mark {
    /// Its level; 0 for none.
    pub level: u16,
    /// What its events had in common.
    pub same: Same,
}

impl Mark {
    /// Whether a rule of that level stops counting here: its key has been reported already. The alert of
    /// a rule that counts more senders together does not say so of each of them (K15).
    pub(super) fn ends(self, level: u16, same: Same) -> bool {
        let key = same.0 & KEY_PARTS;
        self.level >= level && self.same.0 & key == key
    }
}

impl Event {
    fn class(&self) -> Option<Class> {
        (self.references > 0).then(|| Class::of(1 + self.with_others as usize))
    }

    fn bytes(&self) -> usize {
        self.line.len() + ALLOCATION_BYTES
    }
}

/// A key is known by 128 bits of a hash under keys that nobody outside knows, so that no two are the same.
type Print = [u64; 2];

/// A key and its events.
#[derive(Debug, Default)]
pub(super) struct Key {
    print: Print,
    last_seen: i64,
    /// Oldest first.
    pub events: SmallVec<[u32; 4]>,
    older: Option<Link>,
    newer: Option<Link>,
    pub kind: u32,
    /// Events at which the list is looked through the next time.
    pub next_look: u32,
    pub class: Class,
}

/// Number of a key; never 0, so that a missing one takes no room.
type Link = std::num::NonZeroU32;

impl Key {
    fn hash(&self) -> u64 {
        hash(self.kind, self.print)
    }

    /// Of a long list.
    pub(super) fn bytes(&self) -> usize {
        if self.events.spilled() { self.events.capacity() * size_of::<u32>() + ALLOCATION_BYTES } else { 0 }
    }
}

/// The print is as good as random already.
fn hash(kind: u32, print: Print) -> u64 {
    print[0].wrapping_add(u64::from(kind).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

fn link(id: u32) -> Option<Link> {
    Link::new(id + 1)
}

fn id(link: Option<Link>) -> Option<u32> {
    link.map(|link| link.get() - 1)
}

/// All that the default mode's composite rules remember.
#[derive(Debug)]
pub(in crate::rules) struct Counts {
    pub(super) events: Slab<Event>,
    pub(super) keys: Slab<Key>,
    table: HashTable<u32>,
    hashers: [RandomState; 2],
    /// By kind and class.
    pub(super) shelves: Vec<[Shelf; 2]>,
    pub(super) usage: [Usage; 2],
    half: Usage,
    prints: Prints,
    pub(super) pruner: Pruner,
    /// Second in which windows that have ended were last looked for.
    swept: Option<i64>,
    /// Keys pushed out inside their windows, by class.
    forgotten: [u64; 2],
    /// Lines cut for lack of room.
    pub(in crate::rules) shortened: u64,
}

/// The prints of the event at hand, by what makes them; each is worked out once.
#[derive(Debug)]
struct Prints {
    known: Vec<(u64, Option<Print>)>,
    /// Number of the event.
    event: u64,
    text: Vec<u8>,
}

impl Counts {
    pub(in crate::rules) fn new(counters: &Counters) -> Self {
        Self::with_limit(counters, Usage::HALF)
    }

    /// `half`: what the keys of each class may hold.
    pub(super) fn with_limit(counters: &Counters, half: Usage) -> Self {
        Self {
            events: Slab::default(),
            keys: Slab::default(),
            table: HashTable::new(),
            hashers: [RandomState::new(), RandomState::new()],
            shelves: vec![Default::default(); counters.kind_count()],
            usage: Default::default(),
            half,
            prints: Prints { known: vec![(0, None); counters.parts().len()], event: 0, text: Vec::new() },
            pruner: Pruner::new(counters),
            swept: None,
            forgotten: [0; 2],
            shortened: 0,
        }
    }

    /// Forgets what was worked out for the event before.
    pub(in crate::rules) fn start_event(&mut self) {
        self.prints.event += 1;
    }

    /// Keys pushed out inside their windows: with a single event, with several.
    pub(in crate::rules) fn forgotten(&self) -> [u64; 2] {
        self.forgotten
    }

    /// Keeps `event`, which `rule` has won, under each of its keys. `fits`: whether it matches the
    /// `if_matched_regex` of a rule.
    pub(in crate::rules) fn add(
        &mut self,
        counters: &Counters,
        event: &RuleEvent<'_>,
        mark: Mark,
        rule: u32,
        fits: impl Fn(u32) -> bool,
    ) {
        let now = event.now.unix_seconds();
        self.sweep(counters, now);
        let matching = counters.by_message().filter(|&(rule, _)| fits(rule)).map(|(_, kind)| kind);
        let mut kept = None;
        for kind in counters.kinds_of(rule).chain(matching) {
            let Some(print) = self.print(counters, kind, event) else { continue };
            let slot = *kept.get_or_insert_with(|| {
                let slot = self.keep(event, mark, rule);
                self.events[slot].url = 0;
                slot
            });
            if counters.kind(kind).other_url {
                self.events[slot].url = self.url(event).unwrap_or_default();
            }
            self.enter(counters, kind, print, slot, now);
        }
        self.keep_to_limits();
    }

    fn keep(&mut self, event: &RuleEvent<'_>, mark: Mark, rule: u32) -> u32 {
        let used: usize = self.usage.iter().map(|usage| usage.bytes).sum();
        let most = if used > self.half.bytes { SHORT_LINE_BYTES } else { MAX_LINE_BYTES };
        self.shortened += u64::from(event.full_log.len() > most);
        let line = event.full_log[..event.full_log.len().min(most)].into();
        self.events.insert(Event { time: event.now, line, rule, mark, ..Event::default() })
    }

    fn enter(&mut self, counters: &Counters, kind: u32, print: Print, slot: u32, now: i64) {
        let window = counters.kind(kind).window_seconds;
        let key = match self.find(kind, print) {
            Some(key) => {
                if self.has_ended(key, window, now) {
                    self.clear(key);
                }
                key
            }
            None => {
                let key =
                    self.keys.insert(Key { print, kind, next_look: FIRST_LOOK, last_seen: now, ..Key::default() });
                let keys = &self.keys;
                self.table.insert_unique(hash(kind, print), key, |&key| keys[key].hash());
                self.usage[Class::Single as usize].keys += 1;
                self.shelve(key);
                key
            }
        };
        let class = self.keys[key].class;
        self.reckon(key, |key| key.events.push(slot));
        self.shelves[kind as usize][class as usize].events += 1;
        self.hold(slot, class);
        self.keys[key].last_seen = now;
        if self.keys[key].events.len() as u32 > self.keys[key].next_look {
            self.prune(counters, key, now);
        }
        self.unshelve(key);
        self.reclass(key);
        self.shelve(key);
    }

    /// Drops the events of `key` that no rule can need any more.
    pub(super) fn prune(&mut self, counters: &Counters, key: u32, now: i64) {
        let (kind, class) = (self.keys[key].kind, self.keys[key].class);
        let events = self.keys[key].events.iter().rev().map(|&slot| {
            let event = &self.events[slot];
            Candidate { slot, rule: event.rule, url: event.url, seconds: event.time.unix_seconds() }
        });
        self.pruner.sort(counters, kind, events, now);
        let (kept, dropped) = (std::mem::take(&mut self.pruner.kept), std::mem::take(&mut self.pruner.dropped));
        self.reckon(key, |key| {
            key.events.clear();
            key.events.extend(kept.iter().rev().copied());
            if key.events.capacity() > 4 * key.events.len() {
                key.events.shrink_to_fit();
            }
            key.next_look = u32::try_from(2 * key.events.len()).unwrap_or(u32::MAX).max(4);
        });
        self.shelves[kind as usize][class as usize].events -= dropped.len();
        dropped.iter().for_each(|&slot| self.release(slot, class));
        (self.pruner.kept, self.pruner.dropped) = (kept, dropped);
    }

    pub(super) fn find(&self, kind: u32, print: Print) -> Option<u32> {
        let is = |&key: &u32| self.keys[key].kind == kind && self.keys[key].print == print;
        self.table.find(hash(kind, print), is).copied()
    }

    /// Changes a key's list, and what it is reckoned to take.
    pub(super) fn reckon(&mut self, key: u32, change: impl FnOnce(&mut Key)) {
        let key = &mut self.keys[key];
        let usage = &mut self.usage[key.class as usize].bytes;
        *usage -= key.bytes();
        change(key);
        *usage += key.bytes();
    }

    fn has_ended(&self, key: u32, window: i64, now: i64) -> bool {
        // Nor does a key count that was seen in a future which a clock set back has undone.
        (now - self.keys[key].last_seen).abs() > window
    }

    /// Puts a key whose number of events has changed into its class.
    fn reclass(&mut self, key: u32) {
        let (from, to) = (self.keys[key].class, Class::of(self.keys[key].events.len()));
        if from == to {
            return;
        }
        let (bytes, count, kind) = (self.keys[key].bytes(), self.keys[key].events.len(), self.keys[key].kind as usize);
        self.keys[key].class = to;
        self.usage[from as usize].bytes -= bytes;
        self.usage[to as usize].bytes += bytes;
        self.usage[from as usize].keys -= 1;
        self.usage[to as usize].keys += 1;
        self.shelves[kind][from as usize].events -= count;
        self.shelves[kind][to as usize].events += count;
        for at in 0..count {
            let slot = self.keys[key].events[at];
            self.change(slot, |event| match to {
                Class::Several => event.with_others += 1,
                Class::Single => event.with_others -= 1,
            });
        }
    }

    fn hold(&mut self, slot: u32, class: Class) {
        self.change(slot, |event| {
            event.references += 1;
            event.with_others += u32::from(class == Class::Several);
        });
    }

    pub(super) fn release(&mut self, slot: u32, class: Class) {
        self.change(slot, |event| {
            event.references -= 1;
            event.with_others -= u32::from(class == Class::Several);
        });
        if self.events[slot].references == 0 {
            self.events.remove(slot);
        }
    }

    /// Changes where an event is held, and in which class it is reckoned.
    fn change(&mut self, slot: u32, change: impl FnOnce(&mut Event)) {
        let event = &mut self.events[slot];
        let before = event.class();
        change(event);
        let after = event.class();
        if before == after {
            return;
        }
        let bytes = event.bytes();
        if let Some(class) = before {
            self.usage[class as usize].events -= 1;
            self.usage[class as usize].bytes -= bytes;
        }
        if let Some(class) = after {
            self.usage[class as usize].events += 1;
            self.usage[class as usize].bytes += bytes;
        }
    }

    /// Forgets the events of a key.
    fn clear(&mut self, key: u32) {
        let (class, kind) = (self.keys[key].class, self.keys[key].kind as usize);
        let mut events = SmallVec::new();
        self.reckon(key, |key| std::mem::swap(&mut events, &mut key.events));
        self.shelves[kind][class as usize].events -= events.len();
        events.iter().for_each(|&slot| self.release(slot, class));
        self.keys[key].next_look = FIRST_LOOK;
    }

    /// Forgets a key.
    fn forget(&mut self, key: u32) {
        self.clear(key);
        self.unshelve(key);
        self.usage[self.keys[key].class as usize].keys -= 1;
        if let Ok(entry) = self.table.find_entry(self.keys[key].hash(), |&known| known == key) {
            entry.remove();
        }
        self.keys.remove(key);
    }

    /// Forgets the keys whose windows have ended, once a second.
    fn sweep(&mut self, counters: &Counters, now: i64) {
        if self.swept == Some(now) {
            return;
        }
        self.swept = Some(now);
        for kind in 0..self.shelves.len() {
            let window = counters.kind(kind as u32).window_seconds;
            for class in Class::ALL {
                while let Some(oldest) = self.shelves[kind][class as usize].oldest
                    && self.has_ended(oldest, window, now)
                {
                    self.forget(oldest);
                }
            }
        }
    }

    /// Makes room: of the kind with the most events the key seen least recently goes first. Several
    /// first: their events may be left to keys that have one.
    fn keep_to_limits(&mut self) {
        for class in [Class::Several, Class::Single] {
            while self.usage[class as usize].exceeds(&self.half) {
                let largest = self.shelves.iter().max_by_key(|shelves| shelves[class as usize].events);
                let Some(oldest) = largest.and_then(|shelves| shelves[class as usize].oldest) else { break };
                self.forgotten[class as usize] += 1;
                self.forget(oldest);
            }
        }
    }

    /// Makes a key the one of its kind and class that was seen last.
    fn shelve(&mut self, key: u32) {
        let shelf = &mut self.shelves[self.keys[key].kind as usize][self.keys[key].class as usize];
        let before = shelf.newest.replace(key);
        match before {
            Some(before) => self.keys[before].newer = link(key),
            None => shelf.oldest = Some(key),
        }
        (self.keys[key].older, self.keys[key].newer) = (before.and_then(link), None);
    }

    fn unshelve(&mut self, key: u32) {
        let shelf = &mut self.shelves[self.keys[key].kind as usize][self.keys[key].class as usize];
        let (older, newer) = (self.keys[key].older, self.keys[key].newer);
        match id(older) {
            Some(older) => self.keys[older].newer = newer,
            None => shelf.oldest = id(newer),
        }
        match id(newer) {
            Some(newer) => self.keys[newer].older = older,
            None => shelf.newest = id(older),
        }
    }

    /// The print of the event's key; `None` when it lacks a part.
    pub(super) fn print(&mut self, counters: &Counters, kind: u32, event: &RuleEvent<'_>) -> Option<Print> {
        let parts = counters.kind(kind).parts;
        let (known_for, print) = self.prints.known[parts as usize];
        if known_for == self.prints.event {
            return print;
        }
        let text = &mut self.prints.text;
        text.clear();
        let print = parts::write(&counters.parts()[parts as usize], event, text)
            .map(|()| [self.hashers[0].hash_one(&text[..]), self.hashers[1].hash_one(&text[..])]);
        self.prints.known[parts as usize] = (self.prints.event, print);
        print
    }

    /// A number for the event's `url`.
    pub(super) fn url(&self, event: &RuleEvent<'_>) -> Option<u64> {
        event.field(FieldId::URL).map(|url| self.hashers[0].hash_one(url))
    }
}
