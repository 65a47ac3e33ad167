//! `cargo xtask demo`: an attack on real servers is seen, blocked, mailed and explained.
//!
//! Everything runs in namespaces; the machine itself is not touched. Each claim is checked where it
//! happens (packets, connections, mailbox), and the command fails if one of them does not hold.

mod stage;
mod story;

use std::time::Instant;

use anyhow::Result;
use clap::Args;

use crate::build::{Profile, build_all};
use crate::exec::say;
use crate::system::{BUILD, LAB, ensure, require_root};
use stage::Stage;

/// How to show it.
#[derive(Args)]
pub(crate) struct Options {
    /// Which build of the programs to show
    #[arg(long, value_enum, default_value_t = Profile::Release)]
    profile: Profile,
}

/// Shows it.
///
/// # Errors
/// When something cannot be started, or did not happen as claimed.
pub(crate) fn run(options: &Options) -> Result<()> {
    require_root("namespaces, the firewall and ports 22, 25 and 80 inside them")?;
    ensure(&[&BUILD, &LAB])?;
    let programs = build_all(options.profile)?;
    let start = Instant::now();
    let mut stage = Stage::default();
    story::play(&programs, &mut stage)?;
    say(&format!("the demonstration took {:.0} s", start.elapsed().as_secs_f64()));
    stage.close()
}
