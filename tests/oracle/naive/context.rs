//! Composite rules: `decoders-and-rules.md` section 4.4.

use super::Event;
use super::patterns::matches;
use crate::model::{Earlier, Mode, Rule};

/// Events of `if_matched_sid` that each referenced rule keeps, in OSSEC's reading: 128 there
/// (`analysisd.sid_prev_matched_max`), few enough here that the cases reach it.
pub(crate) const SID_EVENTS: usize = 9;

/// Events that are remembered at all, in OSSEC's reading; beyond it the oldest ten are forgotten. 8192
/// there (`memory_size`), few enough here that the cases reach it.
pub(crate) const MEMORY: usize = 23;

/// Most earlier lines that an alert shows.
const SHOWN_LINES: usize = 11;

/// Window of composite rules that name none, in seconds.
const TIMEFRAME: i64 = 360;

/// Rules, and how often each of their events counts.
type Feeding = Vec<(usize, usize)>;

/// What was seen, and which lists it stands in. Events are named by their place in `events`.
pub(super) struct Memory {
    mode: Mode,
    events: Vec<Event>,
    /// The level that each event was marked with, and what the rule that did wants to be the same; 0 at
    /// first.
    marks: Vec<(u32, Vec<&'static str>)>,
    /// Rule, the events that it won.
    sids: Vec<(usize, Vec<usize>)>,
    /// Composite rule, the rules that feed its list and how often each event counts, its list.
    groups: Vec<(usize, Feeding, Vec<usize>)>,
    /// Everything that was stored.
    all: Vec<usize>,
}

impl Memory {
    pub(super) fn new(mode: Mode) -> Self {
        let (sids, groups) = (Vec::new(), Vec::new());
        Self { mode, events: Vec::new(), marks: Vec::new(), sids, groups, all: Vec::new() }
    }

    /// Takes an event; it is in no list yet.
    pub(super) fn remember(&mut self, event: Event) -> usize {
        self.events.push(event);
        self.marks.push((0, Vec::new()));
        self.events.len() - 1
    }

    pub(super) fn event(&self, event: usize) -> &Event {
        &self.events[event]
    }

    pub(super) fn feeds_sid(&mut self, rule: usize) {
        if !self.sids.iter().any(|(known, _)| *known == rule) {
            self.sids.push((rule, Vec::new()));
        }
    }

    pub(super) fn feeds_group(&mut self, composite: usize, feeding: Feeding) {
        self.groups.push((composite, feeding, Vec::new()));
    }

    /// Stores an event under the rule that won. In OSSEC's reading a rule with a sid list is invisible
    /// to groups (by default it is not: K27), a rule with several places in the tree counts once for
    /// each (by default once: K29), and memory is limited.
    pub(super) fn store(&mut self, event: usize, winner: usize) {
        let is_ossec = self.mode == Mode::Ossec;
        self.all.push(event);
        let mut has_sid = false;
        if let Some((_, list)) = self.sids.iter_mut().find(|(rule, _)| *rule == winner) {
            has_sid = true;
            list.push(event);
            if is_ossec && list.len() > SID_EVENTS {
                list.remove(0);
            }
        }
        for (_, feeding, list) in &mut self.groups {
            if let Some(&(_, places)) = feeding.iter().find(|(rule, _)| *rule == winner)
                && !(is_ossec && has_sid)
            {
                list.extend(std::iter::repeat_n(event, if is_ossec { places } else { 1 }));
            }
        }
        if is_ossec && self.all.len() > MEMORY {
            let forgotten: Vec<usize> = self.all.drain(..10).collect();
            let lists = self.sids.iter_mut().map(|(_, list)| list).chain(self.groups.iter_mut().map(|(.., list)| list));
            lists.for_each(|list| list.retain(|event| !forgotten.contains(event)));
        }
    }

    /// The lines counted, newest first, if there are enough for `rule` at place `index`.
    pub(super) fn search(
        &mut self,
        rule: &Rule,
        index: usize,
        current: usize,
        place_of: impl Fn(u32) -> usize,
    ) -> Option<Vec<String>> {
        let earlier = rule.earlier.as_ref()?;
        let list = match earlier {
            Earlier::Sid(id) => {
                let place = place_of(*id);
                self.sids.iter().find(|(rule, _)| *rule == place)?.1.clone()
            }
            Earlier::Group(_) => self.groups.iter().find(|(rule, ..)| *rule == index)?.2.clone(),
            Earlier::Regex(_) => self.all.clone(),
        };
        let mut counted = Vec::new();
        for &entry in list.iter().rev() {
            let age = self.events[current].time - self.events[entry].time;
            if age > rule.timeframe.unwrap_or(TIMEFRAME) {
                return None;
            }
            let (level, keys) = &self.marks[entry];
            // K15: a rule that counts more together does not end the count of each.
            let is_reported = key_of(rule).iter().all(|part| keys.contains(part));
            let is_marked = *level >= rule.level && (is_reported || self.mode == Mode::Ossec);
            let counts = self.counts(rule, earlier, entry, current);
            // K15: by default only marked events that would count end the search.
            if is_marked && (counts || self.mode == Mode::Ossec) {
                return None;
            }
            if !counts {
                continue;
            }
            counted.push(entry);
            if counted.len() > rule.frequency as usize {
                let newest = if self.mode == Mode::Ossec { *list.last()? } else { counted[0] };
                [current, entry, newest].into_iter().for_each(|marked| self.marks[marked] = (rule.level, key_of(rule)));
                return Some(self.shown(earlier, &counted));
            }
        }
        None
    }

    fn shown(&self, earlier: &Earlier, counted: &[usize]) -> Vec<String> {
        let shown = match earlier {
            Earlier::Sid(_) => counted,
            // The last counted one is not among them.
            _ => &counted[..counted.len() - 1],
        };
        shown.iter().take(SHOWN_LINES).map(|&entry| self.events[entry].line.clone()).collect()
    }

    fn counts(&self, rule: &Rule, earlier: &Earlier, entry: usize, current: usize) -> bool {
        let (entry, current) = (&self.events[entry], &self.events[current]);
        let is_regex = match earlier {
            Earlier::Regex(pattern) => {
                if entry.kind != current.kind || !matches(pattern, &entry.log) {
                    return false;
                }
                true
            }
            _ => false,
        };
        let same = |name: &str| entry.fields.contains_key(name) && entry.fields.get(name) == current.fields.get(name);
        rule.same.iter().all(|test| match *test {
            "same_source_ip" if self.mode == Mode::Default => {
                let source = |event: &Event| event.fields.get("srcip").map(|address| sender(address));
                source(entry).is_some() && source(entry) == source(current)
            }
            "same_source_ip" => same("srcip"),
            "same_user" => same("dstuser"),
            "same_id" => same("id"),
            "different_url" => match (entry.fields.get("url"), current.fields.get("url")) {
                (Some(entry), Some(current)) => entry != current,
                _ => false,
            },
            // The others do nothing with `if_matched_regex`; by default they do (K16).
            _ if is_regex && self.mode == Mode::Ossec => true,
            "same_src_port" => same("srcport"),
            "same_dst_port" => same("dstport"),
            "same_location" => entry.host == current.host,
            // `different_srcip` is accepted and does nothing.
            _ => true,
        })
    }
}

/// What a rule wants to be the same.
fn key_of(rule: &Rule) -> Vec<&'static str> {
    rule.same.iter().copied().filter(|test| test.starts_with("same_")).collect()
}

/// K28: of IPv6, the first 64 bits count.
pub(super) fn sender(address: &str) -> String {
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(address) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => format!("{:?}", &address.segments()[..4]),
        },
        Err(_) => address.to_owned(),
    }
}
