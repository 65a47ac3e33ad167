//! `<syscheck>`.

mod directories;
mod protect;

use std::collections::HashSet;
use std::time::Duration;

use hids_core::pattern::Dialect::OsMatch;
use hids_core::xml::Element;

use super::{Context, patterns, times};
use crate::config::known::SectionKind::Syscheck;
use crate::config::value::{Problems, digits, value_span, word};
use crate::config::{PathPattern, SyscheckConfig};

/// As OSSEC's manual has it; its code has 600.
const DEFAULT_FREQUENCY: u64 = 21_600;
/// As Wazuh has it.
const DEFAULT_NICE: i8 = 10;
/// Largest text that `report_changes` keeps a copy of.
const DEFAULT_DIFF_BYTES: u64 = 1 << 20;
/// Largest that may be asked for: copies are kept, and compared in memory.
const MOST_DIFF_BYTES: u64 = 64 << 20;

pub(super) fn resolve(context: &mut Context<'_>, strict_ossec: bool) -> SyscheckConfig {
    let raw = context.raw;
    let mut seen = HashSet::new();
    let mut watched = Vec::new();
    for element in raw.all(Syscheck, "directories") {
        directories::resolve(element, &mut seen, &mut watched, context.problems);
    }
    if let (true, Some(section)) = (watched.is_empty(), raw.sections.iter().find(|one| one.spec.kind == Syscheck)) {
        let message = "no `<directories>` in `<syscheck>`: no files are monitored";
        context.problems.note("C056", section.name_span(), message, "for example /etc,/usr/bin,/usr/sbin");
    }
    let mut patterns =
        |name| raw.all(Syscheck, name).filter_map(|element| path_pattern(element, context.problems)).collect();
    let (ignore, no_diff) = (patterns("ignore"), patterns("nodiff"));
    let mut timed = |name, wants: &str, help: &str, fits: &dyn Fn(&str) -> bool| {
        let element = raw.last(Syscheck, name)?;
        if !fits(&element.text.value) {
            let message = format!("`<{name}>` must be {wants}, found \"{}\"", element.text.value.trim());
            context.problems.error("C017", &value_span(element), message, help);
        }
        Some(element.text.value.as_str())
    };
    let scan_time = timed("scan_time", "a time of day", "use the form 21:30 or 9:30 pm", &|text| {
        times::time_of_day(text).is_some()
    });
    let scan_day =
        timed("scan_day", "days of the week", "use for example monday, weekends", &|text| times::days(text).is_some());
    SyscheckConfig {
        disabled: context.yes_no(Syscheck, "disabled", false),
        frequency: Duration::from_secs(context.number(Syscheck, "frequency").unwrap_or(DEFAULT_FREQUENCY)),
        scan_time: scan_time.and_then(times::time_of_day),
        scan_days: scan_day.and_then(times::days),
        scan_on_start: context.yes_no(Syscheck, "scan_on_start", true),
        directories: watched,
        ignore,
        no_diff,
        skip_nfs: context.yes_no(Syscheck, "skip_nfs", false),
        auto_ignore: context.yes_no(Syscheck, "auto_ignore", true),
        alert_new_files: context.yes_no(Syscheck, "alert_new_files", !strict_ossec),
        prefilter: prefilter(context),
        summarise_updates: context.raw.last(Syscheck, "package_updates").and_then(word) == Some("summarise"),
        protect_mode: protect::mode(context),
        protect_allow: protect::allowed(context),
        scan_rate_mib: scan_rate(context),
        scan_nice: nice(context),
        diff_size_limit: diff_size_limit(context),
    }
}

/// MiB per second; 0 is no limit.
fn scan_rate(context: &Context<'_>) -> Option<u32> {
    context.number(Syscheck, "scan_rate").and_then(|rate| u32::try_from(rate).ok()).filter(|rate| *rate > 0)
}

fn nice(context: &mut Context<'_>) -> i8 {
    let Some(element) = context.raw.last(Syscheck, "process_priority") else { return DEFAULT_NICE };
    let text = element.text.value.trim();
    match text.parse() {
        Ok(nice @ -20..=19) => nice,
        _ => {
            let message = format!("`<process_priority>` must be a nice value from -20 to 19, found \"{text}\"");
            let help = "10 yields to other programs, 0 is the normal priority";
            context.problems.error("C012", &value_span(element), message, help);
            DEFAULT_NICE
        }
    }
}

fn diff_size_limit(context: &mut Context<'_>) -> u64 {
    let Some(element) = context.raw.last(Syscheck, "diff_size_limit") else { return DEFAULT_DIFF_BYTES };
    let text = element.text.value.trim();
    match bytes(text) {
        Some(size) if size <= MOST_DIFF_BYTES => size,
        Some(_) => {
            let message = format!("`<diff_size_limit>` must be at most 64MB, found {text}");
            context.problems.error(
                "C012",
                &value_span(element),
                message,
                "larger files are checked, but without a diff",
            );
            DEFAULT_DIFF_BYTES
        }
        None => {
            let message = format!("`<diff_size_limit>` must be a number of bytes, found \"{text}\"");
            context.problems.error("C011", &value_span(element), message, "use the form 65536, 64KB or 1MB");
            DEFAULT_DIFF_BYTES
        }
    }
}

/// Digits, with `KB`, `MB` or `GB` behind them as Wazuh writes it (1024 each).
fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let unit = match text[end..].trim().to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" => 1 << 10,
        "M" | "MB" => 1 << 20,
        "G" | "GB" => 1 << 30,
        _ => return None,
    };
    Some(digits(&text[..end])?.saturating_mul(unit))
}

fn prefilter(context: &mut Context<'_>) -> Vec<String> {
    let Some(element) = context.raw.last(Syscheck, "prefilter_cmd") else { return Vec::new() };
    let words: Vec<String> = element.text.value.split_whitespace().map(str::to_owned).collect();
    match words.first() {
        Some(program) if context.path(program).is_file() => words,
        Some(program) => {
            let message = format!("`<prefilter_cmd>`: {program} does not exist");
            context.problems.error("C018", &value_span(element), message, "use an absolute path, or remove it");
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// `<ignore>` and `<nodiff>`.
fn path_pattern(element: &Element, problems: &mut Problems) -> Option<PathPattern> {
    let name = &element.name.value;
    for attribute in element.attributes.iter().filter(|attribute| attribute.name.value != "type") {
        let message = format!("`<{name}>` has no attribute `{}`", attribute.name.value);
        problems.error("C007", &attribute.name.span, message, "the only attribute is type=\"sregex\"");
    }
    let Some(text) = word(element) else {
        let message = format!("`<{name}>` is empty and would exclude everything");
        problems.error("C019", &element.name.span, message, "set a path, or remove it");
        return None;
    };
    match element.attribute("type") {
        None => {
            if !text.starts_with('/') {
                report_never(
                    element,
                    text,
                    "write the whole path, or type=\"sregex\" for any part of a path",
                    problems,
                );
            }
            Some(PathPattern::Prefix(text.as_bytes().to_vec()))
        }
        Some(kind) if kind.value.value == "sregex" => {
            if let Some(never) = never_fits(&element.text.value) {
                report_never(element, never, "begin it with ^/, or remove the ^ for any part of a path", problems);
            }
            patterns::compile(&element.text, OsMatch, problems).map(|_| PathPattern::Sregex(element.text.value.clone()))
        }
        Some(kind) => {
            let message = format!("attribute `type` must be \"sregex\", found \"{}\"", kind.value.value);
            problems.error("C013", &kind.value.span, message, "remove it for a plain path");
            None
        }
    }
}

/// What begins otherwise than each path does: OSSEC takes it in silence, and leaves nothing out by it.
fn report_never(element: &Element, text: &str, help: &str, problems: &mut Problems) {
    let message = format!(
        "`<{}>`: no path begins with \"{}\", so it excludes nothing: paths are compared from their first `/`",
        element.name.value,
        text.trim_start_matches('^')
    );
    problems.warning("C058", &value_span(element), message, help);
}

/// The first alternative of an os_match pattern that begins with `^` and something else than `/`.
fn never_fits(pattern: &str) -> Option<&str> {
    let mut alternatives =
        pattern.trim().split('|').filter(|one| !pattern.trim_start().starts_with('!') && one.len() > 1);
    alternatives.find(|one| one.starts_with('^') && !one.starts_with("^/"))
}
