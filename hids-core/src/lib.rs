//! Decides; never senses or acts.
//!
//! Everything here is a function of its arguments: no file, network, clock, environment or
//! thread. Time is an argument (`now`), text comes in as bytes, and what should happen goes out
//! as values that `hids-userspace` carries out. That makes every answer reproducible: the same
//! configuration, lines and times give the same alerts and blocks, byte for byte.
//!
//! Modules may use what stands before them in this list, never what stands after:
//! `diag`, `model` ← `pattern`, `xml` ← `predecode` ← `decode` ← `rules` ← `engine` ← `ruletest`;
//! `sender` uses `model`, `respond` uses `model` and `pattern`, `fim` those and `escape`, `render` uses `model`,
//! `escape` and `join`; `engine` asks `fim` which decoder takes an event of file integrity; `join` uses `model`, `escape` and `fim`.
#![forbid(unsafe_code)]

pub mod decode;
pub mod diag;
pub mod engine;
mod escape;
#[cfg(feature = "faults")]
mod faults;
pub mod fim;
pub mod join;
pub mod logtime;
pub mod model;
pub mod pattern;
pub mod predecode;
pub mod render;
pub mod respond;
pub mod rules;
pub mod ruletest;
pub mod sender;
pub mod xml;
