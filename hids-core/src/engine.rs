//! The facade over predecode, decode and rules.
