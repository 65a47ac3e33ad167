//! The real programs on a temporary root, as an administrator sees them.

mod common;
mod lifecycle;
mod rule_memory;
