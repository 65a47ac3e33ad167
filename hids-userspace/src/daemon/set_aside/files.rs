//! The files of the state directory: record of the last death, suspects, quarantine.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hids_core::model::{SetAside, Timestamp};
use hids_core::render::visible_string;
use rustix::fs::OFlags;
use serde_json::json;
use tracing::{error, warn};

use super::super::problem::Problem;
use super::suspect::{Found, Suspect, hex};
use crate::platform::atomic_file;
use crate::sys::crash::{self, CrashRecord, MAX_BYTES};

const RECORD: &str = "crash.record";
const SUSPECTS: &str = "suspects.json";
const QUARANTINE: &str = "quarantine.json";
/// A quarantine file that is larger takes the place of the older one: at most twice this is kept.
const QUARANTINE_BYTES: u64 = 4 << 20;
/// Largest file of suspects; they hold no lines.
const SUSPECTS_BYTES: u64 = 1 << 20;

/// Reads what the last life left and lets crashes be recorded from now on. Never keeps the daemon from
/// starting: what fails here is logged.
pub(in crate::daemon) fn begin(state: &Path) -> (Found, SuspectsFile) {
    let file = SuspectsFile { path: state.join(SUSPECTS) };
    let record = read(&state.join(RECORD), 2 * MAX_BYTES as u64 + 4096).and_then(|bytes| CrashRecord::parse(&bytes));
    let found = Found::new(file.read(), record);
    if let Some((signal, part)) = &found.death {
        warn!(
            signal,
            part,
            help = "please report this with the lines in the quarantine file, if any",
            "hidsd crashed while processing a line; unrecorded lines are read again"
        );
    }
    // The record goes first: read twice, it would count for two deaths.
    let recording = open_new(&state.join(RECORD)).and_then(crash::record_to);
    file.write(&found.suspects);
    if let Err(error) = recording {
        warn!(%error, consequence = "a line that crashes hidsd cannot be identified", "crashes cannot be recorded");
    }
    (found, file)
}

/// Who is looked for, over restarts.
#[derive(Debug)]
pub(in crate::daemon) struct SuspectsFile {
    path: PathBuf,
}

impl SuspectsFile {
    #[cfg(test)]
    pub(super) fn at(directory: &Path) -> Self {
        Self { path: directory.join(SUSPECTS) }
    }

    fn read(&self) -> Vec<Suspect> {
        let Some(bytes) = read(&self.path, SUSPECTS_BYTES) else { return Vec::new() };
        serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            warn!(path = %self.path.display(), %error, "cannot read the suspect lines of an earlier crash; discarded");
            Vec::new()
        })
    }

    pub(super) fn write(&self, suspects: &[Suspect]) {
        let written = match suspects {
            [] => match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
            suspects => replace(&self.path, suspects),
        };
        if let Err(error) = written {
            warn!(path = %self.path.display(), %error, "cannot save the lines that crashed hidsd");
        }
    }
}

/// Lines that were set aside, one JSON object each.
#[derive(Debug)]
pub(in crate::daemon) struct Quarantine {
    path: PathBuf,
    /// Those of the batch in hand.
    held: Vec<(SetAside, Timestamp)>,
}

impl Quarantine {
    pub(in crate::daemon) fn new(state: &Path) -> Self {
        Self { path: state.join(QUARANTINE), held: Vec::new() }
    }

    /// Holds a line until its batch has been committed.
    pub(in crate::daemon) fn hold(&mut self, aside: SetAside, now: Timestamp) {
        self.held.push((aside, now));
    }

    /// Keeps the lines of a batch that has been committed.
    pub(in crate::daemon) fn keep_held(&mut self) {
        for (aside, now) in std::mem::take(&mut self.held) {
            self.keep(&aside, now);
        }
    }

    fn keep(&self, aside: &SetAside, now: Timestamp) {
        let time = jiff::Timestamp::from_second(now.unix_seconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let entry = json!({
            "time": time.to_string(),
            "source": visible_string(aside.location.as_bytes()),
            "position": visible_string(aside.position.as_bytes()),
            "part": aside.part,
            "cause": aside.cause,
            "length": aside.line.len(),
            "line": visible_string(&aside.line),
            "bytes": hex(&aside.line),
        });
        error!(
            source = %visible_string(aside.location.as_bytes()),
            part = aside.part,
            cause = aside.cause,
            quarantine = %self.path.display(),
            help = "please report this with the line from the quarantine file",
            "hidsd crashed at this line; it is set aside, and everything else continues"
        );
        if let Err(error) = self.append(&entry) {
            error!(path = %self.path.display(), %error, consequence = "the line itself is not kept", "cannot quarantine the line");
        }
    }

    fn append(&self, entry: &serde_json::Value) -> io::Result<()> {
        if fs::symlink_metadata(&self.path).is_ok_and(|data| data.size() > QUARANTINE_BYTES) {
            fs::rename(&self.path, self.path.with_extension("json.old"))?;
        }
        let mut file = options().append(true).create(true).open(&self.path)?;
        file.write_all(format!("{entry}\n").as_bytes())?;
        file.sync_data()
    }

    /// What `hidsctl status` says as long as there is a quarantine file.
    pub(in crate::daemon) fn problem(state: &Path) -> Option<Problem> {
        let path = state.join(QUARANTINE);
        let size = fs::symlink_metadata(&path).ok().filter(|data| data.size() > 0)?.size();
        let lines = read(&path, QUARANTINE_BYTES * 2).map_or(0, |text| memchr::memchr_iter(b'\n', &text).count());
        Some(Problem::warning(
            format!("hidsd crashed on {lines} lines and skipped them"),
            format!("report the lines in {} ({size} bytes), then remove the file", path.display()),
        ))
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    options
}

/// An empty file that only we write: one that somebody else may hold open is replaced.
fn open_new(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    options().write(true).create_new(true).open(path)
}

fn read(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let file = options().read(true).open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn replace(path: &Path, suspects: &[Suspect]) -> io::Result<()> {
    atomic_file::replace(path, 0o600, &serde_json::to_vec(suspects)?)
}
