//! Reader of recorded alerts, for `hidsctl alerts`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use hids_core::model::{AlertId, Level, RuleId, Timestamp};
use hids_core::render::{ParsedAlert, parse_alert_log, visible_string};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::day::{Day, Kind};
use super::finish::with_suffix;

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

/// Which alerts are wanted.
#[derive(Clone, Debug)]
pub(crate) struct AlertQuery {
    /// The directory `logs`.
    pub logs: PathBuf,
    /// Zone of the file names.
    pub zone: TimeZone,
    /// Not earlier than this.
    pub since: Option<Timestamp>,
    /// Not later than this.
    pub until: Option<Timestamp>,
    /// At least this level.
    pub level: Level,
}

impl AlertQuery {
    fn wants(&self, alert: &RecordedAlert) -> bool {
        alert.level >= self.level
            && self.since.is_none_or(|since| alert.time >= since)
            && self.until.is_none_or(|until| alert.time <= until)
    }
}

/// An alert read back. Texts come from logs: print them by [`RecordedAlert::text`] or escape them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecordedAlert {
    /// Its name.
    pub id: Option<AlertId>,
    /// When the event was received (whole seconds).
    pub time: Timestamp,
    /// Local time as recorded.
    pub local_time: String,
    /// Level.
    pub level: Level,
    /// Rule.
    pub rule: RuleId,
    /// Its description.
    pub description: String,
    /// Group string.
    pub group: String,
    /// Host name.
    pub hostname: String,
    /// Location.
    pub location: String,
    /// Address of the peer.
    pub srcip: Option<String>,
    /// User acted upon.
    pub dstuser: Option<String>,
    /// The log line.
    pub full_log: String,
    /// Whether it is the daemon's own text about a file, in which no name can end a line.
    pub of_files: bool,
    /// Earlier lines of a composite rule.
    pub evidence: Vec<String>,
    /// The alert as one line of JSON (the line of alerts.json when that was read).
    pub json: String,
}

impl RecordedAlert {
    /// In the layout of alerts.log without the mail flag; safe for a terminal.
    pub(crate) fn text(&self) -> String {
        let id = self.id.map(|id| id.to_string()).unwrap_or_default();
        let mut out = format!("** Alert {id}: - {}\n", visible_string(self.group.as_bytes()));
        let mut line = |text: &str| {
            out.push_str(&visible_string(text.as_bytes()));
            out.push('\n');
        };
        line(&format!("{} {}->{}", self.local_time, self.hostname, self.location));
        line(&format!("Rule: {} (level {}) -> '{}'", self.rule, self.level, self.description));
        for (label, value) in [("Src IP", &self.srcip), ("User", &self.dstuser)] {
            if let Some(value) = value {
                line(&format!("{label}: {value}"));
            }
        }
        match self.of_files {
            true => self.full_log.lines().filter(|text| !text.is_empty()).for_each(&mut line),
            false => line(&self.full_log),
        }
        self.evidence.iter().for_each(|earlier| line(earlier));
        out
    }

    /// From a line of alerts.json.
    pub(crate) fn from_json(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let rule = value.get("rule")?;
        let rule_text = |key: &str| rule.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let lines = value.get("evidence").and_then(Value::as_array).cloned().unwrap_or_default();
        Some(Self {
            id: text("id").and_then(|id| id.parse().ok()),
            time: Timestamp::from_unix_seconds(value.get("TimeStamp")?.as_i64()? / 1000),
            local_time: text("timestamp").unwrap_or_default(),
            level: Level(u16::try_from(rule.get("level")?.as_u64()?).ok()?),
            rule: RuleId(u32::try_from(rule.get("sidid")?.as_u64()?).ok()?),
            description: rule_text("comment"),
            group: rule_text("group"),
            hostname: text("hostname").unwrap_or_default(),
            location: text("location").unwrap_or_default(),
            srcip: text("srcip"),
            dstuser: text("dstuser"),
            full_log: text("full_log").unwrap_or_default(),
            // No log can bring this key: it is written from a notice only.
            of_files: value.pointer("/SyscheckFile/event").is_some(),
            evidence: lines.into_iter().filter_map(|line| Some(line.as_str()?.to_owned())).collect(),
            json: line.trim_end().to_owned(),
        })
    }

    fn from_parsed(alert: ParsedAlert) -> Self {
        let json = json!({
            "rule": { "level": alert.level, "comment": alert.description, "sidid": alert.rule, "group": alert.group },
            "id": alert.id, "TimeStamp": alert.id.map(|id| id.epoch_seconds.saturating_mul(1000)),
            "srcip": alert.srcip, "srcport": alert.srcport, "dstip": alert.dstip, "dstport": alert.dstport,
            "dstuser": alert.dstuser, "location": alert.location, "full_log": alert.lines.first(),
            "previous_output": alert.previous_output, "hostname": alert.hostname, "timestamp": alert.time,
            "evidence": alert.lines.get(1..),
        });
        let mut lines = alert.lines.into_iter();
        Self {
            id: alert.id,
            time: Timestamp::from_unix_seconds(alert.id.map_or(0, |id| id.epoch_seconds)),
            local_time: alert.time,
            level: alert.level,
            rule: alert.rule,
            description: alert.description,
            group: alert.group,
            hostname: alert.hostname,
            location: alert.location,
            srcip: alert.srcip,
            dstuser: alert.dstuser,
            full_log: lines.next().unwrap_or_default(),
            of_files: false,
            evidence: lines.collect(),
            json: json.to_string(),
        }
    }
}

/// The wanted alerts, oldest day first: from alerts.json where there is one, else from alerts.log;
/// compressed days included. Lines that are not alerts are skipped.
pub(crate) fn read_alerts(query: AlertQuery) -> impl Iterator<Item = Result<RecordedAlert, ReadError>> {
    let mut files = VecDeque::from(files_of(&query));
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

/// Follows today's file over midnight.
pub(crate) struct Follower {
    link: PathBuf,
    file: Option<(AlertFile, (u64, u64))>,
}

impl Follower {
    /// Starts at the end of today's file under `logs`.
    pub(crate) fn open(logs: &Path) -> Result<Self, ReadError> {
        let json = logs.join("alerts").join(Kind::AlertsJson.link());
        let link = if json.exists() { json } else { logs.join("alerts").join(Kind::AlertsLog.link()) };
        let mut follower = Self { link, file: None };
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
