//! Who is behind a process number: the question that sensors of file events ask.
//!
//! Owns the question ([`WhoLookup`]) and the answer that needs no help from the kernel ([`Procfs`]).
//! Every byte that it hands on was chosen by the process itself.

mod procfs;

pub use procfs::Procfs;

use std::sync::Arc;

use hids_core::model::Who;

/// Tells who a process is. Asked by several threads, once or more for every file event.
pub trait WhoLookup: Send + Sync {
    /// The process with number `pid` (thread group, in the daemon's PID namespace) as it acted just now.
    ///
    /// `None` when nothing but the number is known: the process has ended before anybody looked.
    fn who(&self, pid: u32) -> Option<Arc<Who>>;
}
