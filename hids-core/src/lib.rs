//! Decides; never senses or acts.
//!
//! Everything here is a function of its arguments: no file, network, clock, environment or
//! thread. Time is an argument (`now`), text comes in as bytes, and what should happen goes out
//! as values that `hids-userspace` carries out. That makes every answer reproducible: the same
//! configuration, lines and times give the same alerts and blocks, byte for byte.
//!
//! Modules use what stands below them only; ARCHITECTURE.md shows the order, and `cargo xtask tidy`
//! checks it.
#![forbid(unsafe_code)]

pub mod decode;
pub mod diag;
pub mod engine;
pub mod escape;
#[cfg(feature = "faults")]
pub mod faults;
pub mod fim;
pub mod join;
pub mod logtime;
pub mod model;
pub mod paths;
pub mod pattern;
pub mod predecode;
pub mod render;
pub mod respond;
pub mod rules;
pub mod ruletest;
pub mod sender;
pub mod xml;
