//! Removal of expired events of a key.

use std::collections::HashMap;

use super::counters::Counters;

/// Room for counting.
#[derive(Debug)]
pub(super) struct Pruner {
    /// Of each counter, how many newer events it has.
    newer: Vec<usize>,
    /// Of each counter and `url`.
    newer_of_url: HashMap<(u32, u64), usize>,
    /// The events that stay, newest first.
    pub kept: Vec<u32>,
    pub dropped: Vec<u32>,
}

/// An event under a key.
pub(super) struct Candidate {
    pub slot: u32,
    pub rule: u32,
    pub url: u64,
    pub seconds: i64,
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

    /// Sorts the events of a key of `kind`, newest first, into those that stay and those that change no
    /// answer: those outside the windows of all rules that count them, and those behind as many newer ones
    /// as these rules ask for.
    ///
    /// Where only events of another `url` count, that many of each `url` stay, and twice as many of
    /// all: whichever `url` comes next, the events of others among them are enough.
    pub(super) fn sort(&mut self, counters: &Counters, kind: u32, events: impl Iterator<Item = Candidate>, now: i64) {
        let other_url = counters.kind(kind).other_url;
        let Self { newer, newer_of_url, kept, dropped } = self;
        newer.fill(0);
        newer_of_url.clear();
        kept.clear();
        dropped.clear();
        for event in events {
            let age = (now - event.seconds).abs();
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
            if is_needed { kept.push(event.slot) } else { dropped.push(event.slot) }
        }
    }
}
