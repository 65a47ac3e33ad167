//! `hidsctl status`: what every stage reports, and a list of what needs attention.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::logins;
use super::set_aside::Quarantine;
use super::state::State;
use super::wiring::Stages;
use crate::collect::{CollectReport, SourceState};
use crate::config::{Config, ResponseKind};
use crate::respond::ReportView;
use crate::sensors::SensorReport;

/// Sources and programs that are named one by one; of more only the number is told.
const MOST_NAMED: usize = 10;

/// What is known besides the stages' own reports.
pub(super) struct Facts<'a> {
    /// The responder's report.
    pub respond: &'a ReportView,
    /// The kernel's sensors, once they have been tried.
    pub sensors: Option<&'a SensorReport>,
    /// Parts of the configuration that wait for a restart.
    pub waiting: &'a [&'static str],
}

/// The whole answer: the daemon's own facts, then a report per stage, problems on top.
pub(super) fn of(daemon: Value, state: &State, facts: Facts<'_>) -> Value {
    let stages = &state.stages;
    let collect = stages.collector.report();
    let mut problems = of_stages(stages, &collect, &facts);
    problems.extend(logins::unwatched(&state.running.collect).map(|why| format!("logins are not monitored: {why}")));
    problems.extend(limited(unreadable(&collect), "more unreadable log sources"));
    let programs = state.unusable.iter().cloned().chain(missing_programs(&state.running)).collect();
    problems.extend(limited(programs, "more unusable response programs"));
    problems.extend(Quarantine::problem(&state.running.paths.state));
    if !facts.waiting.is_empty() {
        problems.push(format!("restart required for changes to: {}", facts.waiting.join(", ")));
    }
    problems.extend(stages.integrity.problems());
    let proven = facts.sensors.and_then(|report| report.self_test.as_ref());
    problems.extend(proven.into_iter().flat_map(|proven| proven.unseen()).map(|operation| {
        format!("the file sensor does not detect {}; such changes are found by scans", operation.describe())
    }));
    let mut status = daemon;
    if let Value::Object(map) = &mut status {
        map.insert("problems".into(), json!(problems));
        map.insert("analysis".into(), json!(stages.analysis.report()));
        map.insert("collect".into(), json!(collect));
        map.insert("respond".into(), json!(facts.respond));
        map.insert("record".into(), json!(stages.recorder.report()));
        map.insert("mail".into(), json!(stages.mail.as_ref().map(|mail| mail.report())));
        map.insert("syslog".into(), json!(stages.syslog.as_ref().map(|syslog| syslog.report())));
        map.insert("sensors".into(), json!(facts.sensors));
        map.insert("fim".into(), stages.integrity.status(state.caught_up));
    }
    status
}

/// What the stages themselves say is wrong.
fn of_stages(stages: &Stages, collect: &CollectReport, facts: &Facts<'_>) -> Vec<String> {
    let (record, analysis, respond) = (stages.recorder.report(), stages.analysis.report(), facts.respond);
    let mail = stages.mail.as_ref().map(|mail| mail.report());
    let syslog = stages.syslog.as_ref().map(|syslog| syslog.report());
    let mut problems = Vec::new();
    let mut problem = |what: &str, why: Option<&str>| problems.extend(why.map(|why| format!("{what}: {why}")));
    problem("alerts cannot be recorded, analysis paused", record.waiting_because.as_deref());
    problem("rule state would not survive a restart", record.rule_state_trouble.as_deref());
    problem("blocks are not enforced", respond.nftables_trouble.as_deref());
    problem("blocks would not survive a restart", respond.ledger_trouble.as_deref());
    problem("addresses of this host unknown", respond.addresses_trouble.as_deref());
    problem("mail delivery failing", mail.as_ref().and_then(|mail| mail.failing_because.as_deref()));
    for output in syslog.iter().flatten() {
        problem(&format!("syslog server {} unreachable", output.server), output.failing_because.as_deref());
    }
    let kept = (record.kept_bytes > 0).then(|| {
        format!(
            "{} bytes; if an older state directory was restored, lines since then may be recorded twice",
            record.kept_bytes
        )
    });
    problem("alert files were longer at start than recorded in the state directory; content kept", kept.as_deref());
    for (count, what) in [
        (collect.lost_positions, "logs rotated or truncated before their last lines were read"),
        (collect.files_left_out, "files matching wildcards in <location> not monitored: too many"),
        (analysis.unanswered, "alerts without their active response"),
        (
            analysis.losses.forgotten_counts,
            "counters of composite rules with several events dropped: too many sources or users",
        ),
        (record.dropped_after_commit, "alerts not sent to the syslog servers"),
        (respond.programs.over_share, "programs of active responses were not run: their sources had too many waiting"),
        (
            respond.programs.displaced,
            "programs of active responses were not run: more important ones took their places",
        ),
        (respond.programs.without_room, "programs of active responses were not run: too many were waiting"),
        (respond.evidence_lost, "blocks without evidence for hidsctl why"),
        (respond.evicted, "blocks evicted early: maximum number of blocks reached"),
    ] {
        if count > 0 {
            problems.push(format!("{count} {what}"));
        }
    }
    problems.extend(respond.programs.distrusted_now.iter().map(|program| format!("response program {program}")));
    if respond.programs.distrusted > 0 {
        let count = respond.programs.distrusted;
        problems.push(format!("{count} response programs not run because other users could modify them"));
    }
    problems.extend(stages.distrusted.iter().cloned());
    problems
}

/// Sources that are there and are not read.
fn unreadable(collect: &CollectReport) -> Vec<String> {
    let why = |state: &SourceState| match state {
        SourceState::Unreadable(why) => Some(why.clone()),
        _ => None,
    };
    let of =
        |source: &crate::collect::SourceReport| Some(format!("cannot read {}: {}", source.path, why(&source.state)?));
    collect.sources.iter().filter_map(of).collect()
}

/// Response programs that have gone, or lost their permission to be run, since the configuration was read.
fn missing_programs(config: &Config) -> Vec<String> {
    let mut missing = Vec::new();
    for response in &config.respond.responses {
        let ResponseKind::Program(path) = &response.kind else { continue };
        let why = match path.metadata() {
            Ok(data) if data.is_file() && data.permissions().mode() & 0o111 != 0 => continue,
            Ok(_) => "is not executable",
            Err(_) => "does not exist",
        };
        let text = format!("{} {why}; responses with command `{}` fail", path.display(), response.name);
        if !missing.contains(&text) {
            missing.push(text);
        }
    }
    missing
}

/// At most [`MOST_NAMED`], and how many there are besides.
fn limited(mut all: Vec<String>, more: &str) -> Vec<String> {
    let rest = all.len().saturating_sub(MOST_NAMED);
    all.truncate(MOST_NAMED);
    if rest > 0 {
        all.push(format!("{rest} {more}"));
    }
    all
}

/// Resident memory of this process, from `/proc/self/statm`; 0 when it cannot be read.
pub(super) fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}
