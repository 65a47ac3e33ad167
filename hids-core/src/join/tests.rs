//! What is joined, what is not, and that nothing is lost.

mod causes;
mod floods;
mod property;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::*;
use crate::render;

/// 2026-11-24 22:09:27 UTC.
const EVENING: i64 = 1_795_558_167;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn rule(id: u32, level: u16, group: &str) -> Arc<RuleFacts> {
    Arc::new(RuleFacts {
        id: RuleId(id),
        level: Level(level),
        description: format!("rule {id}"),
        group: group.into(),
        cve: None,
        info: None,
        mitre: Vec::new(),
        frequency: None,
        may_respond: true,
    })
}

fn log(sequence: u64, rule: Arc<RuleFacts>, header: &str, message: &str, fields: &[(FieldName, &str)]) -> Arc<Alert> {
    let field = |(name, value): &(FieldName, &str)| Field { name: name.clone(), value: value.as_bytes().to_vec() };
    Arc::new(Alert {
        id: AlertId { epoch_seconds: EVENING, sequence },
        time: Timestamp::from_unix_seconds(EVENING),
        rule,
        fired_times: 1,
        chain: Arc::new([]),
        recorded: true,
        mailed: true,
        decoder: None,
        fields: Fields(fields.iter().map(field).collect()),
        hostname: b"myhost".to_vec(),
        program_name: None,
        source: Arc::new(LogSource { location: "/var/log/auth.log".into(), channel: Channel::Log }),
        full_log: format!("{header}{message}").into_bytes(),
        log_offset: header.len(),
        evidence: Vec::new(),
        target: None,
        previous_output: None,
        notice: None,
        untrusted: None,
    })
}

/// A process of session 3 of user 1000, with its ancestors (parent first).
fn who(pid: u32, executable: &str, parents: &[(u32, &str)]) -> Who {
    let parent = |&(pid, path): &(u32, &str)| Ancestor { pid, executable: path.into(), command: Vec::new() };
    Who {
        pid,
        executable: executable.into(),
        uid: Some(0),
        euid: Some(0),
        login_uid: Some(1000),
        session: Some(3),
        parents: parents.iter().map(parent).collect(),
        ..Who::default()
    }
}

fn file(sequence: u64, level: u16, path: &str, who: Vec<Who>) -> Arc<Alert> {
    let change = FileChange {
        path: path.into(),
        kind: ChangeKind::Deleted,
        old: None,
        new: None,
        count: 1,
        who: who.into_iter().map(Arc::new).collect(),
        operations: Operations::NONE.with(Operation::Delete),
        diff: None,
    };
    let news = FimEvent::Change(Box::new(change));
    let notice = FileNotice { sequence, time: Timestamp::from_unix_seconds(EVENING), alerted: true, news };
    let text = format!("File '{path}' was deleted.\n");
    let mut alert =
        Alert::clone(&log(sequence, rule(550 + u32::from(level), level, "ossec,syscheck,"), "", &text, &[]));
    alert.notice = Some(Arc::new(notice));
    Arc::new(alert)
}

fn joiner() -> Joiner {
    Joiner::new(JoinOptions { joins: true, fold_above: 60 })
}

/// alerts.log of what comes out.
fn text(held: &Held) -> String {
    let mut out = Vec::new();
    render::alert_log(&mut out, &held.to_alert(), &jiff::tz::TimeZone::UTC);
    String::from_utf8(out).expect("escaped")
}

// H5
#[test]
fn forged_alerts_are_neither_joined_nor_folded_with_genuine_ones() {
    let header = "Nov 29 20:00:00 web1 sshd[9]: ";
    let fields = [(FieldName::SrcIp, "203.0.113.9")];
    let genuine = log(1, rule(5716, 5, "sshd,authentication_failed,"), header, "Failed password", &fields);
    let sender = UntrustedSender { doubt: Doubt::OtherUser, uid: Some(33), executable: None, unit: None };
    let forged = Alert { untrusted: Some(Arc::new(sender)), ..Alert::clone(&genuine) };
    assert!(super::cause::cause(&genuine).is_some());
    assert_eq!(super::cause::cause(&forged), None);
    assert_ne!(super::flood::Kind::of(&genuine), super::flood::Kind::of(&forged));
}
