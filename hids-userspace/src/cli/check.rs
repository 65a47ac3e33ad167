//! `hidsctl check`: every problem of the configuration, decoders and rules in one run.

use clap::Args;
use hids_core::diag::{Diagnostic, Severity};
use hids_core::engine::Engine;
use serde_json::json;

use super::exit::Exit;
use super::{Common, messages, output};
use crate::config::{self, Config, LoadOptions, Overlay};
use crate::daemon::logins;
use crate::ruleset;
use crate::sensors;

/// Options of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Treat warnings as errors
    #[arg(long)]
    deny_warnings: bool,
    /// Reproduce OSSEC's behaviour exactly, including its known gaps
    #[arg(long)]
    strict_ossec: bool,
}

/// Loads everything as the daemon would and reports; 1 when the daemon would refuse it.
pub(super) fn run(common: &Common, args: &CheckArgs) -> anyhow::Result<Exit> {
    let (mut diagnostics, rules) = problems(&common.load_options(args.strict_ossec), &Overlay::new());
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let bad = errors > 0 || (args.deny_warnings && warnings > 0);
    if common.json {
        output::print_json(&json!({
            "ok": !bad, "errors": errors, "warnings": warnings, "rules": rules,
            "diagnostics": diagnostics.iter().map(messages::diagnostic_json).collect::<Vec<_>>(),
        }))?;
    } else {
        // What matters most stands last, where a terminal shows it.
        diagnostics.sort_by_key(|diagnostic| diagnostic.severity);
        let mut text: String = diagnostics.iter().map(Diagnostic::render).collect();
        let verdict = match (errors, bad) {
            (0, false) => "configuration is valid",
            (0, true) => "configuration is valid, but has warnings",
            _ => "configuration is invalid; hidsd would not start with it",
        };
        let counts = [(errors, "error"), (warnings, "warning"), (rules, "rule")];
        let counts = counts.map(|(count, what)| output::count(count as u64, what)).join(", ");
        text.push_str(&format!("{verdict}: {counts}\n"));
        output::print(&text)?;
    }
    Ok(if bad { Exit::No } else { Exit::Success })
}

/// Every problem, and the number of rules, as if files had the content that `overlay` gives them.
pub(super) fn problems(options: &LoadOptions, overlay: &Overlay) -> (Vec<Diagnostic>, usize) {
    let loaded = config::load_with(options, overlay);
    let mut diagnostics = loaded.diagnostics;
    let mut rules = 0;
    if let Some(config) = &loaded.config {
        let (engine, of_rules) = ruleset::compile_with(config, overlay);
        rules = engine.as_ref().map_or(0, Engine::rule_count);
        diagnostics.extend(of_rules);
        diagnostics.extend(engine.and_then(|engine| rules_of_files(config, &engine)));
        diagnostics.extend(ruleset::lint(config, overlay));
        diagnostics.extend(protection(config));
        diagnostics.extend(logins::check(&config.collect));
        diagnostics.extend(ruleset::nothing_watched(config));
    }
    (diagnostics, rules)
}

/// Whether this kernel can do what `protect="yes"` asks for.
fn protection(config: &Config) -> Option<Diagnostic> {
    if !config.syscheck.directories.iter().any(|watched| watched.protect) {
        return None;
    }
    let why = sensors::can_refuse_writes().err()?;
    let message = format!("protect=\"yes\" cannot be enforced on this host: {}", why.with_sources());
    Some(Diagnostic::warning("C055", message).help(why.help()))
}

/// What the rules that OSSEC has for changes of files are about.
const RULES_OF_FILES: [(u32, &str); 5] = [
    (550, "file modified"),
    (551, "file modified again"),
    (552, "file modified repeatedly"),
    (553, "file deleted"),
    (554, "file added"),
];

/// Whether `<syscheck>` watches files and nothing would be said of some of their changes.
fn rules_of_files(config: &Config, engine: &Engine) -> Option<Diagnostic> {
    if config.syscheck.disabled || config.syscheck.directories.is_empty() {
        return None;
    }
    let is_there = |id: u32| engine.rules().any(|rule| rule.id.0 == id);
    let missing: Vec<String> =
        RULES_OF_FILES.iter().filter(|(id, _)| !is_there(*id)).map(|(id, about)| format!("{id} ({about})")).collect();
    if missing.is_empty() {
        return None;
    }
    let message = format!(
        "<syscheck> monitors files, but the ruleset lacks rules {}: such changes raise no alert unless another rule \
         matches",
        missing.join(", ")
    );
    Some(
        Diagnostic::warning("C057", message)
            .help("load OSSEC's ossec_rules.xml, or 0050-ossec.xml of the shipped ruleset, in <rules>"),
    )
}
