//! Follows the systemd journal through `journalctl --output=json --follow`, run directly.
//!
//! Why a child and not libsystemd (the `systemd` crate): the journal's file format is parsed outside
//! of this process, which runs as root and must not fall over a damaged file; the binary starts on
//! machines without libsystemd; and `journalctl` is always of the version that wrote the journal
//! (compression, compact mode). It costs one idle process, which inotify wakes, and formatting of
//! JSON, of which only the fields needed are asked for.
//!
//! The cursor of the last entry is the position. The child is started again when it ends, after a
//! pause that grows to a minute.

pub(super) mod entry;
mod follow;
mod judge;

use std::collections::HashMap;
use std::io::{self, PipeWriter};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use hids_core::model::{Channel, LogSource};
use tracing::error;

use self::judge::{Judge, Own};
use super::batch_sender::BatchSender;
use super::once::Once;
use super::options::CollectTuning;
use super::report::{SourceRegistry, SourceState};
use crate::config::{JournalSelection, LogInput, LogSourceConfig};

/// The thread of one journal source.
#[derive(Debug)]
pub(super) struct JournalHandle {
    config: LogSourceConfig,
    name: String,
    key: Arc<str>,
    cursor: Arc<Mutex<Option<String>>>,
    registry: SourceRegistry,
    once: Once,
    /// Closed to end the thread.
    stop: PipeWriter,
    thread: JoinHandle<()>,
}

impl JournalHandle {
    /// Starts the thread; `None` when that is impossible, which is logged and reported.
    pub(super) fn start(
        config: LogSourceConfig,
        tuning: &CollectTuning,
        resume: &HashMap<String, String>,
        batch_sender: BatchSender,
        registry: &SourceRegistry,
        once: &Once,
    ) -> Option<Self> {
        let LogInput::Journal { selections, trusted } = &config.input else { return None };
        let name = name_of(selections);
        let key: Arc<str> = "journal:".into();
        let stats = registry.add(&name);
        let cursor = Arc::new(Mutex::new(resume.get(&*key).filter(|cursor| !cursor.is_empty()).cloned()));
        let started = io::pipe().and_then(|(reader, stop)| {
            let reader = follow::Reader {
                identifiers: identifiers(selections),
                more_fields: selections.iter().flat_map(JournalSelection::fields).map(str::to_owned).collect(),
                judge: Judge::new(selections, trusted, Own::find()),
                directory: tuning.journal_directory.clone(),
                key: Arc::clone(&key),
                source: Arc::new(LogSource { location: "journald".to_owned(), channel: Channel::Log }),
                stats: Arc::clone(&stats),
                batch_sender,
                cursor: Arc::clone(&cursor),
                stop: reader,
                zone: jiff::tz::TimeZone::system(),
                once: once.clone(),
                read_once: tuning.read_once,
            };
            let thread = std::thread::Builder::new().name("collect-journal".into()).spawn(move || reader.work())?;
            Ok((stop, thread))
        });
        match started {
            Ok((stop, thread)) => {
                let (registry, once) = (registry.clone(), once.clone());
                Some(Self { config, name, key, cursor, registry, once, stop, thread })
            }
            Err(reason) => {
                error!(error = %reason, consequence = "no journal entry is analysed", "cannot follow the journal");
                stats.change_state(SourceState::Unreadable(reason.to_string()));
                once.not_reading();
                None
            }
        }
    }

    pub(super) fn config(&self) -> &LogSourceConfig {
        &self.config
    }

    /// Ends the child and the thread; gives the name and value of the position reached.
    pub(super) fn stop(self) -> (String, Option<String>) {
        drop(self.stop);
        let _ = self.thread.join();
        self.once.not_reading();
        self.registry.remove(&self.name);
        let cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.key.to_string(), cursor)
    }
}

/// What the status calls the source.
fn name_of(selections: &[JournalSelection]) -> String {
    match identifiers(selections).as_slice() {
        [] => "journald".to_owned(),
        identifiers => format!("journald: {}", identifiers.join(", ")),
    }
}

/// The identifiers, when nothing else is asked for.
fn identifiers(selections: &[JournalSelection]) -> Vec<String> {
    selections.iter().map(|selection| selection.identifier.clone()).collect::<Option<_>>().unwrap_or_default()
}

#[cfg(test)]
mod tests;
