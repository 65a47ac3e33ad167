//! `overwrite="yes"`: which parts of a rule a later one replaces (`src/analysisd/rules_list.c`).

use super::def::{ConditionsDef, Gates, OutcomeDef, RuleDef, TextField, TextsDef};
use crate::decode::source::PatternDef;
use crate::diag::{Diagnostic, Span};

/// Conditions that set the mark for further information.
const EXTRA: [TextField; 7] = [
    TextField::User,
    TextField::Status,
    TextField::Hostname,
    TextField::ExtraData,
    TextField::ProgramName,
    TextField::SrcGeoIp,
    TextField::DstGeoIp,
];

/// The marks that the conditions of a rule set.
fn gates(rule: &RuleDef) -> Gates {
    let texts = rule.texts.all().map(|(field, _)| *field);
    let is_one_of = |wanted: &[TextField]| texts.clone().any(|field| wanted.contains(&field));
    Gates {
        packet: is_one_of(&[TextField::SrcPort, TextField::DstPort])
            || !rule.conditions.srcip.is_empty()
            || !rule.conditions.dstip.is_empty(),
        extra: is_one_of(&EXTRA)
            || rule.conditions.maxsize > 0
            || rule.conditions.time.is_some()
            || rule.conditions.weekday.is_some()
            || rule.conditions.compiled.is_some()
            || rule.conditions.check_diff,
    }
}

/// Puts the values of `new` into `original`, which keeps its place in the tree, its PCRE2
/// conditions, lists and fields. Says so where `new` tries to change one of these, and what ends or
/// begins with it besides.
pub(super) fn overwrite(original: &mut RuleDef, new: RuleDef, diagnostics: &mut Vec<Diagnostic>) {
    let (old, written) = (original.clone(), new.clone());
    *original = merged(&old, new);
    report_unchanged(&old, &written, diagnostics);
    report_conditions(&old, original, &written.span, diagnostics);
    if old.counting.is_composite() && !original.counting.is_composite() {
        let message = format!("rule {} is no longer a composite rule: the new definition has no if_matched_…", old.id);
        diagnostics.push(Diagnostic::note("R032", message).at(written.span));
    }
}

/// What there is after `new` has overwritten `old`.
fn merged(old: &RuleDef, new: RuleDef) -> RuleDef {
    // OSSEC compiles no PCRE2 condition beside its plain form, so that none appears when that is replaced.
    // Of `regex` and `pcre2` it compiles both.
    let is_first = old.texts.gates.is_none();
    let is_compiled =
        |field: TextField| !is_first || matches!(field, TextField::Regex) || old.texts.plain(field).is_none();
    let gates = gates(&new);
    let pcre2 = old.texts.pcre2.iter().filter(|(field, _)| is_compiled(*field)).cloned().collect();
    // Every field is named: a new one that is forgotten here does not compile.
    let RuleDef {
        id,
        level,
        span: _,
        id_span: _,
        accuracy,
        overwrite,
        built_in: _,
        category: _,
        parents: _,
        mut counting,
        texts: TextsDef { plain, pcre2: _, gates: _ },
        conditions,
        outcome,
    } = new;
    // Not OSSEC's. Without it each single event would fire the rule.
    if !counting.asks_target() {
        counting.target.clone_from(&old.counting.target);
        counting.if_target_of.clone_from(&old.counting.if_target_of);
    }
    RuleDef {
        span: old.span.clone(),
        id_span: old.id_span.clone(),
        built_in: old.built_in,
        category: old.category.clone(),
        parents: old.parents.clone(),
        texts: TextsDef { plain, pcre2, gates: Some(gates) },
        conditions: merged_conditions(&old.conditions, conditions),
        outcome: merged_outcome(&old.outcome, outcome),
        id,
        level,
        accuracy,
        overwrite,
        counting,
    }
}

fn merged_conditions(old: &ConditionsDef, new: ConditionsDef) -> ConditionsDef {
    let ConditionsDef {
        maxsize,
        decoded_as,
        action,
        srcip,
        dstip,
        fields: _,
        time,
        weekday,
        lists: _,
        compiled,
        check_diff,
        if_fts,
    } = new;
    ConditionsDef {
        fields: old.fields.clone(),
        lists: old.lists.clone(),
        maxsize,
        decoded_as,
        action,
        srcip,
        dstip,
        time,
        weekday,
        compiled,
        check_diff,
        if_fts,
    }
}

fn merged_outcome(old: &OutcomeDef, new: OutcomeDef) -> OutcomeDef {
    let OutcomeDef {
        ignore_seconds,
        noalert,
        group,
        ignore_fields: _,
        check_if_ignored: _,
        options,
        description,
        cve,
        info,
        mitre,
    } = new;
    OutcomeDef {
        ignore_fields: old.ignore_fields,
        check_if_ignored: old.check_if_ignored,
        ignore_seconds,
        noalert,
        group,
        options,
        description,
        cve,
        info,
        mitre,
    }
}

fn report_unchanged(old: &RuleDef, new: &RuleDef, diagnostics: &mut Vec<Diagnostic>) {
    let mut unchanged = Vec::new();
    let is_there = |(field, pattern): &(TextField, PatternDef)| {
        old.texts.pcre2.iter().any(|(known, old)| known == field && old.text == pattern.text)
    };
    if !new.texts.pcre2.iter().all(is_there) {
        unchanged.push("the pcre2 conditions");
    }
    if !new.conditions.lists.is_empty() {
        unchanged.push("the lists");
    }
    if !new.conditions.fields.is_empty() {
        unchanged.push("the fields");
    }
    if new.outcome.ignore_fields.is_some() || new.outcome.check_if_ignored.is_some() {
        unchanged.push("ignore and check_if_ignored");
    }
    if unchanged.is_empty() {
        return;
    }
    let message = format!("overwrite does not change {} of rule {}, as in OSSEC", unchanged.join(", "), new.id);
    diagnostics.push(
        Diagnostic::warning("R032", message)
            .at(new.span.clone())
            .help("instead, write a custom rule with if_sid on this one"),
    );
}

/// PCRE2 conditions stay, but not always: which ones are no longer tested, and which are from now on.
fn report_conditions(old: &RuleDef, merged: &RuleDef, span: &Span, diagnostics: &mut Vec<Diagnostic>) {
    let tested = |rule: &RuleDef, field: TextField| {
        rule.texts.pcre2(field).is_some() && (field == TextField::Url || rule.texts.plain(field).is_none())
    };
    let names = |is_wanted: &dyn Fn(TextField) -> bool| -> Vec<&str> {
        let fields = old.texts.pcre2.iter().map(|(field, _)| *field).filter(|field| is_wanted(*field));
        fields.map(TextField::pcre2_name).collect()
    };
    let replaced = |field: TextField| merged.texts.plain(field).is_some();
    let ended = names(&|field| tested(old, field) && !tested(merged, field) && !replaced(field));
    if !ended.is_empty() {
        let message = format!(
            "with this definition {} of rule {} is no longer evaluated, as in OSSEC: port conditions are dropped \
             without a condition on an address or a port; conditions on user, status, hostname and extra_data are \
             dropped without one of these or one on program_name, time, weekday or maxsize",
            ended.join(", "),
            old.id
        );
        diagnostics.push(
            Diagnostic::warning("R032", message)
                .at(span.clone())
                .help("repeat it without _pcre2, or instead, write a custom rule with if_sid on this one"),
        );
    }
    let begun = names(&|field| !tested(old, field) && tested(merged, field));
    if !begun.is_empty() {
        let message = format!(
            "with this definition {} of rule {} is evaluated, as in OSSEC: the plain form that replaced it is gone",
            begun.join(", "),
            old.id
        );
        diagnostics.push(
            Diagnostic::warning("R032", message).at(span.clone()).help("repeat the plain form to keep replacing it"),
        );
    }
}
