//! Reads log files, the journal and the output of commands into [`LogBatch`]es.
//!
//! Owns: which files there are, how far each has been read, the child processes of commands and of
//! the journal. Never does: keep positions on disk (the record stage does, together with the alert
//! files), look at what a line says, start a shell, drop a line because the receiver is slow: when the
//! channel is full the collector waits, since a log file can wait.
//!
//! - `tailer`: one thread for all log files, driven by inotify;
//! - `command`: one thread for each command, which runs it every so often;
//! - `journal`: one thread for each journal source, which reads a `journalctl` child;
//! - `once`: each line once, where a file holds what the journal holds, too;
//! - `format`: how lines become events; pure.
//!
//! [`LogBatch`]: hids_core::model::LogBatch

mod batch_sender;
pub(crate) mod command;
pub(crate) mod format;
mod journal;
mod once;
mod options;
mod report;
mod start;
mod tailer;

pub use journal::entry::ReadEntry;
pub(crate) use journal::entry::read as read_journal_entry;
pub(crate) use options::{CollectOptions, CollectTuning, PieceAt};
pub(crate) use report::{CollectReport, SourceReport, SourceState};
pub(crate) use start::{CollectError, CollectorHandle, start};
