//! Rules to which no event can come.

use std::collections::{BTreeSet, HashMap};

use super::Looked;
use crate::decode::{DecoderDef, EventKind};
use crate::diag::Diagnostic;
use crate::rules::def::TextField;

/// What is known of an event that a rule matches.
#[derive(Clone, Copy, PartialEq)]
struct Known<'a> {
    kind: EventKind,
    decoder: Option<&'a str>,
}

/// Reports rules that no event can match; tells of each rule whether one can.
///
/// `impossible`: the rules with a pattern that matches nothing.
pub(super) fn check(looked: &Looked<'_>, impossible: &[bool], diagnostics: &mut Vec<Diagnostic>) -> Vec<bool> {
    let kinds = kinds_of_decoders(looked.decoders);
    // Parents stand before their children.
    let mut events: Vec<Vec<Known<'_>>> = Vec::with_capacity(looked.tree.rules.len());
    for (index, rule) in looked.tree.rules.iter().enumerate() {
        let is_root = looked.tree.roots.contains(&(index as u32));
        let mut known = Vec::new();
        if is_root {
            known.push(Known { kind: looked.tree.kinds[index], decoder: None });
        }
        for &parent in &looked.parents[index] {
            for &event in &events[parent as usize] {
                if !known.contains(&event) {
                    known.push(event);
                }
            }
        }
        let tried = !known.is_empty();
        let name = rule.conditions.decoded_as.as_ref().map(|name| name.value.as_str());
        let known: Vec<Known<'_>> = known.into_iter().filter_map(|event| narrowed(event, name, &kinds)).collect();
        if !tried && !is_root {
            not_tried(looked, index as u32, diagnostics);
        } else if known.is_empty() {
            contradiction(looked, index as u32, &kinds, diagnostics);
        }
        level_of_none(looked, index as u32, diagnostics);
        let dead = impossible[index] || never_fulfilled(looked, index as u32);
        events.push(if dead { Vec::new() } else { known });
    }
    events.iter().map(|events| !events.is_empty()).collect()
}

/// The kinds of events that decoders give a name; those made by code may be of any kind.
fn kinds_of_decoders(decoders: &[DecoderDef]) -> HashMap<&str, BTreeSet<usize>> {
    let mut kinds: HashMap<&str, BTreeSet<usize>> = HashMap::new();
    let by_code: Vec<&str> =
        decoders.iter().filter(|decoder| decoder.plugin.is_some()).map(|decoder| decoder.name.value.as_str()).collect();
    for decoder in decoders {
        let shown = match (&decoder.parent, decoder.use_own_name) {
            (Some(parent), false) => &parent.value,
            _ => &decoder.name.value,
        };
        let parent = decoder.parent.as_ref().map(|parent| parent.value.as_str());
        if by_code.contains(&shown.as_str()) || parent.is_some_and(|parent| by_code.contains(&parent)) {
            continue;
        }
        kinds.entry(shown).or_default().insert(decoder.kind as usize);
    }
    kinds
}

/// `event`, if a rule for the decoder `name` can match it.
fn narrowed<'a>(event: Known<'a>, name: Option<&'a str>, kinds: &HashMap<&str, BTreeSet<usize>>) -> Option<Known<'a>> {
    let Some(name) = name else { return Some(event) };
    let fits = match event.decoder {
        Some(decoder) => decoder == name,
        // Names that are not in the files are those of built-in decoders.
        None => kinds.get(name).is_none_or(|kinds| kinds.contains(&(event.kind as usize))),
    };
    fits.then_some(Known { decoder: Some(name), ..event })
}

/// Conditions on things that events do not have; the compiler has reported them.
fn never_fulfilled(looked: &Looked<'_>, index: u32) -> bool {
    let rule = looked.rule(index);
    let geo = |field: &TextField| matches!(field, TextField::SrcGeoIp | TextField::DstGeoIp);
    rule.texts.all().any(|(field, _)| geo(field))
        || rule.conditions.lists.iter().any(|list| looked.tables.table(&list.name.value, looked.options).is_none())
}

fn not_tried(looked: &Looked<'_>, index: u32, diagnostics: &mut Vec<Diagnostic>) {
    let rule = looked.rule(index);
    let parents = &looked.parents[index as usize];
    if parents.is_empty() {
        // The compiler has reported why.
        return;
    }
    let names: Vec<String> = parents.iter().take(3).map(|&parent| looked.name(parent)).collect();
    let text = format!("rule {} is never tried: {} cannot match", rule.id, names.join(", "));
    let problem = Diagnostic::warning("R061", text).at(rule.id_span.clone());
    diagnostics.push(problem.help("fix or change its parent"));
}

/// `if_level` takes rules of level 0 for the highest ones, as in OSSEC.
fn level_of_none(looked: &Looked<'_>, index: u32, diagnostics: &mut Vec<Diagnostic>) {
    let rule = looked.rule(index);
    let Some(level) = rule
        .parents
        .if_level
        .as_ref()
        .filter(|_| rule.parents.if_sid.is_none() && rule.counting.if_matched_sid.is_none())
    else {
        return;
    };
    let has_level = |&parent: &u32| !matches!(looked.rule(parent).level.0, 0 | 99);
    if looked.parents[index as usize].iter().any(has_level) {
        return;
    }
    let text = format!("no rule before rule {} has level {} or higher", rule.id, level.value.trim());
    diagnostics.push(
        Diagnostic::warning("R062", text)
            .at(level.span.clone())
            .help("lower the level, or load this file after the ones with such rules"),
    );
}

fn contradiction(
    looked: &Looked<'_>,
    index: u32,
    kinds: &HashMap<&str, BTreeSet<usize>>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let rule = looked.rule(index);
    let Some(name) = &rule.conditions.decoded_as else { return };
    let parent = looked.parents[index as usize].first().map(|&parent| looked.name(parent)).unwrap_or_default();
    let of_other_kind = kinds
        .get(name.value.as_str())
        .is_some_and(|kinds| !kinds.contains(&(looked.tree.kinds[index as usize] as usize)));
    let why = if of_other_kind {
        format!("events of decoder {} have a different type than those of {parent}", name.value)
    } else {
        format!("its parent {parent} requires events of another decoder")
    };
    let help = if of_other_kind {
        "set the <category> of the rule to the <type> of the decoder, or choose a parent with that category"
    } else {
        "choose a parent with the same decoder, or remove decoded_as"
    };
    diagnostics.push(
        Diagnostic::warning("R063", format!("rule {} can never match: {why}", rule.id))
            .at(name.span.clone())
            .help(help),
    );
}
