//! File integrity: scans, the baseline, and what became of a file that a sensor has named.
//!
//! Owns the baseline store. Decisions (which path counts, what is a difference, what is said) are
//! `hids_core::fim`. It never learns by itself that a file changed: sensors send events, scans look.

pub(crate) mod answer;
mod clock;
pub mod examine;
pub mod export;
pub mod known;
pub mod monitor;
pub mod offline;
pub mod packages;
mod paths;
pub mod policy;
pub mod request;
pub mod scan;
pub mod store;

pub use known::{Entry, Known, Unaccepted};
pub use policy::{has_wildcard, policy_def};
pub use store::{Store, StoreError, StoreKey, StoreLimits, StoreView};
