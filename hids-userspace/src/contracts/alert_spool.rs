//! The contract between the stage that records alerts and the one that mails them.
//!
//! Neither imports the other: `record` calls an [`AlertSpool`], `notify` provides one, `daemon`
//! puts them together.

use std::io;

use hids_core::join::RuleCount;
use hids_core::model::Alert;

/// What the mail spool gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MailItem<'a> {
    /// Running number of what is mailed, kept over restarts.
    pub number: u64,
    /// The alert.
    pub alert: &'a Alert,
    /// How many alerts it stands for.
    pub count: u64,
    /// The rules of all of them, when there are several.
    pub rules: &'a [RuleCount],
}

impl<'a> MailItem<'a> {
    /// One alert that stands for itself.
    pub(crate) fn single(number: u64, alert: &'a Alert) -> Self {
        Self { number, alert, count: 1, rules: &[] }
    }
}

/// Keeps mailed alerts on disk until they are sent.
///
/// The record stage stages alerts before it commits a batch to its progress journal and says so
/// afterwards, so that an alert is mailed if and only if it is recorded.
pub(crate) trait AlertSpool {
    /// Appends an alert; it must not be sent yet. Numbers come in rising order.
    fn stage(&mut self, item: MailItem<'_>) -> io::Result<()>;

    /// Makes everything staged so far durable.
    fn sync(&mut self) -> io::Result<()>;

    /// What is numbered below `next` is recorded: it may be sent.
    fn committed(&mut self, next: u64);

    /// Takes back what is numbered from `next` on: it was not recorded.
    fn drop_from(&mut self, next: u64) -> io::Result<()>;

    /// Whether the alert numbered `number` is here or has been sent: after a power loss the end of the
    /// spool may be missing.
    fn holds(&self, number: u64) -> bool;
}
