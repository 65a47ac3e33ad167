//! Applies decoders to an event. OSSEC: `src/analysisd/decoders/decoder.c`.

use std::collections::HashMap;
use std::sync::Arc;

use super::compile::DecoderSet;
use super::decoded::Decoded;
use super::decoder::Condition;
use super::fields::FieldValues;
use super::parse::Offset;
use super::plugins;
use crate::diag::Span;
use crate::pattern::{Captures, Seen};
use crate::predecode::Predecoded;

/// Program names whose decoders are remembered, and how long they may be.
const MAX_PROGRAMS: usize = 2048;
const MAX_PROGRAM_BYTES: usize = 64;

/// One decoder tried, for explanations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecoderTrial {
    /// Its name as written.
    pub decoder: Arc<str>,
    /// Where it stands.
    pub place: Span,
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

/// Finds the decoder of an event and extracts its fields into `scratch.fields`.
///
/// `scratch.seen` must hold what the prefilter saw in the message. `trials`, where given, gets
/// every decoder that was tried.
pub fn decode(
    set: &DecoderSet,
    event: &Predecoded<'_>,
    scratch: &mut Scratch,
    trials: Option<&mut Vec<DecoderTrial>>,
) -> Decoded {
    scratch.fields.clear();
    Run { set, event, scratch, trials }.decode()
}

/// One event on its way through the decoders.
struct Run<'a, 't> {
    set: &'a DecoderSet,
    event: &'a Predecoded<'a>,
    scratch: &'a mut Scratch,
    trials: Option<&'t mut Vec<DecoderTrial>>,
}

impl Run<'_, '_> {
    fn decode(mut self) -> Decoded {
        let set = self.set;
        let Some(program) = self.event.program_name else { return self.first(&set.without_program) };
        if self.trials.is_some() {
            for &index in set.with_program.iter().filter(|&&index| !accepts_program(set, index, program)) {
                self.note(index, Some("program_name"));
            }
        }
        let mut candidates = std::mem::take(&mut self.scratch.candidates);
        candidates.clear();
        match self.scratch.programs.get(program) {
            Some(known) => candidates.extend_from_slice(known),
            None => {
                let accepting = set.with_program.iter().copied().filter(|&index| accepts_program(set, index, program));
                candidates.extend(accepting);
                if program.len() <= MAX_PROGRAM_BYTES && self.scratch.programs.len() < MAX_PROGRAMS {
                    self.scratch.programs.insert(program.into(), candidates.as_slice().into());
                }
            }
        }
        let decoded = self.first(&candidates);
        self.scratch.candidates = candidates;
        decoded
    }

    /// The first of `candidates` whose prematch fits is the parent, whatever happens below it.
    fn first(&mut self, candidates: &[u16]) -> Decoded {
        for &index in candidates {
            let end = match &self.set.decoder(index).prematch {
                None => Some(0),
                Some(prematch) => prematch.find_end(self.event.log, &self.scratch.seen),
            };
            let Some(end) = end else {
                self.note(index, Some("prematch"));
                continue;
            };
            self.note(index, None);
            return self.below(index, end);
        }
        Decoded::default()
    }

    fn below(&mut self, parent: u16, parent_end: usize) -> Decoded {
        let set = self.set;
        let mut decoded = selected(set, parent);
        if set.decoder(parent).children.is_empty() {
            let ends = Ends { parent: parent_end, prematch: parent_end, regex: None };
            self.extract(parent, ends, &mut decoded);
            return decoded;
        }
        for &index in &set.decoder(parent).children {
            let Some(prematch) = &set.decoder(index).prematch else {
                let ends = Ends { parent: parent_end, prematch: parent_end, regex: None };
                self.extract_group(index, ends, &mut decoded);
                return decoded;
            };
            let start = if prematch.offset == Some(Offset::AfterParent) { parent_end } else { 0 };
            let Some(end) = prematch.find_end(&self.event.log[start..], &self.scratch.seen) else {
                self.note(index, Some("prematch"));
                continue;
            };
            decoded = selected(set, index);
            let ends = Ends { parent: parent_end, prematch: start + end, regex: None };
            self.extract_group(index, ends, &mut decoded);
            return decoded;
        }
        decoded
    }

    /// The chosen child and, in a multi-regex group, every follower, matched or not.
    fn extract_group(&mut self, head: u16, mut ends: Ends, decoded: &mut Decoded) {
        let set = self.set;
        let followers = &set.decoder(head).followers;
        for index in std::iter::once(head).chain(followers.iter().copied()) {
            ends.regex = self.extract(index, ends, decoded);
            let refused = ends.regex.is_none() && set.decoder(index).regex.is_some();
            self.note(index, refused.then_some("regex"));
        }
    }

    /// Runs one decoder's regex or plug-in; where its match ends.
    fn extract(&mut self, index: u16, ends: Ends, decoded: &mut Decoded) -> Option<usize> {
        let Self { set, event, scratch, .. } = self;
        let decoder = set.decoder(index);
        if let Some((plugin, reading)) = decoder.plugin {
            *decoded = selected(set, index);
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
        *decoded = selected(set, index);
        for (&field, span) in decoder.order.iter().zip(scratch.captures.spans()) {
            scratch.fields.set_range(field, start + span.start, start + span.end);
        }
        Some(start + end)
    }

    fn note(&mut self, index: u16, refused_by: Option<&'static str>) {
        if let Some(trials) = &mut self.trials {
            let decoder = self.set.decoder(index);
            let (name, place) = (Arc::clone(&decoder.own_name), decoder.place.clone());
            trials.push(DecoderTrial { decoder: name, place, refused_by });
        }
    }
}

fn accepts_program(set: &DecoderSet, index: u16, program: &[u8]) -> bool {
    set.decoder(index).program_name.as_ref().is_some_and(|pattern| pattern.is_match(program))
}

fn selected(set: &DecoderSet, index: u16) -> Decoded {
    let decoder = set.decoder(index);
    Decoded { decoder: Some(index), name: Some(decoder.name), kind: decoder.kind, original_rule: None }
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
