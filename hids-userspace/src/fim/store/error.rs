//! Why the baseline cannot be used.

use std::io;
use std::path::PathBuf;

/// A failed operation on the baseline.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file.
    #[error("cannot open the baseline {}", path.display())]
    Open {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}
