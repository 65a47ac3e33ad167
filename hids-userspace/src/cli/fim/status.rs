//! `hidsctl fim status`.

use std::fmt::Write as _;

use super::{ask_for, scan, shown};
use crate::cli::exit::Exit;
use crate::cli::{Common, output, times};
use crate::fim::protocol::{FimRequest, FimView};

/// Shows the baseline, scans and gaps.
pub(super) fn run(common: &Common) -> anyhow::Result<Exit> {
    let (view, answer) = ask_for::<FimView>(common, FimRequest::Status)?;
    if common.json {
        output::print_json(&answer)?;
    } else {
        output::print(&text(&view))?;
    }
    Ok(if view.offline { Exit::NotRunning } else { Exit::Success })
}

fn text(view: &FimView) -> String {
    let mut out = String::new();
    if view.offline {
        return format!(
            "hidsd is not running: files are not monitored; changes are detected at the next start\n{:<22} {} \
             entries\n",
            "baseline", view.entries
        );
    }
    if !view.enabled {
        return "file integrity is disabled: no <directories> in <syscheck>, or <disabled>yes</disabled>\n".into();
    }
    let mut row = |name: &str, value: &str| _ = writeln!(out, "{name:<22} {value}");
    row("baseline", &format!("{} entries", view.entries));
    row("changes since start", &view.changes.to_string());
    row("events since start", &view.events.to_string());
    if view.waiting > 0 {
        row("pending paths", &view.waiting.to_string());
    }
    if view.unsent > 0 {
        row("unreported changes", &view.unsent.to_string());
    }
    if view.unreadable > 0 {
        row("unreadable files", &format!("{} (content not compared)", view.unreadable));
        view.unreadable_paths.iter().for_each(|path| row("  unreadable", &shown(path)));
    }
    if let Some(protection) = &view.protection {
        row("protection", &output::visible(protection.as_bytes()));
        row("writes denied", &view.refusals.to_string());
    }
    let none = || "none since start".to_owned();
    row("last scan", &view.last_scan.as_ref().map_or_else(none, scan::last));
    row("next scan", &view.next_scan.as_deref().map_or_else(none, times::local));
    if let Some(trouble) = &view.trouble {
        row("ERROR", &output::visible(trouble.as_bytes()));
    }
    for window in &view.windows {
        let name = if window.everything { "MAINTENANCE MODE" } else { "change window" };
        let members = output::visible(window.members.join(", ").as_bytes());
        row(
            name,
            &format!(
                "since {}, until {}: changes by {members}, {} accepted",
                window.opened, window.ends, window.changes
            ),
        );
    }
    for running in &view.scans {
        let waits = if running.waiting { ", waits" } else { "" };
        row(&format!("scan {} ({}{waits})", running.number, running.cause), &scan::line(running));
    }
    for gap in &view.gaps {
        let text = format!("{} since {}: {}", shown(&gap.subtree), times::local(&gap.since), gap.cause.describe());
        row("missed-event window", &text);
    }
    row("rescans completed", &view.gaps_closed.to_string());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // O-B8
    #[test]
    fn a_stopped_daemon_is_not_a_configuration_without_directories() {
        let stopped = text(&FimView { offline: true, entries: 2500, ..FimView::default() });
        assert!(stopped.contains("hidsd is not running") && stopped.contains("2500 entries"), "{stopped}");
        assert!(text(&FimView::default()).contains("no <directories>"));
    }
}
