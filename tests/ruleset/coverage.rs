//! Every rule is fired and nearly fired by a case, every rule that blocks is explained, every decoder that names a
//! peer is attacked.

use std::collections::BTreeSet;

use hids_core::diag::Span;
use hids_core::rules::Catalogue;
use hids_core::ruletest::Coverage;

use crate::shipped::Shipped;
use crate::{cases, files, forgery, shrinking};

/// From this level on a response blocks.
const BLOCKING_LEVEL: u16 = 7;

/// Rules for what only an agent on Windows reports: its events, and its registry (OSSEC's ids, so that rules written
/// on top of them load). No source of this daemon leads to them.
const OF_WINDOWS: [u32; 6] = [6, 594, 595, 596, 597, 598];

fn catalogue() -> Catalogue {
    Catalogue::read(&files::sources("rules")).0
}

// `hidsctl rules test config/ruleset --coverage` says the same with places.
#[test]
fn every_rule_is_fired_and_has_a_near_miss() {
    let mut shipped = Shipped::new();
    let mut coverage = Coverage::default();
    for case in cases::all() {
        let verdict = shipped.run(&case);
        coverage.add(&case, &verdict);
    }
    let catalogue = catalogue();
    let covered = coverage.of_rules(&catalogue, |rule| !OF_WINDOWS.contains(&rule.facts.id.0));
    let fired = covered.not_fired.iter().map(|rule| format!("{} is not fired", rule.facts.id));
    let near = covered.no_near_miss.iter().map(|rule| format!("{} has no near miss", rule.facts.id));
    shrinking::compare("uncovered-rules.txt", &fired.chain(near).collect());
}

#[test]
fn every_rule_that_can_block_has_a_technique_and_says_what_to_do() {
    let catalogue = catalogue();
    let serious = catalogue.rules().filter(|rule| rule.facts.level.0 >= BLOCKING_LEVEL && !rule.only_leads);
    let missing = serious.flat_map(|rule| {
        let (facts, id) = (&rule.facts, rule.facts.id);
        let no_technique = facts.mitre.is_empty().then(|| format!("{id} has no <mitre>"));
        let no_info = facts.info.is_none().then(|| format!("{id} has no <info>"));
        [no_technique, no_info]
    });
    shrinking::compare("unexplained-rules.txt", &missing.flatten().collect());
}

#[test]
fn every_decoder_that_names_a_peer_is_attacked() {
    let mut shipped = Shipped::new();
    let place = |span: &Span| (span.file.name.clone(), span.start);
    let taken: BTreeSet<_> =
        forgery::plain_lines().flat_map(|line| shipped.decoders_of(&line)).map(|span| place(&span)).collect();
    let missing =
        shipped.engine().decoders().filter(|(_, span, names_peer)| *names_peer && !taken.contains(&place(span)));
    let missing = missing.map(|(name, span, _)| {
        let file = span.file.name.rsplit('/').next().unwrap_or_default();
        format!("{file} {name}")
    });
    shrinking::compare("unforged-decoders.txt", &missing.collect());
}
