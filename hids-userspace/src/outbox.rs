//! The contract between the stage that records alerts and the one that mails them.
//!
//! Neither imports the other: `record` calls an [`AlertSpool`], `notify` provides one, `daemon`
//! puts them together.

use std::io;

use hids_core::model::Alert;

/// Keeps mailed alerts on disk until they are sent.
///
/// The record stage stages alerts before it commits a batch to its progress journal and says so
/// afterwards, so that an alert is mailed if and only if it is recorded.
pub trait AlertSpool {
    /// Appends an alert; it must not be sent yet. Sequences come in rising order.
    fn stage(&mut self, alert: &Alert) -> io::Result<()>;

    /// Makes everything staged so far durable.
    fn sync(&mut self) -> io::Result<()>;

    /// Alerts below `next_sequence` are recorded: they may be sent.
    fn committed(&mut self, next_sequence: u64);

    /// Takes back staged alerts from `next_sequence` on: they were not recorded.
    fn drop_from(&mut self, next_sequence: u64) -> io::Result<()>;

    /// Whether the alert `sequence` is here or has been sent: after a power loss the end of the
    /// spool may be missing.
    fn holds(&self, sequence: u64) -> bool;
}
