//! `hidsctl status`: what every stage reports, and a list of what needs attention.

use serde_json::{Value, json};

use super::problems::{self, Facts};
use super::state::State;
use crate::logging;

/// The whole answer: the daemon's own facts, then a report per stage, problems on top.
pub(super) fn of(daemon: Value, state: &State, facts: Facts<'_>) -> Value {
    let stages = &state.stages;
    let collect = stages.collector.report();
    let problems = problems::of(state, &collect, &facts);
    let mut status = daemon;
    if let Value::Object(map) = &mut status {
        map.insert("problems".into(), json!(problems));
        map.insert("analysis".into(), json!(stages.analysis.report()));
        map.insert("collect".into(), json!(collect));
        map.insert("respond".into(), json!(facts.respond));
        map.insert("record".into(), json!(stages.recorder.report()));
        map.insert("mail".into(), json!(stages.mail.as_ref().map(|mail| mail.report())));
        map.insert("log".into(), json!(logging::report()));
        map.insert("syslog".into(), json!(stages.syslog.as_ref().map(|syslog| syslog.report())));
        map.insert("sensors".into(), json!(facts.sensors));
        map.insert("fim".into(), stages.integrity.status(state.caught_up));
    }
    status
}

/// Resident memory of this process, from `/proc/self/statm`; 0 when it cannot be read.
pub(super) fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * rustix::param::page_size() as u64
}
