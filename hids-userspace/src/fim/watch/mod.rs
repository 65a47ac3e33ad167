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
mod appeared;
mod apply;
mod examiners;
mod gaps;
mod handle;
mod judge;
mod manners;
mod offline;
mod outbox;
mod packages;
mod pending;
mod place;
mod refusals;
mod roots;
mod rounds;
mod run;
mod scans;
mod shared;
mod text;
mod unreadable;
mod updates;
mod vanished;
mod wishes;

pub(in crate::fim) use apply::error_text;
pub use apply::error_text as error_chain;
pub use handle::{FimError, FimHandle, FimInputs, FimOptions, Opened, open, start};
pub use offline::{answer_offline, has_baseline};
pub use outbox::POSITION;
pub(in crate::fim) use outbox::text as text_of;
pub(in crate::fim) use scans::holds;
