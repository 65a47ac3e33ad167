//! Senses and acts: everything of the HIDS that touches the machine.
//!
//! Stages (`collect`, `sensors`, `respond`, `notify`, `record`) do not import one another; core
//! types flow over bounded channels that `daemon::wiring` makes.

pub mod config;
