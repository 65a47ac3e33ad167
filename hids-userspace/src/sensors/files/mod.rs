//! What happens to watched files, as the kernel's fanotify reports it: path, operation and process number.
//!
//! Owns the fanotify groups and one thread that reads them. Never reads a file and never decides whether a change
//! matters: an event is a hint to look. Whatever may have been missed is a [`Sensed::Gap`]; who a process is, a
//! [`WhoLookup`] says. Marks and losses are explained in `docs/design/file-sensor.md`.
//!
//! [`Sensed::Gap`]: hids_core::model::Sensed::Gap
//! [`WhoLookup`]: crate::sensors::WhoLookup

mod dispatch;
mod event;
mod event_batching;
mod event_sender;
mod file_handle;
mod filesystem;
mod group;
mod handle;
mod link_names;
mod link_search;
mod mark_queue;
mod mounts;
mod options;
pub mod parse;
mod paths;
mod plan;
mod report;
mod resolve;
mod retries;
mod roots;
mod sensor;
mod stepped;
#[cfg(test)]
mod tests;
mod thread;
mod tree;
mod two_generation_cache;
mod watched;

pub use handle::{FilesHandle, start};
pub use options::{FilesOptions, FilesTuning, MarkChoice};
pub use report::{FilesReport, MarkKind, RootReport};
pub use stepped::SteppedFiles;
