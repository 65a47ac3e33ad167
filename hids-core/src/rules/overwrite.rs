//! `overwrite="yes"`: which parts of a rule a later one replaces (`src/analysisd/rules_list.c`).

use super::def::{Gates, RuleDef, TextField};
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
    let texts = rule.texts.iter().chain(&rule.pcre2_texts).map(|(field, _)| *field);
    let is_one_of = |wanted: &[TextField]| texts.clone().any(|field| wanted.contains(&field));
    Gates {
        packet: is_one_of(&[TextField::SrcPort, TextField::DstPort])
            || !rule.srcip.is_empty()
            || !rule.dstip.is_empty(),
        extra: is_one_of(&EXTRA)
            || rule.maxsize > 0
            || rule.time.is_some()
            || rule.weekday.is_some()
            || rule.compiled.is_some()
            || rule.check_diff,
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
    if old.is_composite() && !original.is_composite() {
        let message = format!("rule {} is no longer a composite rule: the new definition has no if_matched_…", old.id);
        diagnostics.push(Diagnostic::note("R032", message).at(written.span));
    }
}

/// What there is after `new` has overwritten `old`.
fn merged(old: &RuleDef, new: RuleDef) -> RuleDef {
    // OSSEC compiles no PCRE2 condition beside its plain form, so that none appears when that is replaced.
    // Of `regex` and `pcre2` it compiles both.
    let is_first = old.gates.is_none();
    let is_compiled = |field: TextField| !is_first || matches!(field, TextField::Regex) || old.text(field).is_none();
    let gates = gates(&new);
    // Every field is named: a new one that is forgotten here does not compile.
    let RuleDef {
        id,
        level,
        span: _,
        id_span: _,
        maxsize,
        timeframe,
        frequency,
        ignore_seconds,
        accuracy,
        noalert,
        overwrite,
        built_in: _,
        group,
        texts,
        pcre2_texts: _,
        gates: _,
        decoded_as,
        category: _,
        action,
        srcip,
        dstip,
        fields: _,
        time,
        weekday,
        lists: _,
        compiled,
        if_sid: _,
        if_group: _,
        if_level: _,
        if_matched_sid,
        if_matched_group,
        if_matched_regex,
        same,
        check_diff,
        if_fts,
        ignore_fields: _,
        check_if_ignored: _,
        options,
        description,
        cve,
        info,
    } = new;
    RuleDef {
        span: old.span.clone(),
        id_span: old.id_span.clone(),
        built_in: old.built_in,
        pcre2_texts: old.pcre2_texts.iter().filter(|(field, _)| is_compiled(*field)).cloned().collect(),
        gates: Some(gates),
        category: old.category.clone(),
        fields: old.fields.clone(),
        lists: old.lists.clone(),
        if_sid: old.if_sid.clone(),
        if_group: old.if_group.clone(),
        if_level: old.if_level.clone(),
        ignore_fields: old.ignore_fields,
        check_if_ignored: old.check_if_ignored,
        id,
        level,
        maxsize,
        timeframe,
        frequency,
        ignore_seconds,
        accuracy,
        noalert,
        overwrite,
        group,
        texts,
        decoded_as,
        action,
        srcip,
        dstip,
        time,
        weekday,
        compiled,
        if_matched_sid,
        if_matched_group,
        if_matched_regex,
        same,
        check_diff,
        if_fts,
        options,
        description,
        cve,
        info,
    }
}

fn report_unchanged(old: &RuleDef, new: &RuleDef, diagnostics: &mut Vec<Diagnostic>) {
    let mut unchanged = Vec::new();
    let is_there = |(field, pattern): &(TextField, PatternDef)| {
        old.pcre2_texts.iter().any(|(known, old)| known == field && old.text == pattern.text)
    };
    if !new.pcre2_texts.iter().all(is_there) {
        unchanged.push("the pcre2 conditions");
    }
    if !new.lists.is_empty() {
        unchanged.push("the lists");
    }
    if !new.fields.is_empty() {
        unchanged.push("the fields");
    }
    if new.ignore_fields.is_some() || new.check_if_ignored.is_some() {
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
        rule.pcre2_text(field).is_some() && (field == TextField::Url || rule.text(field).is_none())
    };
    let names = |is_wanted: &dyn Fn(TextField) -> bool| -> Vec<&str> {
        let fields = old.pcre2_texts.iter().map(|(field, _)| *field).filter(|field| is_wanted(*field));
        fields.map(TextField::pcre2_name).collect()
    };
    let replaced = |field: TextField| merged.text(field).is_some();
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
