//! Applies decoders to an event. OSSEC: `src/analysisd/decoders/decoder.c`.

use std::collections::HashMap;
use std::sync::Arc;

use super::compile::DecoderSet;
use super::decoded::Decoded;
use super::decoder::{Condition, Decoder, NameId};
use super::fields::FieldValues;
use super::fts::FtsFields;
use super::parse::Offset;
use super::plugins;
use crate::pattern::{Captures, Seen};
use crate::predecode::Predecoded;

/// Program names whose decoders are remembered, and how long they may be.
const MAX_PROGRAMS: usize = 2048;
const MAX_PROGRAM_BYTES: usize = 64;

/// One decoder tried, for explanations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecoderTrial {
    /// Its name as written.
    pub decoder: std::sync::Arc<str>,
    /// Which of its conditions failed; `None` when it took the line.
    pub refused_by: Option<&'static str>,
}

/// Buffers reused from event to event.
#[derive(Default)]
pub struct Scratch {
    captures: Captures,
    /// Which literals the current message contains.
    pub seen: Seen,
    /// Fields of the current event.
    pub fields: FieldValues,
    /// Which top-level decoders accept a program name; the test depends on nothing else.
    programs: HashMap<Box<[u8]>, Box<[u16]>>,
    candidates: Vec<u16>,
}

/// Ends of the conditions that an offset can refer to.
#[derive(Clone, Copy)]
struct Ends {
    parent: usize,
    prematch: usize,
    regex: Option<usize>,
}

impl DecoderSet {
    /// Finds the decoder of an event and extracts its fields into `scratch.fields`.
    ///
    /// `scratch.seen` must hold what the prefilter saw in the message. `trials`, where given, gets
    /// every decoder that was tried.
    pub fn decode(
        &self,
        event: &Predecoded<'_>,
        scratch: &mut Scratch,
        mut trials: Option<&mut Vec<DecoderTrial>>,
    ) -> Decoded {
        scratch.fields.clear();
        let Some(program) = event.program_name else {
            return self.first(&self.without_program, event, scratch, &mut trials);
        };
        if trials.is_some() {
            let accepts = |&index: &u16| self.accepts_program(index, program);
            for &index in self.with_program.iter().filter(|index| !accepts(index)) {
                note(&mut trials, self.decoder(index), Some("program_name"));
            }
        }
        let mut candidates = std::mem::take(&mut scratch.candidates);
        candidates.clear();
        match scratch.programs.get(program) {
            Some(known) => candidates.extend_from_slice(known),
            None => {
                let accepting = self.with_program.iter().copied().filter(|&index| self.accepts_program(index, program));
                candidates.extend(accepting);
                if program.len() <= MAX_PROGRAM_BYTES && scratch.programs.len() < MAX_PROGRAMS {
                    scratch.programs.insert(program.into(), candidates.as_slice().into());
                }
            }
        }
        let decoded = self.first(&candidates, event, scratch, &mut trials);
        scratch.candidates = candidates;
        decoded
    }

    /// The parent's name, when a child took the line.
    pub fn parent_name(&self, decoded: &Decoded) -> Option<NameId> {
        let parent = self.decoder(decoded.decoder?).parent?;
        Some(self.decoder(parent).name)
    }

    /// The fields whose combination is watched for this event.
    pub fn fts(&self, decoded: &Decoded) -> Option<FtsFields> {
        self.decoder(decoded.decoder?).fts
    }

    /// Whether the event's fields go to the later events of its session.
    pub fn accumulates(&self, decoded: &Decoded) -> bool {
        decoded.decoder.is_some_and(|decoder| self.decoder(decoder).accumulate)
    }

    fn decoder(&self, index: u16) -> &Decoder {
        &self.decoders[usize::from(index)]
    }

    fn accepts_program(&self, index: u16, program: &[u8]) -> bool {
        self.decoder(index).program_name.as_ref().is_some_and(|pattern| pattern.is_match(program))
    }

    /// The first of `candidates` whose prematch fits is the parent, whatever happens below it.
    fn first(
        &self,
        candidates: &[u16],
        event: &Predecoded<'_>,
        scratch: &mut Scratch,
        trials: &mut Option<&mut Vec<DecoderTrial>>,
    ) -> Decoded {
        for &index in candidates {
            let decoder = self.decoder(index);
            let end = match &decoder.prematch {
                None => Some(0),
                Some(prematch) => prematch.find_end(event.log, &scratch.seen),
            };
            let Some(end) = end else {
                note(trials, decoder, Some("prematch"));
                continue;
            };
            note(trials, decoder, None);
            return self.below(index, end, event, scratch, trials);
        }
        Decoded::default()
    }

    fn selected(&self, index: u16) -> Decoded {
        let decoder = self.decoder(index);
        Decoded { decoder: Some(index), name: Some(decoder.name), kind: decoder.kind, original_rule: None }
    }

    fn below(
        &self,
        parent: u16,
        parent_end: usize,
        event: &Predecoded<'_>,
        scratch: &mut Scratch,
        trials: &mut Option<&mut Vec<DecoderTrial>>,
    ) -> Decoded {
        let mut decoded = self.selected(parent);
        if self.decoder(parent).children.is_empty() {
            let ends = Ends { parent: parent_end, prematch: parent_end, regex: None };
            self.extract(parent, ends, event, scratch, &mut decoded);
            return decoded;
        }
        for &index in &self.decoder(parent).children {
            let child = self.decoder(index);
            let Some(prematch) = &child.prematch else {
                let ends = Ends { parent: parent_end, prematch: parent_end, regex: None };
                self.extract_group(index, ends, event, scratch, &mut decoded, trials);
                return decoded;
            };
            let start = if prematch.offset == Some(Offset::AfterParent) { parent_end } else { 0 };
            let Some(end) = prematch.find_end(&event.log[start..], &scratch.seen) else {
                note(trials, child, Some("prematch"));
                continue;
            };
            decoded = self.selected(index);
            let ends = Ends { parent: parent_end, prematch: start + end, regex: None };
            self.extract_group(index, ends, event, scratch, &mut decoded, trials);
            return decoded;
        }
        decoded
    }

    /// The chosen child and, in a multi-regex group, every follower, matched or not.
    fn extract_group(
        &self,
        head: u16,
        mut ends: Ends,
        event: &Predecoded<'_>,
        scratch: &mut Scratch,
        decoded: &mut Decoded,
        trials: &mut Option<&mut Vec<DecoderTrial>>,
    ) {
        let followers = &self.decoder(head).followers;
        for index in std::iter::once(head).chain(followers.iter().copied()) {
            ends.regex = self.extract(index, ends, event, scratch, decoded);
            let refused = ends.regex.is_none() && self.decoder(index).regex.is_some();
            note(trials, self.decoder(index), refused.then_some("regex"));
        }
    }

    /// Runs one decoder's regex or plug-in; where its match ends.
    fn extract(
        &self,
        index: u16,
        ends: Ends,
        event: &Predecoded<'_>,
        scratch: &mut Scratch,
        decoded: &mut Decoded,
    ) -> Option<usize> {
        let decoder = self.decoder(index);
        if let Some((plugin, reading)) = decoder.plugin {
            *decoded = self.selected(index);
            plugins::run(plugin, reading, event.log, &mut scratch.fields, decoded);
            return None;
        }
        let regex = decoder.regex.as_ref()?;
        let start = match regex.offset {
            None => 0,
            Some(Offset::AfterParent) => ends.parent,
            Some(Offset::AfterPrematch) => ends.prematch,
            Some(Offset::AfterRegex) => ends.regex.unwrap_or(ends.prematch),
        };
        if regex.required.as_ref().is_some_and(|required| !required.may_match(&scratch.seen)) {
            return None;
        }
        let end = regex.pattern.captures(&event.log[start..], &mut scratch.captures)?;
        *decoded = self.selected(index);
        for (&field, span) in decoder.order.iter().zip(scratch.captures.spans()) {
            scratch.fields.set_range(field, start + span.start, start + span.end);
        }
        Some(start + end)
    }
}

impl Condition {
    /// Where the match ends, without a search where the line lacks what it needs.
    fn find_end(&self, log: &[u8], seen: &Seen) -> Option<usize> {
        if self.required.as_ref().is_some_and(|required| !required.may_match(seen)) {
            return None;
        }
        self.pattern.find_end(log)
    }
}

fn note(trials: &mut Option<&mut Vec<DecoderTrial>>, decoder: &Decoder, refused_by: Option<&'static str>) {
    if let Some(trials) = trials {
        trials.push(DecoderTrial { decoder: Arc::clone(&decoder.own_name), refused_by });
    }
}
