//! Decoders: which program wrote a line, and what its parts mean.
//!
//! `parse` reads decoder files into definitions, `compile` makes a [`DecoderSet`] of them, `run`
//! applies it. Everything extracted is a part of the line or of a reused buffer. Owns OSSEC's
//! decoder language (`src/analysisd/decoders`). Never: judges an event.

mod accumulate;
pub mod attributes;
mod compile;
mod decoded;
mod decoder;
mod fields;
mod fts;
mod groups;
mod json;
mod kind;
mod parse;
mod peer;
mod plugins;
mod run;
pub mod source;
#[cfg(test)]
mod tests;

pub use accumulate::Accumulator;
pub use attributes::Reading;
pub use compile::DecoderSet;
pub use decoded::Decoded;
pub use decoder::NameId;
pub use fields::{FieldId, FieldTable, FieldValues};
pub use fts::{EventNames, FirstSeen, FtsFields};
pub use json::JsonDef;
pub use kind::EventKind;
pub use parse::{DecoderDef, Offset, Plugin, parse};
pub use peer::{Found, PeerGuard, PeerScratch, lint};
pub use plugins::forwarded_location;
pub use run::{DecoderTrial, Scratch, decode};
