//! `report_changes`: what changed in a text.

use std::fs;

use hids_tests::require;

use crate::fixture::{Fim, FimAlert, rule};

const REPORTING: &str = r#"<directories check_all="yes" realtime="yes" report_changes="yes">@TREE@</directories>
    <nodiff>@TREE@/secret</nodiff><diff_size_limit>10KB</diff_size_limit>"#;

fn changed(fim: &mut Fim, name: &str, content: impl AsRef<[u8]>) -> FimAlert {
    let alert = fim.alert_after(|fim| fs::write(fim.path(name), content).expect("written"));
    assert!(rule::CHANGED.contains(&alert.rule()), "{alert:?}");
    alert
}

#[test]
fn an_alert_shows_what_changed_in_a_text_and_nothing_of_secrets() {
    if !require::root() {
        return;
    }
    let files = [
        ("conf", "first\nsecond\nthird\n"),
        ("secret", "password=old\n"),
        ("binary", "\0\u{1}old"),
        ("large", "old\n"),
    ];
    let mut fim = Fim::started(REPORTING, &files);
    let alert = changed(&mut fim, "conf", "first\nSECOND\nthird\n");
    let diff = alert.text("diff");
    assert!(diff.contains("-second") && diff.contains("+SECOND") && diff.contains("@@"), "{alert:?}");
    assert!(alert.0["full_log"].as_str().is_some_and(|log| log.contains("+SECOND")), "{alert:?}");
    // Compared with the last text, not with the first.
    let alert = changed(&mut fim, "conf", "first\nSecond\nthird\n");
    assert!(alert.text("diff").contains("-SECOND"), "{alert:?}");
    let alert = changed(&mut fim, "secret", "password=new\n");
    assert!(!alert.0.to_string().contains("password"), "{alert:?}");
    assert!(alert.text("diff").contains("nodiff"), "{alert:?}");
    let alert = changed(&mut fim, "binary", b"\0\x01new");
    assert!(!alert.text("diff").contains("new"), "{alert:?}");
    let alert = changed(&mut fim, "large", "new\n".repeat(10_000));
    assert_eq!(alert.text("diff"), "", "{alert:?}");
    // What was too long is not there to be compared with.
    let alert = changed(&mut fim, "large", "small again\n");
    assert!(!alert.text("diff").contains("-new"), "{alert:?}");
}

#[test]
fn texts_are_kept_over_a_restart_and_changes_meanwhile_are_shown() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::started(REPORTING, &[("conf", "first\nsecond\n")]);
    // Alerts are on the disk at once, and everything before them with them.
    fim.fence();
    fim.daemon.kill();
    fim.write("conf", "first\nanother\n");
    fim.start();
    fim.fence();
    let alerts = fim.alerts_of(&fim.path("conf"));
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert!(alerts[0].text("diff").contains("-second") && alerts[0].text("diff").contains("+another"), "{alerts:?}");
}

#[test]
fn files_of_the_first_scan_are_no_news_although_their_texts_are_kept() {
    if !require::root() {
        return;
    }
    let files: Vec<(String, String)> = (0..500).map(|n| (format!("{n}"), format!("text {n}\n"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let mut fim = Fim::started(REPORTING, &files);
    fim.fence();
    assert!(fim.tree_alerts().is_empty(), "{:?}", fim.tree_alerts());
    let alert = changed(&mut fim, "77", "other 77\n");
    assert!(alert.text("diff").contains("-text 77"), "{alert:?}");
}
