//! Search for enough matching earlier events of a key.

use super::counters::Counters;
use super::memory::{Counts, Mark};
use crate::rules::composite::{Composite, Counted};
use crate::rules::event::RuleEvent;
use crate::rules::history::Evidence;

/// As [`Composite::search`], in the default mode: what other keys do does not matter, and when the
/// rule fires only this key starts anew (K15).
pub(in crate::rules) fn search(
    counts: &mut Counts,
    counters: &Counters,
    context: &Composite,
    level: u16,
    event: &RuleEvent<'_>,
    evidence: &mut Evidence,
) -> bool {
    let Some(number) = context.counter else { return false };
    let kind = counters.counter(number).kind;
    let Some(print) = counts.print(counters, kind, event) else { return false };
    let Some(key) = counts.find(kind, print) else { return false };
    let url = if counters.kind(kind).other_url { counts.url(event) } else { None };
    let now = event.now.unix_seconds();
    let mut counted = Counted::default();
    for &slot in counts.keys[key].events.iter().rev() {
        let earlier = &counts.events[slot];
        // Nor do events count that come from a future which a clock set back has undone.
        if (now - earlier.time.unix_seconds()).abs() > context.timeframe_seconds {
            return false;
        }
        if !counters.fed(earlier.rule, kind).contains(&number) || url == Some(earlier.url) {
            continue;
        }
        if earlier.mark.ends(level, context.same) {
            return false;
        }
        if counted.is_enough(slot, context.frequency) {
            break;
        }
    }
    let Some((newest, oldest)) = counted.ends() else { return false };
    evidence.clear();
    for &slot in counted.shown(context.list) {
        evidence.push(counts.events[slot].time, &counts.events[slot].line);
    }
    let mark = Mark { level, same: context.same };
    counts.events[newest].mark = mark;
    counts.events[oldest].mark = mark;
    true
}
