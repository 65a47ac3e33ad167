//! Event history of composite rules in the default mode, per key.
//!
//! A key is a value of what a rule's `same_*` elements name: the events of one source, of one user, of
//! one source and user. Of each key as many events are kept as rules can ask for, whatever other keys
//! do; so no noise and no number of attackers that take turns hides one of them. `counters` says once and
//! for all what is counted by which keys, `memory` holds the events in bounded memory, `search` answers
//! a rule. The strict mode counts in OSSEC's lists instead (`rules/history.rs`). Never: decides what a
//! rule is, or acts.

mod counters;
mod limits;
mod memory;
mod parts;
mod prune;
mod search;
mod slab;
mod source;
#[cfg(test)]
mod tests;

pub(super) use counters::{CountedRule, Counters};
pub(super) use memory::{Counts, Mark};
pub(super) use search::search;
pub(super) use source::Source;
