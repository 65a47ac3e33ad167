//! `<directories>`: paths, and what holds for them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use hids_core::diag::{Span, closest};
use hids_core::pattern::Dialect::OsMatch;
use hids_core::xml::{Attribute, Element};

use super::super::patterns;
use crate::config::value::{Problems, digits, span_of};
use crate::config::{Checks, Watch};

/// Most paths of one `<directories>` that OSSEC reads.
const PATHS_PER_ELEMENT: usize = 64;
/// Most levels of sub-directories, as in Wazuh.
const MOST_LEVELS: u64 = 320;
/// Places in which programs of all kinds must be able to write, or which are no files.
const NOT_TO_PROTECT: [&str; 8] = ["/", "/dev", "/proc", "/run", "/sys", "/tmp", "/var", "/var/tmp"];

const NAMES: [&str; 19] = [
    "check_all",
    "check_sum",
    "check_md5sum",
    "check_sha1sum",
    "check_sha256sum",
    "check_blake3",
    "check_size",
    "check_owner",
    "check_group",
    "check_perm",
    "check_inode",
    "check_mtime",
    "realtime",
    "whodata",
    "protect",
    "report_changes",
    "restrict",
    "no_recurse",
    "recursion_level",
];

/// One `<directories>`: its attributes hold for each path of the list.
pub(super) fn resolve(
    element: &Element,
    seen: &mut HashSet<PathBuf>,
    watched: &mut Vec<Watch>,
    problems: &mut Problems,
) {
    let pattern = attributes(element, problems);
    let paths: Vec<&str> = element.text.value.split(',').map(str::trim).filter(|path| !path.is_empty()).collect();
    if paths.is_empty() {
        problems.error("C019", &element.name.span, "`<directories>` is empty", "list directories, separated by commas");
    }
    for (index, path) in paths.into_iter().enumerate() {
        let span = span_of(element, path);
        if index == PATHS_PER_ELEMENT {
            problems.warning(
                "C052",
                &span,
                format!("OSSEC uses only {PATHS_PER_ELEMENT} paths of one `<directories>`; hids uses all"),
                "split the list",
            );
        }
        if !path.starts_with('/') {
            problems.error(
                "C018",
                &span,
                format!("`<directories>` must be absolute paths, found \"{path}\""),
                "use an absolute path",
            );
        } else if let Some(problem) = glob::Pattern::new(path).err().filter(|_| !Path::new(path).exists()) {
            let message = format!("`<directories>`: \"{path}\" is no pattern: {}", problem.msg);
            problems.error("C018", &span, message, "close the bracket, or use [[] for a literal bracket");
        } else if !seen.insert(PathBuf::from(path)) {
            let message = format!("{path} is listed twice; the first is used; OSSEC ignores the rest of this list");
            problems.warning("C051", &span, message, "keep one of them");
        } else {
            if pattern.protect && may_be_written_by_all(path) {
                let message = format!("with `protect` almost no program can write below {path}, including logging");
                problems.warning("C053", &span, message, "protect directories of programs and configuration");
            }
            report_missing(path, &span, problems);
            watched.push(Watch { root: path.as_bytes().to_vec(), ..pattern.clone() });
        }
    }
}

/// Whether the path is one of [`NOT_TO_PROTECT`], or a wildcard that stands for one.
fn may_be_written_by_all(path: &str) -> bool {
    let plain = path.trim_end_matches('/');
    let plain = if plain.is_empty() { "/" } else { plain };
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
    let pattern = glob::Pattern::new(plain).ok();
    let fits = |place: &str| pattern.as_ref().is_some_and(|pattern| pattern.matches_with(place, options));
    NOT_TO_PROTECT.iter().any(|place| *place == plain || fits(place))
}

/// A path that leads nowhere is probably mistyped, and nothing else would tell.
fn report_missing(path: &str, span: &Span, problems: &mut Problems) {
    if Path::new(path).symlink_metadata().is_ok() {
        return;
    }
    if path.contains(['*', '?', '[']) {
        if glob::glob(path).is_ok_and(|mut found| found.next().is_none()) {
            let message = format!("{path} currently matches nothing");
            problems.warning("C055", span, message, "wildcards are expanded at start and on reload");
        }
    } else {
        problems.note(
            "C055",
            span,
            format!("{path} does not exist"),
            "fix it if it is a typo; every scan checks for it again",
        );
    }
}

/// What the attributes say; they count from left to right, as in OSSEC.
fn attributes(element: &Element, problems: &mut Problems) -> Watch {
    let checks = Checks { sha256: true, ..Checks::default() };
    let mut pattern = Watch { checks, ..Watch::default() };
    let mut who = None;
    for attribute in &element.attributes {
        apply(attribute, &mut pattern, &mut who, problems);
    }
    pattern.checks.extended = false;
    if element.attributes.is_empty() || pattern.checks == Checks::default() {
        let message = "`<directories>` has no check attributes, which OSSEC rejects";
        problems.error("C050", &element.name.span, message, "add check_all=\"yes\"");
    }
    pattern.checks.extended = true;
    pattern.realtime |= pattern.protect || who == Some(true);
    pattern.who = pattern.realtime && who != Some(false);
    pattern
}

fn apply(attribute: &Attribute, watched: &mut Watch, who: &mut Option<bool>, problems: &mut Problems) {
    let (name, value) = (attribute.name.value.as_str(), attribute.value.value.as_str());
    if !NAMES.contains(&name) {
        return unknown(attribute, problems);
    }
    match name {
        "restrict" => {
            watched.restrict = patterns::compile(&attribute.value, OsMatch, problems).map(|_| value.to_owned());
            return;
        }
        "recursion_level" => return levels(attribute, watched, problems),
        _ => {}
    }
    let on = match value {
        "yes" => true,
        "no" if name != "no_recurse" => false,
        _ => {
            let wants = if name == "no_recurse" { "yes" } else { "yes or no" };
            let message = format!("attribute `{name}` must be {wants}, found \"{value}\"");
            problems.error(
                "C010",
                &attribute.value.span,
                message,
                "use lower case without spaces, or remove the attribute",
            );
            return;
        }
    };
    match name {
        "whodata" => *who = Some(on),
        "realtime" => watched.realtime = on,
        "protect" => watched.protect = on,
        "report_changes" => watched.report_changes = on,
        "no_recurse" => watched.no_recurse = on,
        _ => set_check(&mut watched.checks, name, on),
    }
}

fn unknown(attribute: &Attribute, problems: &mut Problems) {
    let name = attribute.name.value.as_str();
    let help = match (closest(name, NAMES), name) {
        (_, "follow_symbolic_link" | "tags" | "check_attrs") => {
            "Wazuh only, not supported by OSSEC or hids; remove it".to_owned()
        }
        (_, "diff_size_limit") => "this is an option of `<syscheck>` and applies to all directories".to_owned(),
        (Some(right), _) => format!("did you mean `{right}`?"),
        _ => format!("supported attributes: {}", NAMES.join(", ")),
    };
    problems.error("C007", &attribute.name.span, format!("`<directories>` has no attribute `{name}`"), &help);
}

fn levels(attribute: &Attribute, watched: &mut Watch, problems: &mut Problems) {
    let value = attribute.value.value.as_str();
    match digits(value).filter(|levels| *levels <= MOST_LEVELS).and_then(|levels| u32::try_from(levels).ok()) {
        Some(levels) => watched.recursion_level = Some(levels),
        None => {
            let message =
                format!("attribute `recursion_level` must be a number from 0 to {MOST_LEVELS}, found \"{value}\"");
            problems.error("C012", &attribute.value.span, message, "remove it to include all subdirectories");
        }
    }
}

fn set_check(checks: &mut Checks, name: &str, on: bool) {
    match name {
        // What is not in OSSEC's `check_all` keeps what was said of it.
        "check_all" => {
            let Checks { blake3, inode, modified, .. } = *checks;
            *checks = Checks { blake3, inode, modified, ..Checks::all(on) };
        }
        "check_sum" => (checks.md5, checks.sha1, checks.sha256) = (on, on, on),
        "check_md5sum" => checks.md5 = on,
        "check_sha1sum" => checks.sha1 = on,
        "check_sha256sum" => checks.sha256 = on,
        "check_blake3" => checks.blake3 = on,
        "check_size" => checks.size = on,
        "check_owner" => checks.owner = on,
        "check_group" => checks.group = on,
        "check_perm" => checks.permissions = on,
        "check_inode" => checks.inode = on,
        "check_mtime" => checks.modified = on,
        _ => {}
    }
}
