//! What a check found, for people and as JSON.

use std::fmt::Write as _;
use std::path::Path;

use hids_core::fim::Names as _;
use hids_core::fim::{FindingKind, mode, named, properties};
use hids_core::model::FileState;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::names::FileNames;
use super::source::{Origin, Source};
use crate::cli::{Common, messages, output};
use crate::fim::check::{Checked, Finding};
use crate::fim::protocol::{PathText, StateView};

/// Findings that are printed together.
const PIECE: usize = 1000;

/// Prints everything.
pub(super) fn print(
    common: &Common,
    tree: Option<&Path>,
    source: &Source,
    checked: &Checked,
    names: &FileNames,
    accepted: Option<u64>,
    exit_status: u8,
) -> anyhow::Result<()> {
    if common.json {
        return output::print_json(&json(tree, source, checked, names, accepted, exit_status));
    }
    output::print(&head(tree, source))?;
    for findings in checked.findings.chunks(PIECE) {
        output::print(&findings.iter().map(|finding| text(finding, names)).collect::<String>())?;
    }
    for skipped in &checked.not_examined {
        let line = format!("{}: {}", output::visible(&skipped.path), output::visible(skipped.why.as_bytes()));
        if skipped.is_wanted {
            output::print(&format!("skipped  {line}\n"))?;
        } else {
            messages::note(&format!("not examined: {line}"));
        }
    }
    output::print(&foot(checked, accepted))
}

fn head(tree: Option<&Path>, source: &Source) -> String {
    let created = source.created.local_text(&TimeZone::system());
    let host = output::visible(&source.host);
    let entries = source.baseline.len();
    let mut out = match source.origin {
        Origin::Daemon => format!("baseline of the running hidsd, {entries} entries\n"),
        Origin::Store => format!("stored baseline, {entries} entries\n"),
        Origin::Export => format!("export of {host}, {created}, {entries} entries\n"),
    };
    if let Some(tree) = tree {
        let _ = writeln!(out, "tree     {}", output::visible(tree.as_os_str().as_encoded_bytes()));
    }
    out
}

fn text(finding: &Finding, names: &FileNames) -> String {
    let path = output::visible(&finding.path);
    let state = finding.new.as_ref().or(finding.old.as_ref());
    let kind = state.map_or("", |state| state.kind.name());
    let mut out = format!("{:<8} {kind} {path}", finding.kind.name());
    match (finding.kind, &finding.old, &finding.new) {
        (FindingKind::Changed, Some(old), Some(new)) => {
            out.push('\n');
            for one in properties(old, new, finding.differences, names) {
                let (old, new) = (output::visible(&one.old), output::visible(&one.new));
                let _ = writeln!(out, "           {:<12} {old} -> {new}", one.name);
            }
        }
        (FindingKind::New, _, Some(new)) => {
            let _ = writeln!(out, "  ({})", summary(new, names));
        }
        (FindingKind::Removed, Some(_), _) => out.push('\n'),
        _ => out.push_str("  (the accepted state is no longer known)\n"),
    }
    out
}

/// Owner, mode and size of a new path.
fn summary(state: &FileState, names: &FileNames) -> String {
    let (user, group) = (named(names.user(state.uid), state.uid), named(names.group(state.gid), state.gid));
    let target = state.link_target.as_ref().map_or(String::new(), |target| format!(", to {}", output::visible(target)));
    format!(
        "owner {}, group {}, mode {}, {} bytes{target}",
        output::visible(&user),
        output::visible(&group),
        mode(state),
        state.size_bytes
    )
}

fn foot(checked: &Checked, accepted: Option<u64>) -> String {
    let [new, removed, changed] = checked.counts;
    let total = new + removed + changed;
    let totals = checked.report.totals;
    let examined = format!(
        "{} and {} directories examined in {:.1} s",
        output::count(totals.files, "file"),
        totals.directories,
        checked.report.duration.as_secs_f64()
    );
    let mut out = match total {
        0 => format!("no differences; {examined}\n"),
        _ => format!("{new} new, {removed} removed, {changed} changed; {examined}\n"),
    };
    if total > checked.findings.len() as u64 {
        let _ = writeln!(out, "only the first {} are shown", checked.findings.len());
    }
    if checked.failures > 0 {
        let _ = writeln!(out, "NOT EXAMINED: {} (see above)", output::count(checked.failures, "path"));
    }
    if let Some(accepted) = accepted {
        let _ = writeln!(out, "{} accepted into the baseline", output::count(accepted, "path"));
    }
    out
}

fn json(
    tree: Option<&Path>,
    source: &Source,
    checked: &Checked,
    names: &FileNames,
    accepted: Option<u64>,
    exit_status: u8,
) -> Value {
    let zone = TimeZone::system();
    let findings: Vec<Value> = checked.findings.iter().map(|finding| finding_json(finding, names)).collect();
    let skipped: Vec<Value> = checked
        .not_examined
        .iter()
        .map(|one| json!({ "path": PathText::from(one.path.as_slice()), "reason": one.why, "intended": one.is_wanted }))
        .collect();
    let totals = checked.report.totals;
    json!({
        "baseline": {
            "source": match source.origin {
                Origin::Daemon => "daemon",
                Origin::Store => "store",
                Origin::Export => "export",
            },
            "entries": source.baseline.len(),
            "created": source.created.rfc3339(&zone),
            "host": output::visible(&source.host),
        },
        "tree": tree.map(|tree| PathText::from(tree.as_os_str().as_encoded_bytes())),
        "new": checked.counts[0],
        "removed": checked.counts[1],
        "changed": checked.counts[2],
        "findings": findings,
        "not_examined": skipped,
        "files": totals.files,
        "directories": totals.directories,
        "bytes": totals.bytes,
        "seconds": checked.report.duration.as_secs_f64(),
        "accepted": accepted,
        "exit_status": exit_status,
    })
}

fn finding_json(finding: &Finding, names: &FileNames) -> Value {
    let changes: Vec<Value> = match (&finding.old, &finding.new) {
        (Some(old), Some(new)) => properties(old, new, finding.differences, names)
            .into_iter()
            .map(|one| {
                json!({
                    "property": one.name.replace(' ', "_"),
                    "old": output::visible(&one.old),
                    "new": output::visible(&one.new),
                })
            })
            .collect(),
        _ => Vec::new(),
    };
    json!({
        "path": PathText::from(finding.path.as_slice()),
        "kind": finding.kind.name(),
        "changes": changes,
        "old": finding.old.as_ref().map(StateView::from),
        "new": finding.new.as_ref().map(StateView::from),
        "old_user": finding.old.as_ref().and_then(|state| names.user(state.uid)),
        "new_user": finding.new.as_ref().and_then(|state| names.user(state.uid)),
    })
}
