//! The rule chain and the log lines that led to each block, kept for `hidsctl why`.
//!
//! Owns `STATE/respond/evidence.log` and its older pieces `.1` to `.3`: the newest is appended to,
//! and when it is full the oldest is deleted, so that at most 256 MiB are kept (some hundred
//! thousand blocks). Read only when an administrator asks.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use hids_core::escape::visible;
use hids_core::model::{Alert, AlertId, RuleStep, Timestamp};
use hids_core::respond::{Block, EndCause, Refused};
use serde::{Deserialize, Serialize};

use super::ledger::{checked, push_line};
use super::private;

/// When a piece is full.
const PIECE_BYTES: u64 = 64 << 20;
/// How many older pieces are kept.
const OLDER_PIECES: u32 = 3;
/// Lines kept per block: the one that fired the rule, and OSSEC's eleven before it.
const MOST_LINES: usize = 12;
/// A line is cut here.
const LONGEST_LINE: usize = 4096;

/// Something that happened to an address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Happening {
    /// Whose.
    pub address: IpAddr,
    /// When.
    pub time: Timestamp,
    /// What.
    pub what: What,
}

/// What happened to an address.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    /// It was blocked, or its block was extended.
    Blocked {
        /// As stated.
        block: Block,
        /// What led to it; absent for a block by hand.
        evidence: Option<Evidence>,
    },
    /// Its block ended.
    Ended {
        /// Why.
        cause: EndCause,
    },
    /// A block was asked for and must not be.
    Refused {
        /// Why.
        refused: Refused,
        /// What led to it.
        evidence: Option<Evidence>,
    },
}

/// What led to a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Evidence {
    /// The alert.
    pub alert: AlertId,
    /// The rules that matched on the way, the one that fired last.
    pub chain: Vec<RuleStep>,
    /// Techniques of ATT&CK that the rule names.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub mitre: Vec<String>,
    /// Where the line that fired the rule came from.
    pub location: String,
    /// The log lines, oldest first, with control and invalid bytes as `\xNN`.
    pub lines: Vec<SeenLine>,
}

/// A log line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeenLine {
    /// When it was received.
    pub time: Timestamp,
    /// The line, at most 4 KiB of it, safe to show on a terminal.
    pub text: String,
}

impl Evidence {
    /// What `alert` holds.
    pub(super) fn of(alert: &Alert) -> Self {
        let earlier = alert.evidence.iter().take(MOST_LINES - 1);
        let target = alert.target.as_deref().map(ToString::to_string);
        let target = target.map(|text| SeenLine { time: alert.time, text: shown(text.as_bytes()) });
        let earlier = earlier.rev().map(|line| SeenLine { time: line.time, text: shown(&line.full_log) });
        let last = SeenLine { time: alert.time, text: shown(&alert.full_log) };
        Self {
            alert: alert.id,
            chain: alert.chain.to_vec(),
            mitre: alert.rule.mitre.clone(),
            location: alert.source.location.clone(),
            lines: target.into_iter().chain(earlier).chain([last]).collect(),
        }
    }
}

/// A log line as `hidsctl why` shows it, at most [`LONGEST_LINE`] bytes.
fn shown(line: &[u8]) -> String {
    let mut text = Vec::new();
    visible(&mut text, line, LONGEST_LINE);
    // Only whole characters are written.
    String::from_utf8(text).unwrap_or_default()
}

/// Appends happenings.
pub(super) struct EvidenceLog {
    path: PathBuf,
    file: Option<File>,
    length: u64,
    piece_bytes: u64,
}

impl EvidenceLog {
    /// The log under `directory`; opened when first written.
    pub(super) fn new(directory: &Path) -> Self {
        Self { path: directory.join("evidence.log"), file: None, length: 0, piece_bytes: PIECE_BYTES }
    }

    /// Where the newest piece is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends some. After an error they are lost; the next append tries again.
    pub(super) fn append(&mut self, happenings: &[Happening]) -> io::Result<()> {
        if happenings.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        for happening in happenings {
            push_line(&mut bytes, happening)?;
        }
        if self.length >= self.piece_bytes {
            self.turn()?;
        }
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        if let Err(error) = file.write_all(&bytes) {
            let _ = file.set_len(self.length);
            return Err(error);
        }
        self.length += bytes.len() as u64;
        self.file = Some(file);
        Ok(())
    }

    fn open(&mut self) -> io::Result<File> {
        let mut file = private::append(&self.path)?;
        self.length = file.metadata()?.len();
        if self.length > 0 {
            // Ends a line that a crash may have cut; an empty line is passed over.
            file.write_all(b"\n")?;
            self.length += 1;
        }
        Ok(file)
    }

    fn turn(&mut self) -> io::Result<()> {
        self.file = None;
        for number in (1..OLDER_PIECES).rev() {
            let _ = fs::rename(piece(&self.path, number), piece(&self.path, number + 1));
        }
        fs::rename(&self.path, piece(&self.path, 1))?;
        self.length = 0;
        Ok(())
    }
}

fn piece(path: &Path, number: u32) -> PathBuf {
    path.with_extension(format!("{number}.log"))
}

/// What was found of an address.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Oldest first.
    pub happenings: Vec<Happening>,
    /// Lines whose checksum is wrong: whose they were is not known. One that a crash cut counts too.
    pub damaged_lines: u64,
}

/// The last `most` happenings of an address. Damaged lines are passed over and counted.
pub(super) fn happenings_of(path: &Path, address: IpAddr, most: usize) -> io::Result<Found> {
    let mut found = std::collections::VecDeque::new();
    let mut damaged_lines = 0;
    let needle = format!("{{\"address\":\"{address}\"");
    let older = (1..=OLDER_PIECES).rev().map(|number| piece(path, number));
    for path in older.chain([path.to_path_buf()]) {
        let file = match private::read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            let whole = line.strip_suffix(b"\n").unwrap_or(&line);
            let json = checked(whole);
            damaged_lines += u64::from(json.is_none() && !whole.is_empty());
            if let Some(json) = json.filter(|json| json.starts_with(needle.as_bytes())) {
                found.extend(serde_json::from_slice::<Happening>(json).ok());
                if found.len() > most {
                    found.pop_front();
                }
            }
            line.clear();
        }
    }
    Ok(Found { happenings: found.into(), damaged_lines })
}

/// Why a block ended, in words.
pub(super) fn end_cause_text(cause: EndCause) -> String {
    match cause {
        EndCause::Expired => "expired".into(),
        EndCause::Removed => "removed by an administrator".into(),
        EndCause::Evicted => "evicted: closest to expiry when the maximum of blocks was reached".into(),
        EndCause::Protected(reason) => format!("no longer blocked: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(address: &str, second: i64) -> Happening {
        let what = What::Ended { cause: EndCause::Expired };
        Happening { address: address.parse().expect("an address"), time: Timestamp::from_unix_seconds(second), what }
    }

    fn seconds_of(log: &EvidenceLog, address: &str) -> Vec<i64> {
        let found = happenings_of(log.path(), address.parse().expect("an address"), 100).expect("readable");
        found.happenings.iter().map(|happening| happening.time.unix_seconds()).collect()
    }

    #[test]
    fn only_the_asked_address_is_found_and_a_cut_line_costs_only_itself() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut log = EvidenceLog::new(directory.path());
        log.append(&[ended("192.0.2.1", 1), ended("192.0.2.10", 2)]).expect("written");
        let length = fs::metadata(log.path()).expect("there").len();
        fs::OpenOptions::new().write(true).open(log.path()).and_then(|file| file.set_len(length - 3)).expect("cut");
        EvidenceLog::new(directory.path()).append(&[ended("192.0.2.1", 3)]).expect("written");
        assert_eq!(seconds_of(&log, "192.0.2.1"), [1, 3]);
        assert_eq!(seconds_of(&log, "192.0.2.10"), [0; 0]);
    }

    #[test]
    fn damaged_lines_are_counted_and_cost_only_themselves() {
        // L8
        let directory = tempfile::tempdir().expect("a directory");
        let mut log = EvidenceLog::new(directory.path());
        log.append(&[ended("192.0.2.1", 1), ended("192.0.2.1", 2), ended("192.0.2.1", 3)]).expect("written");
        let mut bytes = fs::read(log.path()).expect("readable");
        let second = bytes.iter().position(|&byte| byte == b'\n').expect("a line") + 20;
        bytes[second] ^= 1;
        fs::write(log.path(), &bytes).expect("damaged");
        assert_eq!(seconds_of(&log, "192.0.2.1"), [1, 3]);
        let of_another = happenings_of(log.path(), "192.0.2.9".parse().expect("an address"), 100).expect("readable");
        assert_eq!((of_another.happenings.len(), of_another.damaged_lines), (0, 1));
    }

    #[test]
    fn the_oldest_piece_goes_when_the_newest_is_full() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut log = EvidenceLog { piece_bytes: 1, ..EvidenceLog::new(directory.path()) };
        for second in 1..=6 {
            log.append(&[ended("192.0.2.1", second)]).expect("written");
        }
        assert_eq!(seconds_of(&log, "192.0.2.1"), [3, 4, 5, 6]);
    }

    #[test]
    fn bytes_that_a_terminal_acts_upon_are_escaped_and_text_is_not() {
        assert_eq!(shown(b"a\x1b[2J\xff"), "a\\x1b[2J\\xff");
        assert_eq!(shown("Grüße \u{202e}abc\n".as_bytes()), "Grüße \\u{202e}abc\\n");
        assert_eq!(shown(&[b'a'; 10_000]).len(), LONGEST_LINE);
    }
}
