//! What is sent to the thread that tails files.

use crossbeam_channel::Sender;

use crate::config::LogSourceConfig;

/// A request to the thread.
#[derive(Debug)]
pub(in crate::collect) enum Control {
    /// Tail these sources from now on; the sender is dropped when their files have been found.
    Reload(Vec<LogSourceConfig>, Sender<()>),
    /// The sender is dropped when all positions at start have been sent.
    Announced(Sender<()>),
    /// End.
    Stop,
}
