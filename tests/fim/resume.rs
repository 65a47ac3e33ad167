//! A whole scan goes on where it was, also after `kill -9`.

use std::fs;

use hids_tests::daemon::wait_for;
use hids_tests::require;
use serde_json::Value;

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
    let all = wait_for("the first scan", || files_of(&fim.status()?["last_scan"], &"first".into()));
    // The rate keeps it from getting here before the place was written twice and synced once.
    let reached = wait_for("a whole scan that is well under way", || {
        scheduled(&fim).filter(|files| *files >= all - (DIRECTORIES as u64) / 4)
    });
    fim.daemon.kill();
    fim.write("d39/file", "changed while nobody looked");
    fim.daemon.start();
    let rest = wait_for("the end of that scan", || files_of(&fim.status()?["last_scan"], &"scheduled".into()));
    println!("{all} files, {reached} when it was killed, {rest} after it");
    assert!(rest < all - 5, "it began anew: {rest} of {all} files, {reached} had been looked at");
    assert_eq!(fim.tree_alerts(), [(rule::CHANGED[0], "d39/file".to_owned())]);
}

/// How many files a scan looked at, if it was made for this cause.
fn files_of(scan: &Value, cause: &Value) -> Option<u64> {
    (scan["cause"] == *cause).then(|| scan["files"].as_u64()).flatten()
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
    let first = wait_for("the first scan", || files_of(&fim.status()?["last_scan"], &"first".into()));
    fim.daemon.stop();
    fim.daemon.start();
    let kept = wait_for("an answer", || fim.status())["last_scan"].clone();
    assert_eq!(files_of(&kept, &Value::Null), Some(first), "{kept}");
}
