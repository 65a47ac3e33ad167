//! `overwrite="yes"`: which parts of a rule a later one replaces (`src/analysisd/rules_list.c`).

use super::parse::RuleDef;
use crate::diag::Diagnostic;

/// Puts the values of `new` into `original`, which keeps its place in the tree, its PCRE2
/// conditions, lists and fields. Says so where `new` tries to change one of these.
pub(super) fn overwrite(original: &mut RuleDef, new: RuleDef, diagnostics: &mut Vec<Diagnostic>) {
    let mut kept = Vec::new();
    if !new.pcre2_texts.is_empty() && !same_pcre2(original, &new) {
        kept.push("the pcre2 conditions");
    }
    if !new.lists.is_empty() {
        kept.push("the lists");
    }
    if !new.fields.is_empty() {
        kept.push("the fields");
    }
    if new.ignore_fields.is_some() || new.check_if_ignored.is_some() {
        kept.push("ignore and check_if_ignored");
    }
    if !kept.is_empty() {
        diagnostics.push(
            Diagnostic::warning(
                "R032",
                format!("overwrite does not change {} of rule {}, as in OSSEC", kept.join(", "), new.id),
            )
            .at(new.span.clone())
            .help("write a rule of your own with if_sid on this one instead"),
        );
    }
    let old = original.clone();
    *original = RuleDef {
        span: old.span,
        id_span: old.id_span,
        accuracy: old.accuracy,
        pcre2_texts: old.pcre2_texts,
        category: old.category,
        fields: old.fields,
        lists: old.lists,
        if_sid: old.if_sid,
        if_group: old.if_group,
        if_level: old.if_level,
        ignore_fields: old.ignore_fields,
        check_if_ignored: old.check_if_ignored,
        ..new
    };
}

fn same_pcre2(original: &RuleDef, new: &RuleDef) -> bool {
    let has = |(field, pattern): &(_, crate::decode::source::PatternDef)| {
        original.pcre2_texts.iter().any(|(known, old)| known == field && old.text == pattern.text)
    };
    new.pcre2_texts.iter().all(has)
}
