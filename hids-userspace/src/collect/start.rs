//! Starts, reloads and stops the collector's threads.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use hids_core::model::LogBatch;

use super::batch_sender::BatchSender;
use super::command::CommandHandle;
use super::journal::JournalHandle;
use super::once::{FileSender, Holding, HoldingHandle, Once};
use super::options::{CollectOptions, CollectTuning};
use super::report::{CollectCounters, CollectReport, SourceRegistry};
use super::tailer::{Control, TailerHandle, TailerOptions};
use crate::config::{LogInput, LogSourceConfig};
use crate::platform::hostname;

/// The collector cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    /// No thread or no descriptor for the files.
    #[error("cannot start the log file thread")]
    Files(#[source] io::Error),
}

/// The running collector. Dropped without [`stop`](Self::stop), its threads go on until the
/// receiver of the batches is gone.
#[derive(Debug)]
pub(crate) struct CollectorHandle {
    batch_sender: BatchSender,
    counters: Arc<CollectCounters>,
    registry: SourceRegistry,
    tuning: CollectTuning,
    files: TailerHandle,
    commands: Vec<CommandHandle>,
    journals: Vec<JournalHandle>,
    resume: HashMap<String, String>,
    once: Once,
    holding: HoldingHandle,
}

/// Starts to read `options.sources`; batches go to `out`, which is waited for when it is full.
///
/// When this returns, the files that exist have been found: what is appended from now on is read.
pub(crate) fn start(options: CollectOptions, out: Sender<LogBatch>) -> Result<CollectorHandle, CollectError> {
    let counters: Arc<CollectCounters> = Arc::default();
    let batch_sender = BatchSender::new(out, Arc::clone(&counters)).leaving_out(options.left_out);
    let registry = SourceRegistry::default();
    let follow = TailerOptions {
        sources: options.sources.clone(),
        resume: options.resume.clone(),
        first_start: options.first_start,
        tuning: options.tuning.clone(),
    };
    let once = Once::new(hostname::full().as_bytes());
    once.want(options.tuning.read_once && wants_journal(&options.sources));
    let (holding, holding_handle) = Holding::start(once.clone(), batch_sender.clone()).map_err(CollectError::Files)?;
    let files = TailerHandle::start(follow, FileSender::new(batch_sender.clone(), holding), registry.clone())
        .map_err(CollectError::Files)?;
    let mut handle = CollectorHandle {
        batch_sender,
        counters,
        registry,
        tuning: options.tuning,
        files,
        commands: Vec::new(),
        journals: Vec::new(),
        resume: options.resume,
        once,
        holding: holding_handle,
    };
    handle.start_others(&options.sources);
    Ok(handle)
}

impl CollectorHandle {
    #[cfg(test)]
    /// What has happened since start.
    pub(crate) fn counters(&self) -> Arc<CollectCounters> {
        Arc::clone(&self.counters)
    }

    /// How each source is doing now.
    pub(crate) fn report(&self) -> CollectReport {
        self.registry.report(&self.counters)
    }

    /// Reads these sources from now on; those that were read before go on where they are.
    ///
    /// What is written after the receiver has been disconnected is not missed: the files of the new
    /// sources have been found then. It may take as long as a batch waits to be taken.
    pub(crate) fn reload(&mut self, sources: Vec<LogSourceConfig>) -> Receiver<()> {
        let (kept, gone) = std::mem::take(&mut self.commands)
            .into_iter()
            .partition(|command: &CommandHandle| sources.contains(command.config()));
        self.commands = kept;
        gone.into_iter().for_each(CommandHandle::stop);
        let (kept, gone) = std::mem::take(&mut self.journals)
            .into_iter()
            .partition(|journal: &JournalHandle| sources.contains(journal.config()));
        self.journals = kept;
        for journal in gone {
            let (key, cursor) = journal.stop();
            self.resume.extend(cursor.map(|cursor| (key, cursor)));
        }
        let wants_journal = self.tuning.read_once && wants_journal(&sources);
        if wants_journal != self.once.is_wanted() {
            self.once.want(wants_journal);
        }
        self.start_others(&sources);
        let (until_found, found) = crossbeam_channel::bounded(0);
        self.files.send(Control::Reload(sources, until_found));
        found
    }

    /// Disconnects when the positions of all files at start have been sent.
    pub(crate) fn announced(&self) -> Receiver<()> {
        let (until_announced, announced) = crossbeam_channel::bounded(0);
        self.files.send(Control::Announced(until_announced));
        announced
    }

    /// Stops reading, sends what was read and waits for the threads to end.
    ///
    /// The receiver must go on taking batches meanwhile; when it takes none for 5 s the rest is left
    /// for the next start.
    pub(crate) fn stop(self) {
        self.batch_sender.begin_stop();
        self.commands.into_iter().for_each(CommandHandle::stop);
        for journal in self.journals {
            journal.stop();
        }
        self.files.stop();
        self.holding.join();
    }

    fn start_others(&mut self, sources: &[LogSourceConfig]) {
        for config in sources {
            match &config.input {
                LogInput::File { .. } => {}
                LogInput::Command { .. } => {
                    if !self.commands.iter().any(|command| command.config() == config) {
                        let started = CommandHandle::start(
                            config.clone(),
                            &self.tuning,
                            self.batch_sender.clone(),
                            &self.registry,
                        );
                        self.commands.extend(started);
                    }
                }
                LogInput::Journal { .. } => {
                    if !self.journals.iter().any(|journal| journal.config() == config) {
                        let started = JournalHandle::start(
                            config.clone(),
                            &self.tuning,
                            &self.resume,
                            self.batch_sender.clone(),
                            &self.registry,
                            &self.once,
                        );
                        self.journals.extend(started);
                    }
                }
            }
        }
    }
}

fn wants_journal(sources: &[LogSourceConfig]) -> bool {
    sources.iter().any(|source| matches!(source.input, LogInput::Journal { .. }))
}
