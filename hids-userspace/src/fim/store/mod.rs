//! The baseline store.

mod error;

pub use error::StoreError;
