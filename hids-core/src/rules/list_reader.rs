//! One `<list>` element of a rule to its definition.

use super::list::{ListField, Lookup};
use super::parse::ListDef;
use super::reader::Reader;
use crate::decode::FieldId;
use crate::decode::source::{PatternDef, unknown_name};
use crate::pattern::Dialect;
use crate::xml::{Element, Text};

impl Reader<'_> {
    pub(super) fn list(&mut self, element: &Element) -> Option<ListDef> {
        let (mut field, mut lookup, mut value) = (None, Lookup::MatchKey, None);
        for attribute in &element.attributes {
            let text = &attribute.value;
            match attribute.name.value.to_ascii_lowercase().as_str() {
                "field" => field = self.list_field(text),
                "lookup" => match Lookup::parse(&text.value) {
                    Some(found) => lookup = found,
                    None => self.diagnostics.push(unknown_name("R021", "look-up", text, &Lookup::NAMES)),
                },
                "check_value" => {
                    value = Some(PatternDef::new(Dialect::OsMatch, text));
                }
                _ => self.diagnostics.push(unknown_name(
                    "R021",
                    "list attribute",
                    &attribute.name,
                    &["field", "lookup", "check_value"],
                )),
            }
        }
        if lookup.needs_value() && value.is_none() {
            self.error("R022", "this look-up needs check_value", &element.span);
            return None;
        }
        let Some(field) = field else {
            self.error("R022", "a <list> needs a field", &element.span);
            return None;
        };
        Some(ListDef { name: element.text.clone(), field, lookup, value })
    }

    fn list_field(&mut self, text: &Text) -> Option<ListField> {
        const NAMES: [&str; 11] = [
            "srcip",
            "srcport",
            "dstip",
            "dstport",
            "user",
            "url",
            "id",
            "hostname",
            "program_name",
            "status",
            "action",
        ];
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
                self.diagnostics.push(unknown_name("R021", "field of a list", text, &NAMES));
                return None;
            }
        })
    }
}
