//! Who did it, in kernels whose structs differ from those of the machine that builds: the programs at
//! the process tracepoints with their offsets, as `tests/kernel/who.rs` tests them more closely.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use hids_core::model::{ExecutableNote, WhoSource};
use hids_tests::require;
use hids_userspace::sensors::{self, SensorsHandle, Tier, WhoLookup};

/// Attached programs and the lookup; none outside a guest.
fn attached() -> Option<(SensorsHandle, Arc<dyn WhoLookup>)> {
    if !require::is_required("guest") {
        require::skip("guest", "only in a guest: cargo xtask test vm");
        return None;
    }
    let sensors = sensors::start();
    let report = sensors.report();
    let tracepoint = report.tiers.iter().find(|tier| tier.tier == Tier::Tracepoint).expect("a report on tracepoints");
    assert!(tracepoint.available, "{tracepoint:?}");
    let who = sensors.who();
    Some((sensors, who))
}

/// Runs a script that says its own number.
fn run(program: &Path, script: &str) -> u32 {
    let mut command = Command::new(program);
    let output = command.args(["sh", "-c", script]).stdin(Stdio::null()).output().expect("it runs");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

fn busybox() -> PathBuf {
    PathBuf::from("/bin/busybox")
}

#[test]
fn ended_process_is_known_with_program_users_and_parents() {
    let Some((_sensors, lookup)) = attached() else { return };
    let pid = run(&busybox(), "echo $$");
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    let who = lookup.who(pid).expect("known");
    assert_eq!((who.source, &who.executable[..]), (WhoSource::Tracepoint, &b"/bin/busybox"[..]), "{who:?}");
    assert!(who.executable_notes.is_empty(), "{who:?}");
    assert_eq!((who.uid, who.euid, who.gid, who.login_uid), (Some(0), Some(0), Some(0), None));
    assert_eq!((&who.command[..], &who.cgroup[..]), (&b"busybox"[..], &b"/"[..]));
    assert_eq!(who.parents[0].pid, std::process::id());
    assert_eq!(who.parents[0].executable, b"/suite");
    assert_eq!(who.parents.last().map(|parent| parent.pid), Some(1));
}

#[test]
fn path_through_mounts_is_as_seen_there_and_notes_say_so() {
    let Some((_sensors, lookup)) = attached() else { return };
    let place = tempfile::tempdir().expect("a directory");
    let (real, jail) = (place.path().join("real"), place.path().join("jail"));
    fs::create_dir(&real).and_then(|()| fs::create_dir(&jail)).expect("directories");
    fs::copy(busybox(), real.join("busybox")).expect("a copy");
    let script = format!(
        "exec unshare -m sh -c \"mount --bind {} {} && exec {}/busybox sh -c 'echo \\$\\$'\"",
        real.display(),
        jail.display(),
        jail.display()
    );
    let who = lookup.who(run(&busybox(), &script)).expect("known");
    assert_eq!(String::from_utf8_lossy(&who.executable), jail.join("busybox").display().to_string());
    assert_eq!(who.executable_notes.iter().collect::<Vec<_>>(), [ExecutableNote::OtherMounts]);
    let script = format!("exec chroot {} /busybox sh -c 'echo $$'", real.display());
    let who = lookup.who(run(&busybox(), &script)).expect("known");
    assert_eq!(String::from_utf8_lossy(&who.executable), real.join("busybox").display().to_string());
    assert_eq!(who.executable_notes.iter().collect::<Vec<_>>(), [ExecutableNote::Chroot]);
}

#[test]
fn control_group_that_is_gone_is_told_with_its_container() {
    let Some((_sensors, lookup)) = attached() else { return };
    let container = "0123456789abcdef".repeat(4);
    let group = PathBuf::from(format!("/sys/fs/cgroup/docker-{container}.scope"));
    fs::create_dir(&group).expect("a control group");
    let script = format!("echo $$ > {}/cgroup.procs; exec /bin/busybox sh -c 'echo $$'", group.display());
    let pid = run(&busybox(), &script);
    hids_tests::wait::until("the end of the group", hids_tests::wait::PATIENCE, || fs::remove_dir(&group).is_ok())
        .expect("it can be removed");
    let who = lookup.who(pid).expect("known");
    assert_eq!(String::from_utf8_lossy(&who.cgroup), format!("/docker-{container}.scope"));
    assert_eq!(who.container, Some(container));
}

#[test]
fn many_short_processes_are_all_known_and_nothing_is_dropped() {
    let Some((sensors, lookup)) = attached() else { return };
    let numbers: Vec<u32> = (0..200).map(|_| run(&busybox(), "echo $$")).collect();
    let known = numbers.iter().filter(|pid| lookup.who(**pid).is_some_and(|who| who.executable == b"/bin/busybox"));
    assert_eq!(known.count(), numbers.len());
    let hooks = sensors.report().hooks;
    assert_eq!(hooks.iter().flat_map(|hook| hook.dropped.values()).sum::<u64>(), 0, "{hooks:?}");
}
