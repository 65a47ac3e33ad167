//! A whole scan goes on where it was, also after `kill -9`.

use std::fs;

use hids_tests::daemon::wait_for;
use hids_tests::require;

use crate::fixture::{Fim, rule};

/// One file in each, half a MiB, so that a whole scan at one MiB a second takes twenty seconds.
const DIRECTORIES: usize = 40;
const BYTES: usize = 512 << 10;

/// The scheduled scan that runs: its number of files so far.
fn scheduled(fim: &Fim) -> Option<u64> {
    let status = fim.status()?;
    let scan = status["scans"].as_array()?.iter().find(|scan| scan["cause"] == "scheduled")?;
    scan["files"].as_u64()
}

#[test]
fn a_whole_scan_goes_on_after_kill_9_where_it_was() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::new(
        "<frequency>1</frequency><scan_rate>1</scan_rate>\
         <directories check_all=\"yes\" realtime=\"yes\">@TREE@</directories>",
    );
    for number in 0..DIRECTORIES {
        fs::create_dir(fim.path(format!("d{number:02}"))).expect("a directory");
        fs::write(fim.path(format!("d{number:02}/file")), vec![7; BYTES]).expect("a file");
    }
    fim.daemon.start();
    let all = wait_for("the first scan", || {
        let status = fim.status()?;
        let text = status["last_scan"].as_str()?.to_owned();
        text.contains("first: ").then(|| files_of(&text)).flatten()
    });
    // The rate keeps it from getting here before the place was written twice and synced once.
    let reached = wait_for("a whole scan that is well under way", || {
        scheduled(&fim).filter(|files| *files >= all - (DIRECTORIES as u64) / 4)
    });
    fim.daemon.kill();
    fim.write("d39/file", "changed while nobody looked");
    fim.daemon.start();
    let rest = wait_for("the end of that scan", || {
        let status = fim.status()?;
        let text = status["last_scan"].as_str()?.to_owned();
        text.contains("scheduled: ").then(|| files_of(&text)).flatten()
    });
    println!("{all} files, {reached} when it was killed, {rest} after it");
    assert!(rest < all - 5, "it began anew: {rest} of {all} files, {reached} had been looked at");
    assert_eq!(fim.tree_alerts(), [(rule::CHANGED[0], "d39/file".to_owned())]);
}

/// The number in "2026-… scheduled: 120 files, …".
fn files_of(text: &str) -> Option<u64> {
    text.split(": ").find_map(|part| part.split_once(" files").and_then(|(number, _)| number.parse().ok()))
}

// O-B14: the last scan is known after a restart, before this run has made one.
#[test]
fn the_last_scan_is_known_after_a_restart() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::new("<scan_on_start>no</scan_on_start><directories check_all=\"yes\">@TREE@</directories>");
    fim.write("a", "one");
    fim.daemon.start();
    let last = |fim: &Fim| fim.status()?["last_scan"].as_str().map(str::to_owned);
    let first = wait_for("the first scan", || last(&fim));
    fim.daemon.stop();
    fim.daemon.start();
    let kept = wait_for("an answer", || fim.status())["last_scan"].as_str().map(str::to_owned).unwrap_or_default();
    assert!(kept.contains("before this start: ") && files_of(&kept) == files_of(&first), "{kept}; {first}");
}
