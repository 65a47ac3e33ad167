//! Rules without a parent on what a decoder finds: rules of that decoder, tried before them, take its events.

use std::collections::{BTreeMap, BTreeSet};

use super::Looked;
use super::hidden::wins_when_it_matches;
use crate::decode::DecoderDef;
use crate::diag::Diagnostic;
use crate::rules::def::{RuleDef, TextField};

/// Reports rules that never fire, or silence nothing, because they hang under no rule.
pub(super) fn check(looked: &Looked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let extracted = extracted(looked.decoders);
    for &root in &looked.tree.roots {
        // The decoders whose events a rule before takes, with that rule.
        let mut taken: BTreeMap<&str, u32> = BTreeMap::new();
        for &index in &looked.tree.children[root as usize] {
            let rule = looked.rule(index);
            if looked.parents[index as usize].len() == 1 && hangs_nowhere(rule) {
                report(looked, index, &extracted, &taken, diagnostics);
            }
            if let Some(name) = rule.conditions.decoded_as.as_ref().filter(|_| takes_all(rule)) {
                taken.entry(&name.value).or_insert(index);
            }
        }
    }
}

fn report(
    looked: &Looked<'_>,
    index: u32,
    extracted: &BTreeMap<&str, BTreeSet<&str>>,
    taken: &BTreeMap<&str, u32>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let rule = looked.rule(index);
    let wanted = wanted(rule);
    if wanted.is_empty() {
        return;
    }
    let has_all = |found: &BTreeSet<&str>| wanted.iter().all(|names| names.iter().any(|name| found.contains(name)));
    let decoders: Vec<&str> = extracted.iter().filter(|(_, found)| has_all(found)).map(|(name, _)| *name).collect();
    let takers: Vec<(&str, u32)> = decoders.iter().filter_map(|name| Some((*name, *taken.get(name)?))).collect();
    let silences = rule.effective_level(false).0 == 0 && looked.tree.children[index as usize].is_empty();
    let (Some((decoder, taker)), true) = (takers.first(), silences || takers.len() == decoders.len()) else { return };
    let field = wanted[0][0];
    let message = match takers.len() == decoders.len() {
        true => format!(
            "rule {} never fires: it has no parent, and every event with {field} is matched by an earlier rule \
             (those of decoder {decoder} by {})",
            rule.id,
            looked.name(*taker)
        ),
        false => format!(
            "rule {} has no parent and is never tried for events with {field} that an earlier rule matches: those \
             of {} decoders, for example {decoder} ({})",
            rule.id,
            takers.len(),
            looked.name(*taker)
        ),
    };
    diagnostics.push(
        Diagnostic::warning("R058", message)
            .at(rule.id_span.clone())
            .help("make it a child of the relevant rules with <if_sid> or <if_level>"),
    );
}

/// Names of decoders as events carry them, with the fields that they find.
fn extracted(decoders: &[DecoderDef]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut extracted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for decoder in decoders {
        let shown = match (&decoder.parent, decoder.use_own_name) {
            (Some(parent), false) => &parent.value,
            _ => &decoder.name.value,
        };
        let fields = decoder.order.iter().flatten().map(String::as_str);
        let mapped = decoder.json.maps.iter().map(|map| map.to.as_str());
        extracted.entry(shown).or_default().extend(fields.chain(mapped));
    }
    extracted
}

fn hangs_nowhere(rule: &RuleDef) -> bool {
    let names_parent =
        rule.parents.if_sid.is_some() || rule.parents.if_group.is_some() || rule.parents.if_level.is_some();
    let names_program =
        rule.texts.plain(TextField::ProgramName).is_some() || rule.texts.pcre2(TextField::ProgramName).is_some();
    !names_parent
        && !rule.counting.is_composite()
        && rule.conditions.decoded_as.is_none()
        && !names_program
        && rule.id.0 >= 10
}

/// Whether the rule takes every event of its decoder.
fn takes_all(rule: &RuleDef) -> bool {
    wins_when_it_matches(rule) && super::implied::tests(rule).len() == 1
}

/// What the rule asks of the decoder: of each condition, the names of the field.
fn wanted(rule: &RuleDef) -> Vec<Vec<&str>> {
    let mut wanted: Vec<Vec<&str>> = Vec::new();
    if !rule.conditions.srcip.is_empty() {
        wanted.push(vec!["srcip"]);
    }
    if !rule.conditions.dstip.is_empty() {
        wanted.push(vec!["dstip"]);
    }
    wanted.extend(rule.conditions.fields.iter().map(|(name, _)| vec![name.value.as_str()]));
    wanted.extend(rule.texts.all().filter_map(|(field, _)| {
        Some(match field {
            TextField::Id => vec!["id"],
            TextField::Url => vec!["url"],
            TextField::User => vec!["user", "dstuser", "srcuser"],
            TextField::Status => vec!["status"],
            TextField::ExtraData => vec!["extra_data", "data"],
            TextField::SrcPort => vec!["srcport"],
            TextField::DstPort => vec!["dstport"],
            _ => return None,
        })
    }));
    wanted
}
