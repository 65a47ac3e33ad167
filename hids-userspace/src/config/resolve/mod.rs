//! From what is written to what is meant: one file per section.
//!
//! Values whose form is wrong have been reported by `raw`; here they count as not given, so that
//! one mistake gives one message.

mod active_response;
mod alerts;
mod command;
mod database;
mod email_alerts;
mod global;
mod internal;
mod localfile;
mod mail;
mod mail_address;
mod mail_program;
mod network;
mod patterns;
mod reports;
mod rootcheck;
mod rule_files;
mod rules;
mod syscheck;
mod syslog_output;
mod times;
mod white_list;

pub(super) use internal::InternalOptions;

use std::path::PathBuf;
use std::time::Duration;

use hids_core::model::{Level, RuleId};
use hids_core::xml::Element;

use super::known::SectionKind;
use super::raw::{RawConfig, RawSection};
use super::value::{Problems, digits, number, span_of, word, yes_no};
use super::{AllowedNet, AnalysisConfig, Config, Paths, SyscheckConfig};

/// What every resolver works with.
struct Context<'a> {
    raw: &'a RawConfig,
    paths: &'a Paths,
    internal: &'a InternalOptions,
    allowed: &'a [AllowedNet],
    problems: &'a mut Problems,
}

/// What `<syscheck>` asks for, without the internal options beside it.
pub(super) fn resolve_syscheck(raw: &RawConfig, strict_ossec: bool, problems: &mut Problems) -> SyscheckConfig {
    let (paths, internal) = (Paths::default(), InternalOptions::none());
    syscheck::resolve(&mut Context { raw, paths: &paths, internal: &internal, allowed: &[], problems }, strict_ossec)
}

/// The configuration; only of use if no error has been reported.
pub(super) fn resolve(
    raw: &RawConfig,
    paths: Paths,
    internal: &InternalOptions,
    allowed: &[AllowedNet],
    strict_ossec: bool,
    problems: &mut Problems,
) -> Config {
    let mut context = Context { raw, paths: &paths, internal, allowed, problems };
    let mail = mail::resolve(&mut context, strict_ossec);
    let rules = rules::resolve(&mut context);
    let levels = alerts::resolve(&mut context);
    let analysis = AnalysisConfig {
        decoder_files: rules.decoders,
        rule_files: rules.rules,
        lists: rules.lists,
        record_level: levels.record,
        mail_level: levels.mail,
        memory_size: global::memory_size(&mut context),
        memory: internal.memory,
        decoder_order_size: internal.decoder_order_size,
        log_fw: internal.log_fw,
        strict_ossec,
        hardened_decoders: context.yes_no(SectionKind::Rules, "hardened_decoders", true),
        default_timeframe: internal.default_timeframe,
    };
    let record = global::record(&context, strict_ossec);
    let collect = localfile::resolve(&mut context);
    let respond = active_response::resolve(&mut context);
    let syslog_outputs = syslog_output::resolve(&mut context);
    let syscheck = syscheck::resolve(&mut context, strict_ossec);
    let rootcheck = rootcheck::resolve(&context);
    let reports = reports::resolve(&mut context);
    database::check(&mut context);
    network::check(&mut context);
    Config { collect, analysis, respond, mail, record, syslog_outputs, syscheck, rootcheck, reports, paths }
}

impl Context<'_> {
    /// The last `yes` or `no` of an option, or the default.
    fn yes_no(&self, kind: SectionKind, name: &'static str, default: bool) -> bool {
        self.raw.last(kind, name).and_then(yes_no).unwrap_or(default)
    }

    /// The last value of an option without blanks around it.
    fn word(&self, kind: SectionKind, name: &'static str) -> Option<&Element> {
        self.raw.all(kind, name).filter(|element| word(element).is_some()).last()
    }

    /// The last number of an option.
    fn number(&self, kind: SectionKind, name: &'static str) -> Option<u64> {
        self.raw.last(kind, name).and_then(number)
    }

    /// A path as written, made absolute.
    fn path(&self, text: &str) -> PathBuf {
        self.paths.base.join(text)
    }
}

/// The text of an option without blanks around it.
fn text_of(section: &RawSection, name: &str) -> Option<String> {
    section.last(name).and_then(word).map(str::to_owned)
}

fn level_of(section: &RawSection, name: &str) -> Option<Level> {
    section.last(name).and_then(number).map(level)
}

fn level(number: u64) -> Level {
    Level(u16::try_from(number).unwrap_or(u16::MAX))
}

fn seconds_of(element: &Element) -> Option<Duration> {
    number(element).map(Duration::from_secs)
}

/// Rule numbers, separated by commas or blanks.
fn rule_ids<'a>(elements: impl Iterator<Item = &'a Element>, problems: &mut Problems) -> Vec<RuleId> {
    let mut ids = Vec::new();
    for element in elements {
        let before = ids.len();
        for part in items(&element.text.value) {
            match digits(part).and_then(|id| u32::try_from(id).ok()).filter(|id| *id <= 999_999) {
                Some(id) => ids.push(RuleId(id)),
                None => {
                    let message = format!("`<{}>` must be a list of rule ids, found \"{part}\"", element.name.value);
                    problems.error(
                        "C011",
                        &span_of(element, part),
                        message,
                        "use comma-separated numbers of at most six digits",
                    );
                }
            }
        }
        if ids.len() == before && word(element).is_none() {
            problems.error(
                "C019",
                &element.name.span,
                format!("`<{}>` is empty", element.name.value),
                "list rule ids, or remove it",
            );
        }
    }
    ids
}

/// The parts of a list separated by commas or blanks.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char: char| char == ',' || char.is_whitespace()).filter(|part| !part.is_empty())
}
