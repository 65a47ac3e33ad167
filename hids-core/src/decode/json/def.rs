//! `<field>`, `<map>` and `<pcre2 field="…">` of a decoder, as written.

use super::super::source::PatternDef;
use crate::diag::Diagnostic;
use crate::pattern::Dialect;
use crate::xml::{Element, Text};

/// Targets of `<map>` that are no field of a decoder's own.
const TARGETS: [&str; 16] = [
    "srcip",
    "dstip",
    "srcport",
    "dstport",
    "srcuser",
    "dstuser",
    "user",
    "protocol",
    "action",
    "id",
    "url",
    "data",
    "extra_data",
    "status",
    "system_name",
    "filename",
];

/// A value that becomes a field of the event.
#[derive(Clone, Debug)]
pub struct MapDef {
    /// Name of the JSON value.
    pub from: String,
    /// Name of the field.
    pub to: String,
}

/// What a decoder asks of JSON.
#[derive(Clone, Debug, Default)]
pub struct JsonDef {
    /// Values that must be there and match.
    pub wants: Vec<(String, PatternDef)>,
    /// Values that become fields.
    pub maps: Vec<MapDef>,
    /// The value that the regex looks at, instead of the message.
    pub regex_field: Option<Text>,
}

impl JsonDef {
    /// Whether there is anything.
    pub fn is_empty(&self) -> bool {
        self.wants.is_empty() && self.maps.is_empty() && self.regex_field.is_none()
    }

    /// All names of JSON values.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let wants = self.wants.iter().map(|(name, _)| name.as_str());
        wants
            .chain(self.maps.iter().map(|map| map.from.as_str()))
            .chain(self.regex_field.iter().map(|name| &*name.value))
    }

    /// `<field name="logger">^http</field>`
    pub(in crate::decode) fn field(&mut self, element: &Element, diagnostics: &mut Vec<Diagnostic>) {
        let Some(name) = named(element, "name") else {
            diagnostics.push(without_name(element, "name", "<field name=\"NAME\">PATTERN</field>"));
            return;
        };
        self.wants.push((name.value.clone(), PatternDef::new(Dialect::Pcre2, &element.text)));
    }

    /// `<map field="request.remote_ip">srcip</map>`
    pub(in crate::decode) fn map(&mut self, element: &Element, diagnostics: &mut Vec<Diagnostic>) {
        let Some(from) = named(element, "field") else {
            diagnostics.push(without_name(element, "field", "<map field=\"NAME\">srcip</map>"));
            return;
        };
        let to = element.text.value.trim();
        if to.is_empty() || to.contains(',') {
            let message = "<map> names one field that the value becomes";
            diagnostics.push(
                Diagnostic::error("D031", message)
                    .at(element.span.clone())
                    .help("<map field=\"NAME\">srcip</map>; use one <map> for each"),
            );
            return;
        }
        if let Some(known) = meant(to) {
            let message = format!("<map> makes a field of its own, \"{to}\"");
            diagnostics.push(
                Diagnostic::warning("D032", message)
                    .at(element.text.span.clone())
                    .help(format!("did you mean {known}?")),
            );
        }
        self.maps.push(MapDef { from: from.value.clone(), to: to.to_owned() });
    }

    /// The attribute `field` of `<pcre2>` and `<regex>`, which then cannot have an offset.
    pub(in crate::decode) fn regex(&mut self, element: &Element, diagnostics: &mut Vec<Diagnostic>) {
        let Some(name) = named(element, "field") else { return };
        let other = self.regex_field.as_ref().is_some_and(|other| other.value != name.value);
        if other || element.attribute_ignoring_case("offset").is_some() {
            let message = match other {
                true => "all patterns of a decoder look at the same value: use a second decoder of the same name",
                false => "a pattern that looks at a value cannot have an offset",
            };
            diagnostics.push(Diagnostic::error("D033", message).at(element.span.clone()));
        }
        self.regex_field = Some(name.clone());
    }
}

/// The field of OSSEC's that `to` is a misspelling of: `src_ip`, `SrcIp`, `scrip`.
fn meant(to: &str) -> Option<&'static str> {
    let letters = |text: &str| {
        let mut letters: Vec<u8> = text.bytes().filter(u8::is_ascii_alphanumeric).collect();
        letters.make_ascii_lowercase();
        letters.sort_unstable();
        letters
    };
    let own = letters(to);
    let known = TARGETS.into_iter().find(|known| letters(known) == own);
    known.filter(|_| !TARGETS.contains(&to))
}

fn named<'e>(element: &'e Element, attribute: &str) -> Option<&'e Text> {
    element.attribute_ignoring_case(attribute).map(|found| &found.value).filter(|name| !name.value.is_empty())
}

fn without_name(element: &Element, attribute: &str, help: &str) -> Diagnostic {
    let message = format!("<{}> requires the attribute {attribute}, the name of a JSON value", element.name.value);
    Diagnostic::error("D030", message).at(element.span.clone()).help(help)
}
