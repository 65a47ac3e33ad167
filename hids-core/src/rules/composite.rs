//! Composite rules: how many earlier events fit (`src/analysisd/eventinfo.c`).

use super::def::Same;
use super::event::RuleEvent;
use super::history::{EventStore, Evidence, Kept, Listed, Stored};
use super::tree::EventList;
use crate::decode::FieldId;
use crate::pattern::Pattern;

/// Most earlier lines that an alert shows.
const MAX_EVIDENCE: usize = 11;

/// What a composite rule asks of earlier events.
#[derive(Debug)]
pub(super) struct Composite {
    pub list: EventList,
    /// For `if_matched_regex`: what their messages must match.
    pub regex: Option<Pattern>,
    /// As written; the rule fires on event number `frequency + 2`.
    pub frequency: usize,
    pub timeframe_seconds: i64,
    pub same: Same,
    /// In the default mode, what counts for it; `None` when nothing can.
    pub counter: Option<u32>,
}

/// The events counted in a search, newest first.
#[derive(Debug, Default)]
pub(super) struct Counted {
    shown: [u32; MAX_EVIDENCE],
    count: usize,
    newest: Option<u32>,
    oldest: Option<u32>,
}

impl Counted {
    /// Counts an event; whether there are enough now: `frequency` and one more.
    pub(super) fn is_enough(&mut self, slot: u32, frequency: usize) -> bool {
        self.newest.get_or_insert(slot);
        if self.count < frequency {
            if let Some(place) = self.shown.get_mut(self.count) {
                *place = slot;
            }
            self.count += 1;
            return false;
        }
        self.oldest = Some(slot);
        true
    }

    /// The newest and the oldest event, if there are enough.
    pub(super) fn ends(&self) -> Option<(u32, u32)> {
        self.newest.zip(self.oldest)
    }

    /// Those that the alert shows. Of a group or of a pattern, the oldest is not among them.
    pub(super) fn shown(&mut self, list: EventList) -> &[u32] {
        let mut shown = self.count.min(MAX_EVIDENCE);
        if let (EventList::Rule(_), Some(oldest), Some(place)) = (list, self.oldest, self.shown.get_mut(shown)) {
            *place = oldest;
            shown += 1;
        }
        &self.shown[..shown]
    }
}

impl Composite {
    /// Whether enough earlier events fit, in the strict mode. Marks the events that made it so, leaves
    /// the lines that counted in `evidence`.
    ///
    /// One source's success ends the count of all sources: the newest entry of the list is marked
    /// whoever it is, and a mark stops every search.
    pub(super) fn search(
        &self,
        level: u16,
        event: &RuleEvent<'_>,
        store: &mut EventStore,
        evidence: &mut Evidence,
    ) -> bool {
        let list = store.list(self.list);
        let now = event.now.unix_seconds();
        let Some(&Listed { slot: newest, .. }) = list.back() else { return false };
        let mut counted = Counted::default();
        for &Listed { slot, times } in list.iter().rev() {
            let stored = store.get(slot);
            if now - stored.seconds > self.timeframe_seconds || stored.mark >= level {
                return false;
            }
            if self.fits(event, stored) && (0..times).any(|_| counted.is_enough(slot, self.frequency)) {
                break;
            }
        }
        let Some((_, oldest)) = counted.ends() else { return false };
        evidence.clear();
        for &slot in counted.shown(self.list) {
            let stored = store.get(slot);
            evidence.push(stored.time, stored.full_log());
        }
        store.mark(oldest, level);
        store.mark(newest, level);
        true
    }

    fn fits(&self, event: &RuleEvent<'_>, stored: &Stored) -> bool {
        if let Some(regex) = &self.regex
            && (stored.kind != event.kind || !regex.is_match(stored.log()))
        {
            return false;
        }
        let mut same = self.same;
        if self.regex.is_some() {
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
