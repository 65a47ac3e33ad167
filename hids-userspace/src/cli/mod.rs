//! hidsctl: one file per noun.
