//! What only the released packages can show: `cargo xtask test install` makes them first.
//!
//! Nothing is installed on the machine of the tests: packages go into machines and roots of their own.

mod debian_13;
#[path = "../install/life.rs"]
mod life;
mod lint;
mod old_systems;
#[path = "../install/packages.rs"]
mod packages;
mod repository;
mod rpm;
#[path = "../machine/support.rs"]
#[expect(dead_code, reason = "the suite `machine` uses more of it")]
mod support;
mod symbols;
