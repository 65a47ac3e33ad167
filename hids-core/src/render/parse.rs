//! Parser for alerts.log.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memchr;
use regex::Regex;

use super::text::unguarded;
use crate::model::{AlertId, Level, RuleId};

/// One alert as it stands in alerts.log. Values are the escaped text of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedAlert {
    /// `EPOCH.N`; `None` if the first line does not hold one.
    pub id: Option<AlertId>,
    /// Whether it carries the mail flag.
    pub mailed: bool,
    /// The group string.
    pub group: String,
    /// Local time as written.
    pub time: String,
    /// Host name; equal to `location` when the file shows only one text.
    pub hostname: String,
    /// Location.
    pub location: String,
    /// Rule.
    pub rule: RuleId,
    /// Its level.
    pub level: Level,
    /// Its description.
    pub description: String,
    /// Address of the peer.
    pub srcip: Option<String>,
    /// Port of the peer.
    pub srcport: Option<String>,
    /// Address of this side.
    pub dstip: Option<String>,
    /// Port of this side.
    pub dstport: Option<String>,
    /// User acted upon.
    pub dstuser: Option<String>,
    /// The log line, then the earlier lines of a composite rule.
    pub lines: Vec<String>,
    /// The output before this one.
    pub previous_output: Option<String>,
}

/// `** Alert 1795558167.15: mail  - syslog,sshd,`
static HEAD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\*\* Alert (?<id>[^:]*)(?::\s*(?<flags>.*?)\s*- (?<group>.*))?$"));

/// `Rule: 5710 (level 5) -> 'Attempt to login'`; a line that is cut has no last quote.
static RULE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^Rule: (?<id>[0-9]+) \(level (?<level>[0-9]+)\) -> '(?<text>.*?)'?$"));

/// A pattern of ours; lines may hold anything but a newline.
fn pattern(text: &str) -> Regex {
    Regex::new(&format!("(?s){text}")).expect("a pattern of ours, which each test compiles")
}

fn text_of(line: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(line)
}

/// The whole alerts in `bytes`, and how many bytes they take.
///
/// What follows the last closing empty line is left for the next call. Text before the first
/// `** Alert` is skipped.
pub fn parse_alert_log(bytes: &[u8]) -> (Vec<ParsedAlert>, usize) {
    let mut alerts = Vec::new();
    let mut open: Option<Builder> = None;
    let (mut at, mut taken) = (0, 0);
    while let Some(length) = memchr(b'\n', &bytes[at..]) {
        let line = &bytes[at..at + length];
        at += length + 1;
        if line.starts_with(b"** Alert ") {
            open = Some(Builder::new(line));
        } else if let Some(mut builder) = open.take() {
            if line.is_empty() && !builder.alert.lines.is_empty() {
                alerts.push(builder.alert);
                taken = at;
            } else {
                builder.take(line);
                open = Some(builder);
            }
        }
        if open.is_none() {
            taken = at;
        }
    }
    (alerts, taken)
}

struct Builder {
    alert: ParsedAlert,
    dated: bool,
    previous: bool,
}

impl Builder {
    fn new(line: &[u8]) -> Self {
        let text = text_of(line);
        let found = HEAD.captures(&text);
        let part = |name: &str| found.as_ref().and_then(|found| found.name(name)).map_or("", |part| part.as_str());
        let alert = ParsedAlert {
            id: part("id").parse().ok(),
            mailed: part("flags") == "mail",
            group: part("group").to_owned(),
            time: String::new(),
            hostname: String::new(),
            location: String::new(),
            rule: RuleId(0),
            level: Level(0),
            description: String::new(),
            srcip: None,
            srcport: None,
            dstip: None,
            dstport: None,
            dstuser: None,
            lines: Vec::new(),
            previous_output: None,
        };
        Self { alert, dated: false, previous: false }
    }

    fn take(&mut self, line: &[u8]) {
        let text = text_of(line).into_owned();
        if !self.dated {
            self.dated = true;
            self.take_origin(&text);
        } else if text.starts_with("Rule: ") {
            self.take_rule(&text);
        } else if let Some((slot, value)) = self.field(&text) {
            *slot = Some(value);
        } else if text == "Previous output:" {
            self.previous = true;
        } else {
            let line = text_of(unguarded(line)).into_owned();
            if self.previous && self.alert.previous_output.is_none() {
                self.alert.previous_output = Some(line);
            } else {
                self.alert.lines.push(line);
            }
        }
    }

    /// `YYYY Mon DD hh:mm:ss HOST->LOCATION`: the time takes the first 20 bytes.
    fn take_origin(&mut self, text: &str) {
        let Some((time, origin)) = text.split_at_checked(20) else {
            return self.alert.time = text.to_owned();
        };
        let origin = origin.strip_prefix(' ').unwrap_or(origin);
        let (host, location) = origin.split_once("->").unwrap_or((origin, origin));
        self.alert.time = time.to_owned();
        self.alert.hostname = host.to_owned();
        self.alert.location = location.to_owned();
    }

    fn take_rule(&mut self, line: &str) {
        let Some(found) = RULE.captures(line) else { return };
        self.alert.rule = RuleId(found["id"].parse().unwrap_or_default());
        self.alert.level = Level(found["level"].parse().unwrap_or_default());
        self.alert.description = found["text"].to_owned();
    }

    fn field(&mut self, text: &str) -> Option<(&mut Option<String>, String)> {
        let (label, value) = text.split_once(": ")?;
        let slot = match label {
            "Src IP" => &mut self.alert.srcip,
            "Src Port" => &mut self.alert.srcport,
            "Dst IP" => &mut self.alert.dstip,
            "Dst Port" => &mut self.alert.dstport,
            "User" => &mut self.alert.dstuser,
            _ => return None,
        };
        Some((slot, value.to_owned()))
    }
}
