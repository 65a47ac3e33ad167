//! Composite rules that can never count enough events.

use super::Looked;
use crate::diag::Diagnostic;
use crate::model::RuleId;
use crate::rules::tree::EventList;

/// Reports composite rules that never fire.
pub(super) fn check(looked: &Looked<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for index in 0..looked.tree.rules.len() as u32 {
        let Some(list) = looked.tree.contexts[index as usize] else { continue };
        too_many(looked, index, list, diagnostics);
        match list {
            EventList::Rule(_) => counted_rule(looked, index, diagnostics),
            EventList::Group(list) => counted_group(looked, index, list, diagnostics),
            EventList::All => {}
        }
    }
}

/// In the strict mode the last events of a rule, and of all rules together, are kept. The default mode
/// keeps as many as rules ask for.
fn too_many(looked: &Looked<'_>, index: u32, list: EventList, diagnostics: &mut Vec<Diagnostic>) {
    if !looked.options.strict_ossec {
        return;
    }
    let rule = looked.rule(index);
    let kept = match list {
        EventList::Rule(_) => looked.options.rule_memory_size,
        EventList::Group(_) | EventList::All => looked.options.memory_size,
    };
    // `frequency` earlier events and one more.
    let wanted = rule.counting.frequency.unwrap_or(0) as usize + 1;
    if wanted > kept {
        let message =
            format!("rule {} never fires: it requires {wanted} previous events, but only {kept} are kept", rule.id);
        let problem = Diagnostic::warning("R065", message).at(rule.id_span.clone());
        diagnostics.push(problem.help(format!("the maximum frequency is {}", kept.saturating_sub(1))));
    }
}

fn counted_rule(looked: &Looked<'_>, index: u32, diagnostics: &mut Vec<Diagnostic>) {
    let rule = looked.rule(index);
    let Some(text) = &rule.counting.if_matched_sid else { return };
    let words = text.value.split([',', ' ', '\n', '\t', '\r']).filter(|word| !word.is_empty());
    let ids: Vec<u32> = words.filter_map(|word| looked.tree.index(RuleId(word.parse().ok()?))).collect();
    let Some(&counted) = ids.first() else { return };
    if ids.len() > 1 {
        diagnostics.push(
            Diagnostic::warning(
                "R067",
                format!("only events of {} are counted: if_matched_sid counts a single rule", looked.name(counted)),
            )
            .at(text.span.clone())
            .help("assign a common <group> to the rules and use if_matched_group"),
        );
    }
    if !is_kept(looked, counted) {
        let why = if looked.rule(counted).outcome.noalert { "it is only a parent (noalert)" } else { "its level is 0" };
        let name = looked.name(counted);
        diagnostics.push(
            Diagnostic::warning(
                "R064",
                format!("rule {} never fires: events of {name} are not counted, because {why}", rule.id),
            )
            .at(text.span.clone())
            .help(
                "count a child rule, or set a level of 1 or higher (with <options>no_log</options> it is not recorded)",
            ),
        );
    }
}

fn counted_group(looked: &Looked<'_>, index: u32, list: u32, diagnostics: &mut Vec<Diagnostic>) {
    let members = (0..looked.tree.rules.len() as u32)
        .filter(|&member| member != index && looked.tree.group_lists[member as usize].contains(&list));
    // In OSSEC, events of a rule that some if_matched_sid names go to that rule's list only.
    let only_own = |member: u32| looked.options.strict_ossec && looked.tree.own_list[member as usize].is_some();
    let counts = |member: u32| is_kept(looked, member) && !only_own(member);
    if members.into_iter().any(counts) {
        return;
    }
    let rule = looked.rule(index);
    let Some(text) = &rule.counting.if_matched_group else { return };
    diagnostics.push(
        Diagnostic::warning(
            "R066",
            format!(
                "rule {} never fires: no event of group \"{}\" is counted, because its rules have level 0 or are \
                 counted individually",
                rule.id, text.value
            ),
        )
        .at(text.span.clone())
        .help("set a level of 1 or higher for rules of the group that are loaded before this one"),
    );
}

/// Whether events of the rule are kept for rules that count.
fn is_kept(looked: &Looked<'_>, index: u32) -> bool {
    let rule = looked.rule(index);
    !matches!(rule.level.0, 0 | 99) && !rule.outcome.noalert
}
