//! Attributes of elements that OSSEC reads without them: it ignores them, and so does the strict mode.
//! Wazuh's `type` and `negate` are obeyed otherwise (K33).

use super::source::closest;
use crate::diag::Diagnostic;
use crate::pattern::Dialect;
use crate::xml::{Attribute, Element};

/// Whose reading of a file is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// OSSEC's.
    Ossec,
    /// What is written there.
    #[default]
    AsWritten,
}

/// Which of Wazuh's attributes an element can obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obeys {
    /// None.
    Nothing,
    /// `type`: the language of the pattern.
    Type,
    /// `negate`.
    Negate,
    /// Both.
    Both,
}

/// What the attributes of a condition ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Another language than the element's own.
    pub dialect: Option<Dialect>,
    /// Whether the condition holds where the pattern does not match.
    pub negated: bool,
}

/// Reads the attributes of `element` and reports, with `code`, those that have no effect. Those named in `known`
/// (in lower case) are the caller's.
pub fn read(
    element: &Element,
    known: &[&str],
    obeys: Obeys,
    reading: Reading,
    code: &'static str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Asked {
    let mut asked = Asked::default();
    for attribute in &element.attributes {
        let name = attribute.name.value.to_ascii_lowercase();
        if known.contains(&name.as_str()) {
            continue;
        }
        let can = |wanted: Obeys| reading == Reading::AsWritten && (obeys == wanted || obeys == Obeys::Both);
        match name.as_str() {
            "type" if can(Obeys::Type) => asked.dialect = dialect(attribute, diagnostics),
            "negate" if can(Obeys::Negate) => asked.negated = negated(attribute, diagnostics),
            _ => diagnostics.push(ignored(code, element, attribute, &name, known, obeys)),
        }
    }
    asked
}

fn dialect(attribute: &Attribute, diagnostics: &mut Vec<Diagnostic>) -> Option<Dialect> {
    match attribute.value.value.to_ascii_lowercase().as_str() {
        "pcre2" => Some(Dialect::Pcre2),
        "osregex" => Some(Dialect::OsRegex),
        "osmatch" => Some(Dialect::OsMatch),
        // Wazuh's word for what `<action>` is anyway.
        "string" => None,
        other => {
            let message = format!("unknown type \"{other}\" is ignored");
            let problem = Diagnostic::warning("R068", message).at(attribute.value.span.clone());
            diagnostics.push(problem.help("use pcre2, osregex or osmatch, or remove the attribute"));
            None
        }
    }
}

fn negated(attribute: &Attribute, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let value = attribute.value.value.to_ascii_lowercase();
    if value != "yes" && value != "no" {
        let message = format!("negate must be yes or no; \"{value}\" is ignored");
        let problem = Diagnostic::warning("R069", message).at(attribute.value.span.clone());
        diagnostics.push(problem.help("use negate=\"yes\", or remove the attribute"));
    }
    value == "yes"
}

fn ignored(
    code: &'static str,
    element: &Element,
    attribute: &Attribute,
    name: &str,
    known: &[&str],
    obeys: Obeys,
) -> Diagnostic {
    let owner = &element.name.value;
    let message = format!("attribute {} of <{owner}> is ignored, as in OSSEC", attribute.name.value);
    let help = match (name, closest(name, known)) {
        ("negate", _) if obeys != Obeys::Nothing => {
            "the condition is not negated: start the pattern with `!` where the element supports it, or omit \
             --strict-ossec"
                .into()
        }
        ("type", _) if obeys != Obeys::Nothing => {
            "the pattern uses the element's default syntax: use the _pcre2 form, or omit --strict-ossec".into()
        }
        (_, Some(close)) => format!("did you mean {close}?"),
        _ => "remove it".to_owned(),
    };
    Diagnostic::warning(code, message).at(attribute.name.span.clone()).help(help)
}
