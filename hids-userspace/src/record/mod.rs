//! Alert files and the progress journal.
//!
//! Owns everything under `logs/alerts`, `logs/archives` and `logs/firewall`: one file per day and
//! kind in OSSEC's layout, hard links to today's, checksums and compression of finished days; and
//! the *progress journal* `state/record.journal`, which makes sure that no line is lost or recorded
//! twice (ARCHITECTURE.md); and `state/rules.state`, what rules remember over a restart. Never decides what is recorded, never drops an alert: when a file cannot
//! be written, the pipeline waits.

mod batch;
mod day;
mod days;
mod error;
mod finish;
mod handle;
mod journal;
mod mark;
mod order;
mod output;
mod query;
mod reader;
mod reconfigure;
mod recorded;
mod recorder;
mod recover;
mod reserve;
mod root;
mod rule_state;
mod texts;
mod thread;
mod today;

pub(crate) use batch::Processed;
pub(crate) use error::{ReconfigureError, RecordError};
pub(crate) use handle::RecordHandle;
pub(crate) use order::{Reconfiguration, SpoolChange};
pub(crate) use query::{AlertQuery, Filters};
pub(crate) use reader::{Follower, ReadError, check_readable, newest_alerts, read_alerts};
pub(crate) use recorded::RecordedAlert;
pub(crate) use recorder::{Recorder, RecorderOptions};
pub(crate) use rule_state::{remember, rewritten as rewritten_rule_state};
pub(crate) use thread::start;

#[cfg(test)]
mod tests;
