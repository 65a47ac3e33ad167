//! Rule state from earlier events. Plain data, bounded.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::count::{Counts, Mark, Source};
use super::event::RuleEvent;
use super::history::{EventStore, Evidence};
use super::options::RuleOptions;
use super::targets::{SavedLogins, Targets};
use crate::decode::{EventKind, FirstSeen, FtsFields};
use crate::model::{AttackedTarget, RuleId, Timestamp};

/// Instead of a rule's number (at most six digits), the ports that a scan found open.
const HOST_INFORMATION: RuleId = RuleId(u32::MAX);
/// Name of the decoder of the rootkit check.
const ROOTCHECK: &str = "rootcheck";
/// Outputs kept for `check_diff`, one per host and rule.
const MAX_OUTPUTS: usize = 4096;
/// Longest output that `check_diff` compares, as in OSSEC.
const MAX_OUTPUT_BYTES: usize = 8192;
/// Ignore windows kept at a time; beyond it those that have ended are forgotten, then all.
const MAX_WINDOWS: usize = 20_000;

/// State of a rule set.
#[derive(Debug)]
pub struct RuleState {
    /// What the strict mode counts in.
    pub(super) lists: EventStore,
    /// What the default mode counts in.
    pub(super) counts: Counts,
    pub(super) targets: Targets,
    first_seen: FirstSeen,
    ignored: FirstSeen,
    windows: HashMap<Window, i64>,
    outputs: HashMap<OutputKey, Box<[u8]>>,
    pub(super) fired: Vec<u64>,
    clock: Clock,
    zone: jiff::tz::TimeZone,
    combination: Vec<u8>,
    pub(super) judged: Judged,
    /// How often the part that outlives a restart has changed.
    changes: u64,
    losses: Losses,
}

/// What belongs to the event being judged.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// The rules that matched on the way to the winner.
    pub chain: Vec<u32>,
    /// The lines that a composite rule counted.
    pub evidence: Evidence,
    /// For `check_diff`, the output before.
    previous_output: Option<Vec<u8>>,
    /// What the event keeps of the composite rule that it fired.
    pub mark: Mark,
    /// What many sources are directed at.
    pub target: Option<AttackedTarget>,
}

impl Judged {
    /// Forgets the event before; the buffers stay.
    fn clear(&mut self) {
        self.chain.clear();
        self.evidence.clear();
        self.previous_output = None;
        self.mark = Mark::default();
        self.target = None;
    }
}

/// What a scan says of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostNews {
    /// It was not known.
    New,
    /// Its open ports are others than before.
    Changed,
    /// Nothing.
    Same,
}

/// Host and rule of an output.
type OutputKey = (Box<[u8]>, RuleId);

/// Whose further matches of a rule are ignored.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Window {
    rule: u32,
    /// The peer in the default mode, an IPv6 network as one (K28); OSSEC ignores everybody.
    source: Option<Box<[u8]>>,
}

/// Local time, kept for a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    second: Option<i64>,
    /// Of the day.
    pub minute: u16,
    /// From Sunday, 0.
    pub weekday: u8,
}

/// What was cut or forgotten for lack of room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// Earlier lines kept shorter than they were.
    pub shortened_lines: u64,
    /// Sources, users and other keys with one event, forgotten before its time window ended.
    pub forgotten_single_events: u64,
    /// Those with several events.
    pub forgotten_counts: u64,
    /// First-time combinations and ignored combinations forgotten.
    pub forgotten_combinations: u64,
    /// Ignore windows ended early.
    pub forgotten_windows: u64,
    /// Outputs of `check_diff` forgotten or too long to compare.
    pub lost_outputs: u64,
    /// Patterns given up on a line because of what they would have taken.
    pub pattern_limit_hits: u64,
    /// Addresses that no event got because the line can be read in more than one way.
    pub addresses_not_taken: u64,
}

/// The part of the state that outlives a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedState {
    /// Combinations that `if_fts` has seen, oldest first.
    pub first_seen: Vec<Vec<u8>>,
    /// Combinations that `<ignore>` has stored, oldest first.
    pub ignored: Vec<Vec<u8>>,
    /// Host, rule and last output of `check_diff`.
    pub outputs: Vec<(Vec<u8>, RuleId, Vec<u8>)>,
    /// Who logged in as whom, for rules about targets.
    #[serde(default)]
    pub logins: SavedLogins,
    /// The same of events whose sender is not confirmed, which are remembered apart.
    #[serde(default)]
    pub untrusted: Option<Box<SavedState>>,
}

impl Losses {
    /// The sum, of two states that are kept apart.
    pub fn plus(self, other: Self) -> Self {
        Self {
            shortened_lines: self.shortened_lines + other.shortened_lines,
            forgotten_combinations: self.forgotten_combinations + other.forgotten_combinations,
            forgotten_windows: self.forgotten_windows + other.forgotten_windows,
            lost_outputs: self.lost_outputs + other.lost_outputs,
            forgotten_counts: self.forgotten_counts + other.forgotten_counts,
            forgotten_single_events: self.forgotten_single_events + other.forgotten_single_events,
            pattern_limit_hits: self.pattern_limit_hits + other.pattern_limit_hits,
            addresses_not_taken: self.addresses_not_taken + other.addresses_not_taken,
        }
    }
}

impl RuleState {
    /// The state before the first event, of a set of `rules` rules.
    pub(super) fn new(
        options: &RuleOptions,
        lists: EventStore,
        counts: Counts,
        targets: Targets,
        rules: usize,
    ) -> Self {
        Self {
            lists,
            counts,
            targets,
            first_seen: FirstSeen::new(options.fts.list_size, options.fts.shared_prefix),
            ignored: FirstSeen::new(0, 0),
            windows: HashMap::new(),
            outputs: HashMap::new(),
            fired: vec![0; rules],
            clock: Clock::default(),
            zone: options.zone.clone(),
            combination: Vec::new(),
            judged: Judged::default(),
            changes: 0,
            losses: Losses::default(),
        }
    }

    /// What was cut or forgotten so far; the pattern limit is counted by the patterns.
    pub fn losses(&self) -> Losses {
        let [forgotten_single_events, forgotten_counts] = self.counts.forgotten();
        Losses {
            shortened_lines: self.lists.shortened + self.counts.shortened,
            forgotten_single_events,
            forgotten_counts: forgotten_counts + self.targets.forgotten(),
            forgotten_combinations: self.first_seen.forgotten() + self.ignored.forgotten(),
            ..self.losses
        }
    }

    /// The part that outlives a restart.
    pub fn save(&self) -> SavedState {
        let outputs = self.outputs.iter().map(|((host, rule), text)| (host.to_vec(), *rule, text.to_vec()));
        let mut outputs: Vec<_> = outputs.collect();
        outputs.sort();
        SavedState {
            first_seen: self.first_seen.combinations().map(<[u8]>::to_vec).collect(),
            ignored: self.ignored.combinations().map(<[u8]>::to_vec).collect(),
            outputs,
            logins: self.targets.save(),
            untrusted: None,
        }
    }

    /// How often the part that outlives a restart has changed since the start: what is equal need not
    /// be saved again.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Puts the part of an earlier run back.
    pub fn restore(&mut self, saved: &SavedState) {
        saved.first_seen.iter().for_each(|combination| self.first_seen.restore(combination));
        saved.ignored.iter().for_each(|combination| self.ignored.restore(combination));
        self.targets.restore(&saved.logins);
        for (host, rule, output) in saved.outputs.iter().take(MAX_OUTPUTS) {
            self.outputs.insert((host.as_slice().into(), *rule), output.as_slice().into());
        }
    }

    /// The rules that matched on the way to the last winner, which comes last.
    pub fn chain(&self) -> &[u32] {
        &self.judged.chain
    }

    /// How often a rule has won.
    pub fn fired_times(&self, rule: u32) -> u64 {
        self.fired[rule as usize]
    }

    /// The lines that a composite rule counted in the last event.
    pub fn evidence(&self) -> impl Iterator<Item = (Timestamp, &[u8])> {
        self.judged.evidence.lines()
    }

    /// What many sources are directed at, when a rule about targets was fulfilled in the last event.
    pub fn target(&self) -> Option<&AttackedTarget> {
        self.judged.target.as_ref()
    }

    /// Remembers a login, whose source no rule about targets counts from now on.
    pub(super) fn logged_in(&mut self, event: &RuleEvent<'_>) {
        self.changes += u64::from(self.targets.logged_in(event));
    }

    /// For `check_diff`, the output before that of the last event.
    pub fn previous_output(&self) -> Option<&[u8]> {
        self.judged.previous_output.as_deref()
    }

    /// Forgets what belongs to the event before.
    pub(super) fn start_event(&mut self) {
        self.judged.clear();
        self.counts.start_event();
    }

    /// Local time of `now`.
    pub(super) fn clock(&mut self, now: Timestamp) -> Clock {
        let second = now.unix_seconds();
        if self.clock.second != Some(second) {
            let local = now.in_zone(&self.zone);
            self.clock = Clock {
                second: Some(second),
                minute: local.hour() as u16 * 60 + local.minute() as u16,
                weekday: local.weekday().to_sunday_zero_offset() as u8,
            };
        }
        self.clock
    }

    /// `if_fts`: whether the decoder's combination has not been seen before.
    pub(super) fn is_first_time(&mut self, event: &RuleEvent<'_>) -> bool {
        match event.fts {
            Some(fields) => fields.write(event.names(), event.fields, &mut self.combination),
            // OSSEC keeps the results of the rootkit check whole.
            None if event.kind == EventKind::Ossec && event.decoder_name == ROOTCHECK => {
                self.combination.clear();
                self.combination.extend_from_slice(ROOTCHECK.as_bytes());
                self.combination.push(b' ');
                self.combination.extend_from_slice(event.log);
            }
            None => return false,
        }
        let is_new = self.first_seen.is_new(&self.combination, event.kind == EventKind::Ids);
        self.changes += u64::from(is_new);
        is_new
    }

    /// `check_diff`: whether the message differs from the last one of this host and rule.
    pub(super) fn differs(&mut self, rule: RuleId, event: &RuleEvent<'_>) -> bool {
        if event.log.len() >= MAX_OUTPUT_BYTES {
            self.losses.lost_outputs += 1;
            return false;
        }
        self.make_room_for_output();
        let key = (Box::from(event.hostname), rule);
        match self.outputs.insert(key, event.log.into()) {
            Some(before) if *before == *event.log => false,
            before => {
                self.changes += 1;
                self.judged.previous_output = before.map(Vec::from);
                self.judged.previous_output.is_some()
            }
        }
    }

    /// Whether the open ports of the host in `Host: ADDRESS, open ports: …` are the first known of
    /// it, others than before, or the same. Kept with the outputs of `check_diff`, and over a restart.
    pub fn host_news(&mut self, log: &[u8]) -> HostNews {
        let Some(rest) = log.strip_prefix(b"Host: ") else { return HostNews::Changed };
        let end = memchr::memchr2(b',', b' ', rest).unwrap_or(rest.len());
        let (host, ports) = rest.split_at(end);
        self.make_room_for_output();
        let before = self.outputs.insert((host.into(), HOST_INFORMATION), ports.into());
        let news = match before {
            None => HostNews::New,
            Some(before) if *before == *ports => HostNews::Same,
            Some(_) => HostNews::Changed,
        };
        self.changes += u64::from(news != HostNews::Same);
        news
    }

    fn make_room_for_output(&mut self) {
        if self.outputs.len() >= MAX_OUTPUTS {
            self.losses.lost_outputs += self.outputs.len() as u64;
            self.outputs.clear();
        }
    }

    /// `<ignore>`: remembers the combination of this event.
    pub(super) fn ignore(&mut self, fields: FtsFields, event: &RuleEvent<'_>) {
        fields.write(event.names(), event.fields, &mut self.combination);
        self.changes += u64::from(self.ignored.is_new(&self.combination, false));
    }

    /// `<check_if_ignored>`: whether some rule's `<ignore>` remembered the combination.
    pub(super) fn is_ignored(&mut self, fields: FtsFields, event: &RuleEvent<'_>) -> bool {
        fields.write(event.names(), event.fields, &mut self.combination);
        self.ignored.contains(&self.combination)
    }

    /// `ignore="seconds"`: whether this match falls into the window of an earlier one; if not, it
    /// opens a new window.
    pub(super) fn in_window(&mut self, rule: u32, seconds: u32, source: Option<&[u8]>, now: Timestamp) -> bool {
        let now = now.unix_seconds();
        let source = source.map(|source| {
            let mut key = Vec::new();
            Source::of(source).write(&mut key);
            key.into()
        });
        let window = Window { rule, source };
        match self.windows.get(&window) {
            // A window that began after now was opened before the clock was set back.
            Some(start) if (now - start).abs() < i64::from(seconds) => return true,
            _ => {}
        }
        if self.windows.len() >= MAX_WINDOWS {
            let before = self.windows.len();
            // The longest window, six digits of seconds, is not worth the memory of an attack.
            self.windows.retain(|_, start| now - *start < 600);
            if self.windows.len() >= MAX_WINDOWS {
                self.windows.clear();
            }
            self.losses.forgotten_windows += (before - self.windows.len()) as u64;
        }
        self.windows.insert(window, now);
        false
    }
}
