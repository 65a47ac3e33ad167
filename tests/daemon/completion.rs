//! Completion: what bash(1) offers with the script of the packages.

use std::fs;
use std::process::Command;

use hids_tests::daemon::Daemon;
use hids_tests::programs::{hidsctl, source_root};

use crate::common::WATCH_ONE_LOG;

/// Completes the last of its arguments, as bash does when a tabulator is pressed; one value per line.
const PRESS: &str = r#"
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9
_clap_complete_hidsctl hidsctl "${COMP_WORDS[COMP_CWORD]}" 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}"
"#;

fn offered(words: &[&str]) -> Vec<String> {
    let script = source_root().join("config/completions/hidsctl.bash");
    let mut path = hidsctl().parent().expect("its directory").as_os_str().to_owned();
    path.push(":/usr/bin:/bin");
    let mut command = Command::new("/bin/bash");
    command.args(["--norc", "-c", PRESS, "bash"]).arg(script).arg("hidsctl").args(words).env("PATH", path);
    let output = command.output().expect("bash runs");
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

#[test]
fn commands_rules_codes_and_blocked_addresses_are_offered() {
    let mut host = Daemon::new(WATCH_ONE_LOG);
    host.start();
    for address in ["203.0.113.5", "203.0.113.77", "198.51.100.1"] {
        assert!(host.hidsctl(&["blocks", "add", address, "--reason", "\u{1b}[2J`id`"]).status.success());
    }
    let (root, config) = (host.path(""), host.path("ossec.conf"));
    let on_host = ["--root", &root.to_string_lossy(), "-c", &config.to_string_lossy()].map(str::to_owned);
    let offered_there = |words: &[&str]| {
        let words: Vec<&str> = on_host.iter().map(String::as_str).chain(words.iter().copied()).collect();
        let mut values = offered(&words);
        values.sort();
        values
    };
    assert_eq!(offered_there(&["unblo"]), ["unblock"]);
    for command in ["unblock", "unban", "why"] {
        assert_eq!(offered_there(&[command, "203.0.113."]), ["203.0.113.5", "203.0.113.77"], "{command}");
    }
    assert!(offered_there(&["rules", "show", "571"]).contains(&"5716".to_owned()));
    assert!(offered_there(&["alerts", "--rule", "5715,571"]).contains(&"5715,5716".to_owned()));
    assert_eq!(offered_there(&["explain", "c014"]), ["C014"]);
    host.stop();
    // What cannot be asked offers nothing, and no error in the middle of a line that is typed.
    assert_eq!(offered_there(&["unblock", "203"]), [""]);
}

#[test]
fn scripts_of_the_packages_are_those_that_the_program_prints() {
    for (shell, file) in [("bash", "hidsctl.bash"), ("zsh", "_hidsctl"), ("fish", "hidsctl.fish")] {
        let output = Command::new(hidsctl()).args(["completions", shell]).output().expect("hidsctl runs");
        let path = source_root().join("config/completions").join(file);
        let kept = fs::read_to_string(&path).expect("the script");
        assert!(
            output.stdout == kept.as_bytes(),
            "{} is not what `hidsctl completions {shell}` prints; write it there again",
            path.display()
        );
    }
}
