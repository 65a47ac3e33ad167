//! Tails log files: one thread for all of them, woken by the kernel (inotify).
//!
//! Owns which files there are and how far each was read. Never looks at what a line says, never keeps a position on
//! disk. `event_loop` waits and asks the owners; `docs/design/collect.md` says who owns what, and what happens at a
//! rotation and after a restart.

mod batcher;
mod control;
mod descriptors;
mod directory_cache;
mod discovery;
mod entry;
mod entry_table;
mod event_loop;
mod file_table;
mod handle;
mod ids;
mod initial_offset;
mod kernel_watches;
mod line_reader;
mod line_splitter;
mod links;
mod log_file;
mod names;
mod open;
mod path_tracker;
mod position;
mod read_loop;
mod recovery;
mod renames;
mod reports;
mod routes;
mod sources;
mod timers;
mod trust;

#[cfg(test)]
mod tests;

pub(super) use control::Control;
pub(super) use event_loop::TailerOptions;
pub(super) use handle::TailerHandle;
