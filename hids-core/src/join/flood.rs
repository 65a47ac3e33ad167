//! Counts equal alerts per minute.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use crate::model::{Alert, FieldName, RuleId};

/// Kinds of alerts counted at a time; those of further kinds are written.
const MOST_KINDS: usize = 65_536;
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// Which alerts are equal. Of one source: of a rule that names a peer's address, all of that peer (it
/// chooses the rest of the text); otherwise those whose text differs in nothing but numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    rule: RuleId,
    hostname: Vec<u8>,
    location: String,
    what: Vec<u8>,
    /// A flood of forged lines hides no genuine one.
    is_untrusted: bool,
}

impl Kind {
    /// `None` for what is never folded: a changed file is an event of its own.
    pub(super) fn of(alert: &Alert) -> Option<Self> {
        if alert.notice.is_some() {
            return None;
        }
        let what = match alert.fields.value(&FieldName::SrcIp).filter(|address| !address.is_empty()) {
            Some(address) => address.to_vec(),
            None => without_numbers(alert.full_log.get(alert.log_offset..).unwrap_or(&alert.full_log)),
        };
        let location = alert.source.location.clone();
        let is_untrusted = alert.untrusted.is_some();
        Some(Self { rule: alert.rule.id, hostname: alert.hostname.clone(), location, what, is_untrusted })
    }
}

/// Each run of digits as one zero: counters, ports and process numbers make no new kind.
fn without_numbers(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut in_number = false;
    for &byte in text {
        let is_digit = byte.is_ascii_digit();
        if !(is_digit && in_number) {
            out.push(if is_digit { b'0' } else { byte });
        }
        in_number = is_digit;
    }
    out
}

/// Counts of one minute.
#[derive(Debug, Default)]
pub(super) struct Rates {
    hasher: RandomState,
    window: u64,
    counts: HashMap<u64, u32>,
}

impl Rates {
    /// How many of this kind there have been in the minute of `now`, this one included.
    pub(super) fn count(&mut self, kind: &Kind, now: Duration) -> u32 {
        let window = now.as_secs() / WINDOW.as_secs();
        if window != self.window {
            self.window = window;
            self.counts.clear();
        }
        let key = self.hasher.hash_one(kind);
        if self.counts.len() >= MOST_KINDS && !self.counts.contains_key(&key) {
            return 1;
        }
        let count = self.counts.entry(key).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// When the minute of `now` ends.
    pub(super) fn window_end(now: Duration) -> Duration {
        Duration::from_secs((now.as_secs() / WINDOW.as_secs() + 1) * WINDOW.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_make_no_difference() {
        assert_eq!(without_numbers(b"port 4711 of 7"), without_numbers(b"port 1 of 12"));
        assert_ne!(without_numbers(b"port 4711"), without_numbers(b"port"));
    }
}
