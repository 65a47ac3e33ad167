//! A line in the journal and in a file counts once; a line in one of them is never lost.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use hids_core::model::{Channel, LogBatch, LogSource, SourcePosition, Timestamp};
use proptest::prelude::*;

use super::{FileSender, Holding, Once};
use crate::collect::batch_sender::BatchSender;
use crate::collect::report::CollectCounters;
use crate::platform::clock::now;

const FILE: &str = "Nov 29 19:00:01 box sshd[12]: Failed password for root from 203.0.113.9 port 22 ssh2";
const JOURNAL: &str =
    "2026-11-29T19:00:01.000001+00:00 box.example.org sshd[12]: Failed password for root from 203.0.113.9 port 22 ssh2";

fn once() -> Once {
    let once = Once::new(b"box.example.org");
    once.want(true);
    once
}

fn reading() -> Once {
    let once = once();
    once.handed_on(now());
    once
}

// O-B1
#[test]
fn the_copy_in_a_file_is_left_out_once_for_each_entry() {
    let once = reading();
    assert!(once.takes_from_journal(JOURNAL.as_bytes()));
    assert!(once.takes_from_journal(JOURNAL.as_bytes()));
    let taken: Vec<bool> = (0..3).map(|_| once.takes_from_file(FILE.as_bytes())).collect();
    assert_eq!(taken, [false, false, true]);
}

// O-B1
#[test]
fn lines_that_the_journal_does_not_hold_are_taken() {
    let once = reading();
    assert!(once.takes_from_journal(JOURNAL.as_bytes()));
    for line in [
        // Another host, another program, another message, no syslog line at all.
        FILE.replace(" box ", " gate "),
        FILE.replace("sshd[12]", "haproxy[12]"),
        FILE.replace("203.0.113.9", "203.0.113.8"),
        "203.0.113.9 - - [29/Nov/2026:19:00:01 +0000] \"GET / HTTP/1.1\" 200 1".to_owned(),
    ] {
        assert!(once.takes_from_file(line.as_bytes()), "{line}");
    }
    assert!(!once.takes_from_file(FILE.as_bytes()));
}

// O-B1
#[test]
fn what_syslog_daemons_do_to_lines_makes_them_no_others() {
    let long = "x".repeat(3000);
    for (journal, file) in [
        ("sudo[1]:   alice : TTY=pts/0 ; COMMAND=/bin/sh", "sudo[1]:    alice : TTY=pts/0 ; COMMAND=/bin/sh"),
        ("app[1]: one\ntwo\tthree\x1b[0m", "app[1]: one#012two#011three#033[0m"),
        ("app[1]: gr\u{fc}n ", "app[1]: gr#303#274n"),
        ("kernel: usb 1-1: new device", "kernel: [   12.345678] usb 1-1: new device"),
        ("app[7]: inside a container", "app[1]: inside a container"),
        (&*format!("app[1]: {long}"), &*format!("app[1]: {}", &long[..1000])),
    ] {
        let once = reading();
        assert!(once.takes_from_journal(format!("2026-11-29T19:00:01.000001+00:00 box {journal}").as_bytes()));
        assert!(!once.takes_from_file(format!("2026-11-29T19:00:01.5+00:00 box {file}").as_bytes()), "{journal:?}");
    }
}

// O-B1
#[test]
fn files_take_over_while_the_journal_cannot_be_read_and_its_copies_come_later() {
    let once = reading();
    once.not_reading();
    assert!(once.takes_from_file(FILE.as_bytes()));
    once.handed_on(now());
    assert!(!once.takes_from_journal(JOURNAL.as_bytes()));
    assert!(once.takes_from_journal(JOURNAL.as_bytes()));
}

fn batch(location: &str, line: &str, position: Option<&str>) -> LogBatch {
    let source = Arc::new(LogSource { location: location.to_owned(), channel: Channel::Log });
    let mut batch = LogBatch::new(source, now());
    batch.push(line.as_bytes());
    batch.position = position.map(|value| SourcePosition { key: location.into(), value: value.to_owned() });
    batch
}

/// The sender of the files' reader, the collector's own, and what was sent.
fn held(once: &Once) -> (FileSender, BatchSender, Receiver<LogBatch>) {
    let (out, batches) = bounded(16);
    let batch_sender = BatchSender::new(out, Arc::new(CollectCounters::default()));
    let (holding, _thread) = Holding::start(once.clone(), batch_sender.clone()).expect("a thread");
    (FileSender::new(batch_sender.clone(), holding), batch_sender, batches)
}

fn after(duration: Duration) -> Timestamp {
    now().plus(duration)
}

// O-B1, H5: were the file's copy handed on first, nobody would know who sent the line.
#[test]
fn lines_of_files_wait_until_the_journal_has_been_read_as_far_and_positions_do_not_overtake_them() {
    let once = reading();
    let (files, _sender, batches) = held(&once);
    files.send(batch("/var/log/auth.log", FILE, Some("1"))).expect("open");
    files.send(batch("/var/log/auth.log", "no syslog line", Some("2"))).expect("open");
    files.send(batch("/var/log/access.log", "no syslog line", Some("3"))).expect("open");
    let position = |batch: LogBatch| batch.position.map(|position| position.value);
    let first = batches.recv_timeout(hids_tests::wait::scaled(Duration::from_secs(20))).expect("the other file's");
    assert_eq!(position(first).as_deref(), Some("3"));
    assert!(batches.try_recv().is_err(), "the journal has not been read as far");
    assert!(once.takes_from_journal(JOURNAL.as_bytes()));
    once.handed_on(after(Duration::from_secs(60)));
    let second = batches.recv_timeout(hids_tests::wait::scaled(Duration::from_secs(20))).expect("the position");
    assert_eq!((second.len(), position(second).as_deref()), (0, Some("1")));
    let third = batches.recv_timeout(hids_tests::wait::scaled(Duration::from_secs(20))).expect("the next line");
    assert_eq!((third.len(), position(third).as_deref()), (1, Some("2")));
    assert_eq!(files.counters().copies.load(std::sync::atomic::Ordering::Relaxed), 1);
}

// O-B1
#[test]
fn what_waits_at_the_stop_is_not_handed_on_so_that_it_is_read_again() {
    let once = reading();
    let (files, sender, batches) = held(&once);
    files.send(batch("/var/log/auth.log", FILE, Some("1"))).expect("open");
    sender.begin_stop();
    once.not_reading();
    drop((files, sender));
    assert!(batches.recv_timeout(Duration::from_secs(20)).is_err());
}

#[test]
fn pipes_never_wait_because_they_cannot_be_read_again() {
    let (files, _sender, batches) = held(&reading());
    files.send(batch("/run/log.pipe", FILE, None)).expect("open");
    assert_eq!(batches.recv_timeout(hids_tests::wait::scaled(Duration::from_secs(20))).expect("at once").len(), 1);
}

#[test]
fn without_the_journal_nothing_is_looked_at() {
    let once = Once::new(b"box");
    let (files, _sender, batches) = held(&once);
    files.send(batch("/var/log/auth.log", FILE, Some("1"))).expect("open");
    assert_eq!(batches.recv_timeout(hids_tests::wait::scaled(Duration::from_secs(20))).expect("at once").len(), 1);
}

proptest! {
    // O-B1: of each line of this machine, the greater of the two numbers of copies is sent.
    #[test]
    fn no_line_is_lost_or_counted_twice(events in prop::collection::vec((0..4_usize, any::<bool>()), 0..60)) {
        let once = once();
        let journal = |line: usize| format!("2026-11-29T19:00:01.000001+00:00 box app[1]: message {line}");
        let file = |line: usize| format!("Nov 29 19:00:01 box app[1]: message {line}");
        // The journal has not been read as far: who comes first is taken.
        once.not_reading();
        let mut taken = [0; 4];
        let mut copies = [[0; 2]; 4];
        for (line, of_journal) in events {
            copies[line][usize::from(of_journal)] += 1;
            taken[line] += usize::from(match of_journal {
                true => once.takes_from_journal(journal(line).as_bytes()),
                false => once.takes_from_file(file(line).as_bytes()),
            });
        }
        for (line, copies) in copies.into_iter().enumerate() {
            prop_assert_eq!(taken[line], copies[0].max(copies[1]), "line {} of {:?}", line, copies);
        }
    }

    #[test]
    fn any_line_is_looked_at_without_panic(line in prop::collection::vec(any::<u8>(), 0..120)) {
        let once = reading();
        let _ = once.takes_from_file(&line);
        let with_header = [&b"Nov 29 19:00:01 box kernel: "[..], &line].concat();
        let _ = once.takes_from_journal(&with_header);
        prop_assert!(!once.takes_from_file(&with_header));
    }
}
