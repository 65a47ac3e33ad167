//! Common parts of decoder files and rule files: variables, patterns, case of names.

use std::collections::HashMap;
use std::sync::Arc;

use crate::diag::{Diagnostic, SourceFile, Span};
use crate::pattern::{Dialect, Pattern, PatternError, Subject};
use crate::xml::{self, Element, Text};

/// A pattern as written.
#[derive(Clone, Debug)]
pub struct PatternDef {
    /// Its language.
    pub dialect: Dialect,
    /// Its text; repeated elements are joined.
    pub text: String,
    /// Where it stands (the first of several elements).
    pub span: Span,
    /// Whether the condition holds where it does not match.
    pub negated: bool,
}

impl PatternDef {
    /// A pattern that stands in `text`.
    pub fn new(dialect: Dialect, text: &Text) -> Self {
        Self { dialect, text: text.value.clone(), span: text.span.clone(), negated: false }
    }

    /// Compiles it, or says why not.
    pub fn compile(&self, subject: Subject, diagnostics: &mut Vec<Diagnostic>) -> Option<Pattern> {
        match Pattern::with_subject(self.dialect, &self.text, subject) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                let mut diagnostic =
                    Diagnostic::error("P001", format!("invalid pattern: {error}")).at(self.span.clone());
                if let PatternError::Escape { what, .. } = &error {
                    diagnostic = diagnostic.help(escape_help(what));
                }
                diagnostics.push(diagnostic);
                None
            }
        }
    }
}

fn escape_help(what: &str) -> String {
    if what.is_empty() {
        return "use `\\\\` for a backslash".into();
    }
    format!("use `{what}` for the literal character, or the element's _pcre2 form")
}

/// The elements of `file` with its variables replaced. OSSEC: `os_xml/os_xml_variables.c`.
///
/// Only variables defined earlier in the same file are known.
pub fn elements(file: &Arc<SourceFile>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Element> {
    let (roots, problems) = xml::parse(file);
    diagnostics.extend(problems);
    let mut variables = Variables::default();
    let mut elements = Vec::new();
    for mut root in roots {
        if root.name.value.eq_ignore_ascii_case("var") {
            variables.define(&root, diagnostics);
        } else {
            variables.expand_element(&mut root, diagnostics);
            elements.push(root);
        }
    }
    elements
}

#[derive(Default)]
struct Variables(HashMap<String, String>);

impl Variables {
    fn define(&mut self, element: &Element, diagnostics: &mut Vec<Diagnostic>) {
        let Some(name) = element.attributes.iter().find(|attribute| attribute.name.value.eq_ignore_ascii_case("name"))
        else {
            diagnostics.push(
                Diagnostic::error("X020", "<var> without a name")
                    .at(element.span.clone())
                    .help("<var name=\"NAME\">text</var>"),
            );
            return;
        };
        self.0.insert(name.value.value.to_ascii_lowercase(), element.text.value.clone());
    }

    fn expand_element(&self, element: &mut Element, diagnostics: &mut Vec<Diagnostic>) {
        if self.0.is_empty() {
            return;
        }
        for attribute in &mut element.attributes {
            self.expand(&mut attribute.value, diagnostics);
        }
        self.expand(&mut element.text, diagnostics);
        for child in &mut element.children {
            self.expand_element(child, diagnostics);
        }
    }

    fn expand(&self, text: &mut Text, diagnostics: &mut Vec<Diagnostic>) {
        if text.value.len() <= 2 || !text.value.contains('$') {
            return;
        }
        let mut out = String::new();
        let mut rest = text.value.as_str();
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let length = after.find(['$', '.', '|', ',', ' ']).unwrap_or(after.len());
            let name = &after[..length];
            match self.0.get(&name.to_ascii_lowercase()) {
                Some(value) => out.push_str(value),
                None => {
                    out.push('$');
                    out.push_str(name);
                    if !name.is_empty() {
                        diagnostics.push(self.unknown(name, text));
                    }
                }
            }
            rest = &after[length..];
        }
        out.push_str(rest);
        text.value = out;
    }

    fn unknown(&self, name: &str, text: &Text) -> Diagnostic {
        let diagnostic = Diagnostic::error("X021", format!("unknown variable ${name}")).at(text.span.clone());
        let names: Vec<&str> = self.0.keys().map(String::as_str).take(MOST_NAMES).collect();
        match closest(&name.to_ascii_lowercase(), &names) {
            Some(known) => diagnostic.help(format!("did you mean ${known}?")),
            None => diagnostic.help("define it with <var name=\"…\"> earlier in the same file"),
        }
    }
}

/// Most variables that an unknown one is compared with.
const MOST_NAMES: usize = 1000;

/// For how many unknown names of a kind one is sought that is alike, where there may be many.
pub const MOST_HINTS: usize = 100;

/// Longest word that is worth guessing at; comparing takes the square of it.
const LONGEST_WORD: usize = 64;

/// The one of `known` that `word` may be a misspelling of.
pub fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = (word.len() / 2).clamp(1, 3);
    if word.len() > LONGEST_WORD {
        return None;
    }
    let length = word.chars().count();
    let near = known.iter().filter(|name| name.chars().count().abs_diff(length) <= allowed);
    let best = near.map(|name| (distance(word, name), *name)).min()?;
    (best.0 <= allowed).then_some(best.1)
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let change = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

/// An error about a name that is not known, with the known one that it resembles.
pub fn unknown_name(code: &'static str, what: &str, name: &Text, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(code, format!("{what} \"{}\" does not exist", name.value)).at(name.span.clone());
    match closest(&name.value.to_ascii_lowercase(), known) {
        Some(close) => diagnostic.help(format!("did you mean {close}?")),
        None => diagnostic,
    }
}

/// Says so where a child of `element` that counts once only stands there again.
pub fn note_replaced(code: &'static str, element: &Element, single: &[&str], diagnostics: &mut Vec<Diagnostic>) {
    for (index, child) in element.children.iter().enumerate() {
        let name = child.name.value.to_ascii_lowercase();
        let again = |later: &Element| later.name.value.eq_ignore_ascii_case(&name);
        if single.contains(&name.as_str()) && element.children[index + 1..].iter().any(again) {
            let message = format!("unused: replaced by a later <{name}> of the same {}", element.name.value);
            diagnostics.push(Diagnostic::warning(code, message).at(child.span.clone()));
        }
    }
}
