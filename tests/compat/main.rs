//! OSSEC's own answers against the engine's.
//!
//! The answers were observed by running OSSEC; they lie outside of the repository (other people's
//! licences) and these tests are skipped where they are not there.

mod allocations;
mod any_rules;
mod counting;
mod differences;
mod elements;
mod engine;
mod hardened;
mod ignored;
mod many_problems;
mod patterns;
mod plugins;
mod predecoding;
mod random;
mod records;
mod ruleset;
