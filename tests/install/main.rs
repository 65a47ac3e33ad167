//! The packages on stock machines, from the installation to the removal: `cargo xtask test install` makes them first.
//!
//! Nothing is installed on the machine of the tests: packages go into machines and roots of their own.

mod debian;
mod lint;
mod names;
mod old_systems;
mod packages;
mod rpm;
#[path = "../machine/support.rs"]
#[expect(dead_code, reason = "the suite `machine` uses more of it")]
mod support;
