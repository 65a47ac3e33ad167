//! The files of the spool.

use std::fs::File;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hids_core::model::{Level, RuleId};
use serde::{Deserialize, Serialize};

use crate::platform::atomic_file;

/// Alerts of one rule that a mail only counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Omitted {
    /// The rule.
    pub rule: RuleId,
    /// Its level.
    pub level: Level,
    /// Its description.
    pub description: String,
    /// How many.
    pub count: u64,
}

impl Omitted {
    /// Counts one more alert of `rule` in `omitted`.
    pub(in crate::notify) fn count(omitted: &mut Vec<Self>, rule: RuleId, level: Level, description: &str) {
        match omitted.iter_mut().find(|omitted| omitted.rule == rule) {
            Some(found) => found.count += 1,
            None => omitted.push(Self { rule, level, description: description.to_owned(), count: 1 }),
        }
    }
}

/// What must be known after a restart besides the alerts themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::notify) struct SpoolState {
    /// Alerts below this number are sent (or given up and kept under `failed`).
    #[serde(default)]
    pub sent_below: u64,
    /// The clock hour of `sent`, in hours since 1970 local time.
    #[serde(default)]
    pub hour: i64,
    /// Mails sent in that hour.
    #[serde(default)]
    pub sent: u32,
    /// Mails sent in that hour beyond the limit, because of urgent alerts.
    #[serde(default)]
    pub urgent_sent: u32,
    /// Alerts taken out because the spool was full; the next mail tells.
    #[serde(default)]
    pub omitted: Vec<Omitted>,
    /// Since when the server refuses the mail at the front for good, in seconds since 1970.
    #[serde(default)]
    pub refused_since: Option<i64>,
}

/// Directory `state/mail`.
#[derive(Debug)]
pub(super) struct Files {
    pub directory: PathBuf,
}

impl Files {
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(directory)?;
        builder.create(directory.join("failed"))?;
        Ok(Self { directory: directory.to_owned() })
    }

    pub(super) fn queue_path(&self) -> PathBuf {
        self.directory.join("queue")
    }

    /// Opens a file for reading and appending; not through a symbolic link.
    pub(super) fn append(&self, name: &str) -> io::Result<File> {
        File::options()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(self.directory.join(name))
    }

    pub(super) fn load_state(&self) -> io::Result<SpoolState> {
        match std::fs::read(self.directory.join("state.json")) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, directory = %self.directory.display(),
                    "mail spool state damaged: queued alerts may be mailed twice");
                SpoolState::default()
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(SpoolState::default()),
            Err(error) => Err(error),
        }
    }

    /// Replaces the state in one step, durably.
    pub(super) fn store_state(&self, state: &SpoolState) -> io::Result<()> {
        self.replace("state.json", &serde_json::to_vec(state)?)
    }

    /// Keeps a mail that no server takes.
    pub(super) fn keep_failed(&self, name: &str, mail: &[u8]) -> io::Result<PathBuf> {
        let name = format!("failed/{name}");
        self.replace(&name, mail)?;
        Ok(self.directory.join(name))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        atomic_file::replace(&self.directory.join(name), 0o600, bytes)
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let to = self.directory.join(to);
        std::fs::rename(self.directory.join(from), &to)?;
        atomic_file::sync_directory_of(&to)
    }
}
