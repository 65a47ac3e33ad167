//! Patterns inside ossec.conf: refused here, compiled again by the stage that uses them.

use hids_core::pattern::{Dialect, Pattern};
use hids_core::xml::{Element, Text};

use crate::config::raw::RawSection;
use crate::config::value::Problems;

/// The exact text of an option that holds a pattern, if it is not empty.
pub(super) fn pattern_of(
    section: &RawSection,
    name: &str,
    dialect: Dialect,
    problems: &mut Problems,
) -> Option<String> {
    let element: &Element = section.last(name)?;
    if element.text.value.trim().is_empty() {
        let message = format!("`<{name}>` is empty and counts as not given");
        problems.warning("C019", &element.name.span, message, "remove it, or give it a pattern");
        return None;
    }
    compile(&element.text, dialect, problems)?;
    Some(element.text.value.clone())
}

/// The compiled pattern; reports one that cannot be used.
pub(super) fn compile(text: &Text, dialect: Dialect, problems: &mut Problems) -> Option<Pattern> {
    match Pattern::new(dialect, &text.value) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let language = match dialect {
                Dialect::OsRegex => "os_regex",
                Dialect::OsMatch => "os_match",
                Dialect::Pcre2 => "PCRE2",
                Dialect::Word => "word match",
            };
            problems.error("C024", &text.span, format!("this {language} pattern cannot be used: {error}"), "");
            None
        }
    }
}
