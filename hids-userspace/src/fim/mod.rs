//! File integrity: scans, the baseline, and what became of a file that a sensor has named.
//!
//! Owns the baseline store. Decisions (which path counts, what is a difference, what is said) are
//! `hids_core::fim`. It never learns by itself that a file changed: sensors send events, scans look.

pub mod baseline_view;
pub mod examine;
pub mod export;
pub mod monitor;
pub mod offline;
pub mod packages;
mod paths;
pub mod policy;
pub mod protocol;
pub(crate) mod queries;
pub mod scan;
pub mod store;

pub use baseline_view::{BaselineView, Entry, Unaccepted};
pub use policy::policy_def;
pub use store::{Store, StoreError, StoreKey, StoreLimits, StoreView};
