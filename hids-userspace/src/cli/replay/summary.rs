//! What a replay has found, for people.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use hids_core::engine::Outcome;
use hids_core::model::{RuleFacts, RuleId, Timestamp};
use hids_core::respond::Block;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::cli::{output, screen, table};

/// Rows of a table.
const ROWS: usize = 10;
/// Blocks that are listed; of more only the number is shown.
const MOST_BLOCKS: usize = 50;
/// Most sources that are counted: a log can invent as many as it likes.
const MOST_SOURCES: usize = 100_000;

/// What is counted in any case.
pub(super) struct Counted {
    pub events: u64,
    pub alerts: u64,
    pub seconds: f64,
}

/// An address that the daemon would have blocked.
pub(super) struct WouldBlock {
    pub address: IpAddr,
    at: Timestamp,
    until: Option<Timestamp>,
    rule: Option<RuleId>,
    response: String,
    reason: String,
}

impl WouldBlock {
    pub(super) fn of(block: &Block) -> Self {
        Self {
            address: block.address,
            at: block.since,
            until: block.expires,
            rule: block.rule,
            response: block.response.clone(),
            reason: block.reason.clone(),
        }
    }

    pub(super) fn to_json(&self, zone: &TimeZone) -> Value {
        json!({
            "address": self.address, "time": self.at.rfc3339(zone), "rule": self.rule, "response": self.response,
            "seconds": self.until.map(|until| until.since(self.at).as_secs()), "description": self.reason,
        })
    }
}

/// Alerts by rule and by source.
pub(super) struct Top {
    is_wanted: bool,
    rules: HashMap<RuleId, (u64, Arc<RuleFacts>)>,
    sources: HashMap<Vec<u8>, u64>,
    uncounted: u64,
}

impl Top {
    pub(super) fn new(is_wanted: bool) -> Self {
        Self { is_wanted, rules: HashMap::new(), sources: HashMap::new(), uncounted: 0 }
    }

    pub(super) fn count(&mut self, outcome: &Outcome<'_>) {
        let Some(rule) = outcome.rule().filter(|_| self.is_wanted) else { return };
        self.rules.entry(rule.id).or_insert_with(|| (0, Arc::clone(rule))).0 += 1;
        let Some(source) = outcome.source_ip() else { return };
        if let Some(count) = self.sources.get_mut(source) {
            *count += 1;
        } else if self.sources.len() < MOST_SOURCES {
            self.sources.insert(source.to_vec(), 1);
        } else {
            self.uncounted += 1;
        }
    }

    pub(super) fn text(&self, counted: &Counted, blocks: &[WouldBlock], zone: &TimeZone) -> String {
        let mut out = format!(
            "{} in {:.1} s: {}, {} blocked\n",
            output::count(counted.events, "line"),
            counted.seconds,
            output::count(counted.alerts, "alert"),
            match blocks.len() {
                1 => "1 address would have been".to_owned(),
                number => format!("{number} addresses would have been"),
            },
        );
        let mut rules: Vec<_> = self.rules.values().collect();
        rules.sort_by_key(|(count, rule)| (std::cmp::Reverse(*count), rule.id));
        let rows: Vec<Vec<String>> = rules
            .into_iter()
            .take(ROWS)
            .map(|(count, rule)| {
                let description = screen::cell(&rule.description);
                vec![count.to_string(), rule.id.to_string(), rule.level.to_string(), description]
            })
            .collect();
        if !rows.is_empty() {
            let _ = write!(out, "\n{}", table::table(&["ALERTS", "RULE", "LEVEL", "DESCRIPTION"], &rows));
        }
        out.push_str(&self.top_sources());
        out.push_str(&block_table(blocks, zone));
        out
    }

    fn top_sources(&self) -> String {
        let mut sources: Vec<_> = self.sources.iter().collect();
        sources.sort_by(|(one, count), (other, others)| (others, *one).cmp(&(count, *other)));
        let row = |(source, count): (&Vec<u8>, &u64)| vec![count.to_string(), output::visible(source)];
        let rows: Vec<Vec<String>> = sources.into_iter().take(ROWS).map(row).collect();
        if rows.is_empty() {
            return String::new();
        }
        let mut out = format!("\n{}", table::table(&["ALERTS", "SOURCE"], &rows));
        if self.uncounted > 0 {
            let _ = writeln!(out, "not counted: {} of further sources", output::count(self.uncounted, "alert"));
        }
        out
    }
}

fn block_table(blocks: &[WouldBlock], zone: &TimeZone) -> String {
    let rows: Vec<Vec<String>> = blocks
        .iter()
        .take(MOST_BLOCKS)
        .map(|block| {
            let lasts = |until: Timestamp| output::duration(until.since(block.at).as_secs());
            vec![
                block.at.in_zone(zone).strftime("%F %T").to_string(),
                block.address.to_string(),
                block.until.map_or_else(|| "until removed".into(), lasts),
                block.rule.map_or_else(|| "-".into(), |rule| rule.to_string()),
                screen::cell(&block.reason),
            ]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}", table::table(&["WOULD BLOCK AT", "ADDRESS", "FOR", "RULE", "REASON"], &rows));
    if blocks.len() > rows.len() {
        let _ = writeln!(out, "and {} more (all of them with --json)", blocks.len() - rows.len());
    }
    out
}
