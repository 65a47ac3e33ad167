//! PCRE2 itself, for the patterns that no linear-time automaton can run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Captures, MAX_CAPTURES, PatternError};

/// Back-tracking steps after which a pattern is given up on a line: some milliseconds with the
/// most expensive steps. OSSEC allows 10,000,000 for each place in the line, with which one line
/// can hold the engine up for minutes.
const MATCH_LIMIT: u32 = 100_000;

/// A pattern in PCRE2.
pub(super) struct Foreign {
    regex: pcre2::bytes::Regex,
    locations: Mutex<pcre2::bytes::CaptureLocations>,
    limit_hits: AtomicU64,
}

impl Foreign {
    pub(super) fn new(pattern: &str) -> Result<Self, PatternError> {
        let prefix = format!("(*LIMIT_MATCH={MATCH_LIMIT})");
        let build = |text: &str| pcre2::bytes::RegexBuilder::new().caseless(true).jit_if_available(true).build(text);
        let regex = build(&format!("{prefix}{pattern}")).map_err(|error| PatternError::Pcre2 {
            message: error.to_string(),
            at: error.offset().map(|at| at.saturating_sub(prefix.len())),
        })?;
        // Where the addition cannot be compiled (a comment at the end swallows it) the limit is per place.
        let regex = match searching(pattern) {
            Some(text) => build(&format!("{prefix}{text}")).unwrap_or(regex),
            None => regex,
        };
        let locations = Mutex::new(regex.capture_locations());
        Ok(Self { regex, locations, limit_hits: AtomicU64::new(0) })
    }

    pub(super) fn is_match(&self, subject: &[u8]) -> bool {
        self.regex.is_match(subject).unwrap_or_else(|_| {
            self.count_hit();
            false
        })
    }

    pub(super) fn find_end(&self, subject: &[u8]) -> Option<usize> {
        let mut locations = self.locations.lock().unwrap_or_else(PoisonError::into_inner);
        match self.regex.captures_read(&mut locations, subject) {
            Ok(found) => found.map(|found| found.end()),
            Err(_) => {
                self.count_hit();
                None
            }
        }
    }

    pub(super) fn captures(&self, subject: &[u8], captures: &mut Captures) -> Option<usize> {
        let mut locations = self.locations.lock().unwrap_or_else(PoisonError::into_inner);
        let end = match self.regex.captures_read(&mut locations, subject) {
            Ok(found) => found.map(|found| found.end())?,
            Err(_) => {
                self.count_hit();
                return None;
            }
        };
        let groups = (1..locations.len()).filter_map(|group| locations.get(group));
        captures.spans.extend(groups.take(MAX_CAPTURES).map(|(start, end)| start..end));
        Some(end)
    }

    pub(super) fn has_captures(&self) -> bool {
        self.regex.captures_len() > 1
    }

    pub(super) fn limit_hits(&self) -> u64 {
        self.limit_hits.load(Ordering::Relaxed)
    }

    fn count_hit(&self) {
        self.limit_hits.fetch_add(1, Ordering::Relaxed);
    }
}

/// The pattern with the search for its place written into it. PCRE2 counts the steps anew for each
/// place that it tries, so that on a long line the limit alone bounds nothing; this way there is
/// one place, the start. Matches, captures and ends stay the same. `None` for patterns that are
/// tried at the start only, and for those whose meaning hangs on where the match begins.
fn searching(pattern: &str) -> Option<String> {
    let is_anchored = pattern.starts_with('^') && !pattern.contains('|');
    // Settings and verbs, the place itself, and the whole pattern as a part of itself.
    let is_tied = ["(*", r"\G", "(?R", "(?0", r"\g<0", r"\g'0"].iter().any(|part| pattern.contains(part));
    (!is_anchored && !is_tied).then(|| format!(r"\A(?s:.*?)(?:{pattern})"))
}
