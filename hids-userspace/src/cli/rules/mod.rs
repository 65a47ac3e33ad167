//! `hidsctl rules`: for the people who write rules. Each command reads the rules that the
//! configuration names, as the daemon would; the daemon is not asked.

mod covered;
mod graph;
mod list;
mod show;
mod silence;
mod test;

use clap::{Args, Subcommand};
use hids_core::diag::{Diagnostic, Severity};
use hids_core::model::RuleId;
use hids_core::rules::Catalogue;

pub(super) use self::silence::silenced;
use super::exit::{BadConfiguration, Exit, NoSuchRule};
use super::{Common, messages};
use crate::config;
use crate::ruleset;

/// Options of `rules`.
#[derive(Debug, Args)]
pub struct RulesArgs {
    #[command(subcommand)]
    command: Command,
}

impl RulesArgs {
    /// Whether rules are only shown.
    pub(super) fn only_lists(&self) -> bool {
        matches!(self.command, Command::List(_) | Command::Show(_))
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run rule tests: log lines with expected results
    Test(test::TestArgs),
    /// List rules
    List(list::ListArgs),
    /// Show a rule with its parents and children
    Show(show::ShowArgs),
    /// Keep a rule from alerting, for all or some events, by a local rule
    Silence(silence::SilenceArgs),
    /// Print the rule tree in Graphviz format
    Graph(graph::GraphArgs),
}

/// Runs one of the commands.
pub(super) fn run(common: &Common, args: &RulesArgs) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Test(args) => test::run(common, args),
        Command::List(args) => list::run(common, args),
        Command::Show(args) => show::run(common, args),
        Command::Silence(args) => silence::run(common, args),
        Command::Graph(args) => graph::run(common, args),
    }
}

/// The rules of the configuration. Errors in them do not matter here, unless nothing can be read:
/// looking at rules must work while they are being repaired.
pub(super) fn catalogue(common: &Common) -> anyhow::Result<Catalogue> {
    let (catalogue, problems) = read(common);
    let is_telling = |problem: &&Diagnostic| catalogue.is_none() || problem.severity == Severity::Error;
    messages::diagnostics(problems.iter().filter(is_telling));
    catalogue.ok_or_else(|| BadConfiguration.into())
}

/// The text of a rule; prints nothing.
pub(super) fn text(common: &Common, id: u32) -> anyhow::Result<String> {
    let catalogue = read(common).0.ok_or(BadConfiguration)?;
    let id = known_rule(&catalogue, id)?;
    Ok(catalogue.rule(id).map(|rule| show::to_text(&catalogue, rule)).unwrap_or_default())
}

fn read(common: &Common) -> (Option<Catalogue>, Vec<Diagnostic>) {
    let loaded = config::load(&common.load_options(false));
    let Some(config) = loaded.config else { return (None, loaded.diagnostics) };
    let (sources, mut problems) = ruleset::read_sources(&config);
    let (catalogue, of_rules) = Catalogue::read(&sources.rules);
    problems.extend(of_rules);
    (Some(catalogue), problems)
}

/// The rule that an argument names.
fn known_rule(catalogue: &Catalogue, id: u32) -> anyhow::Result<RuleId> {
    if catalogue.rule(RuleId(id)).is_none() {
        return Err(NoSuchRule(id).into());
    }
    Ok(RuleId(id))
}
