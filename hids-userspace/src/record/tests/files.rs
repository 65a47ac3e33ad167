use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use super::*;

#[test]
fn alerts_go_into_daily_files_with_links_to_todays() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, recovered) = open(root.path());
    assert_eq!(recovered.next_sequence, 1);
    recorder.write(&batch(vec![alert(1, EVENING), alert(2, EVENING)])).expect("written");
    let alerts = root.path().join("logs/alerts");
    let daily = alerts.join("2026/Nov/ossec-alerts-24.log");
    assert_eq!(numbers(&read(&daily)), [1, 2]);
    assert_eq!(read(alerts.join("2026/Nov/ossec-alerts-24.json")).lines().count(), 2);
    let inode = |path: &Path| path.metadata().expect("there").ino();
    assert_eq!(inode(&alerts.join("alerts.log")), inode(&daily));
    assert_eq!(inode(&alerts.join("alerts.json")), inode(&alerts.join("2026/Nov/ossec-alerts-24.json")));
    assert_eq!(daily.metadata().expect("there").permissions().mode() & 0o137, 0, "others and writing by group");
}

#[test]
fn next_run_goes_on_from_positions_and_numbers() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(1, EVENING)])).expect("written");
    recorder.write(&batch(vec![alert(2, EVENING)])).expect("written");
    drop(recorder);
    let (_, recovered) = open(root.path());
    assert_eq!(recovered.next_sequence, 3);
    assert_eq!(recovered.positions.get("source").map(String::as_str), Some("2"));
}

#[test]
fn bytes_of_a_batch_that_was_being_written_are_cut_away() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(1, EVENING)])).expect("written");
    let log = root.path().join("logs/alerts/alerts.log");
    let whole = read(&log);
    recorder.begin(&batch(vec![alert(2, EVENING)])).expect("announced");
    drop(recorder);
    std::fs::write(&log, format!("{whole}** Alert 1.2: - torn")).expect("write");
    let (_, recovered) = open(root.path());
    assert_eq!((recovered.cut_bytes, recovered.kept_bytes), (20, 0));
    assert_eq!(read(&log), whole);
}

#[test]
fn file_replaced_by_hand_is_left_alone() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(1, EVENING)])).expect("written");
    drop(recorder);
    let daily = root.path().join("logs/alerts/2026/Nov/ossec-alerts-24.log");
    std::fs::rename(&daily, daily.with_extension("old")).expect("rename");
    let text = "somebody's own text, longer than what was recorded before ".repeat(10);
    std::fs::write(&daily, &text).expect("write");
    let (_, recovered) = open(root.path());
    assert_eq!(recovered.replaced_files, 1);
    assert_eq!(read(&daily), text);
}

#[test]
fn file_moved_away_while_running_is_made_anew() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(1, EVENING)])).expect("written");
    let daily = root.path().join("logs/alerts/2026/Nov/ossec-alerts-24.log");
    std::fs::rename(&daily, daily.with_extension("old")).expect("rename");
    recorder.tick(Timestamp::from_unix_seconds(EVENING)).expect("tick");
    recorder.write(&batch(vec![alert(2, EVENING)])).expect("written");
    assert_eq!(numbers(&read(daily.with_extension("old"))), [1]);
    assert_eq!(numbers(&read(&daily)), [2]);
    assert_eq!(read(root.path().join("logs/alerts/alerts.json")).lines().count(), 2);
    assert_eq!(numbers(&read(root.path().join("logs/alerts/alerts.log"))), [2]);
}

#[test]
fn truncation_by_hand_while_running_and_at_start_loses_nothing_else() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    let log = root.path().join("logs/alerts/alerts.log");
    recorder.write(&batch(vec![alert(1, EVENING)])).expect("written");
    std::fs::write(&log, "").expect("truncate");
    recorder.write(&batch(vec![alert(2, EVENING)])).expect("written");
    assert_eq!(numbers(&read(&log)), [2]);
    std::fs::write(&log, "").expect("truncate");
    drop(recorder);
    let (_, recovered) = open(root.path());
    assert_eq!((recovered.next_sequence, recovered.lost_batches), (3, 0));
    assert_eq!(read(root.path().join("logs/alerts/alerts.json")).lines().count(), 2);
}

#[test]
fn a_symbolic_link_in_place_of_a_daily_file_or_directory_is_not_followed() {
    let root = tempfile::tempdir().expect("tempdir");
    let victim = root.path().join("victim");
    std::fs::write(&victim, "precious").expect("write");
    let month = root.path().join("logs/alerts/2026/Nov");
    std::fs::create_dir_all(&month).expect("mkdir");
    symlink(&victim, month.join("ossec-alerts-24.log")).expect("symlink");
    let (mut recorder, _) = open(root.path());
    let error = recorder.write(&batch(vec![alert(1, EVENING)])).expect_err("refused");
    assert!(matches!(error, RecordError::Open { .. }), "{error:?}");
    assert_eq!(read(&victim), "precious");
    std::fs::remove_dir_all(&month).expect("rm");
    symlink(root.path(), &month).expect("symlink");
    assert!(matches!(recorder.write(&batch(vec![alert(1, EVENING)])), Err(RecordError::Directory { .. })));
}

#[test]
fn second_daemon_on_the_same_state_is_refused() {
    let root = tempfile::tempdir().expect("tempdir");
    let _first = open(root.path());
    assert!(matches!(Recorder::open(options(root.path(), None)), Err(RecordError::InUse { .. })));
}

#[test]
fn after_a_power_loss_batches_that_did_not_reach_the_disk_are_given_up() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(1, EVENING)])).expect("written");
    recorder.sync().expect("synced");
    recorder.write(&batch(vec![alert(2, EVENING)])).expect("written");
    recorder.write(&batch(vec![alert(3, EVENING)])).expect("written");
    drop(recorder);
    // As if another boot: the journal came to the disk, the end of alerts.log did not.
    let log = root.path().join("logs/alerts/alerts.log");
    let (text, _) = split_after(&read(&log), 2);
    std::fs::File::options().write(true).open(&log).and_then(|file| file.set_len(text as u64)).expect("cut");
    let journal = root.path().join("state/record.journal");
    pretend_other_boot(&journal);
    let (_, recovered) = open(root.path());
    assert_eq!((recovered.next_sequence, recovered.lost_batches), (3, 1));
    assert_eq!(numbers(&read(&log)), [1, 2]);
    assert_eq!(read(root.path().join("logs/alerts/alerts.json")).lines().count(), 2);
}

/// Where the record after the first `count` ones starts.
fn split_after(text: &str, count: usize) -> (usize, usize) {
    let at = text.match_indices("\n\n").nth(count - 1).map(|(at, _)| at + 2).expect("so many records");
    (at, text.len())
}

pub(super) fn pretend_other_boot(journal: &Path) {
    let text = read(journal);
    let (first, rest) = text.split_once('\n').expect("a line");
    let mut record: serde_json::Value = serde_json::from_str(&first[9..]).expect("JSON");
    record["boot"] = "another".into();
    let json = record.to_string();
    std::fs::write(journal, format!("{:08x} {json}\n{rest}", crc32fast::hash(json.as_bytes()))).expect("write");
}

#[test]
fn journal_is_written_anew_before_it_grows_large() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    for number in 1..=600 {
        let mut processed = batch(vec![alert(number, EVENING)]);
        processed.positions.push(SourcePosition { key: "large".into(), value: "x".repeat(9000) });
        recorder.write(&processed).expect("written");
        recorder.sync().expect("synced");
    }
    let journal = root.path().join("state/record.journal");
    assert!(journal.metadata().expect("there").len() < 4_300_000);
    drop(recorder);
    let (_, recovered) = open(root.path());
    assert_eq!(recovered.next_sequence, 601);
    assert_eq!(recovered.positions.get("source").map(String::as_str), Some("600"));
    assert_eq!(numbers(&read(root.path().join("logs/alerts/alerts.log"))).len(), 600);
}

#[test]
fn thread_records_what_is_sent_and_passes_it_on_after_the_commit() {
    let root = tempfile::tempdir().expect("tempdir");
    let spool = MemorySpool::default();
    let (recorder, _) = Recorder::open(options(root.path(), Some(Box::new(spool.clone())))).expect("recorder opens");
    let (send, receive) = crossbeam_channel::bounded(16);
    let (after, committed) = crossbeam_channel::bounded(64);
    let handle = start(recorder, receive, after).expect("thread starts");
    for number in 1..=50 {
        send.send(batch(vec![alert(number, EVENING)])).expect("sent");
    }
    let got: Vec<u64> = (0..50).map(|_| committed.recv().expect("passed on").id.sequence).collect();
    assert_eq!(got, (1..=50).collect::<Vec<_>>());
    assert_eq!(handle.report().alerts, 50);
    handle.stop();
    assert_eq!(*spool.staged.lock().expect("lock"), (1..=50).collect::<Vec<_>>());
    assert_eq!(*spool.committed.lock().expect("lock"), 51);
}

#[test]
fn damaged_journal_is_kept_aside_and_does_not_keep_the_daemon_from_starting() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(1, EVENING)])).expect("written");
    drop(recorder);
    std::fs::write(root.path().join("state/record.journal"), "not a journal").expect("write");
    let (_, recovered) = open(root.path());
    assert_eq!(recovered.next_sequence, 1);
    assert_eq!(read(root.path().join("state/record.journal.damaged")), "not a journal");
    assert_eq!(numbers(&read(root.path().join("logs/alerts/alerts.log"))), [1], "alerts stay");
}
