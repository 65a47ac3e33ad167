//! Runs commands every so often and makes events of their output.
//!
//! Programs are started directly, connected by pipes, in a process group of their own, with an empty
//! environment (`PATH`, `LC_ALL=C`), without input, for a limited time and with limited output. No
//! shell is started: see [`command_line`] for what a command line may hold.

mod run;

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hids_core::model::{Channel, LogBatch, LogSource};
use tracing::{error, warn};

use super::batch_sender::BatchSender;
use super::options::CollectTuning;
use super::report::{SourceRegistry, SourceState, SourceStats};
use crate::config::command_line::{self, Pipeline};
use crate::config::{CommandOutput, LogInput, LogSourceConfig};
use crate::platform::clock::now;
use crate::sys::crash;

/// Longest event made of a command's output; the rest is left out and counted.
const MAX_EVENT_BYTES: usize = 64 * 1024;
/// Most events of one batch.
const MAX_EVENTS: usize = 1000;

/// The thread of one command.
#[derive(Debug)]
pub(super) struct CommandHandle {
    config: LogSourceConfig,
    name: String,
    registry: SourceRegistry,
    /// Closed to end the thread.
    stop: PipeWriter,
    thread: JoinHandle<()>,
}

/// What the thread works with.
struct Runner {
    pipeline: Pipeline,
    alias: String,
    every: Duration,
    timeout: Duration,
    output: CommandOutput,
    source: Arc<LogSource>,
    stats: Arc<SourceStats>,
    batch_sender: BatchSender,
    stop: PipeReader,
}

impl CommandHandle {
    /// Starts the thread; `None` when the command cannot be run at all, which is logged and reported.
    pub(super) fn start(
        config: LogSourceConfig,
        tuning: &CollectTuning,
        batch_sender: BatchSender,
        registry: &SourceRegistry,
    ) -> Option<Self> {
        let LogInput::Command { command_line, alias, every, output } = &config.input else { return None };
        let name = format!("command: {alias}");
        let stats = registry.add(&name);
        let refuse = |reason: String| {
            error!(command = %command_line, reason = %reason, consequence = "its output is not analysed", "command not run");
            stats.change_state(SourceState::Unreadable(reason));
        };
        let pipeline = match command_line::parse(command_line) {
            Ok(pipeline) => pipeline,
            Err(error) => {
                refuse(error.to_string());
                return None;
            }
        };
        let (reader, stop) = match io::pipe() {
            Ok(pipe) => pipe,
            Err(error) => {
                refuse(error.to_string());
                return None;
            }
        };
        let runner = Runner {
            pipeline,
            alias: alias.clone(),
            every: (*every).max(Duration::from_secs(1)),
            timeout: tuning.command_timeout,
            output: *output,
            source: Arc::new(LogSource { location: alias.clone(), channel: Channel::Log }),
            stats: Arc::clone(&stats),
            batch_sender,
            stop: reader,
        };
        match std::thread::Builder::new().name("collect-command".into()).spawn(move || runner.work()) {
            Ok(thread) => Some(Self { config, name, registry: registry.clone(), stop, thread }),
            Err(error) => {
                refuse(error.to_string());
                None
            }
        }
    }

    pub(super) fn config(&self) -> &LogSourceConfig {
        &self.config
    }

    /// Ends a run that is under way and waits for the thread.
    pub(super) fn stop(self) {
        drop(self.stop);
        let _ = self.thread.join();
        self.registry.remove(&self.name);
    }
}

impl Runner {
    fn work(self) {
        let mut next = Instant::now();
        loop {
            if self.stopped_before(next) || self.run_once().is_err() {
                return;
            }
            // Runs that were missed (a machine that slept) are not made up for.
            next = (next + self.every).max(Instant::now());
        }
    }

    fn stopped_before(&self, moment: Instant) -> bool {
        loop {
            let pause = moment.saturating_duration_since(Instant::now());
            if run::wait(&[self.stop.as_fd()], pause) == [true] {
                return true;
            }
            if Instant::now() >= moment {
                return false;
            }
        }
    }

    /// Runs the command and hands its output on; `Err` ends the thread.
    fn run_once(&self) -> Result<(), ()> {
        let counters = self.batch_sender.counters();
        counters.command_runs.fetch_add(1, Ordering::Relaxed);
        match run::run(&self.pipeline, self.timeout, &self.stop) {
            Ok(output) => {
                if output.cut {
                    counters.command_outputs_cut.fetch_add(1, Ordering::Relaxed);
                    warn!(command = %self.alias, kept_bytes = run::MAX_OUTPUT_BYTES, "command output too long; truncated");
                }
                self.stats.change_state(SourceState::Reading);
                self.send_output(&output.bytes)
            }
            Err(run::RunError::Stopped) => Err(()),
            Err(failure) => {
                counters.command_failures.fetch_add(1, Ordering::Relaxed);
                let reason = std::error::Error::source(&failure)
                    .map_or_else(|| failure.to_string(), |why| format!("{failure}: {why}"));
                if self.stats.change_state(SourceState::Unreadable(reason.clone())) {
                    warn!(command = %self.alias, reason = %reason, consequence = "the output of this run is not analysed", "command failed");
                }
                Ok(())
            }
        }
    }

    fn send_output(&self, output: &[u8]) -> Result<(), ()> {
        let received = now();
        let mut batch = LogBatch::new(Arc::clone(&self.source), received);
        for event in events(&self.alias, self.output, output) {
            if event.len() > MAX_EVENT_BYTES {
                self.stats.cut_lines.fetch_add(1, Ordering::Relaxed);
                self.batch_sender.counters().cut_lines.fetch_add(1, Ordering::Relaxed);
            }
            batch.push(&event[..event.len().min(MAX_EVENT_BYTES)]);
            if batch.len() >= crash::most_at_once(MAX_EVENTS) {
                self.send(std::mem::replace(&mut batch, LogBatch::new(Arc::clone(&self.source), received)))?;
            }
        }
        if batch.is_empty() { Ok(()) } else { self.send(batch) }
    }

    fn send(&self, batch: LogBatch) -> Result<(), ()> {
        let (events, bytes, received) = (batch.len(), batch.bytes.len(), batch.received);
        self.batch_sender.send(batch).map_err(|_| ())?;
        self.stats.count(events, bytes, received);
        Ok(())
    }
}

/// The events of one run, as OSSEC words them (`src/logcollector/read_command.c`, `read_fullcommand.c`).
fn events(alias: &str, kind: CommandOutput, output: &[u8]) -> Vec<Vec<u8>> {
    let lines = output.strip_suffix(b"\n").unwrap_or(output).split(|&byte| byte == b'\n');
    match kind {
        _ if output.is_empty() => Vec::new(),
        CommandOutput::Lines => {
            lines.map(|line| [format!("ossec: output: '{alias}': ").as_bytes(), line].concat()).collect()
        }
        CommandOutput::Whole => {
            let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
            vec![[format!("ossec: output: '{alias}':\n").as_bytes(), &lines.join(&b'\n')].concat()]
        }
    }
}

#[cfg(test)]
mod tests;
