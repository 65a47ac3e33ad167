//! What is right and what is missed, by row and service.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::cases::{Answer, Runner, same_source};

/// Level of an alert that counts as seen, as in `score_logtest.py`.
const SEEN: u64 = 5;
/// Level at which the shipped configuration blocks.
const BLOCKS: u64 = 7;
/// Level of a rule that counts.
const HIGH: u64 = 10;

/// The services of which more is wanted, with what their filters' names begin with.
const SERVICES: [(&str, &[&str]); 10] = [
    ("sshd", &["sshd"]),
    ("PAM", &["pam-"]),
    ("Apache", &["apache-"]),
    ("nginx", &["nginx-"]),
    ("postfix", &["postfix"]),
    ("dovecot", &["dovecot"]),
    ("exim", &["exim"]),
    ("FTP", &["proftpd", "pure-ftpd", "vsftpd", "gssftpd", "wuftpd"]),
    ("named", &["named"]),
    ("MySQL", &["mysqld"]),
];

/// Suites of programs that are no concern of this one.
const LEFT_OUT: [&str; 9] =
    ["cisco_ios", "pix", "asa", "msauth", "windows", "sysmon", "netscreen", "symantec", "screenos"];

/// A row of the table.
pub(super) struct Row {
    pub name: String,
    pub wanted: &'static str,
    pub right: usize,
    pub of: usize,
}

/// Rows in the order of the table, and what was missed.
#[derive(Default)]
pub(super) struct Tally {
    pub rows: Vec<Row>,
    /// How many were missed, by data and service.
    pub by_service: BTreeMap<(&'static str, String), (usize, usize)>,
    missed: Vec<Value>,
}

impl Tally {
    /// Adds a row, or to it.
    fn count(&mut self, name: &str, wanted: &'static str, is_right: bool) {
        let at = self.rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
            self.rows.push(Row { name: name.to_owned(), wanted, right: 0, of: 0 });
            self.rows.len() - 1
        });
        self.rows[at].right += usize::from(is_right);
        self.rows[at].of += 1;
    }

    /// Notes what came of a case of a service.
    fn note(&mut self, data: &'static str, service: &str, wrong: Option<&str>, record: &Value, answers: &[Answer]) {
        let entry = self.by_service.entry((data, service.to_owned())).or_default();
        entry.0 += usize::from(wrong.is_some());
        entry.1 += 1;
        if let Some(wrong) = wrong {
            let last = answers.last().cloned().unwrap_or_default();
            self.missed.push(json!({
                "data": data, "service": service, "wrong": wrong, "record": record,
                "got": { "decoder": last.decoder, "rule": last.rule, "level": last.level, "srcip": last.srcip },
            }));
        }
    }

    /// Every miss, one object a line.
    pub(super) fn misses(&self) -> String {
        self.missed.iter().map(|miss| format!("{miss}\n")).collect()
    }
}

/// Scores all data below `data`.
pub(super) fn all(runner: &Runner, data: &Path) -> Result<Tally> {
    let mut tally = Tally::default();
    fail2ban(runner, data, &mut tally)?;
    scenarios(runner, data, &mut tally)?;
    web(runner, data, &mut tally)?;
    ossec(runner, data, &mut tally)?;
    loghub(runner, data, &mut tally)?;
    Ok(tally)
}

fn records(path: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let parse = |line: &str| serde_json::from_str(line).with_context(|| format!("{} is no JSON", path.display()));
    text.lines().filter(|line| !line.trim().is_empty()).map(parse).collect()
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn fail2ban(runner: &Runner, data: &Path, tally: &mut Tally) -> Result<()> {
    const ALERT: &str = "fail2ban: lines that must match: alert of level 5 or more";
    const ADDRESS: &str = "fail2ban: the right address";
    let mut records = records(&data.join("fail2ban.jsonl"))?;
    records.retain(|record| record["default_mode"] != false);
    let lines: Vec<Vec<String>> = records.iter().map(|record| vec![text(&record["line"]).to_owned()]).collect();
    for (record, answers) in records.iter().zip(runner.run(&lines)?) {
        let answer = &answers[0];
        let (filter, seen) = (text(&record["filter"]), answer.alert_level >= SEEN);
        if record["expect"]["match"] != true {
            tally.count("fail2ban: lines that must not match: below level 5", "97 %", !seen);
            tally.count("fail2ban: lines that must not match: no block", "all", !answer.blocks);
            tally.note("fail2ban, quiet lines", filter, seen.then_some("alert"), record, &answers);
            continue;
        }
        let service = SERVICES.iter().find(|(_, names)| names.iter().any(|name| filter.starts_with(name)));
        let mut row = |kind: &str, right: bool| {
            tally.count(kind, "90 %", right);
            if let Some((service, _)) = service {
                tally.count(&format!("{kind}: {service}"), "97 %", right);
            }
        };
        row(ALERT, seen);
        let host = text(&record["expect"]["host"]);
        let asks_address = record["host_is_ip"] == true && record["host_in_line"] == true;
        let named = answer.srcip.as_deref().is_some_and(|address| same_source(address, host));
        if asks_address {
            row(ADDRESS, named);
        }
        let wrong = if seen { (asks_address && !named).then_some("address") } else { Some("alert") };
        tally.note("fail2ban", filter, wrong, record, &answers);
    }
    Ok(())
}

fn scenarios(runner: &Runner, data: &Path, tally: &mut Tally) -> Result<()> {
    let records = records(&data.join("crowdsec_scenarios.jsonl"))?;
    let lines: Vec<Vec<String>> = records.iter().map(|record| texts(&record["lines"])).collect();
    for (record, answers) in records.iter().zip(runner.run(&lines)?) {
        let service = text(&record["source"]).trim_start_matches("crowdsec-hub/");
        for source in texts(&record["expect"]["source_ips"]) {
            let reaches = |least: u64| {
                let loud = answers.iter().filter(|answer| answer.alert_level >= least);
                loud.filter_map(|answer| answer.srcip.as_deref()).any(|address| same_source(address, &source))
            };
            tally.count("CrowdSec: attacking addresses alerted at level 5 or more", "90 %", reaches(SEEN));
            tally.count("CrowdSec: attacking addresses alerted at level 7 or more", "85 %", reaches(BLOCKS));
            tally.count("CrowdSec: attacking addresses alerted at level 10 or more", "", reaches(HIGH));
            let wrong = if reaches(SEEN) { (!reaches(BLOCKS)).then_some("level 7") } else { Some("alert") };
            tally.note("CrowdSec scenarios", service, wrong, record, &answers);
        }
    }
    Ok(())
}

fn web(runner: &Runner, data: &Path, tally: &mut Tally) -> Result<()> {
    let records = records(&data.join("web_attacks.jsonl"))?;
    let lines: Vec<Vec<String>> = records.iter().map(|record| vec![text(&record["line"]).to_owned()]).collect();
    for (record, answers) in records.iter().zip(runner.run(&lines)?) {
        let level = answers[0].alert_level;
        let kind = texts(&record["kinds"]).join(" ");
        if record["label"] == "benign" {
            tally.count("Web: benign lines below level 7", "all", level < BLOCKS);
            tally.note(
                "web, benign lines",
                text(&record["format"]),
                (level >= BLOCKS).then_some("alert"),
                record,
                &answers,
            );
        } else if record["strength"] == "strong" {
            let (name, wanted) = match record["by_line"] == true {
                true => ("Web attacks: one line is enough: level 5 or more", "95 %"),
                false => ("Web attacks: only their number shows it: level 5 or more", "85 %"),
            };
            tally.count(name, wanted, level >= SEEN);
            tally.note("web attacks", &kind, (level < SEEN).then_some("alert"), record, &answers);
        }
    }
    Ok(())
}

fn ossec(runner: &Runner, data: &Path, tally: &mut Tally) -> Result<()> {
    let mut records = records(&data.join("ossec_rules.jsonl"))?;
    let suite = |record: &Value| text(&record["source"]).trim_start_matches("ossec-testing/").to_owned();
    records.retain(|record| {
        let suite = suite(record);
        record["vacuous"] != true && !LEFT_OUT.iter().any(|name| suite.trim_end_matches(".ini") == *name)
    });
    let lines: Vec<Vec<String>> = records.iter().map(|record| texts(&record["logs"])).collect();
    for (record, answers) in records.iter().zip(runner.run(&lines)?) {
        let (expect, last) = (&record["expect"], answers.last().cloned().unwrap_or_default());
        let same = last.rule == expect["rule"].as_u64() && Some(last.level) == expect["level"].as_u64();
        let same_decoder = last.decoder == text(&expect["decoder"]).to_ascii_lowercase();
        let right = if expect["pass"] == true { same } else { !(same && same_decoder) };
        tally.count("OSSEC's rule tests: id and level", "97 %", right);
        tally.note("OSSEC's rule tests", &suite(record), (!right).then_some("rule"), record, &answers);
    }
    Ok(())
}

fn loghub(runner: &Runner, data: &Path, tally: &mut Tally) -> Result<()> {
    const HARMLESS: [&str; 4] = ["other", "connect", "disconnect", "auth_success"];
    for name in ["OpenSSH", "Linux", "Apache"] {
        let log = data.join(format!("loghub/{name}.log"));
        let bytes = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
        let all = String::from_utf8_lossy(&bytes).trim_end_matches('\n').split('\n').map(str::to_owned).collect();
        let answers = runner.run(&[all])?.remove(0);
        for (label, answer) in records(&data.join(format!("loghub/{name}.labels.jsonl")))?.iter().zip(&answers) {
            if HARMLESS.contains(&text(&label["kind"])) {
                let is_quiet = answer.alert_level < BLOCKS;
                tally.count("Loghub: harmless lines below level 7", "99.5 %", is_quiet);
                tally.note("Loghub", name, (!is_quiet).then_some("alert"), label, std::slice::from_ref(answer));
            }
        }
        let truth = data.join(format!("loghub/{name}.attack_truth.json"));
        let Ok(truth) = fs::read(&truth) else { continue };
        let truth: Value = serde_json::from_slice(&truth).context("the truth is no JSON")?;
        let blocked = runner.blocked(&log)?;
        for source in truth["sources"].as_array().into_iter().flatten() {
            let address = text(&source["srcip"]);
            let is_blocked = blocked.iter().any(|one| same_source(one, address));
            let is_attacker = source["attacker"] == true;
            if source["class"] == "clean" {
                tally.count("Loghub: clean sources not blocked", "all", !is_blocked);
            } else if is_attacker && address.parse::<std::net::IpAddr>().is_ok() {
                tally.count("Loghub: attackers blocked", "all", is_blocked);
            } else if is_attacker {
                // The log has only a name, which nothing can block.
                let names = |answer: &Answer| answer.srcip.as_deref().is_some_and(|one| same_source(one, address));
                let seen = answers.iter().any(|answer| answer.alert_level >= BLOCKS && names(answer));
                tally.count("Loghub: attackers known by host name only: level 7 or more", "all", seen);
            }
        }
    }
    Ok(())
}
