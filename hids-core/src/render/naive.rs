//! alerts.json made by way of a tree of values: slow, and plainly right. The writer is compared with it.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::text::{lossless, plain_json};
use crate::model::{Alert, DecoderNames, FieldName, Fields, RuleFacts};

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
    if let Some(path) = alert.fields.value(&FieldName::FileName) {
        object.insert("SyscheckFile".into(), json!({ "path": lossless(path) }));
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
    push_line(out, object);
}

/// `rule` as in alerts.json and archives.json.
fn rule_object(rule: &RuleFacts, fired_times: u64) -> Value {
    let mut object = Map::new();
    object.insert("level".into(), rule.level.0.into());
    object.insert("comment".into(), rule.description.clone().into());
    object.insert("sidid".into(), rule.id.0.into());
    insert_some(&mut object, "cve", rule.cve.as_deref());
    insert_some(&mut object, "info", rule.info.as_deref());
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
    const LATER_KEYS: [&str; 9] =
        ["decoder_desc", "agent_name", "agentip", "timestamp", "logfile", "evidence", "decoder", "full_log", "id"];
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
