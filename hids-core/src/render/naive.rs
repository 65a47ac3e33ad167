//! alerts.json made by way of a tree of values: slow, and plainly right. The writer is compared with it.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::text::{lossless, visible_string};
use crate::escape::plain_json;
use crate::model::*;

pub(super) fn alert_json(out: &mut Vec<u8>, alert: &Alert, zone: &TimeZone) {
    let mut object = Map::new();
    object.insert("rule".into(), rule_object(&alert.rule, alert.fired_times));
    object.insert("id".into(), alert.id.to_string().into());
    object.insert("TimeStamp".into(), (alert.time.unix_seconds() * 1000).into());
    if let Some(decoder) = &alert.decoder {
        object.insert("decoder".into(), (&*decoder.name).into());
        insert_some(&mut object, "decoder_parent", decoder.parent.as_deref());
    }
    for name in [FieldName::Action, FieldName::Protocol, FieldName::SrcIp, FieldName::SrcPort, FieldName::SrcUser] {
        insert_field(&mut object, &alert.fields, &name);
    }
    for name in [FieldName::DstIp, FieldName::DstPort, FieldName::DstUser] {
        insert_field(&mut object, &alert.fields, &name);
    }
    object.insert("location".into(), alert.source.location.clone().into());
    object.insert("full_log".into(), lossless(&alert.full_log).into());
    if let Some(previous) = previous_output(alert) {
        object.insert("previous_output".into(), lossless(previous).into());
    }
    let path = alert.fields.value(&FieldName::FileName);
    if path.is_some() || alert.notice.is_some() {
        object.insert("SyscheckFile".into(), syscheck_file(path, alert.notice.as_deref()));
    }
    insert_bytes(&mut object, "hostname", Some(&alert.hostname));
    insert_bytes(&mut object, "program_name", alert.program_name.as_deref());
    for name in [FieldName::Status, FieldName::Url, FieldName::Data, FieldName::SystemName] {
        insert_field(&mut object, &alert.fields, &name);
    }
    insert_dynamic(&mut object, &alert.fields);
    if let Some(decoder) = &alert.decoder {
        object.insert("decoder_desc".into(), decoder_object(decoder));
    }
    insert_bytes(&mut object, "agent_name", Some(&alert.hostname));
    object.insert("timestamp".into(), alert.time.in_zone(zone).strftime("%Y %b %d %H:%M:%S").to_string().into());
    object.insert("logfile".into(), alert.source.location.clone().into());
    if !alert.evidence.is_empty() {
        let lines: Vec<_> = alert.evidence.iter().map(|line| lossless(&line.full_log)).collect();
        object.insert("evidence".into(), lines.into());
    }
    if let Some(target) = &alert.target {
        let sources: Vec<_> = target.sources.iter().map(ToString::to_string).collect();
        object.insert(
            "target".into(),
            json!({
                "kind": target.kind.as_str(), "name": lossless(&target.name), "networks": target.networks,
                "seconds": target.seconds, "sources": sources,
            }),
        );
    }
    if let Some(sender) = &alert.untrusted {
        let mut of_sender = Map::new();
        of_sender.insert("reason".into(), sender.doubt.as_str().into());
        of_sender.extend(sender.uid.map(|uid| ("uid".to_owned(), uid.into())));
        insert_bytes(&mut of_sender, "executable", sender.executable.as_deref());
        insert_bytes(&mut of_sender, "unit", sender.unit.as_deref());
        object.insert("untrusted_sender".into(), of_sender.into());
    }
    push_line(out, object);
}

fn syscheck_file(path: Option<&[u8]>, notice: Option<&FileNotice>) -> Value {
    let mut all: Vec<(&str, Value)> = vec![("path", path.map(lossless).into())];
    if let Some(notice) = notice {
        let event = match &notice.news {
            FimEvent::Change(change) => {
                all.extend(sides(change));
                change.kind.name()
            }
            FimEvent::Gap(gap) if gap.closed.is_some() => "gap-closed",
            FimEvent::Gap(_) => "gap",
            FimEvent::Refusal(refusal) => {
                if refusal.refused {
                    "refused"
                } else {
                    "would-refuse"
                }
            }
            FimEvent::Acceptance(_) => "accepted",
            FimEvent::Protection(_) => "protection",
            FimEvent::Damage(_) => "damage",
            FimEvent::Restored(_) => "firewall-restored",
            FimEvent::SetAside(_) => "line-set-aside",
            FimEvent::Window(window) => match (window.everything, window.end.is_some()) {
                (false, false) => "window-opened",
                (false, true) => "window-closed",
                (true, false) => "maintenance-on",
                (true, true) => "maintenance-off",
            },
        };
        all.extend([("event", event.into()), ("sequence", notice.sequence.min(i64::MAX as u64).into())]);
        all.extend(of_news(&notice.news));
    }
    let some = all.into_iter().filter(|(_, value)| !value.is_null() && *value != json!([]));
    Value::Object(some.map(|(key, value)| (key.to_owned(), value)).collect())
}

fn of_news(news: &FimEvent) -> Vec<(&'static str, Value)> {
    match news {
        FimEvent::Change(change) => vec![
            ("changes", change.count.into()),
            ("operations", change.operations.iter().map(Operation::name).collect::<Vec<_>>().into()),
            ("diff", change.diff.clone().into()),
            ("who", change.who.last().map(|who| who_object(who)).into()),
            ("who_earlier", change.who.iter().rev().skip(1).map(|who| who_object(who)).collect::<Vec<_>>().into()),
        ],
        FimEvent::Gap(gap) => vec![
            ("cause", gap.cause.name().into()),
            ("opened", utc(gap.opened).into()),
            ("closed", gap.closed.map(utc).into()),
            ("found", gap.closed.map(|_| gap.found.min(i64::MAX as u64)).into()),
        ],
        FimEvent::Refusal(refusal) => vec![
            ("operations", json!([refusal.operation.name()])),
            ("times", refusal.count.into()),
            ("who", who_object(&refusal.who)),
        ],
        FimEvent::Acceptance(acceptance) => vec![
            ("files", acceptance.files.min(i64::MAX as u64).into()),
            ("reasons", acceptance.reasons.clone().into()),
            ("paths", acceptance.examples.iter().map(|path| lossless(path)).collect::<Vec<_>>().into()),
        ],
        FimEvent::Protection(protection) => vec![
            ("enforced", if protection.enforced { "yes" } else { "no" }.into()),
            ("reasons", json!([protection.reason])),
            ("uid", protection.uid.into()),
        ],
        FimEvent::Restored(restored) => vec![
            ("reasons", json!([restored.reason])),
            ("times", restored.times.min(i64::MAX as u64).into()),
            ("blocked", restored.blocked.min(i64::MAX as u64).into()),
        ],
        FimEvent::Damage(damage) => vec![
            ("reasons", json!([damage.what])),
            ("paths", damage.paths.iter().map(|path| lossless(path)).collect::<Vec<_>>().into()),
        ],
        FimEvent::SetAside(aside) => vec![
            ("source", aside.location.clone().into()),
            ("position", aside.position.clone().into()),
            ("part", aside.part.clone().into()),
            ("cause", aside.cause.clone().into()),
            ("length", aside.line.len().into()),
        ],
        FimEvent::Window(window) => {
            let end = window.end.as_ref();
            let paths = end.map(|end| end.examples.iter().map(|path| lossless(path)).collect::<Vec<_>>());
            vec![
                ("window", window.id.min(i64::MAX as u64).into()),
                ("reasons", json!([window.reason])),
                ("members", window.members.clone().into()),
                ("opened", utc(window.opened).into()),
                ("ends", utc(window.ends).into()),
                ("closed", end.map(|end| utc(end.time)).into()),
                ("cause", end.map(|end| end.cause.name()).into()),
                ("files", end.map(|end| end.changes.min(i64::MAX as u64)).into()),
                ("paths", paths.into()),
                ("who", who_object(&window.opener)),
            ]
        }
    }
}

fn sides(change: &FileChange) -> Vec<(&'static str, Value)> {
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let values = |state: &FileState| -> Vec<Value> {
        let attributes: Vec<String> = state
            .xattrs
            .iter()
            .map(|(name, value)| format!("{}={}", visible_string(name), visible_string(value)))
            .collect();
        vec![
            state.digests.md5.map(|sum| digits(&sum)).into(),
            state.digests.sha1.map(|sum| digits(&sum)).into(),
            state.digests.sha256.map(|sum| digits(&sum)).into(),
            state.digests.blake3.map(|sum| digits(&sum)).into(),
            state.uid.to_string().into(),
            state.gid.to_string().into(),
            state.mode.into(),
            state.size_bytes.into(),
            state.inode.into(),
            utc(state.modified).into(),
            state.kind.name().into(),
            state.link_target.as_deref().map(lossless).into(),
            if attributes.is_empty() { Value::Null } else { attributes.join(" ").into() },
        ]
    };
    const KEYS: [[&str; 2]; 13] = [
        ["md5_before", "md5_after"],
        ["sha1_before", "sha1_after"],
        ["sha256_before", "sha256_after"],
        ["blake3_before", "blake3_after"],
        ["owner_before", "owner_after"],
        ["gowner_before", "gowner_after"],
        ["perm_before", "perm_after"],
        ["size_before", "size_after"],
        ["inode_before", "inode_after"],
        ["mtime_before", "mtime_after"],
        ["kind_before", "kind_after"],
        ["link_before", "link_after"],
        ["xattrs_before", "xattrs_after"],
    ];
    let none = vec![Value::Null; KEYS.len()];
    let old = change.old.as_deref().filter(|_| change.kind != ChangeKind::Added);
    let (old, new) = (old.map_or(none.clone(), values), change.new.as_deref().map_or(none, values));
    let pairs = KEYS.into_iter().zip(old.into_iter().zip(new)).filter(|(_, (old, new))| old != new);
    pairs.flat_map(|([before, after], (old, new))| [(before, old), (after, new)]).collect()
}

fn who_object(who: &Who) -> Value {
    let some = |bytes: &[u8]| (!bytes.is_empty()).then(|| lossless(bytes));
    let parent = |parent: &Ancestor| {
        without_nulls(json!({
            "pid": parent.pid, "executable": some(&parent.executable), "command": some(&parent.command),
        }))
    };
    without_nulls(json!({
        "pid": who.pid,
        "executable": some(&who.executable),
        "executable_notes": who.executable_notes.iter().map(ExecutableNote::name).collect::<Vec<_>>(),
        "command": some(&who.command),
        "uid": who.uid,
        "euid": who.euid,
        "gid": who.gid,
        "login_uid": who.login_uid,
        "session": who.session,
        "cgroup": some(&who.cgroup),
        "container": who.container,
        "parents": who.parents.iter().map(parent).collect::<Vec<_>>(),
        "source": who.source.name(),
    }))
}

fn without_nulls(value: Value) -> Value {
    let Value::Object(object) = value else { return value };
    Value::Object(object.into_iter().filter(|(_, value)| !value.is_null() && *value != json!([])).collect())
}

fn utc(time: Timestamp) -> String {
    time.in_zone(&TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `rule` as in alerts.json and archives.json.
fn rule_object(rule: &RuleFacts, fired_times: u64) -> Value {
    let mut object = Map::new();
    object.insert("level".into(), rule.level.0.into());
    object.insert("comment".into(), rule.description.clone().into());
    object.insert("sidid".into(), rule.id.0.into());
    insert_some(&mut object, "cve", rule.cve.as_deref());
    insert_some(&mut object, "info", rule.info.as_deref());
    if !rule.mitre.is_empty() {
        object.insert("mitre".into(), json!({ "id": rule.mitre }));
    }
    if let Some(frequency) = rule.frequency {
        object.insert("frequency".into(), frequency.into());
    }
    object.insert("firedtimes".into(), fired_times.into());
    insert_some(&mut object, "group", Some(&rule.group));
    let (mut groups, mut pci, mut cis) = (Vec::new(), Vec::new(), Vec::new());
    for name in rule.groups() {
        match (name.strip_prefix("pci_dss_"), name.strip_prefix("cis_")) {
            (Some(part), _) => pci.push(part),
            (_, Some(part)) => cis.push(part),
            _ => groups.push(name),
        }
    }
    for (key, names) in [("groups", groups), ("PCI_DSS", pci), ("CIS", cis)] {
        if !names.is_empty() {
            object.insert(key.into(), names.into());
        }
    }
    object.into()
}

/// `decoder_desc` of alerts.json, `decoder` of archives.json.
fn decoder_object(decoder: &DecoderNames) -> Value {
    let mut object = Map::new();
    insert_some(&mut object, "parent", decoder.parent.as_deref());
    object.insert("name".into(), (&*decoder.name).into());
    object.into()
}

fn insert_some(object: &mut Map<String, Value>, key: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        object.insert(key.into(), value.into());
    }
}

fn insert_bytes(object: &mut Map<String, Value>, key: &str, value: Option<&[u8]>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        object.insert(key.into(), lossless(value).into());
    }
}

fn insert_field(object: &mut Map<String, Value>, fields: &Fields, name: &FieldName) {
    insert_bytes(object, name.as_str(), fields.value(name));
}

/// A decoder's own fields under their own names; one that OSSEC's keys already use gets `field_`.
fn insert_dynamic(object: &mut Map<String, Value>, fields: &Fields) {
    const LATER_KEYS: [&str; 11] = [
        "decoder_desc",
        "agent_name",
        "agentip",
        "timestamp",
        "logfile",
        "evidence",
        "decoder",
        "full_log",
        "id",
        "target",
        "untrusted_sender",
    ];
    for field in &fields.0 {
        if let FieldName::Dynamic(name) = &field.name {
            let mut key = name.to_string();
            while object.contains_key(&key) || LATER_KEYS.contains(&key.as_str()) {
                key.insert_str(0, "field_");
            }
            insert_bytes(object, &key, Some(&field.value));
        }
    }
}

fn push_line(out: &mut Vec<u8>, object: Map<String, Value>) {
    out.extend_from_slice(plain_json(&Value::Object(object).to_string()).as_bytes());
    out.push(b'\n');
}

fn previous_output(alert: &Alert) -> Option<&[u8]> {
    alert.previous_output.as_deref().or_else(|| alert.evidence.get(1).map(|line| line.full_log.as_slice()))
}
