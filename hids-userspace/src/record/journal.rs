//! The progress journal: one checksummed line per batch.
//!
//! A line is `CRC32 JSON`, the sum in eight hexadecimal digits over the JSON. The first line holds
//! everything (all positions, the boot it was written in), each later one only what changed. A line
//! with a wrong sum, and all after it, was being written when the machine or we died.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::error::RecordError;
use super::root::{Missing, Root};
use super::today::DayCounts;

const NAME: &str = "record.journal";
const NEW_NAME: &str = "record.journal.new";
const DAMAGED_NAME: &str = "record.journal.damaged";
const LOCK_NAME: &str = "record.lock";

/// How long the lock is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// Size at which the journal is written anew.
const COMPACT_BYTES: u64 = 4 * 1024 * 1024;

/// An output file at the time of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileMark {
    /// Relative to `logs`; holds the date.
    pub path: PathBuf,
    #[serde(rename = "dev")]
    pub device: u64,
    #[serde(rename = "ino")]
    pub inode: u64,
    #[serde(rename = "len")]
    pub length: u64,
    /// Length and sum of the last write: tells after a power loss whether it reached the disk.
    #[serde(rename = "tail", default)]
    pub tail_bytes: u64,
    #[serde(rename = "crc", default)]
    pub tail_crc: u32,
}

/// One line of the journal: what changed with a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// In the first line: the boot during which the journal is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
    /// In the first line: the run of the daemon that writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Number of the commit, rising over runs, and its time in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<(u64, i64)>,
    /// Number of the next alert.
    #[serde(rename = "next", default, skip_serializing_if = "Option::is_none")]
    pub next_sequence: Option<u64>,
    /// Number of the last entry put into the mail spool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailed: Option<u64>,
    /// Number of the next entry for the mail spool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_mail: Option<u64>,
    /// Alerts whose text is held back, by the first one's number. Their form is not the journal's: what
    /// another version has left may be unreadable without making the journal so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub held: BTreeMap<u64, serde_json::Value>,
    /// Numbers of those that were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<u64>,
    /// Positions that changed; an empty one is forgotten.
    #[serde(rename = "at", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub positions: BTreeMap<String, String>,
    /// Files that grew or were opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileMark>,
    /// Files that are no longer written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<PathBuf>,
    /// Alerts of the day with the last one, when it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub today: Option<DayCounts>,
    /// Everything before this line was made durable.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synced: bool,
}

/// All records taken together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub boot: Option<String>,
    pub run: Option<String>,
    pub commit: u64,
    /// Of the last commit, in seconds since 1970.
    pub time: i64,
    pub next_sequence: u64,
    pub mailed: Option<u64>,
    /// 0 = of a journal that knew no such number.
    pub next_mail: u64,
    pub held: BTreeMap<u64, serde_json::Value>,
    pub positions: HashMap<String, String>,
    pub files: BTreeMap<PathBuf, FileMark>,
    pub today: DayCounts,
}

impl Progress {
    /// Applies a later record.
    pub(super) fn apply(&mut self, record: &Record) {
        self.boot = record.boot.clone().or(self.boot.take());
        self.run = record.run.clone().or(self.run.take());
        (self.commit, self.time) = record.commit.unwrap_or((self.commit, self.time));
        self.next_sequence = record.next_sequence.unwrap_or(self.next_sequence);
        self.next_mail = record.next_mail.unwrap_or(self.next_mail);
        self.held.extend(record.held.iter().map(|(number, held)| (*number, held.clone())));
        for number in &record.released {
            self.held.remove(number);
        }
        self.mailed = record.mailed.or(self.mailed);
        for (key, value) in &record.positions {
            if value.is_empty() {
                self.positions.remove(key);
            } else {
                self.positions.insert(key.clone(), value.clone());
            }
        }
        for mark in &record.files {
            self.files.insert(mark.path.clone(), mark.clone());
        }
        for path in &record.closed {
            self.files.remove(path);
        }
        if let Some(today) = &record.today {
            self.today = today.clone();
        }
    }

    /// One record that holds everything.
    pub(super) fn to_record(&self, boot: &str) -> Record {
        Record {
            boot: Some(boot.to_owned()),
            run: self.run.clone(),
            commit: Some((self.commit, self.time)),
            next_mail: Some(self.next_mail),
            held: self.held.clone(),
            released: Vec::new(),
            next_sequence: Some(self.next_sequence),
            mailed: self.mailed,
            positions: self.positions.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
            files: self.files.values().cloned().collect(),
            closed: Vec::new(),
            today: Some(self.today.clone()),
            synced: true,
        }
    }
}

/// The journal, open for appending.
#[derive(Debug)]
pub(super) struct Journal {
    root: Root,
    path: PathBuf,
    file: File,
    length: u64,
    /// Length at which the next compaction is tried.
    compact_at: u64,
    boot: String,
    /// Held while we live: two daemons would spoil each other's files.
    _lock: File,
}

impl Journal {
    /// Locks the journal under `state` and reads its whole records; nothing is changed yet.
    pub(super) fn read(state: &Path) -> Result<(JournalLock, Vec<Record>), RecordError> {
        let root = Root::open(state)?;
        let path = state.join(NAME);
        let lock = root.append(Path::new(LOCK_NAME), Missing::Create)?;
        // For a moment: a daemon that is just ending, or its child before exec, may still hold it.
        let until = Instant::now() + LOCK_PATIENCE;
        while rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            if Instant::now() >= until {
                return Err(RecordError::InUse { path });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut bytes = Vec::new();
        match root.append(Path::new(NAME), Missing::Fail) {
            Ok(mut file) => {
                file.read_to_end(&mut bytes).map_err(|source| RecordError::ReadJournal { path, source })?;
            }
            Err(RecordError::Open { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let records = parse(&bytes);
        if records.is_empty() && !bytes.is_empty() {
            // Never seen with our own writes (the first line is renamed into place whole): the disk.
            let kept = root.rename(NAME, DAMAGED_NAME).is_ok();
            tracing::error!(journal = %state.join(NAME).display(), kept,
                help = "recorded alerts are kept; lines read before may be recorded twice or skipped",
                "progress journal damaged; creating a new one");
        }
        Ok((JournalLock { root, lock }, records))
    }

    /// Appends one record.
    pub(super) fn append(&mut self, record: &Record) -> Result<(), RecordError> {
        let line = encode(record);
        let written = self.cut_to_length().and_then(|()| (&self.file).write_all(&line));
        if let Err(source) = written {
            self.undo();
            return Err(RecordError::Write { path: self.path.clone(), source });
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Cuts away a record that was not written whole: whatever follows it would be ignored.
    fn undo(&mut self) {
        if let Err(error) = self.cut_to_length() {
            tracing::warn!(path = %self.path.display(), %error, "cannot truncate the progress journal yet");
        }
    }

    fn cut_to_length(&self) -> io::Result<()> {
        if self.file.metadata()?.len() > self.length {
            self.file.set_len(self.length)?;
        }
        Ok(())
    }

    /// Makes it durable.
    pub(super) fn sync(&self) -> Result<(), RecordError> {
        self.file.sync_data().map_err(|source| RecordError::Write { path: self.path.clone(), source })
    }

    /// Whether it has grown enough to be written anew.
    pub(super) fn wants_compaction(&self) -> bool {
        self.length >= self.compact_at
    }

    /// Writes it anew with one record. The files it speaks of must have been synced.
    pub(super) fn compact(&mut self, progress: &Progress) -> Result<(), RecordError> {
        self.compact_at = self.length + COMPACT_BYTES;
        let (file, length) = write_new(&self.root, &self.path, &progress.to_record(&self.boot))?;
        self.file = file;
        self.length = length;
        self.compact_at = length + COMPACT_BYTES;
        Ok(())
    }
}

/// The journal, locked but not yet opened for appending.
#[derive(Debug)]
pub(super) struct JournalLock {
    root: Root,
    lock: File,
}

impl JournalLock {
    /// Starts a new journal from `progress` in the place of the old one.
    pub(super) fn start(self, progress: &Progress, boot: &str) -> Result<Journal, RecordError> {
        let path = self.root.path.join(NAME);
        let (file, length) = write_new(&self.root, &path, &progress.to_record(boot))?;
        let compact_at = length + COMPACT_BYTES;
        Ok(Journal { root: self.root, path, file, length, compact_at, boot: boot.to_owned(), _lock: self.lock })
    }
}

fn write_new(root: &Root, path: &Path, record: &Record) -> Result<(File, u64), RecordError> {
    let fail = |source: io::Error| RecordError::Write { path: path.to_owned(), source };
    let file = root.append(Path::new(NEW_NAME), Missing::Create)?;
    let line = encode(record);
    file.set_len(0).map_err(fail)?;
    (&file).write_all(&line).map_err(fail)?;
    file.sync_data().map_err(fail)?;
    root.rename(NEW_NAME, NAME).map_err(fail)?;
    root.sync().map_err(fail)?;
    Ok((file, line.len() as u64))
}

fn encode(record: &Record) -> Vec<u8> {
    // Paths are ours (ASCII) and keys are strings: nothing here that JSON cannot hold.
    let json = serde_json::to_vec(record).expect("a record is plain strings and numbers");
    let mut line = format!("{:08x} ", crc32fast::hash(&json)).into_bytes();
    line.extend_from_slice(&json);
    line.push(b'\n');
    line
}

/// The whole records at the start of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let Some(record) = parse_line(line) else { break };
        records.push(record);
    }
    records
}

fn parse_line(line: &[u8]) -> Option<Record> {
    let line = line.strip_suffix(b"\n")?;
    let (sum, json) = line.split_at_checked(9)?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?.strip_suffix(' ')?, 16).ok()?;
    if crc32fast::hash(json) != sum {
        return None;
    }
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(next: u64) -> Record {
        Record { next_sequence: Some(next), positions: [("k".into(), next.to_string())].into(), ..Record::default() }
    }

    proptest! {
        #[test]
        fn a_torn_journal_gives_back_its_whole_records(count in 1u64..6, cut in 0usize..60, junk in any::<Vec<u8>>()) {
            let lines: Vec<_> = (0..count).map(|next| encode(&record(next))).collect();
            let mut bytes = lines.concat();
            let last = lines.last().expect("one at least").len();
            bytes.truncate(bytes.len() - cut.min(last - 1).max(1));
            bytes.extend_from_slice(&junk);
            let found = parse(&bytes);
            let whole: Vec<_> = (0..count - 1).map(record).collect();
            prop_assert_eq!(&found[..whole.len()], &whole[..]);
            prop_assert!(found.len() <= count as usize);
        }
    }

    #[test]
    fn an_empty_position_is_forgotten() {
        let mut progress = Progress::default();
        progress.apply(&record(1));
        progress.apply(&Record { positions: [("k".into(), String::new())].into(), ..Record::default() });
        assert!(progress.positions.is_empty());
        assert_eq!(progress.next_sequence, 1);
    }
}
