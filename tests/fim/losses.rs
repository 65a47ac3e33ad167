//! Lost process events appear in the log, not only in a counter.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use hids_tests::daemon::wait_for;
use hids_tests::{executable, require};

use crate::fixture::Fim;

/// Starts of a program until the ring of 4 MiB is surely full, since each tells its path.
const STARTS: usize = 1_500;

#[test]
fn records_of_processes_that_the_kernel_drops_are_told_in_the_log() {
    if !require::root() {
        return;
    }
    let fim = Fim::with_files(&[("a", "one")]);
    let status = wait_for("the sensors", || fim.daemon.status().filter(|status| status["sensors"].is_object()));
    let tiers = status["sensors"]["tiers"].as_array().expect("tiers");
    let tracepoint = tiers.iter().find(|tier| tier["tier"] == "tracepoint").expect("one for processes");
    if tracepoint["available"] != true {
        require::skip("bpf", &tracepoint["detail"].to_string());
        return;
    }
    fim.be_alone();
    let program = far_away(fim.outside(""));
    fim.daemon.signal(rustix::process::Signal::STOP);
    for _ in 0..STARTS {
        let ended = Command::new(&program).stdin(Stdio::null()).status().expect("it can be run");
        assert!(ended.success());
    }
    fim.daemon.signal(rustix::process::Signal::CONT);
    let told = wait_for("a warning", || {
        let messages = fim.daemon.messages();
        messages.lines().find(|line| line.contains("process events lost in the kernel")).map(str::to_owned)
    });
    assert!(told.contains("without the process or its program") && told.contains("records="), "{told}");
    let hooks = fim.daemon.status().expect("status")["sensors"]["hooks"].clone();
    let dropped: u64 =
        hooks.as_array().expect("hooks").iter().filter_map(|hook| hook["dropped"]["ring_full"].as_u64()).sum();
    assert!(dropped > 0, "{hooks}");
}

/// A program that does nothing, at the end of a long path.
fn far_away(mut folder: PathBuf) -> PathBuf {
    while folder.as_os_str().len() < 3_700 {
        folder.push("d".repeat(200));
    }
    fs::create_dir_all(&folder).expect("directories");
    let program = folder.join("true");
    executable::copy("/usr/bin/true", &program);
    program
}
