//! Everything a developer or CI runs. This file only dispatches; each command is one file.

mod audit;
mod bench;
mod build;
mod build_ebpf;
mod clippy;
mod demo;
mod dist;
mod docs;
mod exec;
mod fuzz;
mod paths;
mod run;
mod system;
mod test;
mod tidy;
mod vm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs and tests the HIDS. Every command installs what it lacks and prints what it runs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and start the daemon in the foreground on config/ossec.conf (root)
    Run(run::Options),
    /// Run every test, or one part of them
    Test(test::Options),
    /// Build the BPF object, then the daemon with the object inside
    Build(build::Options),
    /// Build the BPF objects only: target/bpf/hids-ebpf.o and hids-guard.o
    BuildEbpf,
    /// Show an attack being seen, blocked, mailed and explained, in namespaces of its own (root)
    Demo(demo::Options),
    /// Measure latency, memory and throughput of the release programs (root)
    Bench(bench::Options),
    /// Feed the fuzz targets, each for some minutes; not part of `test`
    Fuzz(fuzz::Options),
    /// Check the rules of the source tree that the compiler does not know
    Tidy,
    /// Make docs/json.md from docs/schema/, and docs/ruleset.md from config/ruleset/
    Docs,
    /// Run clippy on every package, the BPF programs included
    Clippy,
    /// Check licences, sources and bans of the dependencies (deny.toml)
    Audit(audit::Options),
    /// Pack the release programs, manuals and configuration
    Dist(dist::Options),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Task::Run(options) => run::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Build(options) => build::run_options(&options),
        Task::BuildEbpf => build_ebpf::run(),
        Task::Demo(options) => demo::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Tidy => tidy::run(),
        Task::Docs => docs::run(),
        Task::Clippy => clippy::run(),
        Task::Audit(options) => audit::run(&options),
        Task::Dist(options) => dist::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
