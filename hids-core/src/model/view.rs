//! An alert borrowed: what the busiest outputs need, without a copy.

use std::borrow::Cow;

use super::{
    Alert, AlertId, AttackedTarget, DecoderNames, FieldName, Fields, FileNotice, RuleFacts, Timestamp, UntrustedSender,
};

/// The parts of an [`Alert`] that alerts.json shows, wherever they are kept.
#[derive(Debug)]
pub struct AlertView<'a> {
    /// Its name.
    pub id: AlertId,
    /// When the event was received.
    pub time: Timestamp,
    /// The rule that won.
    pub rule: &'a RuleFacts,
    /// How often that rule has fired since start, this time included.
    pub fired_times: u64,
    /// The decoder, if one took the line.
    pub decoder: Option<DecoderNames>,
    /// The decoded fields.
    pub fields: FieldsView<'a>,
    /// Host name from the line, or this machine's.
    pub hostname: &'a [u8],
    /// Program name from the line.
    pub program_name: Option<&'a [u8]>,
    /// What stands after `HOST->`.
    pub location: Cow<'a, str>,
    /// The whole line.
    pub full_log: &'a [u8],
    /// Earlier lines that a composite rule counted, newest first.
    pub evidence: Vec<&'a [u8]>,
    /// What many sources are directed at, where a rule says so.
    pub target: Option<&'a AttackedTarget>,
    /// For `check_diff`: the output before this one.
    pub previous_output: Option<&'a [u8]>,
    /// What file integrity told, when the event is its.
    pub notice: Option<&'a FileNotice>,
    /// Who sent the line, where that is not confirmed to be the program that it names.
    pub untrusted: Option<&'a UntrustedSender>,
}

/// Decoded fields in extraction order.
#[derive(Debug, Default)]
pub struct FieldsView<'a>(pub Vec<(&'a FieldName, &'a [u8])>);

impl<'a> FieldsView<'a> {
    /// The value of `name`, if it was extracted.
    pub fn value(&self, name: &FieldName) -> Option<&'a [u8]> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

impl<'a> From<&'a Fields> for FieldsView<'a> {
    fn from(fields: &'a Fields) -> Self {
        Self(fields.0.iter().map(|field| (&field.name, field.value.as_slice())).collect())
    }
}

impl<'a> From<&'a Alert> for AlertView<'a> {
    fn from(alert: &'a Alert) -> Self {
        Self {
            id: alert.id,
            time: alert.time,
            rule: &alert.rule,
            fired_times: alert.fired_times,
            decoder: alert.decoder.clone(),
            fields: FieldsView::from(&alert.fields),
            hostname: &alert.hostname,
            program_name: alert.program_name.as_deref(),
            location: Cow::Borrowed(&alert.source.location),
            full_log: &alert.full_log,
            evidence: alert.evidence.iter().map(|line| line.full_log.as_slice()).collect(),
            target: alert.target.as_deref(),
            previous_output: alert.previous_output.as_deref(),
            notice: alert.notice.as_deref(),
            untrusted: alert.untrusted.as_deref(),
        }
    }
}
