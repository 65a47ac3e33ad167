//! Alerts that wait to be one text.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cause::{Cause, Mark};
use crate::escape::visible_string;
use crate::model::{Alert, AlertId, EvidenceLine, FimEvent, Level, RuleFacts, RuleId, Timestamp};

/// Different rules that are counted one by one.
const MOST_RULES: usize = 16;
/// Members that the text names besides the first one.
const MOST_OTHERS: usize = 20;
/// Of a member's line or path.
const LINE_BYTES: usize = 1024;
/// Earlier lines in the text of an alert, as OSSEC has at most.
const MOST_EVIDENCE: usize = 11;

/// What alerts are held back for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Why {
    Cause(Cause, Option<Mark>),
    /// Equal ones above the number a minute.
    Flood,
}

/// Alerts of one rule and source among those held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCount {
    /// The rule.
    pub rule: RuleId,
    /// Its level.
    pub level: Level,
    /// Its group string.
    pub group: String,
    /// Where its events come from, as alerts show it after `HOST->`.
    pub location: String,
    /// Its description.
    pub description: String,
    /// How many.
    pub count: u64,
}

/// What a record of folded alerts says besides its first alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// How many alerts it stands for.
    pub count: u64,
    /// When the first was received.
    pub first: Timestamp,
    /// When the last was received.
    pub last: Timestamp,
}

/// Alerts of one cause, or equal ones, that are one text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Held {
    /// The first alert's: names the group.
    pub id: AlertId,
    pub(super) why: Why,
    /// The first of the highest level.
    lead: Arc<Alert>,
    /// The rules of all of them, at most 16.
    pub rules: Vec<RuleCount>,
    /// Number of alerts.
    pub count: u64,
    first: Timestamp,
    last: Timestamp,
    /// Paths or lines of the others, the first ones.
    others: Vec<Vec<u8>>,
    mailed: bool,
}

impl Held {
    pub(super) fn new(alert: &Arc<Alert>, why: Why) -> Self {
        let mut held = Self {
            id: alert.id,
            why,
            lead: Arc::clone(alert),
            rules: Vec::new(),
            count: 0,
            first: alert.time,
            last: alert.time,
            others: Vec::new(),
            mailed: false,
        };
        held.count(alert);
        held
    }

    /// Another alert of it.
    pub(super) fn add(&mut self, alert: &Arc<Alert>) {
        self.count(alert);
        if self.why == Why::Flood {
            return;
        }
        if alert.rule.level > self.lead.rule.level {
            let before = std::mem::replace(&mut self.lead, Arc::clone(alert));
            self.others.insert(0, named(&before));
            self.others.truncate(MOST_OTHERS);
        } else if self.others.len() < MOST_OTHERS {
            self.others.push(named(alert));
        }
    }

    fn count(&mut self, alert: &Alert) {
        self.count += 1;
        self.first = self.first.min(alert.time);
        self.last = self.last.max(alert.time);
        self.mailed |= alert.mailed;
        let rule = &alert.rule;
        let location = &alert.source.location;
        let is_same = |known: &&mut RuleCount| known.rule == rule.id && known.location == *location;
        if let Some(known) = self.rules.iter_mut().find(is_same) {
            known.count += 1;
        } else if self.rules.len() < MOST_RULES {
            self.rules.push(RuleCount {
                rule: rule.id,
                level: rule.level,
                group: rule.group.clone(),
                location: location.clone(),
                description: rule.description.clone(),
                count: 1,
            });
        }
    }

    /// Whether the alerts were equal and are only counted; otherwise each has its record already.
    pub fn is_folded(&self) -> bool {
        self.why == Why::Flood
    }

    /// The alert that the record of folded ones shows.
    pub fn lead(&self) -> &Alert {
        &self.lead
    }

    /// What the record of folded alerts says of them.
    pub fn tally(&self) -> Tally {
        Tally { count: self.count, first: self.first, last: self.last }
    }

    /// The alert that is written for all of them: that of the highest level, under the first one's
    /// number, with what the others were. A single one comes out as it went in.
    pub fn to_alert(&self) -> Alert {
        let mut alert = Alert { id: self.id, mailed: self.mailed, ..Alert::clone(&self.lead) };
        if self.count < 2 {
            return alert;
        }
        let said = match self.why {
            Why::Flood => {
                let seconds = self.last.since(self.first).as_secs().max(1);
                format!(" ({} equal alerts within {seconds} s)", self.count)
            }
            Why::Cause(..) => format!(" ({} alerts with the same cause)", self.count),
        };
        let description = format!("{}{said}", alert.rule.description);
        alert.rule = Arc::new(RuleFacts { description, ..RuleFacts::clone(&alert.rule) });
        match (&alert.notice, &self.why) {
            (_, Why::Flood) => {}
            (Some(_), _) => alert.full_log.extend_from_slice(self.list().as_bytes()),
            (None, _) => {
                let line = |other: &Vec<u8>| EvidenceLine { time: self.last, full_log: other.clone() };
                alert.evidence = self.others.iter().take(MOST_EVIDENCE).map(line).collect();
            }
        }
        alert
    }

    /// Lines of our own about the others; names in them are escaped.
    fn list(&self) -> String {
        let mut text = String::from("\nAlerts with the same cause:\n");
        for rule in &self.rules {
            let description = visible_string(rule.description.as_bytes());
            let _ = writeln!(text, "  {} of rule {} (level {}): {description}", rule.count, rule.rule, rule.level);
        }
        for other in &self.others {
            let _ = writeln!(text, "  {}", visible_string(other));
        }
        let named = self.others.len() as u64 + 1;
        if self.count > named {
            let _ = writeln!(text, "  ... and {} more", self.count - named);
        }
        let _ = writeln!(text, "Each alert is recorded in alerts.json with \"group_id\":\"{}\".", self.id);
        text
    }
}

/// What stands for an alert in the text of another, hostile.
fn named(alert: &Alert) -> Vec<u8> {
    let mut name = match alert.notice.as_deref().map(|notice| &notice.news) {
        Some(FimEvent::Change(change)) => [change.kind.name().as_bytes(), b" '", &change.path, b"'"].concat(),
        _ => alert.full_log.clone(),
    };
    name.truncate(LINE_BYTES);
    name
}
