//! Decoders, rules and lists of a configuration: reads their files, compiles them, looks for mistakes.
//!
//! Used by the daemon and by every command that tries rules without one. Never: analyses a line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hids_core::decode::Reading;
use hids_core::diag::{Diagnostic, SourceFile};
use hids_core::engine::{Engine, EngineOptions, ListSource, OssecProgram, RulesetSources};
use hids_core::respond::NeverBlock;
use hids_core::rules::FtsLimits;

use crate::config::{Config, LogInput, LogSourceConfig, Overlay};
use crate::platform::hostname;

/// Largest decoder, rule or list file.
const SOURCE_LIMIT_BYTES: u64 = 64 << 20;

/// A warning where neither a log nor a file is watched, so that nothing can ever be found.
pub(crate) fn nothing_watched(config: &Config) -> Option<Diagnostic> {
    let watches_files = !config.syscheck.disabled && !config.syscheck.directories.is_empty();
    if watches_files || !config.collect.is_empty() {
        return None;
    }
    let message = "nothing is monitored: no log in <localfile> and no directory in <syscheck>";
    Some(Diagnostic::warning("C139", message).help("see /usr/share/hids/ossec.conf for the shipped configuration"))
}

/// Reads all decoder, rule and list files of a configuration and compiles them.
///
/// No engine when there is any error; all problems in one run. In the strict mode it answers as
/// OSSEC's logtest does.
pub(crate) fn compile(config: &Config) -> (Option<Engine>, Vec<Diagnostic>) {
    compile_as(config, OssecProgram::Logtest)
}

/// As [`compile`], as if files had the content that `overlay` gives them.
pub(crate) fn compile_with(config: &Config, overlay: &Overlay) -> (Option<Engine>, Vec<Diagnostic>) {
    compile_sources(config, OssecProgram::Logtest, read_sources_with(config, overlay))
}

/// As [`compile`]; the strict mode answers as `program` does.
pub(crate) fn compile_as(config: &Config, program: OssecProgram) -> (Option<Engine>, Vec<Diagnostic>) {
    compile_sources(config, program, read_sources(config))
}

fn compile_sources(
    config: &Config,
    program: OssecProgram,
    (sources, mut diagnostics): (RulesetSources, Vec<Diagnostic>),
) -> (Option<Engine>, Vec<Diagnostic>) {
    let options = EngineOptions { strict_program: program, ..engine_options(config) };
    let (engine, of_rules) = Engine::compile(&sources, options);
    diagnostics.extend(of_rules);
    let usable = !hids_core::diag::has_errors(&diagnostics);
    (engine.filter(|_| usable), diagnostics)
}

/// What is wrong with these files, wherever they come from.
pub(crate) fn problems_of(config: &Config, sources: &RulesetSources) -> Vec<Diagnostic> {
    Engine::compile(sources, engine_options(config)).1
}

/// What is probably wrong with decoders and rules that load; see [`hids_core::engine::lint`].
pub(crate) fn lint(config: &Config, overlay: &Overlay) -> Vec<Diagnostic> {
    let (sources, _) = read_sources_with(config, overlay);
    let mut found = hids_core::engine::lint(&sources, &engine_options(config));
    let aliases: Vec<&str> = config.collect.iter().filter_map(alias).collect();
    let reading = if config.analysis.strict_ossec { Reading::Ossec } else { Reading::AsWritten };
    found.extend(hids_core::rules::commands(&sources.rules, &aliases, reading));
    found
}

/// What alerts show of a source that is a command.
fn alias(source: &LogSourceConfig) -> Option<&str> {
    match &source.input {
        LogInput::Command { alias, .. } => Some(alias),
        _ => None,
    }
}

/// Reads all decoder, rule and list files of a configuration.
pub(crate) fn read_sources(config: &Config) -> (RulesetSources, Vec<Diagnostic>) {
    read_sources_with(config, &Overlay::new())
}

fn read_sources_with(config: &Config, overlay: &Overlay) -> (RulesetSources, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let source = |path: &PathBuf| match overlay.get(path) {
        Some(text) => Ok(SourceFile::new(path.to_string_lossy(), text.clone())),
        None => read_source(path),
    };
    let mut read = |paths: &[PathBuf]| -> Vec<Arc<SourceFile>> {
        paths.iter().filter_map(|path| source(path).map_err(|problem| diagnostics.push(problem)).ok()).collect()
    };
    let decoders = read(&config.analysis.decoder_files);
    let rules = read(&config.analysis.rule_files);
    // A missing list is the engine's to judge: what follows depends on the rules that use it.
    let list = |(name, path): &(String, PathBuf)| ListSource { name: name.clone(), text: read_source(path).ok() };
    let sources = RulesetSources { decoders, rules, lists: config.analysis.lists.iter().map(list).collect() };
    (sources, diagnostics)
}

fn read_source(path: &Path) -> Result<Arc<SourceFile>, Diagnostic> {
    let cannot = |why: &dyn std::fmt::Display| {
        Diagnostic::error("C047", format!("cannot read {}: {why}", path.display()))
            .help("fix the path in <rules>, or remove the entry")
    };
    let metadata = path.metadata().map_err(|error| cannot(&error))?;
    if !metadata.is_file() {
        return Err(cannot(&"not a regular file"));
    }
    if metadata.len() > SOURCE_LIMIT_BYTES {
        return Err(cannot(&"larger than 64 MiB"));
    }
    let text = std::fs::read(path).map_err(|error| cannot(&error))?;
    Ok(SourceFile::new(path.to_string_lossy(), text))
}

fn engine_options(config: &Config) -> EngineOptions {
    EngineOptions {
        record_level: config.analysis.record_level,
        mail_level: config.analysis.mail_level,
        memory_size: config.analysis.memory_size,
        rule_memory_size: config.analysis.memory.events_of_rule,
        fts: FtsLimits {
            list_size: config.analysis.memory.fts_list_size,
            shared_prefix: config.analysis.memory.fts_shared_prefix,
        },
        decoder_order_size: config.analysis.decoder_order_size,
        log_fw: config.analysis.log_fw,
        default_timeframe: config.analysis.default_timeframe,
        excepted: config.respond.white_list().map(|(net, says)| (net, says == NeverBlock::Protect)).collect(),
        default_hostname: hostname::short().into_bytes(),
        zone: jiff::tz::TimeZone::system(),
        strict_ossec: config.analysis.strict_ossec,
        hardened_decoders: config.analysis.hardened_decoders,
        counts_changes: config.syscheck.auto_ignore,
        strict_program: OssecProgram::Logtest,
    }
}
