//! `overwrite="yes"`: which parts of a rule a later one replaces (`src/analysisd/rules_list.c`).

use super::parse::{RuleDef, TextField};
use crate::decode::source::PatternDef;
use crate::diag::Diagnostic;

/// Which groups of conditions OSSEC looks at in a rule: two marks that conditions set when they are
/// read, and that an overwriting rule replaces by its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gates {
    /// Source and destination port.
    packet: bool,
    /// User, status, host name and extra data.
    extra: bool,
}

impl Gates {
    /// Those of a rule as it is written.
    fn of(rule: &RuleDef) -> Self {
        let texts = rule.texts.iter().chain(&rule.pcre2_texts).map(|(field, _)| *field);
        let is_one_of = |wanted: &[TextField]| texts.clone().any(|field| wanted.contains(&field));
        Self {
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

    /// Whether a PCRE2 condition that was kept is still tested.
    pub(super) fn opens(self, field: TextField) -> bool {
        match field {
            TextField::SrcPort | TextField::DstPort => self.packet,
            TextField::User | TextField::Status | TextField::Hostname | TextField::ExtraData => self.extra,
            _ => true,
        }
    }
}

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

/// Puts the values of `new` into `original`, which keeps its place in the tree, its PCRE2
/// conditions, lists and fields. Says so where `new` tries to change one of these, and which
/// conditions end with it.
pub(super) fn overwrite(original: &mut RuleDef, new: RuleDef, diagnostics: &mut Vec<Diagnostic>) {
    // OSSEC compiles no PCRE2 condition beside its plain form, so that none appears when that is replaced.
    let hidden = |field: TextField| original.texts.iter().any(|(known, _)| *known == field);
    let first = original.gates.is_none();
    let (dropped, kept): (Vec<_>, Vec<_>) =
        original.pcre2_texts.iter().cloned().partition(|(field, _)| first && hidden(*field));
    let gates = Gates::of(&new);
    report(original, &new, &kept, gates, diagnostics);
    drop(dropped);
    let old = original.clone();
    *original = RuleDef {
        span: old.span,
        id_span: old.id_span,
        built_in: old.built_in,
        pcre2_texts: kept,
        gates: Some(gates),
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

fn report(
    original: &RuleDef,
    new: &RuleDef,
    kept: &[(TextField, PatternDef)],
    gates: Gates,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut unchanged = Vec::new();
    let is_kept = |(field, pattern): &(TextField, PatternDef)| {
        kept.iter().any(|(known, old)| known == field && old.text == pattern.text)
    };
    if !new.pcre2_texts.iter().all(is_kept) {
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
    if !unchanged.is_empty() {
        diagnostics.push(
            Diagnostic::warning(
                "R032",
                format!("overwrite does not change {} of rule {}, as in OSSEC", unchanged.join(", "), new.id),
            )
            .at(new.span.clone())
            .help("write a rule of your own with if_sid on this one instead"),
        );
    }
    let _ = (original, gates);
}
