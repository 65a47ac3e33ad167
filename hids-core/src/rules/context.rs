//! Composite rules: how many earlier events fit (`src/analysisd/eventinfo.c`).

use super::parse::Same;
use super::run::RuleEvent;
use super::store::{EventStore, Evidence, Kept, Stored};
use super::tree::ContextList;
use crate::decode::FieldId;
use crate::pattern::Pattern;

/// Most earlier lines that an alert shows.
const MAX_EVIDENCE: usize = 11;

/// What a composite rule asks of earlier events.
#[derive(Debug)]
pub(super) struct Context {
    pub list: ContextList,
    /// For `if_matched_regex`: what their messages must match.
    pub regex: Option<Pattern>,
    /// As written; the rule fires on event number `frequency + 2`.
    pub frequency: usize,
    pub timeframe_seconds: i64,
    pub same: Same,
}

impl Context {
    /// Whether enough earlier events fit. Marks the events that made it so, leaves the lines that
    /// counted in `evidence`.
    ///
    /// OSSEC lets one source's success end the count of all sources: the newest entry of the
    /// list is marked whoever it is, and a mark stops every search. The default mode counts every
    /// source for itself.
    pub(super) fn search(
        &self,
        level: u16,
        event: &RuleEvent<'_>,
        store: &mut EventStore,
        strict_ossec: bool,
        evidence: &mut Evidence,
    ) -> bool {
        let list = store.list(self.list);
        let now = event.now.unix_seconds();
        let Some(&newest) = list.back() else { return false };
        let mut counted = [0; MAX_EVIDENCE];
        let mut count = 0;
        let mut first_counted = None;
        let mut last = None;
        for &slot in list.iter().rev() {
            let stored = store.get(slot);
            // Nor do events count that come from a future which a clock set back has undone.
            let age = now - stored.seconds;
            if age > self.timeframe_seconds || (!strict_ossec && age < -self.timeframe_seconds) {
                return false;
            }
            if strict_ossec && stored.mark >= level {
                return false;
            }
            if !self.fits(event, stored, strict_ossec) {
                continue;
            }
            if stored.mark >= level {
                return false;
            }
            first_counted.get_or_insert(slot);
            if count < self.frequency {
                if let Some(place) = counted.get_mut(count) {
                    *place = slot;
                }
                count += 1;
                continue;
            }
            last = Some(slot);
            break;
        }
        let Some(last) = last else { return false };
        let mut lines = count.min(MAX_EVIDENCE);
        if matches!(self.list, ContextList::Rule(_)) && lines < MAX_EVIDENCE {
            counted[lines] = last;
            lines += 1;
        }
        evidence.clear();
        counted[..lines].iter().for_each(|&slot| evidence.push(store.get(slot)));
        store.mark(last, level);
        store.mark(if strict_ossec { newest } else { first_counted.unwrap_or(newest) }, level);
        true
    }

    fn fits(&self, event: &RuleEvent<'_>, stored: &Stored, strict_ossec: bool) -> bool {
        if let Some(regex) = &self.regex
            && (stored.kind != event.kind || !regex.is_match(stored.log()))
        {
            return false;
        }
        let mut same = self.same;
        if strict_ossec && self.regex.is_some() {
            same.0 &= Same::USER | Same::ID | Same::SOURCE_IP | Same::DIFFERENT_URL;
        }
        if same.0 == 0 {
            return true;
        }
        let equal = |bit: u16, kept: Kept, value: Option<&[u8]>| {
            !same.has(bit) || value.is_some_and(|value| stored.equals(kept, value) == Some(true))
        };
        equal(Same::ID, Kept::Id, event.field(FieldId::ID))
            && equal(Same::SOURCE_IP, Kept::SrcIp, event.field(FieldId::SRC_IP))
            && equal(Same::USER, Kept::DstUser, event.field(FieldId::DST_USER))
            && equal(Same::SRC_PORT, Kept::SrcPort, event.field(FieldId::SRC_PORT))
            && equal(Same::DST_PORT, Kept::DstPort, event.field(FieldId::DST_PORT))
            && equal(Same::LOCATION, Kept::Hostname, Some(event.hostname))
            && !same.has(Same::DIFFERENT_SRC_GEOIP)
            && (!same.has(Same::DIFFERENT_URL)
                || event.field(FieldId::URL).is_some_and(|url| stored.equals(Kept::Url, url) == Some(false)))
    }
}
