//! File integrity: scans, the baseline, and what became of a file that a sensor has named.
//!
//! Owns the baseline store. Decisions (which path counts, what is a difference, what is said) are
//! `hids_core::fim`. It never learns by itself that a file changed: sensors send events, scans look.

pub(crate) mod baseline_view;
pub(crate) mod check;
pub(crate) mod examine;
pub mod export;
pub(crate) mod handover;
pub(crate) mod monitor;
pub(crate) mod offline;
pub(crate) mod packages;
mod paths;
pub(crate) mod policy;
pub(crate) mod process;
pub(crate) mod protocol;
pub(crate) mod queries;
mod query_error;
pub(crate) mod scan;
pub(crate) mod scan_options;
pub(crate) mod store;

pub(crate) use baseline_view::{BaselineView, Entry, Unaccepted};
pub(crate) use policy::policy_def;
pub(crate) use query_error::QueryError;
pub(crate) use store::{Store, StoreError, StoreView};
