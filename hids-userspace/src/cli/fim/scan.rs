//! `hidsctl fim scan`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::{absolute, ask, ask_for};
use crate::cli::exit::Exit;
use crate::cli::progress::Progress;
use crate::cli::{Common, output, times};
use crate::fim::protocol::{FimRequest, FimView, LastScanView, PathText, ScanView};

/// Time between two looks at a scan.
const LOOK: Duration = Duration::from_millis(250);

/// What to scan.
#[derive(Debug, Args)]
pub(super) struct ScanArgs {
    /// Files and directories [default: everything monitored]
    paths: Vec<PathBuf>,
    /// Read all files, not only those with changed attributes
    #[arg(long)]
    full: bool,
    /// Return immediately
    #[arg(long)]
    no_wait: bool,
    /// Stop running scans
    #[arg(long, conflicts_with_all = ["paths", "full", "no_wait"])]
    stop: bool,
}

/// Starts a scan and shows how far it is.
pub(super) fn run(common: &Common, args: &ScanArgs) -> anyhow::Result<Exit> {
    if args.stop {
        let answer = ask(common, FimRequest::StopScan)?;
        if common.json {
            output::print_json(&answer)?;
        } else {
            output::print(&format!("{} stopped\n", output::count(answer["stopped"].as_u64().unwrap_or(0), "scan")))?;
        }
        return Ok(Exit::Success);
    }
    let paths = args.paths.iter().map(|path| absolute(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let answer = ask(common, FimRequest::Scan { paths, full: args.full })?;
    let Some(number) = answer["scan"].as_u64() else { bail!("version mismatch between hidsd and hidsctl") };
    if args.no_wait {
        if common.json {
            output::print_json(&answer)?;
        }
        return Ok(Exit::Success);
    }
    let view = wait(common, number)?;
    if common.json {
        output::print_json(&serde_json::json!({ "scan": number, "status": view }))?;
    } else {
        output::print(&format!("{}\n", view.last_scan.as_ref().map_or_else(|| "scan completed".to_owned(), last)))?;
    }
    Ok(Exit::Success)
}

/// Scans these paths, reading all of them, and waits.
pub(super) fn and_wait(common: &Common, paths: Vec<PathText>) -> anyhow::Result<()> {
    let answer = ask(common, FimRequest::Scan { paths, full: true })?;
    let Some(number) = answer["scan"].as_u64() else { bail!("version mismatch between hidsd and hidsctl") };
    wait(common, number).map(drop)
}

/// Waits until the scan completes; a bar on the terminal meanwhile.
fn wait(common: &Common, number: u64) -> anyhow::Result<FimView> {
    let progress = Progress::new();
    loop {
        let (view, _) = ask_for::<FimView>(common, FimRequest::Status)?;
        match view.scans.iter().find(|scan| scan.number == number) {
            Some(scan) => progress.show(scan.files, scan.files_expected, counts(scan)),
            None => return Ok(view),
        }
        thread::sleep(LOOK);
    }
}

/// One line about the last scan.
pub(super) fn last(scan: &LastScanView) -> String {
    let how = scan.cause.as_deref().unwrap_or("before this start");
    let mut text = format!("{}, {how}: {} files, {} MiB", times::local(&scan.ended), scan.files, scan.bytes >> 20);
    let _ = scan.seconds.map(|seconds| write!(text, " in {:.1} s", seconds.max(0.001)));
    let _ = scan.found.map(|found| write!(text, ", {found} changes"));
    if !scan.complete {
        text.push_str(", stopped before its end");
    }
    text
}

/// One line about a scan that runs.
pub(super) fn line(scan: &ScanView) -> String {
    if scan.files_expected == 0 {
        return counts(scan);
    }
    let share = (100 * scan.files / scan.files_expected).min(100);
    format!("{share} %, {}", counts(scan))
}

fn counts(scan: &ScanView) -> String {
    let speed = (scan.bytes >> 20) / scan.seconds.max(1);
    let left = scan.seconds_left.map_or(String::new(), |left| format!(", {} left", output::duration(left)));
    format!("{} files, {} MiB, {speed} MiB/s, {} differences{left}", scan.files, scan.bytes >> 20, scan.found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_that_finds_more_than_the_last_one_is_never_over_100_percent() {
        let scan = ScanView { files: 300, files_expected: 200, bytes: 5 << 20, seconds: 1, ..ScanView::default() };
        let text = line(&scan);
        assert!(text.starts_with("100 %, 300 files"), "{text}");
        assert!(line(&ScanView { files: 3, ..ScanView::default() }).starts_with("3 files"));
    }
}
