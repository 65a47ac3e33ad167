//! `status`, `blocks`, `why` and `alerts` with a running daemon.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use hids_tests::daemon::{Daemon, append, wait_for};

use crate::common::{BLOCKING, WATCH_ONE_LOG, said};

fn attacked() -> Daemon {
    let mut daemon = Daemon::new(BLOCKING);
    daemon.start();
    for _ in 0..8 {
        daemon.log_line("Nov 24 10:00:00 web1 sshd[5]: Failed password for root from 203.0.113.5 port 22 ssh2");
    }
    wait_for("the decision to block", || {
        let list = daemon.hidsctl_json(&["blocks", "list"])?;
        (list["blocks"][0]["address"] == "203.0.113.5").then_some(())
    });
    daemon
}

#[test]
fn why_shows_the_chain_of_rules_and_the_very_lines_also_in_dry_run_mode() {
    let daemon = attacked();
    let text = said(&daemon.hidsctl(&["why", "203.0.113.5"]));
    for part in [
        "203.0.113.5 is blocked for ",
        "by firewall-drop",
        "rule 5700 (level 0)",
        "rule 5716 (level 5)",
        "rule 5720 (level 10)",
        "Nov 24 10:00:00 web1 sshd[5]: Failed password for root from 203.0.113.5 port 22 ssh2",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let answer = daemon.hidsctl_json(&["why", "203.0.113.5"]).expect("JSON");
    assert_eq!(answer["history"][0]["lines"].as_array().map(Vec::len), Some(8), "{answer}");
    let unknown = daemon.hidsctl(&["why", "198.51.100.1"]);
    assert_eq!((unknown.status.code(), said(&unknown).as_str()), (Some(1), "198.51.100.1 is not blocked\n"));
}

#[test]
fn blocks_are_added_listed_removed_and_flushed_by_hand() {
    let daemon = attacked();
    let code = |arguments: &[&str]| daemon.hidsctl(arguments).status.code();
    assert_eq!(code(&["blocks", "add", "2001:db8::5", "--timeout", "90", "--reason", "a \x1b[31mguess"]), Some(0));
    let list = said(&daemon.hidsctl(&["blocks"]));
    assert!(list.contains("2001:db8::5") && list.contains("1m ") && list.contains("a \\x1b[31mguess"), "{list}");
    assert_eq!(code(&["blocks", "remove", "2001:db8::5"]), Some(0));
    assert_eq!(code(&["blocks", "remove", "2001:db8::5"]), Some(1));
    for protected in ["127.0.0.1", "::1", "0.0.0.0", "::ffff:127.0.0.1"] {
        assert_eq!(code(&["blocks", "add", protected]), Some(1), "{protected}");
    }
    assert_eq!(code(&["blocks", "add", "203.0.113.0/24"]), Some(2));
    assert_eq!(code(&["blocks", "add", "198.51.100.1", "--timeout", "4h"]), Some(0));
    assert_eq!(code(&["blocks", "add", "198.51.100.2", "--timeout", "1d 12h"]), Some(0));
    let list = daemon.hidsctl_json(&["blocks"]).expect("a list");
    let remaining = |address: &str| {
        let block = list["blocks"].as_array()?.iter().find(|block| block["address"] == address)?;
        block["remaining_seconds"].as_u64()
    };
    assert!(remaining("198.51.100.1").is_some_and(|seconds| (14_300..=14_400).contains(&seconds)), "{list}");
    assert!(remaining("198.51.100.2").is_some_and(|seconds| (129_500..=129_600).contains(&seconds)), "{list}");
    let output = daemon.hidsctl(&["unblock", "198.51.100.1", "198.51.100.9", "198.51.100.2"]);
    assert_eq!(output.status.code(), Some(1), "one was not blocked");
    assert_eq!(said(&output), "198.51.100.1 unblocked\n198.51.100.2 unblocked\n");
    assert_eq!(code(&["unban", "203.0.113.5"]), Some(0));
    assert_eq!(code(&["blocks", "flush"]), Some(0));
    assert_eq!(said(&daemon.hidsctl(&["blocks", "list"])), "no blocked addresses\n");
}

#[test]
fn status_tells_mode_sources_and_problems() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    // A folder where a file should be cannot be read by anybody, root included.
    std::fs::remove_file(daemon.log()).expect("removed");
    std::fs::create_dir(daemon.log()).expect("a folder");
    daemon.start();
    let status = daemon.status().expect("JSON");
    assert_eq!(status["mode"], "dry-run");
    assert_ne!(status["collect"]["sources"][0]["state"], "reading", "{status}");
    let text = said(&daemon.hidsctl(&["status"]));
    assert!(text.contains("mode: DRY RUN") && text.contains("sources   0 of 1 read"), "{text}");
    let log = daemon.log().to_string_lossy().into_owned();
    assert!(text.contains(&format!("warning: cannot read {log}")) && text.contains("    remedy: "), "{text}");
    assert!(text.lines().count() <= 20, "{text}");
    let text = said(&daemon.hidsctl(&["status", "--verbose"]));
    assert!(text.contains("LAST LINE") && text.contains("\nanalysis:\n"), "{text}");
    let status = |arguments: &[&str]| daemon.hidsctl(&[&["status"], arguments].concat()).status.code();
    assert_eq!([status(&[]), status(&["--exit-code"])], [Some(0), Some(1)]);
    std::fs::remove_dir(daemon.log()).expect("removed");
    daemon.log_line(&crate::common::failed_login(3));
    daemon.wait_for_alert(5716);
}

#[test]
fn monitoring_systems_get_one_line_and_the_exit_code_of_a_plugin() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    let check = |daemon: &Daemon| {
        let output = daemon.hidsctl(&["status", "--check"]);
        assert!(output.stderr.is_empty(), "{output:?}");
        let text = said(&output);
        assert_eq!(text.lines().count(), 1, "{text}");
        (output.status.code(), text)
    };
    let (code, text) = check(&daemon);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.starts_with("HIDS CRITICAL - hidsd is not running: "), "{text}");

    daemon.start();
    daemon.log_line(&crate::common::failed_login(3));
    daemon.wait_for_alert(5716);
    let (code, text) = check(&daemon);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("HIDS OK - 1 of 1 sources read, 1 alert today"), "{text}");
    assert!(text.contains("| alerts=1;;;0 blocked=0;;;0 problems=0;;;0 sources=1;;;0;1 mail_queue=0;;;0\n"), "{text}");

    // Where a file was there is a directory now.
    std::fs::remove_file(daemon.log()).expect("removed");
    std::fs::create_dir(daemon.log()).expect("a folder");
    let text = wait_for("the warning", || {
        let (code, text) = check(&daemon);
        (code == Some(1)).then_some(text)
    });
    assert!(text.starts_with("HIDS WARNING - cannot read "), "{text}");
}

#[test]
fn alerts_of_today_are_counted_by_level_over_a_crash_and_a_restart() {
    let mut daemon = attacked();
    let today = |daemon: &Daemon| daemon.status().map(|status| status["record"]["today"].clone());
    let counted = |daemon: &Daemon, number: u64| {
        wait_for("the count", || today(daemon).filter(|today| today["alerts"] == number))
    };
    let before = counted(&daemon, 8);
    assert_eq!(before["levels"], serde_json::json!({ "5": 7, "10": 1 }), "{before}");
    daemon.kill();
    daemon.start();
    assert_eq!(today(&daemon), Some(before.clone()));
    daemon.stop();
    daemon.start();
    daemon.log_line(&crate::common::failed_login(3));
    let after = counted(&daemon, 9);
    assert_eq!((&after["date"], &after["levels"]["5"]), (&before["date"], &8.into()), "{after}");
    let text = said(&daemon.hidsctl(&["status"]));
    assert!(text.contains("alerts    9 today: 1 of level 10, 8 of level 5\n"), "{text}");
}

#[test]
fn without_a_daemon_every_command_that_needs_one_ends_with_3_and_says_so() {
    let host = Daemon::new(WATCH_ONE_LOG);
    for command in [
        &["status"][..],
        &["blocks", "list"],
        &["blocks", "add", "203.0.113.5"],
        &["blocks", "remove", "203.0.113.5"],
        &["blocks", "flush"],
        &["why", "203.0.113.5"],
        &["reload"],
        &["status", "--json"],
    ] {
        let output = host.hidsctl(command);
        assert_eq!(output.status.code(), Some(3), "{command:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{command:?}: stdout is for answers only");
        assert!(String::from_utf8_lossy(&output.stderr).contains("hidsd is not running"), "{output:?}");
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    let host = Daemon::new(WATCH_ONE_LOG);
    for command in [
        &["blcks"][..],
        &["why"],
        &["why", "attacker.example"],
        &["alerts", "--since", "5x"],
        &["alerts", "--ip", "203.0.113"],
        &["alerts", "--limit", "0"],
        &["alerts", "--follow", "--reverse"],
        &["alerts", "--follow", "top"],
        &["blocks", "add", "203.0.113.5", "--timeout", "4x"],
        &["unblock"],
        &["alerts", "--level", "x"],
        &["replay", "--format", "nothing", "x"],
    ] {
        assert_eq!(host.hidsctl(command).status.code(), Some(2), "{command:?}");
    }
}

#[test]
fn alerts_are_filtered_by_level_and_time() {
    let daemon = attacked();
    daemon.wait_for_alert(5720);
    let count = |arguments: &[&str]| {
        let output = daemon.hidsctl(&[&["alerts", "--json"], arguments].concat());
        assert!(output.status.success(), "{output:?}");
        said(&output).lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count()
    };
    assert_eq!(count(&["--since", "1h"]), 8);
    assert_eq!(count(&["--since", "1h", "--level", "10"]), 1);
    assert_eq!(count(&["--since", "1h", "--level", "15"]), 0);
    assert_eq!(count(&["--since", "2000-01-01", "--until", "2000-01-02"]), 0);
    let text = said(&daemon.hidsctl(&["alerts", "--since", "1h", "-l", "10", "--full"]));
    assert!(text.contains("Rule: 5720 (level 10)"), "{text}");
}

#[test]
fn followed_alerts_come_as_they_happen_and_hostile_bytes_harmlessly() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    let mut child = daemon.hidsctl_piped(&["alerts", "--full", "--follow", "--since", "1h"]);
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    for number in 1..=2 {
        let line = format!(
            "Nov 24 10:00:00 web1 sshd[{number}]: Failed password for \x1b[2Jx from 203.0.113.5 port 22 ssh2\n"
        );
        append(&daemon.log(), line.as_bytes());
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(&format!("sshd[{number}]")) {
            assert_ne!(output.read_until(b'\n', &mut seen).expect("output"), 0, "hidsctl ended");
        }
        assert!(!seen.contains(&0x1b), "{}", String::from_utf8_lossy(&seen));
    }
    child.kill().expect("ended");
    child.wait().expect("ended");
}

// O-B14: `systemctl reload` runs this, so it fails and shows why.
#[test]
fn the_unit_reloads_with_hidsctl() {
    let unit = std::fs::read_to_string(hids_tests::programs::source_root().join("config/systemd/hidsd.service"));
    assert!(unit.expect("the unit").contains("\nExecReload=/usr/sbin/hidsctl reload\n"));
}

#[test]
fn a_reload_says_what_is_wrong_and_keeps_the_old_state() {
    let daemon = attacked();
    daemon.configure("<rules><rule_dir>nowhere</rule_dir></rules>");
    let output = daemon.hidsctl(&["reload"]);
    assert_eq!(output.status.code(), Some(1));
    let said_by_it = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said_by_it.contains("ossec.conf:2:") && said_by_it.contains("keeping the previous configuration"),
        "{said_by_it}"
    );
    assert_eq!(daemon.hidsctl_json(&["blocks", "list"]).expect("a list")["blocks"].as_array().map(Vec::len), Some(1));
    daemon.configure(BLOCKING);
    assert!(daemon.hidsctl(&["reload"]).status.success());
    assert_eq!(daemon.hidsctl_json(&["blocks", "list"]).expect("a list")["blocks"].as_array().map(Vec::len), Some(1));
}

// L4: connections that ask nothing keep nobody out.
#[test]
fn a_thousand_silent_connections_do_not_keep_status_from_being_answered() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    let socket = daemon.path("run/control.sock");
    let silent: Vec<_> =
        (0..1000).map(|_| std::os::unix::net::UnixStream::connect(&socket).expect("connected")).collect();
    let begun = std::time::Instant::now();
    for _ in 0..5 {
        assert!(daemon.status().is_some(), "no answer");
    }
    // Each silent one would be waited for 10 s.
    assert!(begun.elapsed() < std::time::Duration::from_secs(8), "{:?}", begun.elapsed());
    drop(silent);
}

// B8: monitoring looks at the top.
#[test]
fn unreadable_sources_and_missing_programs_are_problems() {
    let program = "<command><name>tell</name><executable>tell.sh</executable><expect></expect></command>
        <active-response><command>tell</command><location>local</location><level>12</level></active-response>";
    let mut daemon = Daemon::new(&format!("{WATCH_ONE_LOG}{program}"));
    std::fs::remove_file(daemon.log()).expect("removed");
    std::fs::create_dir(daemon.log()).expect("a folder");
    daemon.start();
    let problems = |daemon: &Daemon| daemon.status().map(|status| status["problems"].to_string()).unwrap_or_default();
    wait_for("both problems", || {
        let problems = problems(&daemon);
        let log = daemon.log().to_string_lossy().into_owned();
        (problems.contains(&format!("cannot read {log}")) && problems.contains("tell.sh does not exist")).then_some(())
    });
    assert_eq!(daemon.hidsctl(&["status"]).status.code(), Some(0), "problems do not change the exit status");

    // It comes, and goes again while the daemon runs.
    let path = daemon.path("active-response/bin/tell.sh");
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    std::fs::write(&path, "#!/bin/sh\n").expect("a program");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("chmod");
    assert!(daemon.hidsctl(&["reload"]).status.success());
    assert!(!problems(&daemon).contains("tell.sh"), "{}", problems(&daemon));
    std::fs::remove_file(&path).expect("removed");
    assert!(problems(&daemon).contains("tell.sh does not exist"), "{}", problems(&daemon));
}

// B6: OSSEC's daemons would do everything twice.
#[test]
fn it_refuses_to_start_beside_a_running_ossec_and_names_the_command_that_stops_it() {
    if !hids_tests::require::root() {
        return;
    }
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    let bin = daemon.path("ossec/bin");
    std::fs::create_dir_all(&bin).expect("a directory");
    std::fs::copy("/bin/sleep", bin.join("ossec-analysisd")).expect("a copy");
    // In a PID namespace of their own: other tests' daemons do not see it.
    let arguments = |more: &str| {
        let hidsd = hids_tests::programs::hidsd();
        format!(
            "mount -t proc proc /proc && {{ {}/ossec-analysisd 600 & }} && exec {} -c {} --root {} --dry-run {more}",
            bin.display(),
            hidsd.display(),
            daemon.path("ossec.conf").display(),
            daemon.path("").display()
        )
    };
    let refused = Command::new("unshare")
        .args(["--pid", "--mount", "--fork", "--kill-child", "sh", "-c", &arguments("")])
        .output()
        .expect("unshare can be run");
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("{}/bin/ossec-control stop", daemon.path("ossec").display())), "{text}");
    assert!(text.contains("--beside-ossec"), "{text}");
    let mut beside = Command::new("unshare")
        .args(["--pid", "--mount", "--fork", "--kill-child", "sh", "-c", &arguments("--beside-ossec")])
        .stderr(Stdio::null())
        .spawn()
        .expect("unshare can be run");
    wait_for("an answer of the one that may", || daemon.status());
    let _ = beside.kill();
    let _ = beside.wait();
    daemon.kill();
}

// What the packages run before they are removed; that it removes anything is tested with them (`tests/install`).
#[test]
fn nothing_is_torn_down_while_the_daemon_runs() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    let refused = daemon.hidsctl(&["teardown"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(4), "{said}");
    assert!(said.contains("another hidsd is using"), "{said}");
    daemon.stop();
}

#[test]
fn the_daemons_program_is_hidsctl_when_it_is_started_under_that_name() {
    use std::os::unix::process::CommandExt as _;
    let as_hidsctl = |name: &str| {
        let output = Command::new(hids_tests::programs::hidsd()).arg0(name).arg("--version").output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(as_hidsctl("/usr/sbin/hidsctl").starts_with("hidsctl "));
    assert!(as_hidsctl("hidsctl.old").starts_with("hidsd "));
}
