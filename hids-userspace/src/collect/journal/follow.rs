//! Reads the output of a following `journalctl`, and starts it again when it ends.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hids_core::fim::TextStyle;
use hids_core::model::{Channel, FileNotice, FimEvent, LogBatch, LogSource, SetAside, SourcePosition};
use jiff::tz::TimeZone;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::warn;

use super::entry::{Entry, FIELDS, cursor_of};
use super::judge::Judge;
use crate::collect::batch_sender::{BatchSender, Disconnected};
use crate::collect::once::Once;
use crate::collect::options::PieceAt;
use crate::collect::report::{SourceState, SourceStats};
use crate::platform::clock::now;
use crate::sys::crash::{self, InHand, Part};

/// Longest JSON of one entry; a longer one is left out and counted.
const MAX_ENTRY_BYTES: usize = 4 * 1024 * 1024;
/// Most events of one batch.
const MAX_EVENTS: usize = 1000;
/// A batch that holds this many bytes is handed on.
const MAX_BATCH_BYTES: usize = 256 * 1024;
/// Longest pause between two starts.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// Ends this soon after the start mean that the position is of no use.
const TOO_SOON: Duration = Duration::from_secs(5);
/// When nothing has come for so long, everything has been read.
const QUIET: Duration = Duration::from_secs(1);
/// How long lines of files wait for a journal that cannot be read.
const FILES_WAIT: Duration = Duration::from_secs(5);
/// How far before the position entries are looked at again at the start: their copies in files may not have been
/// handed on before the stop.
const LOOK_BACK: Duration = Duration::from_secs(60);
/// How long that may take.
const LOOK_BACK_PATIENCE: Duration = Duration::from_secs(10);

/// What the thread works with.
pub(super) struct Reader {
    /// The identifiers to ask journalctl for; none: everything.
    pub identifiers: Vec<String>,
    /// Fields that filters ask for.
    pub more_fields: Vec<String>,
    pub judge: Judge,
    pub directory: Option<PathBuf>,
    pub key: Arc<str>,
    pub source: Arc<LogSource>,
    pub stats: Arc<SourceStats>,
    pub batch_sender: BatchSender,
    /// Where to go on; shared so that a reload can take it over.
    pub cursor: Arc<Mutex<Option<String>>>,
    pub stop: PipeReader,
    pub zone: TimeZone,
    pub once: Once,
    /// Whether lines that a file brings, too, are left out.
    pub read_once: bool,
}

/// Why reading ended.
enum End {
    /// The child ended or could not be started.
    Child(String),
    /// Told to stop, or nobody takes the events.
    Stop,
}

impl From<Disconnected> for End {
    fn from(_: Disconnected) -> Self {
        Self::Stop
    }
}

impl Reader {
    pub(super) fn work(mut self) {
        let mut pause = Duration::from_secs(1);
        let mut failures = 0;
        let mut broken_since = None;
        self.look_back();
        loop {
            let begun = Instant::now();
            let End::Child(reason) = self.read_until_end() else { return };
            self.batch_sender.counters().journal_restarts.fetch_add(1, Ordering::Relaxed);
            if self.stats.change_state(SourceState::Unreadable(reason.clone())) {
                warn!(reason = %reason, retry_s = pause.as_secs(), "cannot read the journal; retrying");
            }
            failures = if begun.elapsed() < TOO_SOON { failures + 1 } else { 0 };
            pause = if failures == 0 { Duration::from_secs(1) } else { (pause * 2).min(MAX_PAUSE) };
            let broken = *broken_since.get_or_insert(begun);
            if failures == 0 {
                broken_since = None;
            } else if broken.elapsed() > FILES_WAIT {
                self.once.not_reading();
            }
            if failures == 5 && self.cursor().is_some() {
                warn!(
                    consequence = "journal entries since the last one read are not analysed",
                    "saved position not found in the journal; continuing with new entries"
                );
                self.set_cursor(None);
            }
            if wait(&[self.stop.as_fd()], Some(pause))[0] {
                return;
            }
        }
    }

    fn cursor(&self) -> Option<String> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_cursor(&self, cursor: Option<String>) {
        *self.cursor.lock().unwrap_or_else(PoisonError::into_inner) = cursor;
    }

    fn read_until_end(&mut self) -> End {
        match self.try_read_until_end() {
            Ok(never) => never,
            Err(error) => {
                if error.kind() == io::ErrorKind::NotFound {
                    self.once.not_reading();
                }
                End::Child(format!("cannot run journalctl: {error}"))
            }
        }
    }

    fn try_read_until_end(&mut self) -> io::Result<End> {
        if self.cursor().is_none() {
            // Everything so far is old. A cursor is needed, or else a restart before the first new
            // entry would lose those that come while nobody runs.
            let output = self.command(&["--lines=1"]).stdout(Stdio::piped()).output()?;
            let newest = output.stdout.split(|&byte| byte == b'\n').find_map(|line| self.parse_again(line));
            if let Some(newest) = newest {
                self.set_cursor(Some(newest.cursor.clone()));
                let batch = LogBatch::new(Arc::clone(&self.source), now());
                if self.send(batch, newest.cursor).is_err() {
                    return Ok(End::Stop);
                }
            }
        }
        let mut arguments = vec!["--follow".to_owned(), "--no-tail".to_owned()];
        arguments.extend(self.cursor().map(|cursor| format!("--after-cursor={cursor}")));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut child = Running(self.command(&arguments).stdout(Stdio::piped()).spawn()?);
        let Some(output) = child.0.stdout.take() else { return Err(io::ErrorKind::BrokenPipe.into()) };
        self.stats.change_state(SourceState::Reading);
        let end = self.read_entries(output);
        Ok(match end {
            End::Child(_) => End::Child(match child.0.wait() {
                Ok(status) => format!("journalctl ended: {status}"),
                Err(error) => format!("journalctl ended: {error}"),
            }),
            End::Stop => End::Stop,
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("journalctl");
        let fields =
            FIELDS.into_iter().chain(self.more_fields.iter().map(String::as_str)).collect::<Vec<_>>().join(",");
        command.args(["--quiet", "--no-pager", "--output=json", "--all"]).arg(format!("--output-fields={fields}"));
        if let Some(directory) = &self.directory {
            command.arg("--directory").arg(directory);
        }
        command.args(arguments);
        command.args(self.identifiers.iter().map(|identifier| format!("--identifier={identifier}")));
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        command
    }

    fn read_entries(&mut self, mut output: ChildStdout) -> End {
        let mut pending: Vec<u8> = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut leaving_out = false;
        loop {
            let ready = wait(&[output.as_fd(), self.stop.as_fd()], self.read_once.then_some(QUIET));
            if ready[1] {
                return End::Stop;
            }
            if !ready[0] {
                self.once.handed_on(now());
                continue;
            }
            let read = match output.read(&mut buffer) {
                Ok(0) => return End::Child(String::new()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return End::Child(error.to_string()),
            };
            pending.extend_from_slice(&buffer[..read]);
            let Some(end) = memchr::memrchr(b'\n', &pending) else {
                if pending.len() > MAX_ENTRY_BYTES {
                    pending.clear();
                    leaving_out = true;
                }
                continue;
            };
            let mut lines: VecDeque<&[u8]> = pending[..end].split(|&byte| byte == b'\n').collect();
            if std::mem::take(&mut leaving_out) {
                lines.pop_front();
                self.batch_sender.counters().journal_bad_entries.fetch_add(1, Ordering::Relaxed);
            }
            if self.hand_on_entries(lines.into_iter()).is_err() {
                return End::Stop;
            }
            pending.drain(..=end);
        }
    }

    fn hand_on_entries<'a>(&mut self, lines: impl Iterator<Item = &'a [u8]>) -> Result<(), Disconnected> {
        let received = now();
        let mut batch = LogBatch::new(Arc::clone(&self.source), received);
        let (mut cursor, mut handed_until) = (None, None);
        for line in lines {
            if let Some(piece) = self.left_out(line) {
                // What came before is handed on first, so that the news and the position after it are one.
                if let Some(before) = cursor.take() {
                    let before_it = std::mem::replace(&mut batch, LogBatch::new(Arc::clone(&self.source), received));
                    self.send(before_it, before)?;
                }
                if !piece.is_told {
                    self.hand_on_left_out(&piece, line)?;
                }
                continue;
            }
            let entry = crash::working_on(in_hand(line), || {
                let entry = Entry::parse(line);
                entry.inspect(|entry| self.take(entry, &mut batch))
            });
            let Some(entry) = entry else {
                self.batch_sender.counters().journal_bad_entries.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            handed_until = Some(entry.time);
            cursor = Some(entry.cursor);
            if batch.len() >= crash::most_at_once(MAX_EVENTS) || batch.bytes.len() >= MAX_BATCH_BYTES {
                let full = std::mem::replace(&mut batch, LogBatch::new(Arc::clone(&self.source), received));
                self.send(full, cursor.take().unwrap_or_default())?;
            }
        }
        if let Some(cursor) = cursor {
            self.send(batch, cursor)?;
        }
        if let Some(until) = handed_until.filter(|_| self.read_once) {
            self.once.handed_on(until);
        }
        Ok(())
    }

    /// Whether the entry ended the program when it was read.
    fn left_out(&self, line: &[u8]) -> Option<PieceAt> {
        let pieces = self.batch_sender.left_out();
        let cursor = if pieces.is_empty() { None } else { cursor_of(line) }?;
        pieces.iter().find(|piece| piece.place.as_bytes() == cursor).cloned()
    }

    /// Tells that an entry was left out, together with the position after it.
    fn hand_on_left_out(&self, piece: &PieceAt, line: &[u8]) -> Result<(), Disconnected> {
        let news = FimEvent::SetAside(Box::new(SetAside {
            location: self.source.location.clone(),
            position: piece.place.clone(),
            part: "journal".to_owned(),
            cause: piece.cause.clone(),
            line: line[..line.len().min(crash::MAX_BYTES)].to_vec(),
        }));
        let source = Arc::new(LogSource { location: "hidsd".to_owned(), channel: Channel::Syscheck });
        let text = hids_core::fim::text(&news, TextStyle::default());
        let mut batch = LogBatch::new(source, now());
        let notice = FileNotice { sequence: 0, time: batch.received, alerted: true, news };
        batch.push_notice(&text, Arc::new(notice));
        self.send(batch, piece.place.clone())
    }

    /// Puts the line of `entry` into `batch` if it is wanted, not of this program, and new.
    fn take(&mut self, entry: &Entry, batch: &mut LogBatch) {
        if !self.judge.wants(entry) {
            return;
        }
        let Some(line) = entry.line(&self.zone) else { return };
        let sender = entry.sender();
        let counters = self.batch_sender.counters();
        let is_own = self.judge.is_own(&sender);
        // Also of its own entries: their copies in files are left out as well.
        if self.read_once && !self.once.takes_from_journal(&line) {
            counters.copies.fetch_add(1, Ordering::Relaxed);
        } else if is_own {
            counters.own_entries.fetch_add(1, Ordering::Relaxed);
        } else {
            match self.judge.doubt(sender) {
                None => batch.push(&line),
                Some(sender) => batch.push_untrusted(&line, sender),
            }
        }
    }

    /// Reads what stands before the position once more, so that copies in files are known which wait there still.
    fn look_back(&self) {
        let Some(cursor) = self.cursor().filter(|_| self.read_once) else { return };
        let Some(time) = time_of(&cursor) else { return };
        let since = time.saturating_sub(LOOK_BACK);
        let started = self.command(&[&format!("--since=@{}", since.as_secs())]).stdout(Stdio::piped()).spawn();
        let Ok(mut child) = started.map(Running) else { return };
        let Some(mut output) = child.0.stdout.take() else { return };
        let end = Instant::now() + LOOK_BACK_PATIENCE;
        let (mut pending, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let ready = wait(&[output.as_fd(), self.stop.as_fd()], Some(left.min(QUIET)));
            if ready[1] || !ready[0] || left.is_zero() {
                return;
            }
            let Ok(read @ 1..) = output.read(&mut buffer) else { return };
            pending.extend_from_slice(&buffer[..read]);
            let Some(whole) = memchr::memrchr(b'\n', &pending) else { continue };
            let lines = pending[..whole].split(|&byte| byte == b'\n');
            for entry in lines.filter_map(|line| self.parse_again(line)) {
                if self.judge.wants(&entry)
                    && let Some(line) = entry.line(&self.zone)
                {
                    self.once.takes_from_journal(&line);
                }
                if entry.cursor == cursor {
                    return;
                }
            }
            pending.drain(..=whole);
        }
    }

    /// An entry that is looked at without being handed on.
    fn parse_again(&self, line: &[u8]) -> Option<Entry> {
        if self.left_out(line).is_some() {
            return None;
        }
        crash::working_on(in_hand(line), || Entry::parse(line))
    }

    fn send(&self, mut batch: LogBatch, cursor: String) -> Result<(), Disconnected> {
        let (events, bytes, received) = (batch.len(), batch.bytes.len(), batch.received);
        batch.position = Some(SourcePosition { key: Arc::clone(&self.key), value: cursor.clone() });
        self.batch_sender.send(batch)?;
        self.stats.count(events, bytes, received);
        self.set_cursor(Some(cursor));
        Ok(())
    }
}

/// An entry, should reading it end the program.
fn in_hand(line: &[u8]) -> InHand<'_> {
    InHand { part: Part::Journal, place: cursor_of(line).unwrap_or_default(), number: 0, bytes: line }
}

/// When the entry was received, which the cursor holds as `t=HEX` in microseconds.
fn time_of(cursor: &str) -> Option<Duration> {
    let micros = cursor.split(';').find_map(|part| part.strip_prefix("t="))?;
    u64::from_str_radix(micros, 16).ok().map(Duration::from_micros)
}

/// A child that does not outlive whoever reads it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when it has ended and been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait(fds: &[std::os::fd::BorrowedFd<'_>], pause: Option<Duration>) -> Vec<bool> {
    let limit = pause.map(|pause| Instant::now() + pause);
    loop {
        let left = limit.map(|limit| limit.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(60),
            tv_nsec: left.subsec_nanos().into(),
        });
        let mut polled: Vec<PollFd<'_>> = fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        // Interrupted: once more.
        if poll(&mut polled, timeout.as_ref()).is_ok() {
            return polled.iter().map(|fd| !fd.revents().is_empty()).collect();
        }
    }
}
