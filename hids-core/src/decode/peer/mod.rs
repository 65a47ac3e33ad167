//! Final check of `srcip` before rule evaluation, in the default mode.
//!
//! OSSEC's decoders take the first text that looks like the peer's address, wherever the peer wrote
//! it, so that a user name blocks whom it names. Here the address of OSSEC's own decoders is read
//! by hardened ones (the shipped ruleset's, compiled in); of any other decoder whose pattern does not
//! pin the address down it counts only if the line can be read in one way. Owns: which address of a
//! line may be believed. Never: changes decoder, rule or any other field.

mod guard;
mod hardened;
mod lint;
mod ossec_names;
mod shape;
#[cfg(test)]
mod tests;
mod two_ways;

pub use guard::{Found, PeerGuard, PeerScratch};
pub use lint::lint;
