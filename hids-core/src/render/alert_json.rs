//! alerts.json: one object per line with OSSEC's keys in OSSEC's order.

use jiff::tz::TimeZone;

use super::alert_log::push_local_time;
use super::json::{Object, decoder_object, push_number, rule_object};
use super::syscheck::syscheck_file;
use crate::join::Tally;
use crate::model::{Alert, AlertId, AlertView, AttackedTarget, FieldName, UntrustedSender};

/// Appends the line of `alert`.
///
/// Differences from OSSEC 4.3.0: `PCI_DSS` and `CIS` values keep their last character (OSSEC cuts
/// it), and a composite rule's earlier lines stand in `evidence` at the end (`previous_output` holds
/// only the second of them, as OSSEC's does). Bytes that are not UTF-8 read `\x1b`; everything else
/// comes back exactly as it was logged. `untrusted_sender` says who sent a line that the journal does not
/// confirm; no response follows such an alert.
pub fn alert_json(out: &mut Vec<u8>, alert: &Alert, zone: &TimeZone) {
    alert_view_json(out, &alert.into(), zone);
}

/// How a record belongs to others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinship {
    /// The alert in alerts.log (and the mail) that stands for this one, too: `group_id`.
    pub group: Option<AlertId>,
    /// How many equal alerts this one stands for: `count`, `first_time`, `last_time` (in milliseconds since
    /// 1970, as `TimeStamp`). A record without it stands for one.
    pub tally: Option<Tally>,
}

/// [`alert_json`] of an alert that was joined with others, or that others were folded into.
pub fn alert_json_of_many(out: &mut Vec<u8>, alert: &Alert, zone: &TimeZone, kinship: Kinship) {
    write(out, &alert.into(), zone, kinship);
}

/// [`alert_json`] of an alert that is borrowed from the engine.
pub fn alert_view_json(out: &mut Vec<u8>, alert: &AlertView<'_>, zone: &TimeZone) {
    write(out, alert, zone, Kinship::default());
}

fn write(out: &mut Vec<u8>, alert: &AlertView<'_>, zone: &TimeZone, kinship: Kinship) {
    const PEERS: [FieldName; 8] = [
        FieldName::Action,
        FieldName::Protocol,
        FieldName::SrcIp,
        FieldName::SrcPort,
        FieldName::SrcUser,
        FieldName::DstIp,
        FieldName::DstPort,
        FieldName::DstUser,
    ];
    let fields = &alert.fields;
    let mut object = Object::start(out);
    object.object("rule", |object| rule_object(object, alert.rule, alert.fired_times));
    object.plain("id", |out| push_id(out, alert.id));
    object.number("TimeStamp", alert.time.unix_seconds() * 1000);
    if let Some(decoder) = &alert.decoder {
        object.text("decoder", decoder.name.as_bytes());
        object.some("decoder_parent", decoder.parent.as_deref().map(str::as_bytes));
    }
    PEERS.into_iter().for_each(|name| object.field(fields, name));
    object.text("location", alert.location.as_bytes());
    object.text("full_log", alert.full_log);
    let previous = alert.previous_output.or_else(|| alert.evidence.get(1).copied());
    if let Some(previous) = previous {
        object.text("previous_output", previous);
    }
    let path = fields.value(&FieldName::FileName);
    if path.is_some() || alert.notice.is_some() {
        object.object("SyscheckFile", |object| syscheck_file(object, path, alert.notice));
    }
    object.some("hostname", Some(alert.hostname));
    object.some("program_name", alert.program_name);
    for name in [FieldName::Status, FieldName::Url, FieldName::Data, FieldName::SystemName] {
        object.field(fields, name);
    }
    object.own_fields(fields);
    if let Some(decoder) = &alert.decoder {
        object.object("decoder_desc", |object| decoder_object(object, decoder));
    }
    object.some("agent_name", Some(alert.hostname));
    object.plain("timestamp", |out| push_local_time(out, alert.time, zone));
    object.text("logfile", alert.location.as_bytes());
    object.texts("evidence", alert.evidence.iter().copied());
    push_kinship(&mut object, kinship);
    if let Some(target) = alert.target {
        object.object("target", |object| attacked_target(object, target));
    }
    if let Some(sender) = alert.untrusted {
        object.object("untrusted_sender", |object| untrusted_sender(object, sender));
    }
    object.end();
    out.push(b'\n');
}

fn push_kinship(object: &mut Object<'_>, kinship: Kinship) {
    if let Some(group) = kinship.group {
        object.plain("group_id", |out| push_id(out, group));
    }
    if let Some(tally) = kinship.tally {
        object.number("count", i64::try_from(tally.count).unwrap_or(i64::MAX));
        object.number("first_time", tally.first.unix_nanos() / 1_000_000);
        object.number("last_time", tally.last.unix_nanos() / 1_000_000);
    }
}

fn push_id(out: &mut Vec<u8>, id: AlertId) {
    push_number(out, id.epoch_seconds);
    out.push(b'.');
    push_number(out, i64::try_from(id.sequence).unwrap_or(i64::MAX));
}

fn attacked_target(object: &mut Object<'_>, target: &AttackedTarget) {
    object.text("kind", target.kind.as_str().as_bytes());
    object.text("name", &target.name);
    object.number("networks", target.networks.into());
    object.number("seconds", target.seconds.into());
    let sources: Vec<String> = target.sources.iter().map(ToString::to_string).collect();
    object.texts("sources", sources.iter().map(String::as_bytes));
}

fn untrusted_sender(object: &mut Object<'_>, sender: &UntrustedSender) {
    object.text("reason", sender.doubt.as_str().as_bytes());
    if let Some(uid) = sender.uid {
        object.number("uid", uid.into());
    }
    object.some("executable", sender.executable.as_deref());
    object.some("unit", sender.unit.as_deref());
}
