//! Size limits of the store.

use std::time::Duration;

/// Bounds of the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreLimits {
    /// Memory for pages of the database, in bytes.
    pub cache_bytes: usize,
    /// How many notices are kept.
    pub history_notices: u64,
    /// How long notices are kept.
    pub history_age: Duration,
    /// The longest text that is kept for `report_changes`, in bytes before compression.
    pub text_bytes: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            cache_bytes: 16 << 20,
            history_notices: 1_000_000,
            history_age: Duration::from_secs(90 * 86_400),
            text_bytes: 1 << 20,
        }
    }
}
