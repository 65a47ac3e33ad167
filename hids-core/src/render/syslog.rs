//! Messages of `<syslog_output>`.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::alert_log::push_origin;
use super::text::{cut, lossless, own_lines, visible_string};
use crate::escape::plain_json;
use crate::model::{Alert, FieldName, FileNotice, FimEvent};

/// Longest message in bytes (`OS_SIZE_6144` in `src/os_csyslogd/alert.c`); the log is cut to fit.
const MESSAGE_LIMIT_BYTES: usize = 6144;

/// local0.warning, always (`src/os_csyslogd`).
const PRIORITY: &str = "<132>";

/// Layout of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyslogLayout {
    /// OSSEC's own.
    Default,
    /// ArcSight CEF.
    Cef,
    /// JSON.
    Json,
    /// Splunk `key="value"`.
    Splunk,
}

impl SyslogLayout {
    /// The values of `<format>`.
    pub const NAMES: [(&str, Self); 4] =
        [("default", Self::Default), ("cef", Self::Cef), ("json", Self::Json), ("splunk", Self::Splunk)];
}

/// The message about `alert`: one line without its end, at most 6144 bytes.
///
/// `host` is this machine's name as the receiver should see it. Unlike OSSEC's, quotes inside
/// Splunk values are escaped and newlines never get through.
pub fn syslog_message(alert: &Alert, layout: SyslogLayout, host: &str, zone: &TimeZone) -> String {
    let host = visible_string(host.as_bytes()).replace(' ', "_");
    let time = alert.time.in_zone(zone).strftime("%b %e %H:%M:%S").to_string();
    match layout {
        SyslogLayout::Default => default_message(alert, &format!("{PRIORITY}{time} {host} ossec: ")),
        SyslogLayout::Cef => cef_message(alert, &format!("{PRIORITY}{time} "), &host),
        SyslogLayout::Json => json_message(alert, &format!("{PRIORITY}{time} {host} ossec: ")),
        SyslogLayout::Splunk => splunk_message(alert, &format!("{PRIORITY}{time} {host} ossec: ")),
    }
}

fn default_message(alert: &Alert, head: &str) -> String {
    let rule = &alert.rule;
    let mut out = format!(
        "{head}Alert Level: {}; Rule: {} - {}; Location: {};",
        rule.level,
        rule.id,
        plain(&rule.description),
        origin(alert),
    );
    push_some(&mut out, " classification: ", Some(plain(&rule.group)), ";");
    push_some(&mut out, " srcip: ", field(alert, &FieldName::SrcIp), ";");
    push_some(&mut out, " dstip: ", field(alert, &FieldName::DstIp), ";");
    push_some(&mut out, " user: ", field(alert, &FieldName::DstUser), ";");
    let changed = Changed::of(alert);
    for (label, value) in [
        (" Previous MD5: ", changed.md5.0),
        (" Current MD5: ", changed.md5.1),
        (" Previous SHA1: ", changed.sha1.0),
        (" Current SHA1: ", changed.sha1.1),
        (" Size changed: ", changed.size),
        (" User ownership: ", changed.owner),
        (" Group ownership: ", changed.group),
        (" Permissions changed: ", changed.permissions),
    ] {
        push_some(&mut out, label, value, ";");
    }
    out.push(' ');
    push_cut(&mut out, &log_text(alert), "");
    out
}

fn cef_message(alert: &Alert, head: &str, host: &str) -> String {
    let rule = &alert.rule;
    let mut out = format!(
        "{head}CEF:0|OSSEC Foundation|OSSEC HIDS|v4.2.0|{}|{}|{}|dvc={} cs1Label=Location cs1={}",
        rule.id,
        cef_header(&rule.description),
        rule.level.0.min(10),
        cef(host),
        cef(&origin(alert)),
    );
    push_some(&mut out, " classification=", Some(cef(&plain(&rule.group))), "");
    for (label, name) in [
        (" src=", FieldName::SrcIp),
        (" dpt=", FieldName::DstPort),
        (" spt=", FieldName::SrcPort),
        (" fname=", FieldName::FileName),
        (" dhost=", FieldName::DstIp),
        (" shost=", FieldName::SrcIp),
        (" suser=", FieldName::DstUser),
        (" dst=", FieldName::DstIp),
    ] {
        push_some(&mut out, label, field(alert, &name).map(|value| cef(&value)), "");
    }
    let Changed { md5, sha1, .. } = Changed::of(alert);
    push_some(&mut out, " cs2Label=OldMD5 cs2=", md5.0, "");
    push_some(&mut out, " cs3Label=NewMD5 cs3=", md5.1, "");
    push_some(&mut out, " oldFileHash=", sha1.0, "");
    push_some(&mut out, " fhash=", sha1.1.clone(), "");
    push_some(&mut out, " fileHash=", sha1.1, "");
    out.push_str(" msg=");
    push_cut(&mut out, &cef(&log_text(alert)), "");
    out
}

fn json_message(alert: &Alert, head: &str) -> String {
    let text = |name| alert.fields.value(&name).filter(|value| !value.is_empty()).map(lossless);
    let mut object = Map::new();
    let mut insert = |key: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            object.insert(key.into(), value.into());
        }
    };
    insert("component", Some(origin(alert)));
    insert("classification", Some(alert.rule.group.clone()));
    insert("description", Some(alert.rule.description.clone()));
    insert("message", Some(lossless(&alert.full_log)));
    insert("acct", text(FieldName::DstUser));
    insert("src_ip", text(FieldName::SrcIp));
    let source_port = text(FieldName::SrcPort);
    insert("src_port", source_port);
    insert("dst_ip", text(FieldName::DstIp));
    insert("dst_port", text(FieldName::DstPort));
    insert("file", text(FieldName::FileName));
    let Changed { md5, sha1, .. } = Changed::of(alert);
    for (key, value) in [("md5_old", md5.0), ("md5_new", md5.1), ("sha1_old", sha1.0), ("sha1_new", sha1.1)] {
        insert(key, value);
    }
    let mut whole = Map::new();
    whole.insert("crit".into(), alert.rule.level.0.into());
    whole.insert("id".into(), alert.rule.id.0.into());
    whole.extend(object);
    let line = format!("{head}{}", plain_json(&Value::Object(whole).to_string()));
    if line.len() <= MESSAGE_LIMIT_BYTES {
        return line;
    }
    format!("{head}{}", json!({ "crit": alert.rule.level.0, "id": alert.rule.id.0, "truncated": true }))
}

fn splunk_message(alert: &Alert, head: &str) -> String {
    let rule = &alert.rule;
    let mut out = format!(
        "{head}crit={} id={} description=\"{}\" component=\"{}\",",
        rule.level,
        rule.id,
        quoted(&plain(&rule.description)),
        quoted(&origin(alert)),
    );
    push_some(&mut out, " classification=\"", Some(quoted(&plain(&rule.group))), "\",");
    for (label, name, end) in [
        (" src_ip=\"", FieldName::SrcIp, "\","),
        (" src_port=\"", FieldName::SrcPort, "\","),
        (" dst_ip=\"", FieldName::DstIp, "\","),
        (" dst_port=\"", FieldName::DstPort, "\","),
        (" file=\"", FieldName::FileName, "\","),
        (" acct=\"", FieldName::DstUser, "\","),
    ] {
        push_some(&mut out, label, field(alert, &name).map(|value| quoted(&value)), end);
    }
    let Changed { md5, sha1, .. } = Changed::of(alert);
    for (label, value) in
        [(" md5_old=\"", md5.0), (" md5_new=\"", md5.1), (" sha1_old=\"", sha1.0), (" sha1_new=\"", sha1.1)]
    {
        push_some(&mut out, label, value, "\",");
    }
    out.push_str(" message=\"");
    push_cut(&mut out, &quoted(&log_text(alert)), "\"");
    out
}

/// What OSSEC's messages say of a changed file: its `csyslogd` reads it from the lines of alerts.log.
#[derive(Default)]
struct Changed {
    md5: (Option<String>, Option<String>),
    sha1: (Option<String>, Option<String>),
    size: Option<String>,
    owner: Option<String>,
    group: Option<String>,
    permissions: Option<String>,
}

impl Changed {
    fn of(alert: &Alert) -> Self {
        let mut found = Self::default();
        if !matches!(alert.notice.as_deref(), Some(FileNotice { news: FimEvent::Change(_), .. })) {
            return found;
        }
        for line in own_lines(&alert.full_log) {
            let line = visible_string(line);
            if line == "What changed:" {
                break;
            }
            let unquoted = |text: &str| Some(text.trim_matches('\'').to_owned());
            match line.split_once([':', ' ']) {
                _ if line.starts_with("Old md5sum was: ") => found.md5.0 = unquoted(&line[16..]),
                _ if line.starts_with("New md5sum is : ") => found.md5.1 = unquoted(&line[16..]),
                _ if line.starts_with("Old sha1sum was: ") => found.sha1.0 = unquoted(&line[17..]),
                _ if line.starts_with("New sha1sum is : ") => found.sha1.1 = unquoted(&line[17..]),
                Some(("Size", rest)) => found.size = rest.strip_prefix("changed ").map(str::to_owned),
                Some(("Ownership", rest)) => found.owner = Some(rest.to_owned()),
                Some(("Group", rest)) => found.group = rest.strip_prefix("ownership ").map(str::to_owned),
                Some(("Permissions", rest)) => found.permissions = rest.strip_prefix("changed ").map(str::to_owned),
                _ => {}
            }
        }
        found
    }
}

/// `HOST->LOCATION` as alerts.log shows it.
fn origin(alert: &Alert) -> String {
    let mut bytes = Vec::new();
    push_origin(&mut bytes, &alert.hostname, &alert.source);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn log_text(alert: &Alert) -> String {
    visible_string(&alert.full_log)
}

fn plain(text: &str) -> String {
    visible_string(text.as_bytes())
}

/// A field's value, cut so that the fields together leave room for the log.
fn field(alert: &Alert, name: &FieldName) -> Option<String> {
    Some(cut(&visible_string(alert.fields.value(name)?), 256).to_owned())
}

fn push_some(out: &mut String, label: &str, value: Option<String>, end: &str) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        out.push_str(label);
        out.push_str(&value);
        out.push_str(end);
    }
}

/// Appends as much of `text` as fits with `end` after it; an escape is not cut in two.
fn push_cut(out: &mut String, text: &str, end: &str) {
    if out.len() + end.len() > MESSAGE_LIMIT_BYTES {
        // Only an administrator's description or location can be this long.
        out.truncate(cut(out, MESSAGE_LIMIT_BYTES - end.len()).len());
    }
    let mut fits = cut(text, MESSAGE_LIMIT_BYTES - end.len() - out.len()).len();
    let backslashes = text[..fits].bytes().rev().take_while(|&byte| byte == b'\\').count();
    if fits < text.len() && backslashes % 2 == 1 {
        fits -= 1;
    }
    out.push_str(&text[..fits]);
    out.push_str(end);
}

fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn cef_header(text: &str) -> String {
    plain(text).replace('\\', "\\\\").replace('|', "\\|")
}

fn cef(text: &str) -> String {
    text.replace('\\', "\\\\").replace('=', "\\=")
}
