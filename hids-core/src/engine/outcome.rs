//! Result of analysing one line, borrowed until an alert is created.

use std::borrow::Cow;
use std::sync::Arc;

use super::compiled::Compiled;
use super::dropped::Dropped;
use super::line_analysis::LineAnalysis;
use crate::decode::{DecoderTrial, EventKind, FieldId};
use crate::model::{
    Alert, AlertId, AlertView, DecoderNames, EvidenceLine, Field, FieldName, Fields, FieldsView, FileNotice, LogSource,
    RuleFacts, RuleStep, Timestamp, UntrustedSender,
};
use crate::rules::{RuleMatch, RuleState, RuleTrial};

/// Everything that was tried on a line.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// Decoders in the order in which they were tried.
    pub decoders: Vec<DecoderTrial>,
    /// Rules in the order in which they were tried.
    pub rules: Vec<RuleTrial>,
}

/// The answer to one line.
pub struct Outcome<'a> {
    pub(super) compiled: &'a Compiled,
    pub(super) state: &'a RuleState,
    pub(super) prepared: &'a LineAnalysis,
    pub(super) source: &'a Arc<LogSource>,
    pub(super) line: &'a [u8],
    pub(super) notice: Option<&'a Arc<FileNotice>>,
    pub(super) untrusted: Option<&'a Arc<UntrustedSender>>,
    pub(super) now: Timestamp,
    pub(super) dropped: Option<Dropped>,
    pub(super) matched: RuleMatch,
}

impl<'a> Outcome<'a> {
    /// The line as it was analysed: in the strict mode without control bytes, by default without the wrapper of a
    /// container runtime.
    pub fn full_log(&self) -> &'a [u8] {
        self.line
    }

    /// The message.
    pub fn log(&self) -> &'a [u8] {
        &self.line[self.prepared.parts.log.clone()]
    }

    /// Where the message starts in the line.
    pub fn log_offset(&self) -> usize {
        self.prepared.parts.log.start
    }

    /// Host in the line.
    pub fn hostname_in_line(&self) -> Option<&'a [u8]> {
        self.prepared.parts.hostname.clone().map(|range| &self.line[range])
    }

    /// Host in the line, or this machine.
    pub fn hostname(&self) -> &'a [u8] {
        self.hostname_in_line().unwrap_or(&self.compiled.options.default_hostname)
    }

    /// Program in the line.
    pub fn program_name(&self) -> Option<&'a [u8]> {
        self.prepared.parts.program_name.clone().map(|range| &self.line[range])
    }

    /// Name of the decoder that alerts show.
    pub fn decoder(&self) -> Option<&'a Arc<str>> {
        Some(self.compiled.decoders.name(self.prepared.decoded.name?))
    }

    /// Name of its parent, when a child decoder took the line.
    pub fn decoder_parent(&self) -> Option<&'a Arc<str>> {
        Some(self.compiled.decoders.name(self.compiled.decoders.parent_name(&self.prepared.decoded)?))
    }

    /// Kind of the event.
    pub fn kind(&self) -> EventKind {
        self.prepared.decoded.kind
    }

    /// Decoded fields in the order in which they were extracted.
    pub fn fields(&self) -> impl Iterator<Item = (&'a FieldName, &'a [u8])> {
        let (compiled, prepared) = (self.compiled, self.prepared);
        let log: &'a [u8] = self.log();
        let known = prepared.fields.iter(log).map(|(id, value)| (compiled.decoders.fields().name(id), value));
        known.chain(prepared.fields.named(log))
    }

    /// Everything extracted: also the earlier values of fields that a decoder set twice, in the
    /// order in which OSSEC's logtest prints them.
    pub fn extracted(&self) -> impl Iterator<Item = (&'a FieldName, &'a [u8])> {
        let (compiled, prepared) = (self.compiled, self.prepared);
        let log: &'a [u8] = self.log();
        let known = prepared.fields.extracted(log).map(|(id, value)| (compiled.decoders.fields().name(id), value));
        known.chain(prepared.fields.named(log))
    }

    /// The peer's address as written, if a decoder extracted one.
    pub fn source_ip(&self) -> Option<&'a [u8]> {
        self.prepared.fields.value(FieldId::SRC_IP, self.log())
    }

    /// The rule that won, of level 0 included.
    pub fn rule(&self) -> Option<&'a Arc<RuleFacts>> {
        self.matched.rule.map(|rule| self.compiled.rules.facts_of(rule))
    }

    /// The rules that matched on the way, root first, the winning rule last.
    pub fn chain(&self) -> impl Iterator<Item = &'a Arc<RuleFacts>> {
        let compiled = self.compiled;
        let chain: &[u32] = if self.matched.rule.is_some() { self.state.chain() } else { &[] };
        chain.iter().map(|&rule| compiled.rules.facts_of(rule))
    }

    /// Where the line comes from.
    pub fn source(&self) -> &'a Arc<LogSource> {
        self.source
    }

    /// What file integrity told, when the event is its.
    pub fn notice(&self) -> Option<&'a Arc<FileNotice>> {
        self.notice
    }

    /// Who sent the line, where that is not confirmed to be the program that it names.
    pub fn untrusted(&self) -> Option<&'a Arc<UntrustedSender>> {
        self.untrusted
    }

    /// How often the rule that won has fired since start, this time included; 0 without a rule.
    pub fn fired_times(&self) -> u64 {
        self.matched.rule.map_or(0, |rule| self.state.fired_times(rule))
    }

    /// Whether the event is an alert that somebody must see: recorded, or bound to a response.
    pub fn is_alert(&self) -> bool {
        self.matched.recorded || self.matched.may_respond
    }

    /// Whether the alert is recorded.
    pub fn is_recorded(&self) -> bool {
        self.matched.recorded
    }

    /// Whether it is mailed.
    pub fn is_mailed(&self) -> bool {
        self.matched.mailed
    }

    /// Whether an active response may be bound to it.
    pub fn may_respond(&self) -> bool {
        self.matched.may_respond
    }

    /// Whether the rule's `ignore` window, or a stored combination, swallowed it.
    pub fn is_ignored(&self) -> bool {
        self.matched.ignored
    }

    /// Why the line is neither matched nor archived, in the strict mode as OSSEC's daemon.
    pub fn dropped(&self) -> Option<Dropped> {
        self.dropped
    }

    /// The alert, borrowed, for the outputs that need no copy; `None` when no rule wants the event.
    pub fn view(&self, id: AlertId) -> Option<AlertView<'a>> {
        let state = self.state;
        Some(AlertView {
            id,
            time: self.now,
            rule: self.rule()?,
            fired_times: self.fired_times(),
            decoder: self.decoder_names(),
            fields: FieldsView(self.fields().collect()),
            hostname: self.hostname(),
            program_name: self.program_name(),
            location: match self.forwarded_location() {
                None => Cow::Borrowed(&self.source.location),
                Some(location) => Cow::Owned(location),
            },
            full_log: self.line,
            evidence: state.evidence().map(|(_, line)| line).collect(),
            target: state.target(),
            previous_output: state.previous_output(),
            notice: self.notice.map(|notice| &**notice),
            untrusted: self.untrusted.map(|sender| &**sender),
        })
    }

    /// The alert, owned; `None` when no rule wants the event.
    pub fn to_alert(&self, id: AlertId) -> Option<Alert> {
        let state = self.state;
        let step =
            |rule: &Arc<RuleFacts>| RuleStep { id: rule.id, level: rule.level, description: rule.description.clone() };
        let field = |(name, value): (&FieldName, &[u8])| Field { name: name.clone(), value: value.to_vec() };
        let evidence = |(time, line): (Timestamp, &[u8])| EvidenceLine { time, full_log: line.to_vec() };
        Some(Alert {
            id,
            time: self.now,
            rule: Arc::clone(self.rule()?),
            fired_times: state.fired_times(self.matched.rule?),
            chain: self.chain().map(step).collect(),
            recorded: self.matched.recorded,
            mailed: self.matched.mailed,
            decoder: self.decoder_names(),
            fields: Fields(self.fields().map(field).collect()),
            hostname: self.hostname().to_vec(),
            program_name: self.program_name().map(<[u8]>::to_vec),
            source: self.alert_source(),
            full_log: self.line.to_vec(),
            log_offset: self.log_offset(),
            evidence: state.evidence().map(evidence).collect(),
            target: state.target().cloned().map(Box::new),
            previous_output: state.previous_output().map(<[u8]>::to_vec),
            notice: self.notice.cloned(),
            untrusted: self.untrusted.cloned(),
        })
    }

    fn decoder_names(&self) -> Option<DecoderNames> {
        Some(DecoderNames { name: Arc::clone(self.decoder()?), parent: self.decoder_parent().cloned() })
    }

    fn alert_source(&self) -> Arc<LogSource> {
        match self.forwarded_location() {
            None => Arc::clone(self.source),
            Some(location) => Arc::new(LogSource { location, channel: self.source.channel }),
        }
    }

    /// An alert forwarded by another OSSEC names the place it came from there, too.
    fn forwarded_location(&self) -> Option<String> {
        self.prepared.decoded.original_rule?;
        let place = crate::decode::forwarded_location(self.log())?;
        Some(format!("{}|{}", self.source.location, String::from_utf8_lossy(place)))
    }
}
