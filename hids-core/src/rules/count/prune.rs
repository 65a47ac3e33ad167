//! Which events of a key no rule can need any more.

use std::collections::HashMap;

use super::counters::Counters;
use super::memory::Counts;

/// Room for counting.
#[derive(Debug)]
pub(super) struct Pruner {
    /// Of each counter, how many newer events it has.
    newer: Vec<usize>,
    /// Of each counter and `url`.
    newer_of_url: HashMap<(u32, u64), usize>,
    /// The events that stay, newest first.
    kept: Vec<u32>,
    dropped: Vec<u32>,
}

impl Pruner {
    pub(super) fn new(counters: &Counters) -> Self {
        Self {
            newer: vec![0; counters.counter_count()],
            newer_of_url: HashMap::new(),
            kept: Vec::new(),
            dropped: Vec::new(),
        }
    }
}

impl Counts {
    /// Drops the events of `key` that change no answer: those outside the windows of all rules that
    /// count them, and those behind as many newer ones as these rules ask for.
    ///
    /// Where only events of another `url` count, that many of each `url` stay, and twice as many of
    /// all: whichever `url` comes next, the events of others among them are enough.
    pub(super) fn prune(&mut self, counters: &Counters, key: u32, now: i64) {
        let (kind, class) = (self.keys[key].kind, self.keys[key].class);
        let other_url = counters.kind(kind).other_url;
        let Pruner { newer, newer_of_url, kept, dropped } = &mut self.pruner;
        newer.fill(0);
        newer_of_url.clear();
        kept.clear();
        dropped.clear();
        for &slot in self.keys[key].events.iter().rev() {
            let event = &self.events[slot];
            let age = (now - event.time.unix_seconds()).abs();
            let mut is_needed = false;
            for &number in counters.fed(event.rule, kind) {
                let counter = counters.counter(number);
                if age > counter.window_seconds {
                    continue;
                }
                let newer = &mut newer[number as usize];
                if !other_url {
                    is_needed |= *newer < counter.wanted;
                    *newer += 1;
                    continue;
                }
                let of_url = newer_of_url.entry((number, event.url)).or_default();
                if *of_url < counter.wanted && *newer < counter.wanted.saturating_mul(2) {
                    is_needed = true;
                    *of_url += 1;
                    *newer += 1;
                }
            }
            if is_needed { kept.push(slot) } else { dropped.push(slot) }
        }
        let (kept, dropped) = (std::mem::take(kept), std::mem::take(dropped));
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
}
