//! What the engine says of one line: borrowed until an alert is made of it.

use std::ops::Range;
use std::sync::Arc;

use super::{Dropped, Engine};
use crate::decode::{Decoded, DecoderTrial, EventKind, FieldId};
use crate::model::{Alert, AlertId, DecoderNames, Field, FieldName, Fields, LogSource, RuleFacts, RuleStep, Timestamp};
use crate::predecode::Predecoded;
use crate::rules::{Judged, RuleTrial};

/// Everything that was tried on a line.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// Decoders in the order in which they were tried.
    pub decoders: Vec<DecoderTrial>,
    /// Rules in the order in which they were tried.
    pub rules: Vec<RuleTrial>,
}

/// Where the parts of a line are.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    hostname: Option<Range<usize>>,
    program_name: Option<Range<usize>>,
    log: Range<usize>,
}

impl Parts {
    pub(super) fn of(line: &[u8], found: &Predecoded<'_>) -> Self {
        let range = |part: &[u8]| {
            // A part of `line`, so that the difference is an offset in it.
            let start = (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
            start..start + part.len()
        };
        Self {
            hostname: found.hostname.map(range),
            program_name: found.program_name.map(range),
            log: found.log_offset..found.log_offset + found.log.len(),
        }
    }
}

/// What the stages say of a line.
pub(super) struct Answer {
    pub decoded: Decoded,
    pub dropped: Option<Dropped>,
    pub judged: Judged,
}

/// The answer to one line.
pub struct Outcome<'a> {
    pub(super) engine: &'a Engine,
    pub(super) source: &'a Arc<LogSource>,
    pub(super) line: &'a [u8],
    pub(super) now: Timestamp,
    pub(super) parts: Parts,
    pub(super) answer: Answer,
}

impl<'a> Outcome<'a> {
    /// The line as it was analysed: in the strict mode without control bytes.
    pub fn full_log(&self) -> &'a [u8] {
        self.line
    }

    /// The message.
    pub fn log(&self) -> &'a [u8] {
        &self.line[self.parts.log.clone()]
    }

    /// Where the message starts in the line.
    pub fn log_offset(&self) -> usize {
        self.parts.log.start
    }

    /// Host in the line.
    pub fn hostname_in_line(&self) -> Option<&'a [u8]> {
        self.parts.hostname.clone().map(|range| &self.line[range])
    }

    /// Host in the line, or this machine.
    pub fn hostname(&self) -> &'a [u8] {
        self.hostname_in_line().unwrap_or(&self.engine.options.default_hostname)
    }

    /// Program in the line.
    pub fn program_name(&self) -> Option<&'a [u8]> {
        self.parts.program_name.clone().map(|range| &self.line[range])
    }

    /// Name of the decoder that alerts show.
    pub fn decoder(&self) -> Option<&'a Arc<str>> {
        Some(self.engine.decoders.name(self.answer.decoded.name?))
    }

    /// Name of its parent, when a child decoder took the line.
    pub fn decoder_parent(&self) -> Option<&'a Arc<str>> {
        Some(self.engine.decoders.name(self.engine.decoders.parent_name(&self.answer.decoded)?))
    }

    /// Kind of the event.
    pub fn kind(&self) -> EventKind {
        self.answer.decoded.kind
    }

    /// Decoded fields in the order in which they were extracted.
    pub fn fields(&self) -> impl Iterator<Item = (&'a FieldName, &'a [u8])> {
        let engine = self.engine;
        let log: &'a [u8] = self.log();
        engine.scratch.fields.iter(log).map(|(id, value)| (engine.decoders.fields().name(id), value))
    }

    /// Everything extracted: also the earlier values of fields that a decoder set twice, in the
    /// order in which OSSEC's logtest prints them.
    pub fn extracted(&self) -> impl Iterator<Item = (&'a FieldName, &'a [u8])> {
        let engine = self.engine;
        let log: &'a [u8] = self.log();
        engine.scratch.fields.extracted(log).map(|(id, value)| (engine.decoders.fields().name(id), value))
    }

    /// The peer's address as written, if a decoder extracted one.
    pub fn source_ip(&self) -> Option<&'a [u8]> {
        self.engine.scratch.fields.value(FieldId::SRC_IP, self.log())
    }

    /// The rule that won, of level 0 included.
    pub fn rule(&self) -> Option<&'a Arc<RuleFacts>> {
        self.answer.judged.rule.map(|rule| self.engine.rules.facts_of(rule))
    }

    /// The rules that matched on the way, root first, the winning rule last.
    pub fn chain(&self) -> impl Iterator<Item = &'a Arc<RuleFacts>> {
        let engine = self.engine;
        let chain: &[u32] = if self.answer.judged.rule.is_some() { engine.state.chain() } else { &[] };
        chain.iter().map(|&rule| engine.rules.facts_of(rule))
    }

    /// Where the line comes from.
    pub fn source(&self) -> &'a Arc<LogSource> {
        self.source
    }

    /// How often the rule that won has fired since start, this time included; 0 without a rule.
    pub fn fired_times(&self) -> u64 {
        self.answer.judged.rule.map_or(0, |rule| self.engine.state.fired_times(rule))
    }

    /// Whether the event is an alert that somebody must see: recorded, or bound to a response.
    pub fn is_alert(&self) -> bool {
        self.answer.judged.recorded || self.answer.judged.may_respond
    }

    /// Whether the alert is recorded.
    pub fn is_recorded(&self) -> bool {
        self.answer.judged.recorded
    }

    /// Whether it is mailed.
    pub fn is_mailed(&self) -> bool {
        self.answer.judged.mailed
    }

    /// Whether an active response may be bound to it.
    pub fn may_respond(&self) -> bool {
        self.answer.judged.may_respond
    }

    /// Whether the rule's `ignore` window, or a stored combination, swallowed it.
    pub fn is_ignored(&self) -> bool {
        self.answer.judged.ignored
    }

    /// Why the line is neither judged nor archived, in the strict mode as OSSEC's daemon.
    pub fn dropped(&self) -> Option<Dropped> {
        self.answer.dropped
    }

    /// The alert, owned; `None` when no rule wants the event.
    pub fn to_alert(&self, id: AlertId) -> Option<Alert> {
        let state = &self.engine.state;
        let step =
            |rule: &Arc<RuleFacts>| RuleStep { id: rule.id, level: rule.level, description: rule.description.clone() };
        let decoder =
            self.decoder().map(|name| DecoderNames { name: name.clone(), parent: self.decoder_parent().cloned() });
        let field = |(name, value): (&FieldName, &[u8])| Field { name: name.clone(), value: value.to_vec() };
        Some(Alert {
            id,
            time: self.now,
            rule: self.rule()?.clone(),
            fired_times: state.fired_times(self.answer.judged.rule?),
            chain: self.chain().map(step).collect(),
            recorded: self.answer.judged.recorded,
            mailed: self.answer.judged.mailed,
            decoder,
            fields: Fields(self.fields().map(field).collect()),
            hostname: self.hostname().to_vec(),
            program_name: self.program_name().map(<[u8]>::to_vec),
            source: self.alert_source(),
            full_log: self.line.to_vec(),
            log_offset: self.log_offset(),
            evidence: state.evidence().to_vec(),
            previous_output: state.previous_output().map(<[u8]>::to_vec),
        })
    }

    /// An alert forwarded by another OSSEC names the place it came from there, too.
    fn alert_source(&self) -> Arc<LogSource> {
        let forwarded = self.answer.decoded.original_rule.and_then(|_| crate::decode::forwarded_location(self.log()));
        match forwarded {
            None => Arc::clone(self.source),
            Some(place) => Arc::new(LogSource {
                location: format!("{}|{}", self.source.location, String::from_utf8_lossy(place)),
                channel: self.source.channel,
            }),
        }
    }
}
