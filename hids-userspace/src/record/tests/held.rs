//! Texts that are held back: written once, whatever happens.

use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::*;
use crate::platform::error_chain::error_chain;

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + hids_tests::wait::scaled(Duration::from_secs(30));
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What one process did to a file.
fn change(number: u64, seconds: i64) -> Arc<Alert> {
    let who = Who { pid: 4711, executable: b"/usr/bin/tool".to_vec(), ..Who::default() };
    let change = FileChange {
        path: format!("/etc/file{number}").into_bytes(),
        kind: ChangeKind::Deleted,
        old: None,
        new: None,
        count: 1,
        who: vec![Arc::new(who)],
        operations: Operations::NONE,
        diff: None,
    };
    let news = FimEvent::Change(Box::new(change));
    let notice = FileNotice { sequence: number, time: Timestamp::from_unix_seconds(seconds), alerted: true, news };
    let mut alert = Alert::clone(&alert(number, seconds));
    alert.full_log = format!("File '/etc/file{number}' was deleted.\n").into_bytes();
    alert.notice = Some(Arc::new(notice));
    Arc::new(alert)
}

fn joining(root: &Path, spool: &MemorySpool) -> (Recorder, Recovered) {
    let mut options = options(root, Some(Box::new(spool.clone())));
    options.config.join = true;
    options.config.fold_above = 60;
    Recorder::open(options).expect("recorder opens")
}

fn running(recorder: Recorder) -> (Sender<Processed>, RecordHandle) {
    let (send, receive) = crossbeam_channel::bounded(16);
    let (after, _committed) = crossbeam_channel::bounded(1);
    (send, start(recorder, receive, after).expect("thread starts"))
}

fn now_seconds() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("small")
}

// Item 18, O-B11
#[test]
fn changes_of_one_process_are_one_text_and_mail_but_each_a_record() {
    let root = tempfile::tempdir().expect("tempdir");
    let spool = MemorySpool::default();
    let (send, handle) = running(joining(root.path(), &spool).0);
    for number in 1..=400 {
        send.send(batch(vec![change(number, now_seconds())])).expect("the stage lives");
    }
    let log = root.path().join("logs/alerts/alerts.log");
    wait_until("the text", || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("** Alert")));
    let text = read(&log);
    assert_eq!(numbers(&text), [1]);
    assert!(text.contains("a test (400 alerts with the same cause)"), "{text}");
    let json = read(root.path().join("logs/alerts/alerts.json"));
    let group = format!("\"group_id\":\"{}\"", text.split([' ', ':']).nth(2).expect("the alert's name"));
    assert_eq!(json.lines().filter(|line| line.contains(&group)).count(), 400, "{group}");
    wait_until("the mail", || *spool.committed.lock().expect("not poisoned") == 2);
    assert_eq!(*spool.staged.lock().expect("not poisoned"), [1]);
    let report = handle.report();
    assert_eq!((report.alerts, report.joined, report.held), (400, 400, 0));
    handle.stop();
}

#[test]
fn a_text_held_back_at_a_stop_is_written_then() {
    let root = tempfile::tempdir().expect("tempdir");
    let spool = MemorySpool::default();
    let (send, handle) = running(joining(root.path(), &spool).0);
    send.send(batch(vec![change(1, now_seconds()), change(2, now_seconds())])).expect("the stage lives");
    wait_until("both records", || handle.report().alerts == 2);
    handle.stop();
    let text = read(root.path().join("logs/alerts/alerts.log"));
    assert!(text.contains("(2 alerts with the same cause)"), "{text}");
    assert_eq!(*spool.staged.lock().expect("not poisoned"), [1]);
}

/// As a `kill -9`: what the stage has committed is there, what it holds in memory is gone.
#[test]
fn a_text_held_back_at_a_kill_is_written_at_the_next_start() {
    let root = tempfile::tempdir().expect("tempdir");
    let spool = MemorySpool::default();
    let (mut recorder, _) = joining(root.path(), &spool);
    let mut joiner = hids_core::join::Joiner::new(hids_core::join::JoinOptions { joins: true, fold_above: 0 });
    for number in 1..=3 {
        let processed = batch(vec![change(number, now_seconds())]);
        let places = processed.alerts.iter().map(|alert| joiner.offer(alert, Duration::ZERO)).collect();
        let held = joiner.changed().map(|held| (held.id.sequence, serde_json::to_value(held).expect("data"))).collect();
        recorder.write_batch(&batch::Batch { processed, places, held, ..Default::default() }).expect("written");
    }
    drop(recorder);
    let (recorder, recovered) = joining(root.path(), &spool);
    assert_eq!(recovered.next_sequence, 4);
    let (_send, handle) = running(recorder);
    let log = root.path().join("logs/alerts/alerts.log");
    wait_until("the text", || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("(3 alerts with")));
    handle.stop();
    assert_eq!(numbers(&read(&log)), [1]);
    // Once: the journal knows that it was written.
    let (recorder, _) = joining(root.path(), &spool);
    let (_send, handle) = running(recorder);
    wait_until("today's files", || handle.report().waiting_because.is_none());
    handle.stop();
    assert_eq!(numbers(&read(&log)), [1]);
    assert_eq!(*spool.staged.lock().expect("not poisoned"), [1]);
}

#[test]
fn a_text_of_another_version_does_not_spoil_the_journal() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = joining(root.path(), &MemorySpool::default());
    let held = [(1, serde_json::json!({"another": "form"}))].into();
    let processed = batch(vec![alert(1, EVENING)]);
    let places = vec![hids_core::join::Placement::Now];
    recorder.write_batch(&batch::Batch { processed, places, held, ..Default::default() }).expect("written");
    drop(recorder);
    let (mut recorder, recovered) = joining(root.path(), &MemorySpool::default());
    assert_eq!(recovered.next_sequence, 2);
    assert!(recorder.take_recovered().is_empty());
}

// M9
#[test]
fn a_flood_is_one_record_with_its_count() {
    let root = tempfile::tempdir().expect("tempdir");
    let spool = MemorySpool::default();
    let (send, handle) = running(joining(root.path(), &spool).0);
    let now = now_seconds();
    for first in (0..100_000).step_by(1000) {
        let alerts = (first + 1..=first + 1000).map(|number| flooded(number, now)).collect();
        send.send(batch(alerts)).expect("the stage lives");
    }
    wait_until("all are counted", || handle.report().alerts == 100_000);
    handle.stop();
    let json = read(root.path().join("logs/alerts/alerts.json"));
    let count = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).expect("JSON");
        record["count"].as_u64().unwrap_or(1)
    };
    // A minute may have ended meanwhile.
    assert!(json.lines().count() <= 122, "{}", json.lines().count());
    assert_eq!(json.lines().map(count).sum::<u64>(), 100_000);
}

fn flooded(number: u64, seconds: i64) -> Arc<Alert> {
    let mut alert = Alert::clone(&alert(number, seconds));
    let header = "Nov 29 16:00:00 h sshd[1]: ";
    alert.log_offset = header.len();
    alert.full_log = format!("{header}Failed password for u{number} from 203.0.113.9").into_bytes();
    alert.fields = Fields(vec![Field { name: FieldName::SrcIp, value: b"203.0.113.9".to_vec() }]);
    Arc::new(alert)
}

// M9
#[test]
fn records_wait_where_the_disk_has_only_its_reserve_left() {
    let root = tempfile::tempdir().expect("tempdir");
    let mut options = options(root.path(), None);
    options.config.reserve = DiskReserve::Bytes(u64::MAX);
    let (mut recorder, _) = Recorder::open(options).expect("recorder opens");
    let error = recorder.write(&batch(vec![alert(1, EVENING)])).expect_err("refused");
    let chain = error_chain(&error);
    assert!(chain.contains("(<disk_reserve_mb>) free on the filesystem of"), "{chain}");
    // Positions without an alert need no room in the records.
    recorder.write(&batch(vec![])).expect("committed");
}
