//! `cargo xtask build`: the daemon and its control program, with the BPF object inside.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::exec::{cargo, run, say};
use crate::system::{BUILD, ensure};
use crate::{build_ebpf, paths};

/// What to build.
#[derive(Args)]
pub(crate) struct Options {
    /// How much the compiler optimises
    #[arg(long, value_enum, default_value_t = Profile::Release)]
    profile: Profile,
    /// Leave the BPF object out; the daemon then says that it has none
    #[arg(long)]
    without_bpf: bool,
}

/// Cargo's two profiles.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Fast programs
    Release,
    /// Fast builds
    Debug,
}

/// Builds what the options ask for.
pub(crate) fn run_options(options: &Options) -> Result<()> {
    if options.without_bpf {
        build_programs(options.profile).map(|_| ())
    } else {
        build_all(options.profile).map(|_| ())
    }
}

/// Builds the BPF object and then the programs; returns the directory that holds them.
pub(crate) fn build_all(profile: Profile) -> Result<PathBuf> {
    ensure(&[&BUILD])?;
    build_ebpf::run()?;
    build_programs(profile)
}

/// Builds the programs without making the BPF object anew; returns the directory that holds them.
pub(crate) fn build_programs(profile: Profile) -> Result<PathBuf> {
    ensure(&[&BUILD])?;
    let mut build = cargo();
    build.args(["build", "--package", "hids-userspace", "--bins"]);
    let directory = match profile {
        Profile::Release => {
            // The machine that runs it needs no libpcre2, whatever the one that builds it has installed.
            build.arg("--release").env("PCRE2_SYS_STATIC", "1");
            paths::target().join("release")
        }
        Profile::Debug => paths::target().join("debug"),
    };
    run(&mut build)?;
    say(&format!("the programs are {}/hidsd and hidsctl", directory.display()));
    Ok(directory)
}
