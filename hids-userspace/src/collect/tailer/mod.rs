//! Log files: one thread follows all of them, woken by the kernel (inotify) and by nothing else.
//!
//! Two kinds of watches: each directory on the way to a file (names come and go: files appear, are
//! rotated, deleted, symbolic links are switched), and each file itself (it was written to), so that
//! busy files nobody asked for cost nothing. What inotify cannot tell (network file systems, a queue
//! that overflowed) a slow look at everything finds.
//!
//! A line is handed on when its newline is there: a partial write is not an event (OSSEC hands the
//! part on and the rest as another event). When a file has been rotated or deleted and stays quiet,
//! its last line is handed on without one.
//!
//! Rotation: the file that was renamed stays open and is read to its end before the new one is
//! begun, and is watched for some minutes more, because a server writes to it until it is told.
//! Each file remembers the bytes before its position: when they are different at the next read, the
//! file was truncated (copytruncate) and is read from its first byte, unless it still begins as
//! before: then somebody edited it, and lines that were read once do not count again.
//!
//! Copies that a rotation leaves behind (`access_log.1`) are not read when a wildcard finds them:
//! their lines were read from the file itself.

mod batcher;
mod control;
mod directory_cache;
mod discovery;
mod entry;
mod event_loop;
mod initial_offset;
mod kernel_watches;
mod line_splitter;
mod links;
mod log_file;
mod names;
mod open;
mod path_tracker;
mod position;
mod read_loop;
mod recovery;
mod routes;
mod sources;
mod timers;
mod trust;

#[cfg(test)]
mod tests;

pub(super) use control::{Control, TailerHandle};
pub(super) use event_loop::TailerOptions;
