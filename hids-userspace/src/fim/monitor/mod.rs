//! What became of files: events of the sensor and findings of scans are joined with the baseline.
//!
//! Owns the thread that writes the baseline, the threads that look at files, the scans, and the outbox
//! that hands notices to the rules. An event is only a hint to look: merged, repeated or reordered
//! events cannot give a wrong answer. Never senses by itself.
//!
//! | Channel | Holds | When full |
//! | --- | --- | --- |
//! | sensor → watch | 64 batches | the sensor waits, and the kernel's queue holds the events |
//! | watch → looks | 512 paths | paths wait; beyond 200,000 their trees are scanned (a gap) |
//! | looks → watch | 4,096 states | the looks wait |
//! | scan → watch | 16 batches | the scan waits |
//! | guard → watch | 1,024 refusals | the guard drops and counts |
//! | outbox → analysis | the analysis' own | the outbox waits; notices are in the store |

mod accept;
mod classify;
mod commands;
mod commit;
mod debounce;
mod deleted_during_scan;
mod denials;
mod event_loop;
mod full_scan;
mod gaps;
mod handle;
mod notifier;
mod offline_queries;
mod package_recognition;
mod package_updates;
mod roots;
mod scan_checkpoint;
mod scan_queue;
mod status;
mod text_diff;
mod throttle;
mod unreadable;
mod wildcards;
mod workers;

pub(in crate::fim) use commit::error_text;
pub use commit::error_text as error_chain;
pub use handle::{FimError, FimHandle, FimInputs, FimOptions, Opened, open, start};
pub use notifier::POSITION;
pub(in crate::fim) use notifier::text as text_of;
pub use offline_queries::{answer_offline, has_baseline};
pub(in crate::fim) use scan_queue::holds;
