//! `hidsctl status`: what every stage reports, and a list of what needs attention.

use serde_json::{Value, json};

use super::wiring::Stages;
use crate::respond::ReportView;
use crate::sensors::SensorReport;

/// The whole answer: the daemon's own facts, then a report per stage, problems on top.
pub(super) fn of(daemon: Value, stages: &Stages, respond: &ReportView, sensors: Option<&SensorReport>) -> Value {
    let collect = stages.collector.report();
    let record = stages.recorder.report();
    let analysis = stages.analysis.report();
    let mail = stages.mail.as_ref().map(|mail| mail.report());
    let syslog = stages.syslog.as_ref().map(|syslog| syslog.report());
    let mut problems = Vec::new();
    let mut problem = |what: &str, why: Option<&str>| problems.extend(why.map(|why| format!("{what}: {why}")));
    problem("alerts cannot be recorded and everything waits", record.waiting_because.as_deref());
    problem("what rules remember would not survive a restart", record.rule_state_trouble.as_deref());
    problem("blocks are not in the kernel", respond.nftables_trouble.as_deref());
    problem("blocks would not survive a restart", respond.ledger_trouble.as_deref());
    problem("this machine's own addresses are not known", respond.addresses_trouble.as_deref());
    problem("mail is not delivered", mail.as_ref().and_then(|mail| mail.failing_because.as_deref()));
    for output in syslog.iter().flatten() {
        problem(&format!("nothing goes to syslog server {}", output.server), output.failing_because.as_deref());
    }
    let kept = (record.kept_bytes > 0).then(|| {
        format!(
            "{} bytes; if an older state directory was restored, lines since then may be recorded again",
            record.kept_bytes
        )
    });
    problem("alert files held more at the start than the state directory says, which was kept", kept.as_deref());
    for (count, what) in [
        (collect.lost_positions, "logs were rotated away or truncated before their last lines were read"),
        (collect.files_left_out, "files of wildcards in <location> are not read, there are too many"),
        (analysis.unanswered, "alerts went without their active response"),
        (record.dropped_after_commit, "alerts were not sent to the syslog servers"),
        (respond.programs_dropped, "programs of active responses were not run"),
        (respond.evidence_lost, "blocks cannot be explained by hidsctl why"),
        (respond.evicted, "blocks ended early because the maximum of blocks was reached"),
    ] {
        if count > 0 {
            problems.push(format!("{count} {what}"));
        }
    }
    problems.extend(stages.integrity.problems());
    let proven = sensors.and_then(|report| report.self_test.as_ref());
    problems.extend(
        proven
            .into_iter()
            .flat_map(|proven| proven.unseen())
            .map(|operation| format!("the file sensor does not see {}; scans find such changes", operation.name())),
    );
    let mut status = daemon;
    if let Value::Object(map) = &mut status {
        map.insert("problems".into(), json!(problems));
        map.insert("analysis".into(), json!(analysis));
        map.insert("collect".into(), json!(collect));
        map.insert("respond".into(), json!(respond));
        map.insert("record".into(), json!(record));
        map.insert("mail".into(), json!(mail));
        map.insert("syslog".into(), json!(syslog));
        map.insert("sensors".into(), json!(sensors));
        map.insert("fim".into(), stages.integrity.status());
    }
    status
}

/// Resident memory of this process, from `/proc/self/statm`; 0 when it cannot be read.
pub(super) fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}
