//! ossec.conf: as written (`raw`), then as typed values in which a bad state cannot be expressed
//! (`resolve`). Each stage gets its own part.

mod types;

pub use types::*;
