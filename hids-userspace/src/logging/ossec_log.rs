//! `logs/ossec.log` of an OSSEC installation, in the layout of OSSEC's daemons: what scripts and people there read.
//!
//! A thread of its own appends, so that a disk that hangs holds up nothing. The file is opened for each batch of
//! lines, so that it can be rotated freely; OSSEC does not rotate it either. Others may own the directory (OSSEC's
//! `logs` does not belong to root): a link is not followed.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use hids_core::model::Timestamp;
use jiff::tz::TimeZone;
use rustix::fs::OFlags;
use serde::Serialize;

use super::entry::Entry;
use crate::platform::clock::now;

/// Lines that can wait for the disk; more are counted and lost.
const QUEUE: usize = 1024;
/// How long the end of the daemon waits for the last lines.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

static LINES: RwLock<Option<Sender<String>>> = RwLock::new(None);
static LOST: AtomicU64 = AtomicU64::new(0);
static STATE: Mutex<Option<OssecLogReport>> = Mutex::new(None);

/// State of the file, for `hidsctl status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct OssecLogReport {
    /// Where it is.
    pub path: PathBuf,
    /// Lines that are not in it: the disk was full or too slow.
    pub lost: u64,
    /// Why nothing can be written at the moment.
    pub error: Option<String>,
}

pub(super) fn report() -> Option<OssecLogReport> {
    let state = STATE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    state.map(|state| OssecLogReport { lost: LOST.load(Ordering::Relaxed), ..state })
}

/// Hands a line to the thread, if one writes the file.
pub(super) fn write(entry: &Entry) {
    let lines = LINES.read().unwrap_or_else(PoisonError::into_inner);
    let Some(lines) = lines.as_ref() else { return };
    if let Err(TrySendError::Full(_)) = lines.try_send(line(entry, now(), &TimeZone::system())) {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

/// `2026/11/24 22:26:08 hidsd: WARN: text`. OSSEC's message numbers stand for texts of its own, so there is none.
pub(super) fn line(entry: &Entry, time: Timestamp, zone: &TimeZone) -> String {
    let time = time.in_zone(zone).strftime("%Y/%m/%d %H:%M:%S");
    format!("{time} hidsd: {}: {}\n", entry.priority.word(), entry.sentence())
}

/// The thread that writes the file; what is still to be written is when this is dropped.
#[derive(Debug)]
pub(crate) struct OssecLog {
    thread: Option<JoinHandle<()>>,
}

impl OssecLog {
    /// From now on entries go to `path` as well.
    ///
    /// # Errors
    /// When there is no thread.
    pub(crate) fn start(path: PathBuf) -> io::Result<Self> {
        let (send, receive) = bounded(QUEUE);
        *STATE.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(OssecLogReport { path: path.clone(), lost: 0, error: None });
        let thread = std::thread::Builder::new().name("ossec-log".into()).spawn(move || append_all(&path, &receive))?;
        *LINES.write().unwrap_or_else(PoisonError::into_inner) = Some(send);
        Ok(Self { thread: Some(thread) })
    }
}

impl Drop for OssecLog {
    fn drop(&mut self) {
        *LINES.write().unwrap_or_else(PoisonError::into_inner) = None;
        let Some(thread) = self.thread.take() else { return };
        let until = Instant::now() + STOP_PATIENCE;
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn append_all(path: &Path, lines: &Receiver<String>) {
    while let Ok(mut text) = lines.recv() {
        let mut count = 1;
        for line in lines.try_iter() {
            text.push_str(&line);
            count += 1;
        }
        let error = append(path, text.as_bytes()).err();
        if error.is_some() {
            LOST.fetch_add(count, Ordering::Relaxed);
        }
        if let Some(state) = STATE.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            state.error = error.map(|error| error.to_string());
        }
    }
}

/// Appends whole lines: what a full disk took of them is taken back.
pub(super) fn append(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = open(path)?;
    let length = file.metadata()?.len();
    file.write_all(text).inspect_err(|_| {
        let _ = file.set_len(length);
    })
}

/// A new file has the group of its directory, whose members may read OSSEC's logs, and OSSEC's mode.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let options = || {
        let mut options = OpenOptions::new();
        options.append(true).mode(0o640).custom_flags(flags);
        options
    };
    let file = match options().open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let file = options().create(true).open(path)?;
            let group = path.parent().and_then(|directory| directory.metadata().ok()).map(|data| data.gid());
            // Only root can; without it the file is readable for fewer.
            let _ = std::os::unix::fs::fchown(&file, None, group);
            file
        }
        other => other?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}
