//! An alert as it was recorded.

use hids_core::model::{AlertId, AttackedTarget, Level, MOST_SOURCES_NAMED, RuleId, TargetKind, Timestamp};
use hids_core::render::{ParsedAlert, visible_string};
use serde_json::{Value, json};

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
    /// Who and what it is about.
    pub subject: Subject,
    /// For how many equal alerts it stands.
    pub count: u64,
    /// The log line.
    pub full_log: String,
    /// Whether it is the daemon's own text about a file, in which no name can end a line.
    pub of_files: bool,
    /// Earlier lines of a composite rule.
    pub evidence: Vec<String>,
    /// The alert as one line of JSON (the line of alerts.json when that was read).
    pub json: String,
}

/// Who and what an alert is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    /// Address of the peer.
    pub srcip: Option<String>,
    /// User acted upon.
    pub dstuser: Option<String>,
    /// User who acted (only in alerts.json).
    pub srcuser: Option<String>,
    /// The file that it is about (only in alerts.json); bytes that are not UTF-8 read `\x1b`.
    pub file: Option<String>,
    /// Techniques of ATT&CK (only in alerts.json).
    pub mitre: Vec<String>,
    /// What many sources are directed at, as alerts.log has it.
    pub target: Option<String>,
}

impl Subject {
    /// The user that it is about: the one acted upon, else the one who acted.
    pub(crate) fn user(&self) -> Option<&str> {
        self.dstuser.as_deref().or(self.srcuser.as_deref())
    }
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
        if !self.subject.mitre.is_empty() {
            line(&format!("ATT&CK: {}", self.subject.mitre.join(", ")));
        }
        for (label, value) in [("Src IP", &self.subject.srcip), ("User", &self.subject.dstuser)] {
            if let Some(value) = value {
                line(&format!("{label}: {value}"));
            }
        }
        match self.of_files {
            true => self.full_log.lines().filter(|text| !text.is_empty()).for_each(&mut line),
            false => line(&self.full_log),
        }
        self.evidence.iter().for_each(|earlier| line(earlier));
        self.subject.target.iter().for_each(|target| line(target));
        out
    }

    /// From a line of alerts.json.
    pub(crate) fn from_json(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let rule = value.get("rule")?;
        let rule_text = |key: &str| rule.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let texts = |value: Option<&Value>| -> Vec<String> {
            let values = value.and_then(Value::as_array).into_iter().flatten();
            values.filter_map(|text| Some(text.as_str()?.to_owned())).collect()
        };
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
            subject: Subject {
                srcip: text("srcip"),
                dstuser: text("dstuser"),
                srcuser: text("srcuser"),
                file: value.pointer("/SyscheckFile/path").and_then(Value::as_str).map(str::to_owned),
                mitre: texts(rule.pointer("/mitre/id")),
                target: value.get("target").and_then(target_of),
            },
            count: value.get("count").and_then(Value::as_u64).unwrap_or(1),
            full_log: text("full_log").unwrap_or_default(),
            // No log can bring this key: it is written from a notice only.
            of_files: value.pointer("/SyscheckFile/event").is_some(),
            evidence: texts(value.get("evidence")),
            json: line.trim_end().to_owned(),
        })
    }

    /// From a block of alerts.log.
    pub(super) fn from_parsed(alert: ParsedAlert) -> Self {
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
            subject: Subject {
                srcip: alert.srcip,
                dstuser: alert.dstuser,
                srcuser: None,
                file: None,
                mitre: Vec::new(),
                // Stands among the lines.
                target: None,
            },
            count: 1,
            full_log: lines.next().unwrap_or_default(),
            of_files: false,
            evidence: lines.collect(),
            json: json.to_string(),
        }
    }
}

/// The line of alerts.log about the target in a record of alerts.json.
fn target_of(value: &Value) -> Option<String> {
    let sources = value.get("sources")?.as_array()?.iter().filter_map(|source| source.as_str()?.parse().ok());
    let number = |key: &str| u32::try_from(value.get(key)?.as_u64()?).ok();
    let target = AttackedTarget {
        kind: TargetKind::parse(value.get("kind")?.as_str()?)?,
        name: value.get("name")?.as_str()?.into(),
        networks: number("networks")?,
        seconds: number("seconds")?,
        sources: sources.take(MOST_SOURCES_NAMED).collect(),
    };
    Some(target.to_string())
}
