//! `hidsctl fim`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use hids_tests::daemon::wait_for;
use hids_tests::require;
use serde_json::Value;

use crate::fixture::{Fim, REALTIME, rule};

#[test]
fn a_scan_that_is_asked_for_finds_what_nobody_watches_in_realtime() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::started(&REALTIME.replace(" realtime=\"yes\"", ""), &[("sub/a", "one"), ("b", "one")]);
    fim.write("sub/a", "two");
    fim.write("b", "two");
    let alerts = fim.alerts_after(|_| {});
    assert!(alerts.is_empty(), "nobody told of it: {alerts:?}");
    let sub = fim.path("sub");
    let text = fim.answer(&["scan", &sub.to_string_lossy()]);
    assert!(text.contains("1 changes"), "{text}");
    fim.fence();
    assert_eq!(fim.tree_alerts(), [(rule::CHANGED[0], "sub/a".to_owned())]);
    let json: Value = serde_json::from_str(&fim.answer(&["scan", "--full", "--json"])).expect("JSON");
    assert!(json["scan"].is_u64() && json["status"]["enabled"] == true, "{json}");
    fim.fence();
    assert_eq!(fim.tree_alerts().last(), Some(&(rule::CHANGED[0], "b".to_owned())));
    let refused = fim.hidsctl(&["scan", "/proc"]);
    assert!(
        !refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("<directories>"),
        "{refused:?}"
    );
}

#[test]
fn status_tells_of_the_baseline_as_text_and_as_json() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one")]);
    fim.alert_after(|fim| fim.write("a", "two"));
    let text = fim.answer(&["status"]);
    assert!(text.contains("entries") && text.contains("last scan"), "{text}");
    let status = fim.status().expect("status");
    assert!(status["changes"].as_u64() > Some(0) && status["events"].as_u64() > Some(0), "{status}");
    let whole = fim.daemon.status().expect("status");
    assert_eq!(whole["fim"]["enabled"], true, "{whole}");
    let output = fim.hidsctl(&["scan", "--stop", "--json"]);
    let stopped: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(stopped["stopped"], 0);
}

#[test]
fn a_list_has_every_path_once_also_beyond_a_page_and_with_hostile_names() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::new(REALTIME);
    for number in 0..2_500 {
        fim.write(&format!("many/{number}"), "x");
    }
    let hostile: [&[u8]; 3] = [b"new\nline", b"\x1b[2Jescape", b"not\xffutf8"];
    for name in hostile {
        fs::write(fim.path(OsStr::from_bytes(name)), "x").expect("a file");
    }
    fim.start();
    let listed = fim.baseline();
    let paths: std::collections::HashSet<String> = listed.iter().map(|item| item["path"].to_string()).collect();
    assert_eq!((listed.len(), paths.len()), (2_500 + 3 + 2, listed.len()), "each once, with two directories");
    let text = fim.answer(&["list", &fim.path("").to_string_lossy()]);
    assert!(!text.bytes().any(|byte| byte == 0x1b), "an escape reached the terminal");
    assert_eq!(text.lines().count(), listed.len(), "a name with a newline is one line");
}

#[test]
fn differences_are_accepted_and_counting_begins_anew() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one"), ("b", "one"), ("sub/c", "one")]);
    let code = |fim: &Fim| fim.hidsctl(&["diff"]).status.code();
    assert_eq!(code(&fim), Some(0), "nothing has changed");
    fim.alert_after(|fim| fim.write("a", "two"));
    fim.alert_after(|fim| fim.write("a", "three"));
    fim.alert_after(|fim| fim.write("sub/c", "two"));
    fim.alert_after(|fim| fs::remove_file(fim.path("b")).expect("unlink"));
    let output = fim.hidsctl(&["diff"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1));
    let line = |name: &str| {
        let path = fim.path(name).to_string_lossy().into_owned();
        text.lines().find(|line| line.contains(&path)).unwrap_or_else(|| panic!("{name}: {text}")).to_owned()
    };
    assert!(
        line("a").starts_with("modified  ") && line("a").contains("size 3 → 5, content, 2 changes, by /"),
        "{text}"
    );
    assert!(line("sub/c").contains("  content, by /") && line("b").starts_with("deleted "), "{text}");
    let of_tree = fim.hidsctl(&["diff", &fim.path("").to_string_lossy()]);
    let of_tree = String::from_utf8_lossy(&of_tree.stdout).into_owned();
    assert!(of_tree.ends_with("3 paths since the last acceptance: 0 new, 2 modified, 1 deleted\n"), "{of_tree}");
    let nowhere = fim.hidsctl(&["list", "/nonexist"]);
    assert_eq!(nowhere.status.code(), Some(1), "{nowhere:?}");
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("no baseline entries at or below /nonexist"));
    let sub = fim.path("sub").to_string_lossy().into_owned();
    fim.answer(&["accept", &sub]);
    let accepted = fim.daemon.wait_for_alert(rule::ACCEPTED);
    assert_eq!(accepted["SyscheckFile"]["files"], 1, "{accepted}");
    assert_eq!(fim.hidsctl(&["diff", &sub]).status.code(), Some(0));
    assert_eq!(code(&fim), Some(1), "the others are not accepted");
    fim.answer(&["accept", &fim.path("").to_string_lossy()]);
    let fences = fim.daemon.path("fences").to_string_lossy().into_owned();
    fim.answer(&["accept", &fences]);
    assert_eq!(code(&fim), Some(0), "all is accepted");
    let alert = fim.alert_after(|fim| fim.write("a", "four"));
    assert_eq!((alert.rule(), alert.number("changes")), (rule::CHANGED[0], Some(1)));
    let alert = fim.alert_after(|fim| fim.write("b", "four"));
    assert_eq!(alert.rule(), rule::ADDED);
}

#[test]
fn a_difference_says_what_changed_in_names_also_without_the_daemon() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one")]);
    let path = fim.path("a");
    fim.alerts_after(|_| {
        std::os::unix::fs::chown(&path, Some(1), None).expect("chown");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("chmod");
    });
    let shown = path.to_string_lossy().into_owned();
    let text = wait_for("both changes", || {
        let text = String::from_utf8_lossy(&fim.hidsctl(&["diff", &shown]).stdout).into_owned();
        (text.contains("owner root → daemon") && text.contains("→ 0600")).then_some(text)
    });
    assert!(!text.contains("content") && !text.contains("size"), "{text}");
    fim.daemon.stop();
    let output = fim.hidsctl(&["diff", &shown, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let item: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&item["change"], &item["differences"]), (&"modified".into(), &serde_json::json!(["owner", "mode"])));
    assert_eq!((&item["accepted"]["uid"], &item["state"]["uid"]), (&0.into(), &1.into()), "{item}");
    let list = String::from_utf8_lossy(&fim.hidsctl(&["list", &shown]).stdout).into_owned();
    assert!(list.contains(" 0600 daemon:root 3 "), "{list}");
    let why = String::from_utf8_lossy(&fim.hidsctl(&["why", &shown]).stdout).into_owned();
    assert!(why.contains("Ownership was root (0), now it is daemon (1)") && why.contains("As: user root (0)"), "{why}");
}

#[test]
fn new_files_are_differences_until_they_are_accepted() {
    if !require::root() {
        return;
    }
    for alert_new_files in ["yes", "no"] {
        let mut fim =
            Fim::started(&format!("<alert_new_files>{alert_new_files}</alert_new_files>{REALTIME}"), &[("a", "one")]);
        let tree = fim.path("").to_string_lossy().into_owned();
        let diff = |fim: &Fim| {
            let output = fim.hidsctl(&["diff", &tree, "--json"]);
            let text = String::from_utf8(output.stdout).expect("answers are UTF-8");
            let items: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            assert_eq!(output.status.code(), Some(i32::from(!items.is_empty())));
            let fact = |item: &Value| (item["path"].to_string(), item["new"] == true, item["changes"].as_u64());
            items.iter().map(fact).collect::<Vec<_>>()
        };
        let named = |fim: &Fim, name: &str| format!("\"{}\"", fim.path(name).display());
        assert_eq!(diff(&fim), []);
        fim.alerts_after(|fim| fim.write("new", "one"));
        assert_eq!(diff(&fim), [(named(&fim, "new"), true, Some(0))], "alert_new_files {alert_new_files}");
        let text = fim.hidsctl(&["diff", &tree]).stdout;
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.contains("\nnew     ") && text.contains("  file, size 3, owner root:root, mode 0"), "{text}");
        fim.alerts_after(|fim| fim.write("new", "two"));
        fim.alerts_after(|fim| fim.write("a", "two"));
        assert_eq!(diff(&fim), [(named(&fim, "a"), false, Some(1)), (named(&fim, "new"), true, Some(1))]);
        fim.answer(&["accept", &tree]);
        assert_eq!(diff(&fim), []);
        fim.daemon.kill();
        fim.start();
        assert_eq!(diff(&fim), [], "accepted for good");
        fim.alerts_after(|fim| fs::remove_file(fim.path("new")).expect("unlink"));
        assert_eq!(diff(&fim), [(named(&fim, "new"), false, Some(1))]);
    }
}

#[test]
fn changes_are_told_while_the_baseline_is_verified() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::new(REALTIME);
    for folder in 0..100 {
        fim.write(&format!("many{folder}/0"), "x");
        // Names of one file are enough, and quicker.
        let first = fim.path(format!("many{folder}/0"));
        (1..1_000).for_each(|name| fs::hard_link(&first, fim.path(format!("many{folder}/{name}"))).expect("a name"));
    }
    fim.write("a", "start");
    fim.start();
    let began = std::time::Instant::now();
    let ends = std::sync::atomic::AtomicBool::new(false);
    let (alerts, verifications) = std::thread::scope(|scope| {
        let daemon = &fim.daemon;
        let verifies = scope.spawn(|| {
            let mut spans = Vec::new();
            while !ends.load(std::sync::atomic::Ordering::Relaxed) {
                let start = began.elapsed();
                let output = daemon.hidsctl(&["fim", "verify"]);
                assert!(output.status.success(), "{output:?}");
                spans.push((start, began.elapsed()));
            }
            spans
        });
        let over = hids_tests::wait::SetOnDrop(&ends);
        let file = fim.daemon.path("logs/alerts/alerts.json");
        let length = || fs::metadata(&file).map_or(0, |metadata| metadata.len());
        let mut alerts = Vec::new();
        for round in 0..30 {
            let (before, start) = (length(), began.elapsed());
            fs::write(fim.path("a"), format!("round {round}")).expect("written");
            wait_for("the alert", || (length() > before).then_some(()));
            alerts.push((start, began.elapsed()));
        }
        drop(over);
        (alerts, verifies.join().expect("verifies"))
    });
    // If they waited, one could still come before a verification begins in the daemon, and one after its end.
    let within = |verify: &(_, _)| alerts.iter().filter(|alert| verify.0 < alert.0 && alert.1 < verify.1).count();
    let most = verifications.iter().map(within).max();
    println!("{most:?} of {} alerts within one of {} verifications", alerts.len(), verifications.len());
    assert!(most >= Some(4), "alerts {alerts:?}, verifications {verifications:?}");
}

#[test]
fn the_history_of_a_file_tells_what_when_and_who() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one")]);
    fim.alert_after(|fim| fim.write("a", "two"));
    fim.alert_after(|fim| fs::remove_file(fim.path("a")).expect("unlink"));
    let path = fim.path("a").to_string_lossy().into_owned();
    let json: Value = serde_json::from_str(&fim.answer(&["why", &path, "--json"])).expect("JSON");
    assert_eq!(json["watched"], true);
    let history = json["history"].as_array().expect("a history");
    assert_eq!(history.len(), 2, "{json:#}");
    let text = fim.answer(&["why", &path]);
    assert!(text.contains(&std::process::id().to_string()), "no process: {text}");
    assert!(text.contains("3fc4ccfe745870e2") && text.contains("7692c3ad3540bb80"), "no sums: {text}");
    assert_eq!(fim.hidsctl(&["why", "/nowhere/at/all"]).status.code(), Some(1));
}

#[test]
fn scans_can_be_stopped_and_a_first_scan_that_was_is_made_when_asked_for() {
    if !require::root() {
        return;
    }
    let mut fim =
        Fim::new("<scan_rate>1</scan_rate><directories check_all=\"yes\" realtime=\"yes\">@TREE@</directories>");
    // Eight seconds at one MiB per second, if nobody stops it.
    for number in 0..8 {
        fs::write(fim.path(format!("large{number}")), vec![number; 1 << 20]).expect("a file");
    }
    fim.daemon.start();
    wait_for("the first scan", || {
        fim.status()?["scans"].as_array()?.iter().find(|scan| scan["cause"] == "first").cloned()
    });
    assert!(fim.answer(&["scan", "--stop"]).contains('1'));
    wait_for("its end", || fim.status()?["scans"].as_array().is_none_or(Vec::is_empty).then_some(()));
    fim.answer(&["scan"]);
    wait_for("a first scan again", || {
        let status = fim.status()?;
        let begins = status["scans"].as_array().is_some_and(|scans| scans.iter().any(|scan| scan["cause"] == "first"));
        (begins || fim.baseline().len() == 9).then_some(())
    });
}
