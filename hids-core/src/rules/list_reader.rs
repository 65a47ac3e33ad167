//! One `<list>` element of a rule to its definition.

use super::def::ListDef;
use super::list::{ListField, Lookup};
use crate::decode::FieldId;
use crate::decode::source::{PatternDef, unknown_name};
use crate::diag::Diagnostic;
use crate::pattern::Dialect;
use crate::xml::{Element, Text};

/// The look-up that `element` asks for; `None` when it cannot be carried out.
pub(super) fn list(element: &Element, diagnostics: &mut Vec<Diagnostic>) -> Option<ListDef> {
    let (mut field, mut lookup, mut value) = (None, Lookup::MatchKey, None);
    for attribute in &element.attributes {
        let text = &attribute.value;
        match attribute.name.value.to_ascii_lowercase().as_str() {
            "field" => field = list_field(text, diagnostics),
            "lookup" => match Lookup::parse(&text.value) {
                Some(found) => lookup = found,
                None => diagnostics.push(unknown_name("R021", "look-up", text, &Lookup::NAMES)),
            },
            "check_value" => {
                value = Some(PatternDef::new(Dialect::OsMatch, text));
            }
            _ => diagnostics.push(unknown_name(
                "R021",
                "list attribute",
                &attribute.name,
                &["field", "lookup", "check_value"],
            )),
        }
    }
    if lookup.needs_value() && value.is_none() {
        diagnostics.push(Diagnostic::error("R022", "this lookup requires check_value").at(element.span.clone()));
        return None;
    }
    let Some(field) = field else {
        diagnostics.push(Diagnostic::error("R022", "a <list> requires a field").at(element.span.clone()));
        return None;
    };
    Some(ListDef { name: element.text.clone(), field, lookup, value })
}

fn list_field(text: &Text, diagnostics: &mut Vec<Diagnostic>) -> Option<ListField> {
    const NAMES: [&str; 11] =
        ["srcip", "srcport", "dstip", "dstport", "user", "url", "id", "hostname", "program_name", "status", "action"];
    Some(match text.value.as_str() {
        "srcip" => ListField::Field(FieldId::SRC_IP),
        "srcport" => ListField::Field(FieldId::SRC_PORT),
        "dstip" => ListField::Field(FieldId::DST_IP),
        "dstport" => ListField::Field(FieldId::DST_PORT),
        "url" => ListField::Field(FieldId::URL),
        "id" => ListField::Field(FieldId::ID),
        "status" => ListField::Field(FieldId::STATUS),
        "action" => ListField::Field(FieldId::ACTION),
        "user" => ListField::User,
        "hostname" => ListField::Hostname,
        "program_name" => ListField::ProgramName,
        _ => {
            diagnostics.push(unknown_name("R021", "field of a list", text, &NAMES));
            return None;
        }
    })
}
