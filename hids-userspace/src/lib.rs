//! Senses and acts: everything of the HIDS that touches the machine.
//!
//! Stages do not import one another; core types flow over bounded channels that `daemon::wiring` makes.
//! ARCHITECTURE.md shows the layers, and `cargo xtask tidy` checks them.

#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make threads, times and queues of their own"))]

mod accounts;
mod adopt;
pub mod cli;
mod collect;
pub mod config;
mod contracts;
mod control;
mod daemon;
pub mod fim;
mod logging;
mod notify;
mod platform;
pub mod readers;
mod record;
pub mod respond;
mod ruleset;
pub mod sensors;
pub mod sys;
mod trust;
mod wildcard;
