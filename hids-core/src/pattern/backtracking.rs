//! Patterns that no linear-time automaton can run: look-around, back references and the like.
//!
//! PCRE2 compiles them, so that it decides what is a pattern; our own back-tracker runs them, since
//! it counts every step. What that does not know (recursion, verbs, conditions, callouts) PCRE2 runs
//! itself, with a match limit and on lines of a bounded length only.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::backtrack::{Backtracker, Exhausted};
use super::captures::{Captures, MAX_CAPTURES};
use super::dialect::PatternError;
use super::linear::{Encoding, Linear};

/// Steps after which PCRE2 gives a pattern up on a line. OSSEC allows 10,000,000 for each place in
/// the line, with which one line can hold the engine up for minutes.
const MATCH_LIMIT: u32 = 20_000;

/// Longest line that PCRE2 itself gets to see. It does not count what it skips in one step, so that
/// the limit alone bounds nothing on a long line. OSSEC cuts lines to 6 KiB.
const MAX_SUBJECT_BYTES: usize = 6 << 10;

/// A pattern that needs back-tracking.
pub(super) struct Backtracking {
    engine: Engine,
    limit_hits: AtomicU64,
}

enum Engine {
    Bounded(Box<Bounded>),
    Pcre2 { regex: pcre2::bytes::Regex, locations: Mutex<pcre2::bytes::CaptureLocations> },
}

/// The back-tracker, and an automaton that tells where it need not try.
struct Bounded {
    tracker: Backtracker,
    superset: Option<Linear>,
}

impl Backtracking {
    pub(super) fn new(pattern: &str) -> Result<Self, PatternError> {
        let regex = compile(pattern)?;
        let engine = match Backtracker::for_pcre2(pattern, regex.captures_len().saturating_sub(1)) {
            Some(tracker) => {
                let superset = Linear::new(tracker.superset(), Encoding::Bytes).ok();
                Engine::Bounded(Box::new(Bounded { tracker, superset }))
            }
            None => Engine::Pcre2 { locations: Mutex::new(regex.capture_locations()), regex },
        };
        Ok(Self { engine, limit_hits: AtomicU64::new(0) })
    }

    /// PCRE2's own answer, to compare with.
    #[cfg(test)]
    pub(super) fn only_pcre2(pattern: &str) -> Result<Self, PatternError> {
        let regex = compile(pattern)?;
        let locations = Mutex::new(regex.capture_locations());
        Ok(Self { engine: Engine::Pcre2 { regex, locations }, limit_hits: AtomicU64::new(0) })
    }

    pub(super) fn is_match(&self, subject: &[u8]) -> bool {
        match &self.engine {
            Engine::Bounded(bounded) => self.counted(bounded.find_end(subject)).is_some(),
            Engine::Pcre2 { regex, .. } if subject.len() <= MAX_SUBJECT_BYTES => {
                self.counted(regex.is_match(subject).map_err(|_| Exhausted))
            }
            Engine::Pcre2 { .. } => self.counted(Err(Exhausted)),
        }
    }

    pub(super) fn find_end(&self, subject: &[u8]) -> Option<usize> {
        match &self.engine {
            Engine::Bounded(bounded) => self.counted(bounded.find_end(subject)),
            Engine::Pcre2 { .. } => self.captures(subject, &mut Captures::default()),
        }
    }

    pub(super) fn captures(&self, subject: &[u8], captures: &mut Captures) -> Option<usize> {
        let (regex, locations) = match &self.engine {
            Engine::Bounded(bounded) => return self.counted(bounded.captures(subject, captures)),
            Engine::Pcre2 { regex, locations } => (regex, locations),
        };
        if subject.len() > MAX_SUBJECT_BYTES {
            return self.counted(Err(Exhausted));
        }
        let mut locations = locations.lock().unwrap_or_else(PoisonError::into_inner);
        let found = regex.captures_read(&mut locations, subject).map_err(|_| Exhausted);
        let end = self.counted(found.map(|found| found.map(|found| found.end())))?;
        let groups = (1..locations.len()).filter_map(|group| locations.get(group));
        captures.spans.extend(groups.take(MAX_CAPTURES).map(|(start, end)| start..end));
        Some(end)
    }

    /// Capturing groups.
    pub(super) fn groups(&self) -> usize {
        match &self.engine {
            Engine::Bounded(bounded) => bounded.tracker.groups(),
            Engine::Pcre2 { regex, .. } => regex.captures_len().saturating_sub(1),
        }
    }

    /// What the linear-time engine knows of it: matches wherever this does.
    pub(super) fn superset(&self) -> Option<&str> {
        match &self.engine {
            Engine::Bounded(bounded) => bounded.superset.as_ref().map(Linear::expression),
            Engine::Pcre2 { .. } => None,
        }
    }

    /// Literals in lower case, one of which every match contains in some case.
    pub(super) fn literals(&self) -> Option<&[Box<[u8]>]> {
        match &self.engine {
            Engine::Bounded(bounded) => bounded.superset.as_ref().and_then(Linear::literals),
            Engine::Pcre2 { .. } => None,
        }
    }

    /// Whether it refers to what a group matched.
    pub(super) fn refers_back(&self) -> bool {
        matches!(&self.engine, Engine::Bounded(bounded) if bounded.tracker.refers_back())
    }

    /// Whether PCRE2 runs it, whose steps do not tell its time.
    pub(super) fn is_in_pcre2(&self) -> bool {
        matches!(self.engine, Engine::Pcre2 { .. })
    }

    pub(super) fn limit_hits(&self) -> u64 {
        self.limit_hits.load(Ordering::Relaxed)
    }

    /// The answer; none, counted, when the pattern was given up.
    fn counted<T: Default>(&self, answer: Result<T, Exhausted>) -> T {
        answer.unwrap_or_else(|Exhausted| {
            self.limit_hits.fetch_add(1, Ordering::Relaxed);
            T::default()
        })
    }
}

impl Bounded {
    fn cannot_match(&self, subject: &[u8]) -> bool {
        self.superset.as_ref().is_some_and(|superset| !superset.is_match(subject).unwrap_or(true))
    }

    fn find_end(&self, subject: &[u8]) -> Result<Option<usize>, Exhausted> {
        if self.cannot_match(subject) { Ok(None) } else { self.tracker.find_end(subject, 0) }
    }

    fn captures(&self, subject: &[u8], captures: &mut Captures) -> Result<Option<usize>, Exhausted> {
        if self.cannot_match(subject) { Ok(None) } else { self.tracker.captures(subject, 0, captures) }
    }
}

fn compile(pattern: &str) -> Result<pcre2::bytes::Regex, PatternError> {
    let prefix = format!("(*LIMIT_MATCH={MATCH_LIMIT})");
    let build = |text: &str| pcre2::bytes::RegexBuilder::new().caseless(true).jit_if_available(true).build(text);
    let regex = build(&format!("{prefix}{pattern}")).map_err(|error| refusal(&error, prefix.len()))?;
    // Where the addition cannot be compiled (a comment at the end swallows it) the limit is per place.
    Ok(match searching(pattern) {
        Some(text) => build(&format!("{prefix}{text}")).unwrap_or(regex),
        None => regex,
    })
}

/// PCRE2's reason without its own offset, which counts the hidden prefix too.
fn refusal(error: &pcre2::Error, prefix: usize) -> PatternError {
    let whole = error.to_string();
    let message = whole.splitn(3, ": ").last().unwrap_or(&whole).to_owned();
    PatternError::Pcre2 { message, at: error.offset().map(|at| at.saturating_sub(prefix)) }
}

/// The pattern with the search for its place written into it. PCRE2 counts the steps anew for each
/// place that it tries; this way there is one place, the start. Matches, captures and ends stay the
/// same. `None` for patterns that are tried at the start only, and for those whose meaning hangs on
/// where the match begins.
fn searching(pattern: &str) -> Option<String> {
    let is_anchored = pattern.starts_with('^') && !pattern.contains('|');
    // Settings and verbs, the place itself, and the whole pattern as a part of itself.
    let is_tied = ["(*", r"\G", "(?R", "(?0", r"\g<0", r"\g'0"].iter().any(|part| pattern.contains(part));
    (!is_anchored && !is_tied).then(|| format!(r"\A(?s:.*?)(?:{pattern})"))
}
