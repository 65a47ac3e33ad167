//! Where `hidsctl` prints to: a terminal with a pager, a program that reads JSON from both outputs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use hids_tests::daemon::Daemon;
use hids_tests::programs::hidsctl;
use serde_json::{Value, json};

use crate::common::{WATCH_ONE_LOG, on_terminal};

fn listing(pager: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(hidsctl());
    command.arg("explain").args(more).env("TERM", "xterm");
    command.env("HIDS_PAGER", format!("/usr/bin/tee {}", pager.display()));
    command
}

#[test]
fn long_output_on_a_terminal_goes_through_the_pager_in_the_terminals_width() {
    let folder = tempfile::tempdir().expect("a directory");
    let seen = folder.path().join("seen");
    let shown = on_terminal(listing(&seen, &[]), 60);
    let paged = fs::read_to_string(&seen).expect("the pager ran");
    assert!(paged.lines().count() > 100 && paged.starts_with("CODE"), "{paged}");
    assert!(paged.lines().all(|line| line.chars().count() <= 60), "{paged}");
    assert_eq!(shown, paged);
}

#[test]
fn pager_is_not_used_where_it_is_not_wanted() {
    let folder = tempfile::tempdir().expect("a directory");
    let seen = folder.path().join("seen");
    for more in [&["--no-pager"][..], &["--json"], &["C014", "--no-pager"]] {
        assert!(!on_terminal(listing(&seen, more), 80).is_empty());
        assert!(!seen.exists(), "{more:?}");
    }
    let output = listing(&seen, &[]).output().expect("hidsctl runs");
    assert!(output.status.success() && !output.stdout.is_empty() && !seen.exists(), "no terminal");
    let mut dumb = listing(&seen, &[]);
    dumb.env("TERM", "dumb");
    assert!(!on_terminal(dumb, 80).is_empty() && !seen.exists(), "a terminal that cannot");
}

/// What `hidsctl` reported on standard error: one object per line.
fn reported(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stderr.clone()).expect("JSON is UTF-8");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

#[test]
fn errors_are_objects_where_json_is_asked_for() {
    let mut host = Daemon::new(WATCH_ONE_LOG);
    let stopped = host.hidsctl(&["--json", "status"]);
    let errors = reported(&stopped);
    assert_eq!((stopped.status.code(), errors.len(), stopped.stdout.len()), (Some(3), 1, 0), "{stopped:?}");
    assert_eq!((&errors[0]["severity"], &errors[0]["exit_status"]), (&json!("error"), &json!(3)));
    assert!(errors[0]["message"].as_str().is_some_and(|text| text.contains("hidsd is not running")), "{errors:?}");

    let wrong = host.hidsctl(&["--json", "blocks", "add", "nonsense"]);
    let errors = reported(&wrong);
    assert_eq!((wrong.status.code(), &errors[0]["exit_status"]), (Some(2), &json!(2)), "{wrong:?}");
    assert!(errors[0]["message"].as_str().is_some_and(|text| text.contains("nonsense")), "{errors:?}");

    host.start();
    // Two addresses, neither blocked: both are reported, and the status is 1.
    let output = host.hidsctl(&["--json", "unblock", "192.0.2.1", "192.0.2.2"]);
    let errors = reported(&output);
    assert_eq!((output.status.code(), errors.len()), (Some(1), 2), "{output:?}");
    assert!(errors.iter().all(|error| error["exit_status"] == 1), "{errors:?}");
    host.stop();

    fs::write(host.path("ossec.conf"), "<ossec_config><global><logall>perhaps</logall></global></ossec_config>")
        .expect("written");
    let output = host.hidsctl_input(&["--json", "logtest"], b"");
    let errors = reported(&output);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let place = errors.iter().find(|error| error["line"] == 1).expect("a problem with its place");
    assert!(place["code"].as_str().is_some_and(|code| code.starts_with('C')), "{errors:?}");
    assert_eq!(errors.last().map(|error| &error["message"]), Some(&json!("configuration has errors")));
}
