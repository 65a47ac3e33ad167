//! The command lines of `hidsd` and `hidsctl`: one file per noun.
//!
//! A command prints its answer on stdout (text, or JSON with `--json`), problems on stderr, and
//! ends with a code of [`exit::Exit`].

mod alerts;
mod allow;
mod blocks;
mod check;
pub mod color;
mod complete;
mod config;
pub mod daemon;
pub mod exit;
mod explain;
mod fim;
mod import;
mod locale;
mod logtest;
mod messages;
mod output;
mod pager;
mod progress;
mod proposal;
mod reload;
mod replay;
mod rules;
mod screen;
mod self_test;
mod setup;
mod status;
mod support;
mod table;
mod teardown;
mod times;
mod top;
mod why;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use color::Color;
use exit::Exit;

use crate::config::LoadOptions;

/// Inspect and control hids
#[derive(Debug, Parser)]
#[command(name = "hidsctl", version, after_help = exit::HELP)]
pub struct Hidsctl {
    /// Options that every command knows.
    #[command(flatten)]
    pub common: Common,
    /// Colour the output: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t, hide_possible_values = true)]
    pub color: Color,
    /// Do not show long output in a pager
    #[arg(long, global = true)]
    pub no_pager: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command knows.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Configuration file [default: /var/ossec/etc/ossec.conf if there, else /etc/hids/ossec.conf]
    #[arg(short, long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Keep state, logs and sockets under this directory
    #[arg(long, value_name = "DIR", global = true)]
    pub root: Option<PathBuf>,
    /// Print JSON output
    #[arg(long, global = true)]
    pub json: bool,
}

impl Common {
    /// What `config::load` needs of these options.
    pub fn load_options(&self, strict_ossec: bool) -> LoadOptions {
        LoadOptions { config: self.config.clone(), root: self.root.clone(), strict_ossec }
    }
}

/// What `hidsctl` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check the configuration, decoders and rules for problems
    Check(check::CheckArgs),
    /// Show the status of the daemon, problems first
    Status(status::StatusArgs),
    /// Show recorded alerts
    Alerts(alerts::AlertsArgs),
    /// Show everything on one screen that is updated: alerts, blocks, files, sources and rules
    Top,
    /// List, add or remove blocks
    Blocks(blocks::BlocksArgs),
    /// Remove blocks of addresses, as `blocks remove` does
    #[command(visible_alias = "unban")]
    Unblock(blocks::RemoveArgs),
    /// List, add or remove addresses and networks that are never blocked
    Allow(allow::AllowArgs),
    /// Show why an address is or was blocked
    Why(why::WhyArgs),
    /// File integrity: scans, baseline and change history
    Fim(fim::FimArgs),
    /// Reload the configuration
    Reload,
    /// Show options in force, or explain an option
    Config(config::ConfigArgs),
    /// Explain the code of a diagnostic, such as C014
    Explain(explain::ExplainArgs),
    /// Analyse log lines from standard input and show each step
    Logtest(logtest::LogtestArgs),
    /// Analyse log files as fast as possible, without blocking anything
    Replay(replay::ReplayArgs),
    /// Inspect rules and run rule tests
    Rules(rules::RulesArgs),
    /// Print a completion script for a shell
    Completions(complete::CompletionsArgs),
    /// Create a configuration that fits this system
    Setup(setup::SetupArgs),
    /// Translate the configuration of another program
    Import(import::ImportArgs),
    /// Write an archive with what is needed to analyse a problem, without passwords
    Support(support::SupportArgs),
    /// Remove blocks and write protection from the kernel, before hids is uninstalled
    Teardown,
}

impl Command {
    /// Whether the answer may be longer than a screen, and comes to an end by itself.
    fn is_long(&self) -> bool {
        match self {
            Self::Alerts(alerts) => !alerts.is_endless(),
            Self::Blocks(blocks) => blocks.only_lists(),
            Self::Fim(fim) => fim.only_lists(),
            Self::Rules(rules) => rules.only_lists(),
            Self::Check(_) | Self::Status(_) | Self::Why(_) | Self::Explain(_) => true,
            _ => false,
        }
    }
}

/// The program that was started under this name: `hidsctl`, or else `hidsd`. Packages hold the code of both once.
pub fn by_name(name: Option<&OsStr>) -> ExitCode {
    if name.is_some_and(|name| Path::new(name).file_name() == Some(OsStr::new("hidsctl"))) {
        return hidsctl();
    }
    daemon::main()
}

/// `hidsctl` from its command line to its exit code.
pub fn hidsctl() -> ExitCode {
    complete::answer_if_asked();
    let exit = match Hidsctl::try_parse() {
        Ok(args) => run(&args),
        Err(error) => messages::usage(&error, &std::env::args_os().collect::<Vec<_>>()),
    };
    exit.into()
}

/// Runs a `hidsctl` command.
fn run(args: &Hidsctl) -> Exit {
    args.color.choose();
    messages::choose(args.common.json);
    let is_paged = args.command.is_long() && !args.no_pager && !args.common.json;
    let _pager = if is_paged { pager::start() } else { None };
    let result = match &args.command {
        Command::Check(check) => check::run(&args.common, check),
        Command::Status(status) => status::run(&args.common, status),
        Command::Alerts(alerts) => alerts::run(&args.common, alerts),
        Command::Top => top::run(&args.common),
        Command::Blocks(blocks) => blocks::run(&args.common, blocks),
        Command::Unblock(remove) => blocks::remove(&args.common, remove),
        Command::Allow(allow) => allow::run(&args.common, allow),
        Command::Why(why) => why::run(&args.common, why),
        Command::Fim(fim) => fim::run(&args.common, fim),
        Command::Reload => reload::run(&args.common),
        Command::Config(config) => config::run(&args.common, config),
        Command::Explain(explain) => explain::run(&args.common, explain),
        Command::Logtest(logtest) => logtest::run(&args.common, logtest),
        Command::Replay(replay) => replay::run(&args.common, replay),
        Command::Rules(rules) => rules::run(&args.common, rules),
        Command::Completions(completions) => complete::run(completions),
        Command::Setup(setup) => setup::run(&args.common, setup),
        Command::Import(import) => import::run(&args.common, import),
        Command::Support(support) => support::run(&args.common, support),
        Command::Teardown => teardown::run(&args.common),
    };
    result.unwrap_or_else(|error| {
        if output::is_closed_pipe(&error) {
            return Exit::Success;
        }
        messages::error(&error)
    })
}
