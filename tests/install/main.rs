//! The package on a stock Debian 12, from the installation to the removal, and when something is in its way.
//!
//! `cargo xtask test` makes one of the debug programs for it; `cargo xtask test install` takes the released one, and runs
//! the suite `packages` as well. Nothing is installed on the machine of the tests: packages go into machines of their own.

mod bad_input;
mod debian;
mod life;
mod names;
mod packages;
#[path = "../machine/support.rs"]
#[expect(dead_code, reason = "the suite `machine` uses more of it")]
mod support;
