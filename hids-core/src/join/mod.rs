//! Grouping of alerts with the same cause, and aggregation of equal alerts.
//!
//! Rules have decided and responses have been carried out when an alert comes here. Two things are
//! decided, both for the outputs that people read:
//!
//! - *joining*: alerts of one [`Cause`] (a process tree, a package transaction, a login attempt) are one
//!   text, at the highest level; each stays a record in alerts.json and names its group;
//! - *folding*: when equal alerts come by the thousand, those above a number a minute become one
//!   record that carries their count.
//!
//! Owns what is held back ([`Held`]), bounded in number; what does not fit is written at once. Never
//! reads a clock: the caller says how long it has been running. What is held is plain data, so that
//! the record stage can keep it with its progress: a crash loses no alert.

mod cause;
mod flood;
mod held;
mod joiner;

pub use cause::{Cause, Owner};
pub use held::{Held, RuleCount, Tally};
pub use joiner::{JoinOptions, Joiner, Placement};

#[cfg(test)]
mod tests;
