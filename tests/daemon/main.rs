//! The real programs on a temporary root, as an administrator sees them.

mod check;
mod common;
mod documents;
mod full_disk;
mod joined;
mod lifecycle;
mod log_files;
mod logtest;
mod records;
mod replay;
mod rule_memory;
mod steering;
