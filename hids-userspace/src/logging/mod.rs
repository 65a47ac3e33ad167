//! What the daemon says about itself: to the journal, to standard error, and to OSSEC's `ossec.log`.
//!
//! One event of `tracing` becomes one [`entry::Entry`]: a sentence for people, and fields for searches
//! (`journalctl HIDS_RULE=5720`). Values come from logs and file names, so every one is made visible before it goes
//! anywhere. Owns the connection to the journal and the counts of what could not be written.
//!
//! Never holds up a thread: a journal or a terminal that takes nothing costs entries, which are counted and shown by
//! `hidsctl status`. That is why the journal's protocol is spoken here: `tracing-journald` waits without end on a full
//! socket, drops errors unseen, and leaves the fields out of the message.

mod entry;
mod journal;
mod layer;
mod ossec_log;
mod stderr;

pub(crate) use layer::{report, say_last_words, start};
pub(crate) use ossec_log::OssecLog;

/// Target of events that an administrator may want to see among routine ones: blocks, mainly. In the journal they
/// have the priority `notice`.
pub(crate) const NOTICE: &str = "notice";

#[cfg(test)]
mod tests;
