//! The BPF programs in this kernel: what they count, seen through the daemon's own report.

use std::process::Command;

use hids_tests::{programs, require, wait};
use hids_userspace::sensors::files::MarkChoice;
use hids_userspace::sensors::selftest::{self, ACT_ARGUMENT, Actor, SelfTestOptions};
use hids_userspace::sensors::{self, SensorReport, SensorsHandle, Tier};

/// Attached programs, unless this kernel or build has none.
fn attached() -> Option<SensorsHandle> {
    if !require::root() {
        return None;
    }
    let sensors = sensors::start();
    let report = sensors.report();
    let tracepoint = report.tiers.iter().find(|tier| tier.tier == Tier::Tracepoint).expect("a report on tracepoints");
    if !tracepoint.available {
        require::skip("bpf", &tracepoint.detail);
        return None;
    }
    Some(sensors)
}

fn seen(report: &SensorReport, hook: &str) -> u64 {
    report.hooks.iter().find(|counters| counters.hook == hook).expect("an attached hook").seen
}

#[test]
fn every_started_process_is_counted_when_it_starts_and_when_it_ends() {
    const PROCESSES: u64 = 25;
    let Some(sensors) = attached() else { return };
    let before = sensors.report();
    for _ in 0..PROCESSES {
        assert!(Command::new("/bin/true").status().expect("true starts").success());
    }
    for hook in ["sched_process_exec", "sched_process_exit"] {
        wait::until(hook, wait::PATIENCE, || seen(&sensors.report(), hook) >= seen(&before, hook) + PROCESSES)
            .expect("every process is counted");
    }
    let dropped: u64 = sensors.report().hooks.iter().flat_map(|hook| hook.dropped.values()).sum();
    assert_eq!(dropped, 0);
}

#[test]
fn every_tier_is_reported_with_what_it_gives_or_what_to_do_about_it() {
    let report = sensors::start().report();
    let tiers: Vec<Tier> = report.tiers.iter().map(|tier| tier.tier).collect();
    assert_eq!(tiers, [Tier::Lsm, Tier::Tracepoint, Tier::Fanotify, Tier::Scan]);
    for tier in &report.tiers {
        println!("{}: {} ({})", tier.tier.name(), tier.available, tier.detail);
        assert!(!tier.detail.is_empty());
        assert_eq!(tier.help.is_some(), !tier.available);
        assert_eq!(tier.lost.is_some(), !tier.available);
    }
}

#[test]
fn every_file_operation_is_proven_with_the_process_that_has_ended() {
    let Some(sensors) = attached() else { return };
    let place = tempfile::tempdir().expect("a directory");
    let options = SelfTestOptions {
        directory: place.path().canonicalize().expect("its path"),
        actor: Actor { program: programs::hidsd().into(), arguments: vec![ACT_ARGUMENT.into()] },
        who: sensors.who(),
        marks: MarkChoice::Best,
    };
    let proven = selftest::run(&options).expect("a self-test");
    println!("{proven:#?}");
    assert_eq!(proven.unseen().collect::<Vec<_>>(), []);
    assert_eq!(proven.anonymous().collect::<Vec<_>>(), []);
}
