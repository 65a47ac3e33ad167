//! Behaviour of following files, seen from outside: real files, a real thread, batches received.

mod behaviour;
mod model;
mod restart;
mod rewriting;
mod scale;
mod trust;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use hids_core::model::LogBatch;
use hids_tests::wait;

use crate::collect::{CollectOptions, CollectTuning, CollectorHandle, start};
use crate::config::{LogFormat, LogInput, LogSourceConfig};

/// How long nothing must come before it counts as nothing.
const QUIET: Duration = Duration::from_millis(150);

/// Times short enough for tests.
fn tuning() -> CollectTuning {
    CollectTuning {
        partial_grace: Duration::from_millis(100),
        rotated_grace: Duration::from_millis(600),
        deleted_grace: Duration::from_millis(300),
        ..CollectTuning::default()
    }
}

fn source(pattern: &Path) -> LogSourceConfig {
    LogSourceConfig { input: LogInput::File { pattern: pattern.display().to_string() }, format: LogFormat::Line }
}

/// When something that must happen is waited for no longer.
fn deadline() -> Instant {
    Instant::now() + wait::scaled(wait::PATIENCE)
}

/// A running collector in a directory of its own.
struct Rig {
    directory: tempfile::TempDir,
    collector: Option<CollectorHandle>,
    batches: Receiver<LogBatch>,
    /// What the record stage would have committed.
    committed: HashMap<String, String>,
    /// Lines by location.
    lines: Vec<(String, Vec<u8>)>,
}

impl Rig {
    /// A collector of the files that `pattern` names inside a fresh directory; `prepare` fills it.
    fn new(pattern: &str, prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        let root = fs::canonicalize(directory.path()).expect("it exists");
        prepare(&root);
        let mut rig = Self {
            directory,
            collector: None,
            batches: crossbeam_channel::bounded(0).1,
            committed: HashMap::new(),
            lines: Vec::new(),
        };
        rig.start(&[pattern], true);
        rig
    }

    fn start(&mut self, patterns: &[&str], first_start: bool) {
        self.start_with(patterns, first_start, tuning());
    }

    fn start_with(&mut self, patterns: &[&str], first_start: bool, tuning: CollectTuning) {
        let sources = patterns.iter().map(|pattern| source(&self.path(pattern))).collect();
        let options =
            CollectOptions { sources, resume: self.committed.clone(), first_start, tuning, left_out: Vec::new() };
        let (out, batches) = crossbeam_channel::bounded(64);
        self.collector = Some(start(options, out).expect("collector starts"));
        self.batches = batches;
    }

    /// Ends the collector; batches still in the channel are taken and committed.
    fn stop(&mut self) {
        let Some(collector) = self.collector.take() else { return };
        let batches = self.batches.clone();
        let taker = std::thread::spawn(move || batches.iter().collect::<Vec<_>>());
        collector.stop();
        for batch in taker.join().expect("no panic") {
            self.take(&batch);
        }
    }

    /// Ends the collector as `kill -9` does: what was not received is lost, positions included.
    fn kill(&mut self) {
        self.batches = crossbeam_channel::bounded(0).1;
        if let Some(collector) = self.collector.take() {
            collector.stop();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.directory.path()).expect("it exists").join(name)
    }

    fn take(&mut self, batch: &LogBatch) {
        for event in batch.events() {
            self.lines.push((event.source.location.clone(), event.line.to_vec()));
        }
        if let Some(position) = &batch.position {
            self.committed.insert(position.key.to_string(), position.value.clone());
        }
    }

    /// Receives until `done` or the deadline.
    fn receive_until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let limit = deadline();
        while !done(self) {
            match self.batches.recv_deadline(limit) {
                Ok(batch) => self.take(&batch),
                Err(RecvTimeoutError::Timeout) => panic!("{what} did not happen; received {:?}", self.texts()),
                Err(RecvTimeoutError::Disconnected) => panic!("collector ended; received {:?}", self.texts()),
            }
        }
    }

    /// Receives until nothing has come for a while.
    fn receive_rest(&mut self) {
        while let Ok(batch) = self.batches.recv_timeout(QUIET) {
            self.take(&batch);
        }
    }

    /// Expects exactly these lines of the logs (not the collector's own messages) in this order.
    fn expect(&mut self, wanted: &[&str]) {
        self.receive_until(&format!("{wanted:?}"), |rig| rig.texts().len() >= wanted.len());
        self.receive_rest();
        assert_eq!(self.texts(), wanted);
        self.lines.clear();
    }

    fn texts(&self) -> Vec<String> {
        let of_logs = self.lines.iter().filter(|(location, _)| location != "ossec-logcollector");
        of_logs.map(|(_, line)| String::from_utf8_lossy(line).into_owned()).collect()
    }

    fn notices(&self) -> Vec<String> {
        let own = self.lines.iter().filter(|(location, _)| location == "ossec-logcollector");
        own.map(|(_, line)| String::from_utf8_lossy(line).into_owned()).collect()
    }

    fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        append(&self.path(name), text);
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.kill();
    }
}

fn append(path: &Path, text: impl AsRef<[u8]>) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).expect("file can be opened");
    file.write_all(text.as_ref()).expect("file can be written");
}

fn write_new(path: &Path, text: impl AsRef<[u8]>) {
    File::create(path).expect("file can be made").write_all(text.as_ref()).expect("file can be written");
}
