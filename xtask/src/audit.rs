//! `cargo xtask audit`: what the dependencies are allowed to be (`deny.toml`), checked by cargo-deny.

use anyhow::Result;
use clap::Args;

use crate::exec::{cargo, find, run as run_command, say};

/// The release that `deny.toml` was tried with.
const CARGO_DENY_VERSION: &str = "0.20.2";

/// How much to check.
#[derive(Args)]
pub(crate) struct Options {
    /// Also look for known vulnerabilities; this downloads the advisory database
    #[arg(long)]
    advisories: bool,
}

/// Checks licences, sources and banned or duplicate crates; installs cargo-deny if it is missing.
///
/// # Errors
/// When something is not allowed, or cargo-deny cannot be installed.
pub(crate) fn run(options: &Options) -> Result<()> {
    if find("cargo-deny").is_none() {
        say("cargo-deny is not installed");
        run_command(cargo().args(["install", "--locked", "cargo-deny", "--version", CARGO_DENY_VERSION]))?;
    }
    let mut deny = cargo();
    deny.args(["deny", "--workspace", "--all-features"]);
    deny.args(["check", "bans", "licenses", "sources"]);
    if options.advisories {
        deny.arg("advisories");
    }
    run_command(&mut deny)
}
