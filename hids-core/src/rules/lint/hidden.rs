//! Rules that an earlier sibling always hides.

use super::Looked;
use super::implied::{Test, implied, tests};
use crate::diag::Diagnostic;
use crate::rules::def::RuleDef;

/// Pairs of siblings that are compared at most: some seconds. OSSEC's own rules have 60,000.
const MOST_PAIRS: u64 = 100_000_000;

/// Reports rules that can be tried but never win, because below each of their parents a sibling
/// that is tried before them matches all that they match.
pub(super) fn check(looked: &Looked<'_>, reachable: &[bool], diagnostics: &mut Vec<Diagnostic>) {
    let tests: Vec<Vec<Test>> = looked.tree.rules.iter().map(tests).collect();
    let pairs: u64 = looked.tree.children.iter().map(|children| (children.len() as u64).pow(2) / 2).sum();
    if pairs > MOST_PAIRS {
        let message = format!("the search for shadowed rules was skipped: {pairs} pairs of rules have the same parent");
        let problem = Diagnostic::note("R057", message).help("distribute the rules among more parents");
        diagnostics.push(
            looked.tree.rules.iter().last().map(|rule| rule.id_span.clone()).into_iter().fold(problem, Diagnostic::at),
        );
        return;
    }
    for index in 0..looked.tree.rules.len() as u32 {
        let parents = looked.parents[index as usize].iter().filter(|&&parent| reachable[parent as usize]);
        let hiders: Option<Vec<u32>> = parents.map(|&parent| hider(looked, &tests, parent, index)).collect();
        // None: below one parent it has its chance.
        let Some(&hider) = hiders.as_ref().and_then(|hiders| hiders.first()) else { continue };
        if !reachable[index as usize] {
            continue;
        }
        let rule = looked.rule(index);
        let order = match looked.rule(hider).level.0 {
            0 | 99 => "rules with level 0 come first",
            level if level > rule.level.0 => "higher levels come first",
            _ => "equal levels in file order",
        };
        diagnostics.push(
            Diagnostic::warning(
                "R060",
                format!(
                    "rule {} never fires: it is shadowed by {}, which is tried first ({order}) and matches \
                     everything it matches",
                    rule.id,
                    looked.name(hider)
                ),
            )
            .at(rule.id_span.clone())
            .help(format!(
                "make it a child of that rule (<if_sid>{}</if_sid>), or change its level",
                looked.rule(hider).id
            )),
        );
    }
}

/// The sibling of `index` below `parent` that hides it.
fn hider(looked: &Looked<'_>, tests: &[Vec<Test>], parent: u32, index: u32) -> Option<u32> {
    let known = |test: &Test| {
        let given = tests[index as usize].iter().chain(&tests[parent as usize]);
        implied(test, given)
    };
    let siblings = looked.tree.children[parent as usize].iter().copied();
    siblings
        .take_while(|&sibling| sibling != index)
        .find(|&sibling| wins_when_it_matches(looked.rule(sibling)) && tests[sibling as usize].iter().all(known))
}

/// Whether nothing but the event decides about the rule, and it (or a child) is then the answer.
pub(super) fn wins_when_it_matches(rule: &RuleDef) -> bool {
    !rule.outcome.noalert
        && !rule.counting.is_composite()
        && !rule.counting.asks_target()
        && !rule.conditions.check_diff
        && !rule.conditions.if_fts
}
