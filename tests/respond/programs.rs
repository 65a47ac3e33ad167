//! Programs of custom responses.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hids_core::model::{Alert, FieldName, Level, RuleFacts};
use hids_tests::{executable, wait};
use hids_userspace::config::{Expect, RespondConfig, ResponseKind};
use hids_userspace::respond::{ReportView, Request};

use super::fixture::{Place, alert, alert_with, blocking};
use super::network::alone;

/// A response that runs a script with this text; `OUT` in it is a file in `place`.
fn running(place: &Place, seconds: Option<u64>, text: &str) -> RespondConfig {
    let path: PathBuf = place.path().join("tell.sh");
    let text = text.replace("OUT", &place.path().join("out").to_string_lossy());
    executable::script(&path, &format!("#!/bin/sh\n{text}\n"));
    let mut config = blocking(0);
    config.responses[0].kind = ResponseKind::Program(path.clone());
    config.responses[0].executable = path;
    config.responses[0].expects = vec![Expect::SourceAddress, Expect::User];
    config.responses[0].timeout = seconds.map(Duration::from_secs);
    config
}

fn lines(place: &Place, count: usize) -> Vec<String> {
    let enough = || place.read("out").lines().count() >= count;
    wait::until("the program's output", wait::PATIENCE, enough).expect("output");
    place.read("out").lines().map(str::to_owned).collect()
}

fn attack() -> Request {
    Request::Alert(alert_with(&[(FieldName::SrcIp, b"203.0.113.9"), (FieldName::DstUser, b"root")]))
}

#[test]
fn a_program_gets_ossecs_arguments_and_no_environment_and_is_undone_in_time() {
    alone(|| {
        let place = Place::new();
        let config = running(&place, Some(1), "echo \"$# $*\" >>OUT\n/usr/bin/env >>OUT\n/bin/pwd >>OUT");
        let responder = place.start_with(place.options(config));
        responder.send(attack());
        let rest = "root 203.0.113.9 1795558167.15 5712 /var/log/auth.log -";
        // dash sets PWD itself.
        let told: Vec<_> = lines(&place, 6).into_iter().filter(|line| !line.starts_with("PWD=")).collect();
        assert_eq!(told, [format!("7 add {rest}"), "/".into(), format!("7 delete {rest}"), "/".into()]);
    });
}

#[test]
fn an_undo_call_survives_a_restart() {
    alone(|| {
        let place = Place::new();
        let config = running(&place, Some(2), "echo $1 >>OUT");
        let responder = place.start_with(place.options(config));
        responder.send(attack());
        assert_eq!(lines(&place, 1), ["add"]);
        drop(responder);
        // Another configuration without that response: what was done is undone all the same.
        let _responder = place.start(60);
        assert_eq!(lines(&place, 2), ["add", "delete"]);
    });
}

#[test]
fn a_program_that_hangs_is_killed_and_keeps_nobody_waiting() {
    alone(|| {
        let place = Place::new();
        let mut config = running(&place, None, "sleep 1000 & echo $$ >>OUT; wait");
        config.responses.push(blocking(60).responses.remove(0));
        let mut options = place.options(config);
        options.scripts.time = Duration::from_millis(300);
        let responder = place.start_with(options);
        responder.send(attack());
        let group = lines(&place, 1)[0].clone();
        responder.alert("203.0.113.77");
        assert!(responder.block_of("203.0.113.77").is_some());
        wait::until("the kill", wait::PATIENCE, || responder.report().programs.timed_out == 1).expect("killed");
        let in_group =
            |stat: String| stat.rsplit(')').next().is_some_and(|rest| rest.split_whitespace().nth(2) == Some(&group));
        let alive = || {
            let processes = std::fs::read_dir("/proc").expect("processes").flatten();
            processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok()).any(in_group)
        };
        wait::until("the end of its children", wait::PATIENCE, || !alive()).expect("all ended");
    });
}

#[test]
fn a_missing_program_is_counted_and_the_rest_goes_on() {
    alone(|| {
        let place = Place::new();
        let mut config = running(&place, None, "");
        config.responses[0].kind = ResponseKind::Program("/nowhere/tell.sh".into());
        config.responses.push(blocking(60).responses.remove(0));
        let responder = place.start_with(place.options(config));
        responder.send(attack());
        responder.send(Request::Alert(alert("203.0.113.77")));
        wait::until("the failure", wait::PATIENCE, || responder.report().programs.failed == 1).expect("counted");
        assert_eq!(responder.report().active, 2);
    });
}

#[test]
fn a_program_that_has_been_undone_is_not_undone_again_by_the_next_start() {
    alone(|| {
        let place = Place::new();
        let config = running(&place, Some(1), "echo $1 >>OUT; sleep 0.3");
        let responder = place.start_with(place.options(config.clone()));
        responder.send(attack());
        assert_eq!(lines(&place, 2), ["add", "delete"]);
        drop(responder);
        let responder = place.start_with(place.options(config));
        assert_eq!(responder.report().programs.to_undo, 0);
        drop(responder);
        assert_eq!(lines(&place, 2).len(), 2);
    });
}

#[test]
fn a_program_that_others_could_change_is_not_run_whenever_that_became_so() {
    // M6
    alone(|| {
        let place = Place::new();
        let config = running(&place, None, "echo $1 >>OUT");
        let program = place.path().join("tell.sh");
        let mode = |mode| std::fs::set_permissions(&program, std::fs::Permissions::from_mode(mode)).expect("a mode");
        let responder = place.start_with(place.options(config.clone()));
        assert_eq!(responder.report().programs.distrusted_now, [""; 0]);
        let mut refused = 0;
        let mut refuse = || {
            refused += 1;
            responder.send(attack());
            let counted = || responder.published().programs.distrusted == refused;
            wait::until("the refusal", wait::PATIENCE, counted).expect("counted");
        };
        for bad in [0o777, 0o775, 0o757] {
            mode(bad);
            refuse();
        }
        mode(0o755);
        chown(&program, Some(65534), None).expect("given away");
        refuse();
        chown(&program, Some(0), None).expect("taken back");
        std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o777)).expect("a mode");
        refuse();
        assert_eq!(place.read("out"), "");
        // The next start says it before anything is to run.
        let told = place.start_with(place.options(config)).report().programs.distrusted_now;
        let expected = format!("chmod o-w {}", place.path().display());
        assert!(matches!(&told[..], [one] if one.contains(&expected)), "{told:?}");
        std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755)).expect("a mode");
        responder.send(attack());
        assert_eq!(lines(&place, 1), ["add"]);
    });
}

#[test]
fn a_script_in_ossecs_layout_runs_and_finds_its_directory() {
    // M6: /var/ossec is root:ossec 0550, its programs too.
    alone(|| {
        let place = Place::new();
        let bin = place.path().join("ossec/active-response/bin");
        std::fs::create_dir_all(&bin).expect("directories");
        let mut config = running(&place, None, "cd \"$(dirname \"$0\")\"; pwd >>OUT");
        let program = bin.join("tell.sh");
        std::fs::rename(place.path().join("tell.sh"), &program).expect("moved");
        for path in
            [place.path().join("ossec"), place.path().join("ossec/active-response"), bin.clone(), program.clone()]
        {
            chown(&path, Some(0), Some(65534)).expect("given to a group");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o550)).expect("a mode");
        }
        config.responses[0].kind = ResponseKind::Program(program);
        let responder = place.start_with(place.options(config));
        responder.send(attack());
        assert_eq!(lines(&place, 1), [bin.to_string_lossy()]);
    });
}

#[test]
fn the_ledger_is_not_written_through_a_planted_link() {
    // M6
    alone(|| {
        let place = Place::new();
        let victim = place.path().join("victim");
        std::fs::create_dir(place.path().join("respond")).expect("a directory");
        std::fs::write(&victim, "precious").expect("written");
        for file in ["blocks.log", "evidence.log"] {
            std::os::unix::fs::symlink(&victim, place.path().join("respond").join(file)).expect("a link");
        }
        let responder = place.start(60);
        responder.alert("203.0.113.9");
        assert_eq!(place.read("victim"), "precious");
        let report = responder.report();
        assert!(report.ledger_trouble.is_some() && report.evidence_lost == 1 && report.active == 1, "{report:?}");
    });
}

#[test]
fn a_child_in_a_session_of_its_own_ends_with_a_program_that_ran_too_long() {
    // L3
    alone(|| {
        let place = Place::new();
        let config = running(&place, None, "setsid sh -c 'echo $$ >>OUT; sleep 1000' & sleep 1000");
        let mut options = place.options(config);
        options.scripts.time = Duration::from_millis(1500);
        let responder = place.start_with(options);
        responder.send(attack());
        let child = lines(&place, 1)[0].clone();
        let alive = || {
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
            stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
        };
        assert!(alive());
        wait::until("the kill", wait::PATIENCE, || responder.report().programs.timed_out == 1).expect("killed");
        wait::until("the end of its child", wait::PATIENCE, || !alive()).expect("ended");
    });
}

/// Whether a process is there and has not ended.
fn is_alive(number: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

/// The name of a process' parent.
fn parent_name(number: &str) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)).unwrap_or_default().to_owned();
    std::fs::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default().trim().to_owned()
}

#[test]
fn a_program_that_forks_twice_and_runs_too_long_leaves_nothing_behind() {
    // L3
    alone(|| {
        let place = Place::new();
        let text = "(sleep 1000 & echo $! >>OUT)
            (setsid sh -c 'sleep 1000 & echo $! >>OUT; setsid sleep 1000 & echo $! >>OUT' &)
            sleep 1000";
        let mut options = place.options(running(&place, None, text));
        options.scripts.time = Duration::from_secs(4);
        let responder = place.start_with(options);
        responder.send(attack());
        let orphans = lines(&place, 3);
        let are_adopted = || orphans.iter().all(|orphan| parent_name(orphan) == "hids-response");
        wait::until("the end of their parents", wait::PATIENCE, are_adopted).expect("adopted");
        assert!(orphans.iter().all(|orphan| is_alive(orphan)));
        wait::until("the kill", wait::PATIENCE, || responder.report().programs.timed_out == 1).expect("killed");
        assert_eq!(orphans.iter().filter(|orphan| is_alive(orphan)).count(), 0, "all ended before it is told");
    });
}

#[test]
fn how_a_program_ends_is_known_and_what_it_leaves_behind_in_time_goes_on() {
    alone(|| {
        let place = Place::new();
        let text = "case $3 in
            203.0.113.1) exit 3;;
            203.0.113.2) kill -KILL $$;;
            *) setsid sleep 1000 >/dev/null & echo $! >>OUT;;
            esac";
        let responder = place.start_with(place.options({
            let mut config = running(&place, None, text);
            config.responses[0].expects = vec![Expect::SourceAddress];
            config
        }));
        for (number, source) in ["203.0.113.1", "203.0.113.2"].into_iter().enumerate() {
            responder.alert(source);
            let failed = || responder.report().programs.failed == number as u64 + 1;
            wait::until("the failure", wait::PATIENCE, failed).expect("counted");
        }
        responder.alert("203.0.113.3");
        let child = lines(&place, 1)[0].clone();
        wait::until("its end", wait::PATIENCE, || responder.report().programs.pending == 0).expect("ended");
        assert_eq!(responder.report().programs.failed, 2);
        assert!(is_alive(&child), "it was in time");
        let child = child.parse().ok().and_then(rustix::process::Pid::from_raw).expect("a number");
        rustix::process::kill_process(child, rustix::process::Signal::KILL).expect("killed");
    });
}

/// An alert of `level` about a user's failures from `source`.
fn attack_by(source: &str, user: &str, level: u16) -> Request {
    let alert = alert_with(&[(FieldName::SrcIp, source.as_bytes()), (FieldName::DstUser, user.as_bytes())]);
    let rule = Arc::new(RuleFacts { level: Level(level), ..RuleFacts::clone(&alert.rule) });
    Request::Alert(Arc::new(Alert { rule, ..Alert::clone(&alert) }))
}

/// Ten thousand alerts of others around the one that matters, of which the first runs while few can wait, and none
/// ends before all have come; what has run, in this order, and the counters.
fn flooded(other: impl Fn(u32) -> Request + Send + 'static, matters: Request, check: fn(&[String], &ReportView)) {
    alone(move || {
        let place = Place::new();
        let gate = place.path().join("gate");
        std::fs::write(&gate, "").expect("a gate");
        let text = format!("while [ -e {} ]; do sleep 0.05; done; echo $3 >>OUT", gate.display());
        let mut options = place.options(running(&place, None, &text));
        // Side by side, a program that starts later may write first.
        (options.scripts.workers, options.scripts.queue, options.scripts.share) = (1, 100, 10);
        let responder = place.start_with(options);
        responder.send(other(0));
        wait::until("the first to run", wait::PATIENCE, || responder.report().programs.started == 1).expect("it runs");
        (1..5_000).for_each(|number| responder.send(other(number)));
        responder.send(matters);
        (5_000..10_000).for_each(|number| responder.send(other(number)));
        responder.report();
        std::fs::remove_file(&gate).expect("opened");
        wait::until("the end of all", wait::PATIENCE, || responder.report().programs.pending == 0).expect("ended");
        let report = responder.report();
        let told = report.programs.started + report.programs.merged + report.programs.dropped;
        assert_eq!(told, 10_001, "each is run, merged or counted: {report:?}");
        let run = place.read("out");
        check(&run.lines().map(str::to_owned).collect::<Vec<_>>(), &report);
    });
}

fn other_source(number: u32) -> String {
    format!("198.18.{}.{}", number / 250, number % 250 + 1)
}

#[test]
fn a_flood_of_other_sources_does_not_push_out_the_call_of_a_higher_level() {
    // L3
    let other = |number| attack_by(&other_source(number), "root", 7);
    flooded(other, attack_by("203.0.113.9", "root", 12), |run, report| {
        assert_eq!(run.get(1).map(String::as_str), Some("203.0.113.9"), "right after the one that ran: {run:?}");
        assert!(report.programs.displaced >= 1 && report.programs.without_room > 9_000, "{report:?}");
        assert!(report.programs.started <= 110, "{report:?}");
    });
}

#[test]
fn a_flood_of_one_source_does_not_push_out_the_call_of_another_one() {
    // L3
    let other = |number: u32| attack_by("198.18.0.1", &format!("user{number}"), 10);
    flooded(other, attack_by("203.0.113.9", "root", 10), |run, report| {
        assert!(run.iter().any(|source| source == "203.0.113.9"), "{run:?}");
        assert!(run.len() <= 20, "one source has its share: {}", run.len());
        assert!(report.programs.over_share > 9_900, "{report:?}");
    });
}

#[test]
fn a_flood_of_equal_calls_is_one_run() {
    // L3
    let other = |_| attack_by("198.18.0.1", "root", 10);
    flooded(other, attack_by("203.0.113.9", "root", 10), |run, report| {
        assert_eq!(run.len(), 3, "one that was running, one that waited, and the other source: {run:?}");
        assert_eq!((report.programs.merged, report.programs.dropped), (9_998, 0));
    });
}
