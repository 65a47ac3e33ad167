//! Senses and acts: everything of the HIDS that touches the machine.
//!
//! Stages do not import one another; core types flow over bounded channels that `daemon::wiring` makes.
//! ARCHITECTURE.md shows the layers, and `cargo xtask tidy` checks them.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make threads, times and queues of their own"))]

pub mod accounts;
pub mod cli;
pub mod collect;
pub mod config;
pub mod contracts;
pub mod control;
pub mod daemon;
pub mod fim;
pub mod notify;
mod platform;
pub mod record;
pub mod respond;
pub mod ruleset;
pub mod sensors;
pub mod sys;
pub mod trust;
pub mod wildcard;
