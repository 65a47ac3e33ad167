//! Reader of recorded alerts, for `hidsctl alerts`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use hids_core::render::parse_alert_log;

use super::day::{Day, Kind};
use super::finish::with_suffix;
use super::query::AlertQuery;
use super::recorded::RecordedAlert;

/// A file of alerts that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read alerts from {path}")]
pub(crate) struct ReadError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Whether whoever asks may read the alerts below `logs`. Nothing recorded yet is no error.
pub(crate) fn check_readable(logs: &Path) -> Result<(), ReadError> {
    let path = logs.join("alerts");
    let looked = std::fs::read_dir(&path).and_then(|entries| {
        entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.is_file())
            .try_for_each(|file| File::open(file).map(drop))
    });
    match looked {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(ReadError { path, source }),
        _ => Ok(()),
    }
}

/// The wanted alerts, oldest day first: from alerts.json where there is one, else from alerts.log;
/// compressed days included. Lines that are not alerts are skipped.
pub(crate) fn read_alerts(query: AlertQuery) -> impl Iterator<Item = Result<RecordedAlert, ReadError>> {
    let files = files_of(&query);
    read_files(query, files)
}

/// What `keep` makes of each of the `most` newest wanted alerts, oldest first. Days are read from the last one
/// backwards, and never more than `most` are held.
pub(crate) fn newest_alerts<T>(
    query: &AlertQuery,
    most: usize,
    mut keep: impl FnMut(&RecordedAlert) -> T,
) -> Result<VecDeque<T>, ReadError> {
    let mut newest = VecDeque::new();
    for file in files_of(query).into_iter().rev() {
        let room = most.saturating_sub(newest.len());
        if room == 0 {
            break;
        }
        let mut of_day = VecDeque::new();
        for alert in read_files(query.clone(), vec![file]) {
            if of_day.len() == room {
                of_day.pop_front();
            }
            of_day.push_back(keep(&alert?));
        }
        of_day.append(&mut newest);
        newest = of_day;
    }
    Ok(newest)
}

fn read_files(query: AlertQuery, files: Vec<PathBuf>) -> impl Iterator<Item = Result<RecordedAlert, ReadError>> {
    let mut files = VecDeque::from(files);
    let mut open: Option<AlertFile> = None;
    std::iter::from_fn(move || {
        loop {
            if let Some(file) = &mut open {
                match file.next() {
                    Ok(Some(alert)) if query.wants(&alert) => return Some(Ok(alert)),
                    Ok(Some(_)) => continue,
                    Ok(None) => open = None,
                    Err(source) => {
                        let path = file.path.clone();
                        open = None;
                        return Some(Err(ReadError { path, source }));
                    }
                }
                continue;
            }
            let path = files.pop_front()?;
            match AlertFile::open(&path) {
                Ok(file) => open = Some(file),
                // Compressed or removed since we looked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Some(Err(ReadError { path, source })),
            }
        }
    })
}

/// One file per day in the wanted range.
fn files_of(query: &AlertQuery) -> Vec<PathBuf> {
    let first = query.since.map(|since| Day::of(since, &query.zone).date);
    let last = query.until.map(|until| Day::of(until, &query.zone).date);
    let mut dates = super::finish::dates(&query.logs, &[Kind::AlertsJson, Kind::AlertsLog]);
    dates.retain(|date| first.is_none_or(|first| *date >= first) && last.is_none_or(|last| *date <= last));
    let choose = |date| {
        [Kind::AlertsJson, Kind::AlertsLog].into_iter().find_map(|kind: Kind| {
            let plain = query.logs.join(kind.path(date));
            [plain.clone(), with_suffix(&plain, ".gz")]
                .into_iter()
                // An empty alerts.json stands beside a full alerts.log when `jsonout_output` is off.
                .find(|path| path.metadata().is_ok_and(|metadata| metadata.len() > 0))
        })
    };
    dates.into_iter().filter_map(choose).collect()
}

/// An open file of alerts.
struct AlertFile {
    path: PathBuf,
    input: Box<dyn BufRead + Send>,
    is_json: bool,
    /// Text not yet parsed (alerts.log), or the start of an unfinished line.
    pending: Vec<u8>,
    ready: VecDeque<RecordedAlert>,
}

impl AlertFile {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let input: Box<dyn BufRead + Send> = if name.ends_with(".gz") {
            Box::new(BufReader::new(MultiGzDecoder::new(file)))
        } else {
            Box::new(BufReader::new(file))
        };
        let is_json = name.trim_end_matches(".gz").ends_with(".json");
        Ok(Self { path: path.to_owned(), input, is_json, pending: Vec::new(), ready: VecDeque::new() })
    }

    /// The next alert; `None` when there is no further one at the moment.
    fn next(&mut self) -> io::Result<Option<RecordedAlert>> {
        loop {
            if let Some(alert) = self.ready.pop_front() {
                return Ok(Some(alert));
            }
            let more = if self.is_json { self.read_json()? } else { self.read_log()? };
            if !more && self.ready.is_empty() {
                return Ok(None);
            }
        }
    }

    fn read_json(&mut self) -> io::Result<bool> {
        if self.input.read_until(b'\n', &mut self.pending)? == 0 {
            return Ok(false);
        }
        if self.pending.ends_with(b"\n") {
            self.ready.extend(RecordedAlert::from_json(&String::from_utf8_lossy(&self.pending)));
            self.pending.clear();
        }
        Ok(true)
    }

    fn read_log(&mut self) -> io::Result<bool> {
        let read = (&mut self.input).take(64 * 1024).read_to_end(&mut self.pending)?;
        let (alerts, taken) = parse_alert_log(&self.pending);
        self.pending.drain(..taken);
        self.ready.extend(alerts.into_iter().map(RecordedAlert::from_parsed));
        Ok(read > 0)
    }
}

/// The link to today's alerts.json, or to alerts.log where there is none.
fn link_in(logs: &Path) -> PathBuf {
    let json = logs.join("alerts").join(Kind::AlertsJson.link());
    if json.exists() { json } else { logs.join("alerts").join(Kind::AlertsLog.link()) }
}

/// Follows today's file over midnight.
pub(crate) struct Follower {
    logs: PathBuf,
    link: PathBuf,
    file: Option<(AlertFile, (u64, u64))>,
}

impl Follower {
    /// Starts at the end of today's file under `logs`.
    pub(crate) fn open(logs: &Path) -> Result<Self, ReadError> {
        let mut follower = Self { logs: logs.to_owned(), link: link_in(logs), file: None };
        follower.switch().map_err(|source| follower.error(source))?;
        while let Some((file, _)) = &mut follower.file {
            match file.next() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(source) => return Err(follower.error(source)),
            }
        }
        Ok(follower)
    }

    /// The next alert, waiting at most `patience` for it.
    pub(crate) fn next(&mut self, patience: Duration) -> Result<Option<RecordedAlert>, ReadError> {
        let until = Instant::now() + patience;
        loop {
            match self.poll() {
                Ok(Some(alert)) => return Ok(Some(alert)),
                Ok(None) if Instant::now() >= until => return Ok(None),
                Ok(None) => std::thread::sleep(Duration::from_millis(100)),
                Err(source) => return Err(self.error(source)),
            }
        }
    }

    fn poll(&mut self) -> io::Result<Option<RecordedAlert>> {
        if let Some((file, _)) = &mut self.file
            && let Some(alert) = file.next()?
        {
            return Ok(Some(alert));
        }
        // Only when the old file is read to its end.
        if self.switch()? {
            return self.poll();
        }
        Ok(None)
    }

    /// Opens the file that the link names now; `false` if it is the one we have.
    fn switch(&mut self) -> io::Result<bool> {
        if self.file.is_none() {
            // Before the first alert there is neither file.
            self.link = link_in(&self.logs);
        }
        let identity = match self.link.metadata() {
            Ok(metadata) => (metadata.dev(), metadata.ino()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if self.file.as_ref().is_some_and(|(_, open)| *open == identity) {
            return Ok(false);
        }
        self.file = Some((AlertFile::open(&self.link)?, identity));
        Ok(true)
    }

    fn error(&self, source: io::Error) -> ReadError {
        ReadError { path: self.link.clone(), source }
    }
}
