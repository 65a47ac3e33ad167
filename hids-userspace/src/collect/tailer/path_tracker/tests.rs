//! The tracker and the reader without the loop: what happens to a path is done by hand.

use std::path::PathBuf;

use crossbeam_channel::{Receiver, bounded};
use hids_core::model::{LogBatch, Timestamp};

use super::*;
use crate::collect::batch_sender::BatchSender;
use crate::collect::once::{FileSender, Holding, Once};
use crate::collect::report::SourceRegistry;
use crate::collect::tailer::kernel_watches::KernelWatches;
use crate::collect::tailer::read_loop::ReadLoop;
use crate::config::{LogInput, LogSourceConfig};
use crate::platform::clock::now;

struct Bench {
    _directory: tempfile::TempDir,
    root: PathBuf,
    tracker: PathTracker,
    reading: ReadLoop,
    batches: Receiver<LogBatch>,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let root = fs::canonicalize(directory.path()).expect("it exists");
        let (out, batches) = bounded(64);
        let sender = BatchSender::new(out, Arc::default());
        let (holding, _thread) = Holding::start(Once::new(b"box"), sender.clone()).expect("a thread");
        let sender = FileSender::new(sender, holding);
        let counters = Arc::clone(sender.counters());
        let mut sources = Sources::new(8);
        let input = LogInput::File { pattern: root.join("*.log").display().to_string() };
        sources.add(&LogSourceConfig { input, format: LogFormat::Line }, |_| true);
        let tracker = PathTracker::new(
            sources,
            EntryTable::new(SourceRegistry::default()),
            FileTable::new(KernelWatches::open(), Some(64), Arc::clone(&counters)),
            Recovery::new(std::collections::HashMap::new(), false, counters),
            Reports::new(sender, now()),
            Graces { partial: Duration::ZERO, rotated: Duration::ZERO, deleted: Duration::ZERO },
        );
        Self { _directory: directory, root, tracker, reading: ReadLoop::new(), batches }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.root.join(name), text).expect("written");
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.root.join(from), self.root.join(to)).expect("renamed");
    }

    /// An entry for the file `name`, checked for the first time.
    fn entry(&mut self, name: &str) -> EntryId {
        let id = self.tracker.ensure_entry(&self.root.join(name), SourceId(0));
        self.refresh(id);
        id
    }

    fn refresh(&mut self, id: EntryId) {
        self.tracker.request_refresh(id);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(request) = self.tracker.next_request() {
            if let Request::Refresh(id) = request {
                self.tracker.refresh(id);
            }
        }
    }

    /// Reads everything and returns the lines.
    fn lines(&mut self) -> Vec<String> {
        while let Some(file) = self.tracker.files.next_ready() {
            self.reading.read_quantum(&mut self.tracker, file).expect("a receiver");
        }
        let texts =
            |batch: LogBatch| batch.events().map(|event| String::from_utf8_lossy(event.line).into_owned()).collect();
        self.batches.try_iter().flat_map(|batch| -> Vec<String> { texts(batch) }).collect()
    }

    /// Lets the deadlines of all files pass.
    fn retire(&mut self) {
        while let Some((_, due)) = self.tracker.timers.pop(Instant::now()) {
            if let Due::Retire(file) = due {
                self.reading.retire_if_quiet(&mut self.tracker, file).expect("a receiver");
            }
            self.settle();
        }
    }

    fn current(&self, id: EntryId) -> Option<FileId> {
        self.tracker.entries.get(id).and_then(|entry| entry.current)
    }

    fn rotated(&self, id: EntryId) -> Vec<FileId> {
        self.tracker.entries.get(id).map(|entry| entry.rotated.clone()).unwrap_or_default()
    }
}

#[test]
fn a_renamed_file_is_read_to_its_end_before_the_new_one() {
    let mut bench = Bench::new();
    bench.write("a.log", "1\n");
    let id = bench.entry("a.log");
    let old = bench.current(id).expect("a file");
    bench.rename("a.log", "a.log.1");
    bench.write("a.log", "2\n");
    bench.refresh(id);
    assert_eq!(bench.rotated(id), [old]);
    assert!(bench.current(id).is_some_and(|file| file != old));
    assert_eq!(bench.lines()[..2], ["1", "2"]);
    assert_eq!(bench.tracker.reports.counters().rotations.load(Ordering::Relaxed), 1);
}

#[test]
fn a_file_that_is_renamed_back_is_current_again() {
    let mut bench = Bench::new();
    bench.write("a.log", "1\n");
    let id = bench.entry("a.log");
    let file = bench.current(id);
    bench.rename("a.log", "other");
    bench.refresh(id);
    assert_eq!((bench.current(id), bench.rotated(id).len()), (None, 1));
    bench.rename("other", "a.log");
    bench.refresh(id);
    assert_eq!((bench.current(id), bench.rotated(id).len()), (file, 0));
    assert_eq!(bench.lines(), ["1"]);
}

#[test]
fn a_file_that_is_truncated_before_it_was_read_is_read_from_its_copy_or_counted_as_lost() {
    let mut bench = Bench::new();
    bench.write("a.log", "1\n");
    bench.entry("a.log");
    bench.write("a.log", "");
    let lost = |bench: &Bench| bench.tracker.reports.counters().lost_positions.load(Ordering::Relaxed);
    assert_eq!((bench.lines(), lost(&bench)), (Vec::new(), 1));
    // One that is truncated while it is empty has lost nothing.
    bench.write("b.log", "");
    let id = bench.entry("b.log");
    assert_eq!((bench.lines(), lost(&bench)), (Vec::new(), 1));
    // Half a line was there.
    bench.write("b.log", "half");
    bench.tracker.files.make_ready(bench.current(id).expect("a file"));
    assert!(bench.lines().is_empty());
    bench.write("b.log", "");
    bench.tracker.files.make_ready(bench.current(id).expect("a file"));
    assert_eq!((bench.lines(), lost(&bench)), (Vec::new(), 2));
    // Another one, because listings of a directory are kept for some time.
    let mut bench = Bench::new();
    bench.write("a.log", "1\n");
    bench.entry("a.log");
    bench.write("a.log.1", "1\n");
    bench.write("a.log", "");
    assert_eq!((bench.lines(), lost(&bench)), (vec!["1".to_owned()], 0));
}

#[test]
fn the_second_name_of_a_file_takes_over_where_the_first_one_stopped() {
    let mut bench = Bench::new();
    bench.write("a.log", "1\n");
    fs::hard_link(bench.root.join("a.log"), bench.root.join("b.log")).expect("linked");
    let (a, b) = (bench.entry("a.log"), bench.entry("b.log"));
    assert_eq!(bench.current(b), None, "another entry reads it");
    assert_eq!(bench.lines(), ["1"]);
    fs::remove_file(bench.root.join("a.log")).expect("removed");
    bench.refresh(a);
    assert!(bench.lines().is_empty());
    bench.retire();
    let file = bench.current(b).expect("it took over");
    let offset = bench.tracker.files.get(file).map(|file| file.reader.position.offset);
    assert_eq!(offset, Some(2), "no line counts twice");
    assert!(bench.lines().is_empty());
}

#[test]
fn what_a_rotation_left_behind_is_no_log_of_its_own() {
    let mut bench = Bench::new();
    bench.write("a.log", "1\n");
    bench.write("a.log.1", "0\n");
    bench.entry("a.log");
    let found = |name: &str, leftover| FoundLog { path: bench.root.join(name), source: SourceId(0), leftover };
    let copy = found("a.log.1", Some(Leftover::Of(bench.root.join("a.log"))));
    let alone = found("a.log.1", Some(Leftover::Of(bench.root.join("none.log"))));
    bench.tracker.arrive(&copy);
    assert_eq!(bench.tracker.next_request(), None);
    bench.tracker.arrive(&alone);
    assert!(matches!(bench.tracker.next_request(), Some(Request::Refresh(_))));
}

#[test]
fn positions_of_all_files_of_a_path_go_with_each_batch() {
    let mut bench = Bench::new();
    bench.tracker.reports.noticed_at = Timestamp::from_unix_nanos(0);
    bench.write("a.log", "1\n");
    let id = bench.entry("a.log");
    bench.rename("a.log", "a.log.1");
    bench.write("a.log", "2\n");
    bench.refresh(id);
    while let Some(file) = bench.tracker.files.next_ready() {
        bench.reading.read_quantum(&mut bench.tracker, file).expect("a receiver");
    }
    let values: Vec<String> =
        bench.batches.try_iter().filter_map(|batch| batch.position).map(|position| position.value).collect();
    assert_eq!(values.len(), 2);
    assert!(values.iter().all(|value| value.split(';').count() == 3), "{values:?}");
}
