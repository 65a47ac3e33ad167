//! Every problem that `hidsctl status` reports, with its remedy.

use std::os::unix::fs::PermissionsExt as _;

use hids_core::model::Timestamp;
use jiff::tz::TimeZone;

use super::logins;
use super::problem::Problem;
use super::set_aside::Quarantine;
use super::state::State;
use super::wiring::Stages;
use crate::collect::{CollectReport, SourceReport, SourceState};
use crate::config::{Config, ResponseKind};
use crate::logging;
use crate::respond::ReportView;
use crate::sensors::SensorReport;

/// Sources and programs that are named one by one; of more only the number is shown.
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

/// All of them; what does not work before what is missing.
pub(super) fn of(state: &State, collect: &CollectReport, facts: &Facts<'_>) -> Vec<Problem> {
    let stages = &state.stages;
    let mut problems = of_stages(stages, facts);
    problems.extend(of_outputs(stages));
    problems.extend(losses(stages, collect, facts.respond));
    problems.extend(
        logins::unwatched(&state.running.collect)
            .map(|why| Problem::critical(format!("logins are not monitored: {why}"), logins::remedy())),
    );
    problems.extend(limited(unreadable(collect), "more unreadable log sources"));
    let programs = state.unusable.iter().cloned().chain(missing_programs(&state.running)).collect();
    problems.extend(limited(programs, "more unusable response programs"));
    problems.extend(distrusted(facts.respond));
    problems.extend(stages.distrusted.iter().cloned());
    problems.extend(Quarantine::problem(&state.running.paths.state));
    if !facts.waiting.is_empty() {
        let text = format!("restart required for changes to: {}", facts.waiting.join(", "));
        problems.push(Problem::warning(text, "systemctl restart hidsd"));
    }
    problems.extend(stages.integrity.problems());
    problems.extend(unseen_operations(facts.sensors));
    // Stable: within a severity the order stays.
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    problems
}

/// What keeps alerts from being recorded and blocks from being in force.
fn of_stages(stages: &Stages, facts: &Facts<'_>) -> Vec<Problem> {
    let (record, respond) = (stages.recorder.report(), facts.respond);
    let mut problems = Vec::new();
    let mut critical = |what: &str, why: Option<&str>, remedy: &str| {
        problems.extend(why.map(|why| Problem::critical(format!("{what}: {why}"), remedy)));
    };
    critical(
        "alerts cannot be recorded, analysis paused",
        record.waiting_because.as_deref(),
        "free disk space or make the directory writable; nothing is lost in the meantime",
    );
    critical(
        "blocks are not enforced",
        respond.nftables_trouble.as_deref(),
        "check that the kernel has nf_tables and that hidsd runs with CAP_NET_ADMIN",
    );
    let mut warning = |what: &str, why: Option<&str>, remedy: &str| {
        problems.extend(why.map(|why| Problem::warning(format!("{what}: {why}"), remedy)));
    };
    let on_disk = "free disk space or make the state directory writable";
    warning("rule state would not survive a restart", record.rule_state_trouble.as_deref(), on_disk);
    warning("blocks would not survive a restart", respond.ledger_trouble.as_deref(), on_disk);
    warning(
        "addresses of this host unknown",
        respond.addresses_trouble.as_deref(),
        "add this host's addresses to <white_list>, so that they are never blocked",
    );
    let kept = (record.kept_bytes > 0).then(|| {
        format!(
            "{} bytes; if an older state directory was restored, lines since then may be recorded twice",
            record.kept_bytes
        )
    });
    warning(
        "alert files were longer at start than recorded in the state directory; content kept",
        kept.as_deref(),
        "if nothing was restored from a backup, find out who wrote to the alert files; the next restart clears this",
    );
    problems
}

/// Mail and syslog servers.
fn of_outputs(stages: &Stages) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(mail) = stages.mail.as_ref().map(|mail| mail.report()) {
        if let Some(why) = &mail.failing_because {
            problems.push(Problem::critical(
                format!("mail delivery failing: {why}"),
                "check <smtp_server>, <email_from> and <email_to>; alerts are kept and sent once delivery works",
            ));
        }
        if mail.limited > 0 {
            let until = mail.waiting_until.as_deref().and_then(Timestamp::parse_rfc3339);
            let until = until.map_or_else(|| "later".to_owned(), |until| until.local_text(&TimeZone::system()));
            let level = mail.waiting_worst_level.unwrap_or(0);
            problems.push(Problem::warning(
                format!(
                    "{} alerts of up to level {level} are not mailed before {until}: <email_maxperhour> is reached",
                    mail.limited
                ),
                "run hidsctl alerts to see them now; raise <email_maxperhour> if this happens often",
            ));
        }
        if mail.given_up > 0 {
            problems.push(Problem::warning(
                format!("{} mails were rejected for days and are kept in files", mail.given_up),
                "correct the addresses, then send the files in mail/failed of the state directory manually",
            ));
        }
    }
    let syslog = stages.syslog.as_ref().map(|syslog| syslog.report());
    problems.extend(syslog.iter().flatten().filter_map(|output| {
        let why = output.failing_because.as_ref()?;
        Some(Problem::warning(
            format!("syslog server {} unreachable: {why}", output.server),
            "check <syslog_output> and the server; alerts are recorded on this host in any case",
        ))
    }));
    problems.extend(of_own_log());
    problems
}

/// The daemon's own log.
fn of_own_log() -> Vec<Problem> {
    let log = logging::report();
    let mut problems = Vec::new();
    if log.lost > 0 {
        problems.push(Problem::warning(
            format!(
                "{} entries of the daemon's own log lost: the journal or standard error did not accept them",
                log.lost
            ),
            "check systemd-journald and its disk space",
        ));
    }
    let Some(file) = log.ossec_log else { return problems };
    if let Some(why) = &file.error {
        problems.push(Problem::warning(
            format!("ossec.log cannot be written: {why}"),
            "free disk space or make its directory writable; the journal has the same entries",
        ));
    }
    if file.lost > 0 {
        problems.push(Problem::warning(
            format!("{} lines of ossec.log lost: the disk was full or too slow", file.lost),
            "free disk space; the journal has the same entries",
        ));
    }
    problems
}

/// What was counted because it could not be done.
fn losses(stages: &Stages, collect: &CollectReport, respond: &ReportView) -> Vec<Problem> {
    let (record, analysis) = (stages.recorder.report(), stages.analysis.report());
    let many_programs = "see active-responses.log; a block (firewall-drop) needs no program and is never dropped";
    let counted = [
        (
            collect.lost_positions,
            "logs rotated or truncated before their last lines were read",
            "rotate these logs by renaming (not copytruncate), and keep hidsd running meanwhile",
        ),
        (
            collect.files_left_out,
            "files matching wildcards in <location> not monitored: too many",
            "use a narrower wildcard in <location>",
        ),
        (
            analysis.unanswered,
            "alerts without their active response",
            "the machine was overloaded: block such addresses manually (hidsctl alerts, hidsctl blocks add)",
        ),
        (
            analysis.losses.forgotten_counts,
            "counters of composite rules with several events dropped: too many sources or users",
            "usually an attack from very many addresses; rules with a shorter timeframe count fewer at a time",
        ),
        (
            record.dropped_after_commit,
            "alerts not sent to the syslog servers",
            "the servers were too slow; the alerts are in alerts.json",
        ),
        (
            respond.programs.over_share,
            "programs of active responses were not run: their sources had too many waiting",
            many_programs,
        ),
        (
            respond.programs.displaced,
            "programs of active responses were not run: more important ones took their places",
            many_programs,
        ),
        (
            respond.programs.without_room,
            "programs of active responses were not run: too many were waiting",
            many_programs,
        ),
        (respond.evidence_lost, "blocks without evidence for hidsctl why", "free disk space below the state directory"),
        (
            respond.evicted,
            "blocks evicted early: maximum number of blocks reached",
            "shorten <timeout> of the responses, so that fewer addresses are blocked at a time",
        ),
    ];
    let shown = counted.into_iter().filter(|(count, ..)| *count > 0);
    shown.map(|(count, what, remedy)| Problem::warning(format!("{count} {what}"), remedy)).collect()
}

/// Response programs that others could change.
fn distrusted(respond: &ReportView) -> Vec<Problem> {
    let now = respond.programs.distrusted_now.iter();
    let mut problems: Vec<_> = now
        .map(|program| {
            Problem::critical(format!("response program {program}"), "run the command in parentheses as root")
        })
        .collect();
    if respond.programs.distrusted > 0 {
        let count = respond.programs.distrusted;
        problems.push(Problem::warning(
            format!("{count} response programs not run because other users could modify them"),
            "make the programs and the directories above them writable for root only; the next restart clears this",
        ));
    }
    problems
}

/// Sources that are there and are not read.
fn unreadable(collect: &CollectReport) -> Vec<Problem> {
    let of = |source: &SourceReport| {
        let SourceState::Unreadable(why) = &source.state else { return None };
        Some(Problem::warning(
            format!("cannot read {}: {why}", source.path),
            "make it a readable file, or remove its <localfile> and run hidsctl reload",
        ))
    };
    collect.sources.iter().filter_map(of).collect()
}

/// Response programs that have gone, or lost their permission to be run, since the configuration was read.
fn missing_programs(config: &Config) -> Vec<Problem> {
    let mut missing = Vec::new();
    for response in &config.respond.responses {
        let ResponseKind::Program(path) = &response.kind else { continue };
        let (why, remedy) = match path.metadata() {
            Ok(data) if data.is_file() && data.permissions().mode() & 0o111 != 0 => continue,
            Ok(_) => ("is not executable", format!("chmod 0750 {}", path.display())),
            Err(_) => ("does not exist", format!("install it, or remove command `{}` from ossec.conf", response.name)),
        };
        let text = format!("{} {why}; responses with command `{}` fail", path.display(), response.name);
        let problem = Problem::critical(text, remedy);
        if !missing.contains(&problem) {
            missing.push(problem);
        }
    }
    missing
}

/// What the file sensor did not detect when it was tried.
fn unseen_operations(sensors: Option<&SensorReport>) -> Vec<Problem> {
    let proven = sensors.and_then(|report| report.self_test.as_ref());
    let unseen = proven.into_iter().flat_map(|proven| proven.unseen());
    let problem = |operation: crate::sensors::selftest::OperationUnderTest| {
        Problem::warning(
            format!("the file sensor does not detect {}; such changes are found by scans", operation.describe()),
            "scan more often: a lower <frequency> in <syscheck>",
        )
    };
    unseen.map(problem).collect()
}

/// At most [`MOST_NAMED`], and how many there are besides.
fn limited(mut all: Vec<Problem>, more: &str) -> Vec<Problem> {
    let rest = all.len().saturating_sub(MOST_NAMED);
    all.truncate(MOST_NAMED);
    if rest > 0 {
        all.push(Problem::warning(format!("{rest} {more}"), "hidsctl status --verbose lists every source"));
    }
    all
}
