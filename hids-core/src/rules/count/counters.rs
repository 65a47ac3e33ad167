//! Counters of composite rules and their keys, computed when rules are compiled.

use crate::rules::composite::Composite;
use crate::rules::def::Same;
use crate::rules::tree::EventList;

/// Parts of an event that make a key.
pub(super) const KEY_PARTS: u16 =
    Same::SOURCE_IP | Same::USER | Same::SRC_PORT | Same::DST_PORT | Same::ID | Same::LOCATION;
/// Of these, what many different events have; a place is the same for most.
const MANY_VALUES: u16 = KEY_PARTS & !Same::LOCATION;

/// All that is counted.
#[derive(Debug, Default)]
pub(in crate::rules) struct Counters {
    counters: Vec<Counter>,
    kinds: Vec<Kind>,
    /// The different sets of parts that make keys.
    parts: Vec<Parts>,
    /// Of each rule, what its events are counted by.
    feeds: Vec<Vec<Feed>>,
    /// For `if_matched_regex`: rule with the pattern, and counter.
    by_message: Vec<(u32, u32)>,
}

/// What one or more rules count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counter {
    /// Kind of its keys.
    pub kind: u32,
    /// Earlier events that are enough for each of the rules.
    pub wanted: usize,
    /// The longest of their time windows.
    pub window_seconds: i64,
}

/// Keys that are kept together: they have the same parts, and windows of about the same length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// Number of what makes the keys.
    pub parts: u32,
    /// Whether only events of another `url` count.
    pub other_url: bool,
    /// The longest window of a counter.
    pub window_seconds: i64,
    /// The only counter, where its keys are not shared with others.
    own: Option<u32>,
}

/// What makes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub same: Same,
    /// Whether the kind of the event does, too.
    pub event_kind: bool,
}

#[derive(Debug)]
struct Feed {
    kind: u32,
    counters: Vec<u32>,
}

/// What is counted of a rule's events, and what it counts.
pub(in crate::rules) struct CountedRule<'a> {
    /// Of a composite rule, which gets the number of its counter.
    pub context: Option<&'a mut Composite>,
    pub own_list: Option<u32>,
    pub group_lists: &'a [u32],
}

impl Counters {
    /// The counters of `rules`, in the order of the set.
    pub(in crate::rules) fn of(mut rules: Vec<CountedRule<'_>>) -> Self {
        let mut counters = Self::default();
        let mut known: Vec<(EventList, Same, u32)> = Vec::new();
        for (index, rule) in rules.iter_mut().enumerate() {
            let Some(context) = rule.context.as_deref_mut() else { continue };
            // Without data on countries, none is a different one.
            if context.same.has(Same::DIFFERENT_SRC_GEOIP) {
                continue;
            }
            let same = Same(context.same.0 & (KEY_PARTS | Same::DIFFERENT_URL));
            let shared = known.iter().find(|(list, parts, _)| (*list, *parts) == (context.list, same));
            let number = match shared {
                Some(&(.., number)) if context.regex.is_none() => number,
                _ => counters.add(same, context.regex.is_some(), context.timeframe_seconds),
            };
            let counter = &mut counters.counters[number as usize];
            counter.wanted = counter.wanted.max(context.frequency.saturating_add(1));
            counter.window_seconds = counter.window_seconds.max(context.timeframe_seconds);
            let kind = &mut counters.kinds[counter.kind as usize];
            kind.window_seconds = kind.window_seconds.max(context.timeframe_seconds);
            context.counter = Some(number);
            match context.list {
                EventList::All => counters.by_message.push((index as u32, number)),
                list => known.push((list, same, number)),
            }
        }
        counters.feeds = rules.iter().map(|rule| counters.feeds_of(rule, &known)).collect();
        counters
    }

    fn add(&mut self, same: Same, event_kind: bool, window_seconds: i64) -> u32 {
        let number = self.counters.len() as u32;
        let is_shared = same.0 & MANY_VALUES != 0 && !event_kind;
        let parts = self.parts_of(Parts { same, event_kind });
        // Windows of one kind differ by a factor of less than two, so that the key seen least recently
        // is about the one whose window ends first.
        let scale = |seconds: i64| seconds.max(1).ilog2();
        let shared = self
            .kinds
            .iter()
            .position(|kind| {
                kind.own.is_none() && kind.parts == parts && scale(kind.window_seconds) == scale(window_seconds)
            })
            .filter(|_| is_shared);
        let kind = shared.unwrap_or_else(|| {
            let own = (!is_shared).then_some(number);
            self.kinds.push(Kind { parts, other_url: same.has(Same::DIFFERENT_URL), window_seconds, own });
            self.kinds.len() - 1
        });
        self.counters.push(Counter { kind: kind as u32, wanted: 0, window_seconds: 0 });
        number
    }

    fn parts_of(&mut self, parts: Parts) -> u32 {
        let known = self.parts.iter().position(|known| *known == parts);
        known.unwrap_or_else(|| {
            self.parts.push(parts);
            self.parts.len() - 1
        }) as u32
    }

    /// Events of a rule that has a list of its own count for the groups, too (K27), and once for each
    /// counter, however many parents the rule has (K29).
    fn feeds_of(&self, rule: &CountedRule<'_>, known: &[(EventList, Same, u32)]) -> Vec<Feed> {
        let mut feeds: Vec<Feed> = Vec::new();
        for &(list, _, number) in known {
            let enters = match list {
                EventList::Rule(list) => rule.own_list == Some(list),
                EventList::Group(list) => rule.group_lists.contains(&list),
                EventList::All => false,
            };
            if !enters {
                continue;
            }
            let kind = self.counters[number as usize].kind;
            match feeds.iter_mut().find(|feed| feed.kind == kind) {
                Some(feed) if feed.counters.contains(&number) => {}
                Some(feed) => feed.counters.push(number),
                None => feeds.push(Feed { kind, counters: vec![number] }),
            }
        }
        feeds
    }

    pub(super) fn counter(&self, number: u32) -> &Counter {
        &self.counters[number as usize]
    }

    pub(super) fn counter_count(&self) -> usize {
        self.counters.len()
    }

    pub(super) fn kind(&self, kind: u32) -> &Kind {
        &self.kinds[kind as usize]
    }

    pub(super) fn kind_count(&self) -> usize {
        self.kinds.len()
    }

    pub(super) fn parts(&self) -> &[Parts] {
        &self.parts
    }

    /// The kinds of keys that events of `rule` have.
    pub(super) fn kinds_of(&self, rule: u32) -> impl Iterator<Item = u32> {
        self.feeds[rule as usize].iter().map(|feed| feed.kind)
    }

    /// For `if_matched_regex`: the rules with a pattern, and the kinds of keys of what it matches.
    pub(super) fn by_message(&self) -> impl Iterator<Item = (u32, u32)> {
        self.by_message.iter().map(|&(rule, counter)| (rule, self.counters[counter as usize].kind))
    }

    /// What an event of `rule` under a key of this kind is counted by.
    pub(super) fn fed(&self, rule: u32, kind: u32) -> &[u32] {
        match &self.kinds[kind as usize].own {
            Some(own) => std::slice::from_ref(own),
            None => self.feeds[rule as usize].iter().find(|feed| feed.kind == kind).map_or(&[], |feed| &feed.counters),
        }
    }
}
