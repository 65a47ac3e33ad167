//! A full disk: nothing is lost, everything waits.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;
use crate::platform::error_chain::error_chain;

/// A small tmpfs; unmounted when dropped.
struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` (with a line that says why) when not root.
    fn mount(size: &str) -> Option<Self> {
        if !hids_tests::require::root() {
            return None;
        }
        let directory = tempfile::tempdir().expect("tempdir");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size},mode=0755"), "hids-test"])
            .arg(directory.path())
            .status()
            .expect("mount runs");
        if !status.success() {
            hids_tests::require::skip("root", "mounting a tmpfs is not allowed here");
            return None;
        }
        Some(Self { directory })
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Takes all space that is left.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("ballast");
        let mut file = std::fs::File::create(&path).expect("create");
        for size in [64 * 1024, 4096, 1] {
            while io::Write::write_all(&mut file, &vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.directory.path()).status();
    }
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + hids_tests::wait::scaled(Duration::from_secs(30));
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn full_disk_leaves_no_part_of_a_batch() {
    let Some(disk) = SmallDisk::mount("256k") else { return };
    let (mut recorder, _) = open(disk.path());
    recorder.write(&batch(vec![alert(1, EVENING)])).expect("written");
    let log = disk.path().join("logs/alerts/alerts.log");
    let ballast = disk.fill();
    let many: Vec<_> = (2..200).map(|number| alert(number, EVENING)).collect();
    let error = recorder.write(&batch(many.clone())).expect_err("disk is full");
    let chain = error_chain(&error);
    assert!(chain.contains("No space left"), "{chain}");
    assert_eq!(numbers(&read(&log)), [1]);
    std::fs::remove_file(ballast).expect("remove");
    recorder.write(&batch(many)).expect("written");
    assert_eq!(numbers(&read(&log)), (1..200).collect::<Vec<_>>());
    drop(recorder);
    assert_eq!(open(disk.path()).1.next_sequence, 200);
}

#[test]
fn pipeline_waits_while_the_disk_is_full_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount("512k") else { return };
    let (recorder, _) = open(disk.path());
    let (send, receive) = crossbeam_channel::bounded(2);
    let (after, _committed) = crossbeam_channel::bounded(1);
    let handle = start(recorder, receive, after).expect("thread starts");
    let log = disk.path().join("logs/alerts/alerts.log");
    wait_until("today's files", || log.exists());
    let ballast = disk.fill();
    let sender = std::thread::spawn(move || {
        for number in 1..=500 {
            send.send(batch(vec![alert(number, now_seconds())])).expect("the stage lives");
        }
    });
    wait_until("the stage says that it waits", || handle.report().waiting_because.is_some());
    assert!(!sender.is_finished(), "whoever sends must wait");
    std::fs::remove_file(ballast).expect("remove");
    wait_until("everything is written", || handle.report().alerts == 500);
    sender.join().expect("sender");
    wait_until("it no longer waits", || handle.report().waiting_because.is_none());
    handle.stop();
    assert_eq!(numbers(&read(&log)), (1..=500).collect::<Vec<_>>());
}

fn now_seconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("small")
}

#[test]
fn start_on_a_full_disk_waits_and_then_records() {
    let Some(disk) = SmallDisk::mount("256k") else { return };
    let (recorder, _) = open(disk.path());
    let ballast = disk.fill();
    let (send, receive) = crossbeam_channel::bounded(2);
    let (after, _committed) = crossbeam_channel::bounded(1);
    let handle = start(recorder, receive, after).expect("thread starts");
    send.send(batch(vec![alert(1, now_seconds())])).expect("sent");
    wait_until("it says that it waits", || handle.report().waiting_because.is_some());
    std::fs::remove_file(ballast).expect("remove");
    wait_until("it is written", || handle.report().alerts == 1 && handle.report().waiting_because.is_none());
    handle.stop();
    assert_eq!(numbers(&read(disk.path().join("logs/alerts/alerts.log"))), [1]);
}
