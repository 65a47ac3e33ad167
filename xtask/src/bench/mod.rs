//! `cargo xtask bench`: the figures that matter to an administrator, measured on the release programs.
//!
//! Machines differ, so each figure stands beside something simple measured in the same run. Nothing
//! here passes or fails; a figure is only compared with what the project wants.

mod corpus;
pub(crate) mod engine;
mod engine_compare;
mod engine_corpus;
mod engine_usage;
pub(crate) mod fim;
mod fim_tree;
mod fim_yardstick;
mod latency;
mod memory;
mod replay;
mod restore;
pub(crate) mod ruleset;
pub(crate) mod start;
mod top;
pub(crate) mod watch;
mod watch_load;
mod watched;

use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::build::{Profile, build_all};
use crate::exec::say;
use crate::system::{BUILD, LAB, ensure, require_root};

/// How much to measure.
#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    part: Option<Part>,
    /// Lines appended one after the other to measure the time until each address is blocked
    #[arg(long, default_value_t = 1000)]
    blocks: u32,
    /// Blocks to be restored at start
    #[arg(long, default_value_t = 100_000)]
    restored: u32,
    /// Log lines to be analysed by hidsctl replay
    #[arg(long, default_value_t = 1_000_000)]
    lines: u32,
    /// Seconds to watch the idle daemon, and the idle screen of hidsctl top
    #[arg(long, default_value_t = 10)]
    idle: u64,
    /// Which build of the programs to measure; figures of a debug build say nothing
    #[arg(long, value_enum, default_value_t = Profile::Release)]
    profile: Profile,
}

#[derive(Subcommand)]
enum Part {
    /// Only the analysis of whole files, with OSSEC's rules where ../shared is there (no root needed)
    Engine(engine::Options),
    /// Only what the shipped rules see of other projects' test data in ../shared/testdata (no root needed)
    Ruleset(ruleset::Options),
    /// Only scans of file integrity, beside openssl and AIDE (root for the runs with a cold cache)
    Fim(fim::Options),
    /// Only the start, until systemd is notified (root)
    Start(start::Options),
    /// Only the watching of files: how soon, in how much memory, at what cost to programs that write (root)
    Watch(watch::Options),
}

/// The guide's configuration, but an address is blocked by one wrong password.
pub(crate) fn configuration() -> String {
    hids_tests::hids::GUIDE
        .replace("<level>7</level>", "<level>5</level>")
        .replace("<email_notification>yes</email_notification>", "<email_notification>no</email_notification>")
}

/// Measures everything and prints one line for each figure.
pub(crate) fn run(options: &Options) -> Result<()> {
    let starts = match &options.part {
        Some(Part::Start(options)) => Some(options),
        Some(Part::Engine(options)) => return engine::run(options),
        Some(Part::Ruleset(options)) => return ruleset::run(options),
        Some(Part::Fim(options)) => return fim::run(options),
        Some(Part::Watch(options)) => return watch::run(options),
        None => None,
    };
    require_root("namespaces and the firewall inside them")?;
    ensure(&[&BUILD, &LAB])?;
    let programs = match starts.and_then(start::Options::programs) {
        Some(programs) => programs.to_owned(),
        None => build_all(options.profile)?,
    };
    say(&format!("figures of {}", programs.display()));
    if let Some(starts) = starts {
        return start::measure(&programs, starts);
    }
    latency::measure(&programs, options.blocks)?;
    memory::measure(&programs, Duration::from_secs(options.idle))?;
    start::measure(&programs, &start::Options::default())?;
    top::measure(&programs, Duration::from_secs(options.idle))?;
    restore::measure(&programs, options.restored)?;
    replay::measure(&programs, options.lines)
}

/// Prints a figure, what is wanted of it, and what it is compared with.
fn figure(name: &str, value: &str, wanted: &str, beside: &str) {
    println!("{name:<44} {value:>14}   wanted: {wanted:<14} {beside}");
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}
