//! Rule files as written, with places.

use std::sync::Arc;

use super::def::RuleDef;
use super::reader::rule;
use crate::decode::Reading;
use crate::decode::source::{self, unknown_name};
use crate::diag::{Diagnostic, SourceFile};
use crate::xml::Element;

/// The rules of `file`, and every problem found.
pub fn parse(file: &Arc<SourceFile>, reading: Reading) -> (Vec<RuleDef>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mut rules = Vec::new();
    for group in source::elements(file, &mut diagnostics) {
        parse_group(&group, reading, &mut rules, &mut diagnostics);
    }
    (rules, diagnostics)
}

fn parse_group(group: &Element, reading: Reading, rules: &mut Vec<RuleDef>, diagnostics: &mut Vec<Diagnostic>) {
    if !group.name.value.eq_ignore_ascii_case("group") {
        diagnostics.push(unknown_name("R001", "root element", &group.name, &["group", "var"]));
        return;
    }
    let name = match group.attributes.as_slice() {
        [name] if name.name.value.eq_ignore_ascii_case("name") => &name.value.value,
        _ => {
            let problem = Diagnostic::error("R002", "a group must have exactly one attribute, its name");
            diagnostics.push(problem.at(group.span.clone()).help("<group name=\"local,\">"));
            return;
        }
    };
    if group.children.is_empty() {
        diagnostics.push(Diagnostic::error("R003", format!("group \"{name}\" has no rules")).at(group.span.clone()));
    }
    for element in &group.children {
        if !element.name.value.eq_ignore_ascii_case("rule") {
            diagnostics.push(unknown_name("R004", "element in a group", &element.name, &["rule"]));
            continue;
        }
        rules.extend(rule(element, name, reading, diagnostics));
    }
}
