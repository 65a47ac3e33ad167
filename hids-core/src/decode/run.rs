//! Applies decoders to an event. OSSEC: `src/analysisd/decoders/decoder.c`.

use std::collections::HashMap;
use std::sync::Arc;

use super::compile::DecoderSet;
use super::decoded::Decoded;
use super::decoder::Condition;
use super::fields::{FieldId, FieldValues};
use super::json::{self, Document};
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
    /// The object that the current message is.
    document: Document,
    /// Where its text begins in that of the fields.
    document_base: usize,
}

/// What a decoder for JSON makes of a line.
enum Json {
    /// It is none.
    Not,
    /// It is an object that no child knows.
    Alone,
    Child(Decoded),
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
        if set.json.is_empty() || !self.may_be_json_of_another(&decoded) {
            return decoded;
        }
        let as_json = self.first(&set.json);
        let is_better = !decoded.is_known() || as_json.decoder.is_some_and(|index| set.decoder(index).parent.is_some());
        if !is_better {
            self.scratch.fields.clear();
            return decoded;
        }
        as_json
    }

    /// Whether a message with a program name is an object about which the program's own decoder says nothing but the
    /// name: the decoders below the one for JSON may know more.
    fn may_be_json_of_another(&self, decoded: &Decoded) -> bool {
        let is_name_only = decoded.decoder.is_none_or(|index| {
            let decoder = self.set.decoder(index);
            decoder.parent.is_none() && decoder.prematch.is_none() && decoder.plugin.is_none()
        });
        is_name_only && self.scratch.fields.is_empty() && json::may_begin(self.event.log).is_some()
    }

    /// The first of `candidates` whose prematch fits is the parent, whatever happens below it.
    ///
    /// An object whose form no child knows is left to the decoders behind the one for JSON, and is that one's if none
    /// takes it: decoders for a service's JSON that were written before there was one for JSON go on working.
    fn first(&mut self, candidates: &[u16]) -> Decoded {
        let mut object = None;
        for &index in candidates {
            if self.set.decoder(index).is_json() {
                match self.json(index) {
                    Json::Child(decoded) => return decoded,
                    Json::Alone if object.is_none() => object = Some(index),
                    _ => {}
                }
                continue;
            }
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
        let Some(index) = object else { return Decoded::default() };
        self.note(index, None);
        // Another decoder for JSON may have read the line since.
        match self.json_from(index).and_then(|(start, _)| self.read_json(start)) {
            Some(()) => {
                self.take_json(index);
                self.scratch.document.copy_to(&mut self.scratch.fields, self.scratch.document_base);
                selected(self.set, index)
            }
            None => Decoded::default(),
        }
    }

    /// Where the object starts that a decoder for JSON reads, and where its prematch ends.
    fn json_from(&self, index: u16) -> Option<(usize, usize)> {
        let decoder = self.set.decoder(index);
        let log = self.event.log;
        // First the cheapest: nearly all lines are turned away by their first byte.
        let start = if matches!(decoder.plugin, Some((.., None))) { Some(json::may_begin(log)?) } else { None };
        let end = decoder.prematch.as_ref().map_or(Some(0), |prematch| prematch.find_end(log, &self.scratch.seen))?;
        Some((start.unwrap_or(end), end))
    }

    fn read_json(&mut self, start: usize) -> Option<()> {
        json::read(self.event.log, start, self.set.fields(), &mut self.scratch.document)
    }

    /// What the decoder for JSON `parent` makes of the line.
    fn json(&mut self, parent: u16) -> Json {
        let set = self.set;
        let Some((start, end)) = self.json_from(parent) else {
            self.note(parent, Some("prematch"));
            return Json::Not;
        };
        if self.read_json(start).is_none() {
            self.note(parent, Some("plugin_decoder"));
            return Json::Not;
        }
        let Predecoded { log, program_name, .. } = *self.event;
        for &index in &set.decoder(parent).children {
            let child = set.decoder(index);
            let refused =
                json::refused_by((child.program_name.as_ref(), &child.json), program_name, log, &self.scratch.document)
                    .or_else(|| self.json_prematch(index, end).is_none().then_some("prematch"))
                    .or_else(|| self.json_regex_decides(index).then_some("regex"));
            if refused.is_some() {
                self.note(index, refused);
                continue;
            }
            self.note(index, None);
            self.take_json(parent);
            let decoded = self.json_group(index, end);
            self.scratch.document.copy_to(&mut self.scratch.fields, self.scratch.document_base);
            return Json::Child(decoded);
        }
        Json::Alone
    }

    fn json_prematch(&self, index: u16, parent_end: usize) -> Option<usize> {
        let Some(prematch) = &self.set.decoder(index).prematch else { return Some(parent_end) };
        let start = if prematch.offset == Some(Offset::AfterParent) { parent_end } else { 0 };
        Some(start + prematch.find_end(&self.event.log[start..], &self.scratch.seen)?)
    }

    /// Whether a child without conditions refuses the line because its regex does not match.
    fn json_regex_decides(&self, index: u16) -> bool {
        let decoder = self.set.decoder(index);
        let has_conditions =
            decoder.json.has_conditions() || decoder.prematch.is_some() || decoder.program_name.is_some();
        let Some(regex) = decoder.regex.as_ref().filter(|_| !has_conditions) else { return false };
        match decoder.json.regex_field {
            Some(_) => !decoder.json.matches(&regex.pattern, self.event.log, &self.scratch.document),
            None => !regex.pattern.is_match(self.event.log),
        }
    }

    /// Begins the fields of an object: those that the decoder `index` maps come first.
    fn take_json(&mut self, index: u16) {
        let Scratch { fields, document, document_base, .. } = &mut *self.scratch;
        *document_base = document.copy_text_to(fields);
        self.set.decoder(index).json.map(self.event.log, document, *document_base, fields);
    }

    /// The chosen child below a decoder for JSON, and those that continue it. It is named and judged by the first of
    /// them, its address by the one that extracted it.
    fn json_group(&mut self, head: u16, parent_end: usize) -> Decoded {
        let set = self.set;
        let mut decoded = selected(set, head);
        let prematch = self.json_prematch(head, parent_end).unwrap_or(parent_end);
        let mut ends = Ends { parent: parent_end, prematch, regex: None };
        for index in std::iter::once(head).chain(set.decoder(head).followers.iter().copied()) {
            let decoder = set.decoder(index);
            let Scratch { fields, document, document_base, captures, .. } = &mut *self.scratch;
            decoder.json.map(self.event.log, document, *document_base, fields);
            let Some(regex) = &decoder.regex else { continue };
            let matched = match decoder.json.regex_field {
                Some(_) => {
                    let source = (&*document, *document_base);
                    let pattern = (&regex.pattern, &*decoder.order);
                    decoder.json.extract(pattern, self.event.log, source, captures, fields)
                }
                None => {
                    let mut own = decoded;
                    ends.regex = self.extract(index, ends, &mut own);
                    ends.regex.map(|_| ())
                }
            };
            if matched.is_some() && decoder.order.contains(&FieldId::SRC_IP) {
                decoded.decoder = Some(index);
            }
            if matched.is_none() && index != head {
                self.note(index, Some("regex"));
            }
        }
        decoded
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
        if self.set.decoder(index).is_json() {
            let start = match self.set.decoder(index).plugin.and_then(|(.., offset)| offset) {
                Some(Offset::AfterParent) => ends.parent,
                Some(_) => ends.prematch,
                None => json::may_begin(self.event.log)?,
            };
            self.read_json(start)?;
            *decoded = selected(self.set, index);
            self.take_json(index);
            self.scratch.document.copy_to(&mut self.scratch.fields, self.scratch.document_base);
            return None;
        }
        let Self { set, event, scratch, .. } = self;
        let decoder = set.decoder(index);
        if let Some((plugin, reading, _)) = decoder.plugin {
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
