//! `<syscheck>`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use hids_core::diag::closest;
use hids_core::pattern::Dialect::OsMatch;
use hids_core::xml::{Attribute, Element};

use super::{Context, patterns, times};
use crate::config::known::SectionKind::Syscheck;
use crate::config::value::{Problems, span_of, value_span, word};
use crate::config::{Checks, PathPattern, ProtectMode, SyscheckConfig, WatchedDirectory};

/// As OSSEC's manual has it; its code has 600.
const DEFAULT_FREQUENCY: u64 = 21_600;
/// As Wazuh has it.
const DEFAULT_NICE: i8 = 10;
/// Largest text that `report_changes` keeps a copy of.
const DEFAULT_DIFF_BYTES: u64 = 1 << 20;
/// Most paths of one `<directories>` that OSSEC reads.
const PATHS_PER_ELEMENT: usize = 64;

pub(super) fn resolve(context: &mut Context<'_>) -> SyscheckConfig {
    let raw = context.raw;
    let mut seen = HashSet::new();
    let mut watched = Vec::new();
    for element in raw.all(Syscheck, "directories") {
        directories(element, &mut seen, &mut watched, context.problems);
    }
    let mut patterns =
        |name| raw.all(Syscheck, name).filter_map(|element| path_pattern(element, context.problems)).collect();
    let (ignore, no_diff) = (patterns("ignore"), patterns("nodiff"));
    let mut timed = |name, wants: &str, help: &str, fits: &dyn Fn(&str) -> bool| {
        let element = raw.last(Syscheck, name)?;
        if !fits(&element.text.value) {
            let message = format!("`<{name}>` wants {wants}, found \"{}\"", element.text.value.trim());
            context.problems.error("C017", &value_span(element), message, help);
        }
        Some(element.text.value.as_str())
    };
    let scan_time =
        timed("scan_time", "a time of day", "write it as 21:30 or 9:30 pm", &|text| times::time_of_day(text).is_some());
    let scan_day = timed("scan_day", "days of the week", "write for instance monday, weekends", &|text| {
        times::days(text).is_some()
    });
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
        alert_new_files: context.yes_no(Syscheck, "alert_new_files", false),
        prefilter: prefilter(context),
        protect_mode: ProtectMode::Monitor,
        protect_allow: Vec::new(),
        scan_rate_mib: None,
        scan_nice: DEFAULT_NICE,
        diff_size_limit: DEFAULT_DIFF_BYTES,
    }
}

fn prefilter(context: &mut Context<'_>) -> Vec<String> {
    let Some(element) = context.raw.last(Syscheck, "prefilter_cmd") else { return Vec::new() };
    let words: Vec<String> = element.text.value.split_whitespace().map(str::to_owned).collect();
    match words.first() {
        Some(program) if context.path(program).is_file() => words,
        Some(program) => {
            let message = format!("`<prefilter_cmd>`: {program} does not exist");
            context.problems.error("C018", &value_span(element), message, "write the whole path, or remove it");
            Vec::new()
        }
        None => Vec::new(),
    }
}

/// One `<directories>`: its attributes hold for each path of the list.
fn directories(
    element: &Element,
    seen: &mut HashSet<PathBuf>,
    watched: &mut Vec<WatchedDirectory>,
    problems: &mut Problems,
) {
    let mut pattern =
        WatchedDirectory { checks: Checks { sha256: true, ..Checks::default() }, ..WatchedDirectory::default() };
    for attribute in &element.attributes {
        apply_attribute(attribute, &mut pattern, problems);
    }
    if element.attributes.is_empty() || pattern.checks == Checks::default() {
        let message = "`<directories>` does not say what to check, which OSSEC refuses";
        problems.error("C050", &element.name.span, message, "add check_all=\"yes\"");
    }
    let paths: Vec<&str> = element.text.value.split(',').map(str::trim).filter(|path| !path.is_empty()).collect();
    if paths.is_empty() {
        problems.error("C019", &element.name.span, "`<directories>` is empty", "name directories, separated by commas");
    }
    for (index, path) in paths.into_iter().enumerate() {
        let span = span_of(element, path);
        if index == PATHS_PER_ELEMENT {
            problems.warning(
                "C052",
                &span,
                format!("OSSEC reads {PATHS_PER_ELEMENT} paths of one `<directories>`; here all count"),
                "split the list",
            );
        }
        if !path.starts_with('/') {
            problems.error(
                "C018",
                &span,
                format!("`<directories>` wants absolute paths, found \"{path}\""),
                "begin it with `/`",
            );
        } else if !seen.insert(PathBuf::from(path)) {
            let message = format!("{path} is given twice and the first counts; OSSEC drops the rest of this list");
            problems.warning("C051", &span, message, "keep one of them");
        } else {
            watched.push(WatchedDirectory { path: path.into(), ..pattern.clone() });
        }
    }
}

/// Applies one attribute; they count from left to right, as in OSSEC.
fn apply_attribute(attribute: &Attribute, watched: &mut WatchedDirectory, problems: &mut Problems) {
    const NAMES: [&str; 13] = [
        "check_all",
        "check_sum",
        "check_md5sum",
        "check_sha1sum",
        "check_sha256sum",
        "check_size",
        "check_owner",
        "check_group",
        "check_perm",
        "realtime",
        "report_changes",
        "restrict",
        "no_recurse",
    ];
    let (name, value) = (attribute.name.value.as_str(), attribute.value.value.as_str());
    if !NAMES.contains(&name) {
        let help = match (closest(name, NAMES), name) {
            (
                _,
                "whodata"
                | "recursion_level"
                | "follow_symbolic_link"
                | "tags"
                | "check_inode"
                | "check_mtime"
                | "check_attrs"
                | "diff_size_limit",
            ) => "it is Wazuh's, OSSEC and this program do not have it; remove it".to_owned(),
            (Some(right), _) => format!("did you mean `{right}`?"),
            _ => format!("attributes are {}", NAMES.join(", ")),
        };
        problems.error("C007", &attribute.name.span, format!("`<directories>` has no attribute `{name}`"), &help);
        return;
    }
    if name == "restrict" {
        watched.restrict = patterns::compile(&attribute.value, OsMatch, problems).map(|_| value.to_owned());
        return;
    }
    let on = match value {
        "yes" => true,
        "no" if name != "no_recurse" => false,
        _ => {
            let wants = if name == "no_recurse" { "yes" } else { "yes or no" };
            let message = format!("attribute `{name}` wants {wants}, found \"{value}\"");
            problems.error(
                "C010",
                &attribute.value.span,
                message,
                "in lower case and without blanks; or remove the attribute",
            );
            return;
        }
    };
    set(watched, name, on);
}

fn set(watched: &mut WatchedDirectory, name: &str, on: bool) {
    let checks = &mut watched.checks;
    match name {
        "check_all" => {
            *checks = Checks::all(on);
        }
        "check_sum" => (checks.md5, checks.sha1, checks.sha256) = (on, on, on),
        "check_md5sum" => checks.md5 = on,
        "check_sha1sum" => checks.sha1 = on,
        "check_sha256sum" => checks.sha256 = on,
        "check_size" => checks.size = on,
        "check_owner" => checks.owner = on,
        "check_group" => checks.group = on,
        "check_perm" => checks.permissions = on,
        "realtime" => watched.realtime = on,
        "report_changes" => watched.report_changes = on,
        "no_recurse" => watched.no_recurse = on,
        _ => {}
    }
}

/// `<ignore>` and `<nodiff>`.
fn path_pattern(element: &Element, problems: &mut Problems) -> Option<PathPattern> {
    let name = &element.name.value;
    for attribute in element.attributes.iter().filter(|attribute| attribute.name.value != "type") {
        let message = format!("`<{name}>` has no attribute `{}`", attribute.name.value);
        problems.error("C007", &attribute.name.span, message, "the only one is type=\"sregex\"");
    }
    let Some(text) = word(element) else {
        let message = format!("`<{name}>` is empty and would leave out everything");
        problems.error("C019", &element.name.span, message, "name a path, or remove it");
        return None;
    };
    match element.attribute("type") {
        None => Some(PathPattern::Prefix(text.to_owned())),
        Some(kind) if kind.value.value == "sregex" => {
            patterns::compile(&element.text, OsMatch, problems).map(|_| PathPattern::Sregex(element.text.value.clone()))
        }
        Some(kind) => {
            let message = format!("attribute `type` can be \"sregex\", found \"{}\"", kind.value.value);
            problems.error("C013", &kind.value.span, message, "remove it for a plain path");
            None
        }
    }
}
