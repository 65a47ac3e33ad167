//! Joins events of the sensor and findings of scans with the baseline, and reports what changed.
//!
//! Owns the only thread that writes the baseline, the threads that inspect files, the scans, and the thread that
//! sends records to the rules. An event is only a hint to inspect a path: merged, repeated or reordered events cannot
//! give a wrong result. Never senses by itself. How the parts work together is described in `docs/design/fim.md`.
//!
//! | Channel | Capacity | When full |
//! | --- | --- | --- |
//! | sensor → monitor | 64 batches | the sensor waits, and the kernel's queue holds the events |
//! | monitor → workers | 512 paths | paths wait; beyond 200,000 their trees are scanned (a gap) |
//! | workers → monitor | 4,096 results | the workers wait |
//! | scan → monitor | 16 batches | the scan waits |
//! | guard → monitor | 1,024 denials | the guard drops and counts |
//! | notifier → analysis | the analysis' own | the notifier waits; records are in the store |

mod accept;
mod baseline_writer;
mod classify;
mod commands;
mod commit;
mod debounce;
mod deleted_during_scan;
mod denials;
mod event_context;
mod event_loop;
mod handle;
mod inspector;
mod notifier;
mod observation;
mod offline_baseline;
mod offline_queries;
mod open;
mod pacing;
mod package_recognition;
mod package_updates;
mod scan_scheduler;
mod start;
mod status;
#[cfg(test)]
mod testing;
mod throttle;
mod unreadable;
mod windows;
mod workers;

pub(crate) use handle::FimHandle;
pub(crate) use notifier::POSITION;
pub(in crate::fim) use notifier::text as text_of;
pub(crate) use offline_baseline::{BeginError, accept_offline, begin_offline};
pub(crate) use offline_queries::{answer_offline, has_baseline};
pub(in crate::fim) use open::{BASELINE, KEY};
pub(crate) use open::{FimError, Opened, open};
pub(in crate::fim) use scan_scheduler::NotWatched;
pub(crate) use start::{FimInputs, FimOptions, start};
