//! A configuration with the engine of its rules, as a start and a reload need it.

use hids_core::diag::{Diagnostic, Severity, has_errors};
use hids_core::engine::{Engine, OssecProgram};

use super::logins;
use super::problem::Problem;
use crate::config::{self, Config, LoadOptions};
use crate::ruleset;

/// A configuration that can be used.
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) engine: Engine,
    /// Parts of it that this machine does not have what they need for: missing response programs and the like.
    pub(super) unusable: Vec<Problem>,
}

/// The code of warnings that a response program is missing or cannot be used: its responses do not happen.
const UNUSABLE: &str = "C089";

/// The configuration with its engine, if both are free of errors, and everything there is to say.
pub(super) fn load(options: &LoadOptions) -> (Option<Loaded>, Vec<Diagnostic>) {
    let loaded = config::load(options);
    let mut diagnostics = loaded.diagnostics;
    let Some(config) = loaded.config.filter(|_| !has_errors(&diagnostics)) else { return (None, diagnostics) };
    let (engine, of_rules) = ruleset::compile_as(&config, OssecProgram::Daemon);
    diagnostics.extend(of_rules);
    diagnostics.extend(logins::check(&config.collect));
    diagnostics.extend(ruleset::nothing_watched(&config));
    // Notes are for `hidsctl check`; the daemon's log keeps to what needs attention.
    diagnostics.retain(|diagnostic| diagnostic.severity > Severity::Note);
    let is_unusable = |one: &&Diagnostic| one.code == UNUSABLE;
    let unusable = diagnostics.iter().filter(is_unusable).map(unusable_part).collect();
    (engine.map(|engine| Loaded { config, engine, unusable }), diagnostics)
}

fn unusable_part(of: &Diagnostic) -> Problem {
    let remedy = of.help.clone().unwrap_or_else(|| "run hidsctl check".into());
    Problem::warning(of.message.clone(), format!("{remedy}, then run hidsctl reload"))
}
