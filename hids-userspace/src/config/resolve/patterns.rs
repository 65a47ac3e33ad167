//! Patterns inside ossec.conf: refused here, compiled again by the stage that uses them. What is
//! probably wrong with one that compiles is named with the codes that rules get.

use hids_core::pattern::{Dialect, Pattern, Subject, Suspicion};
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
    compiled_pattern_of(section, name, dialect, problems).map(|pattern| pattern.as_str().to_owned())
}

/// The pattern of an option, if it is not empty.
pub(super) fn compiled_pattern_of(
    section: &RawSection,
    name: &str,
    dialect: Dialect,
    problems: &mut Problems,
) -> Option<Pattern> {
    let element: &Element = section.last(name)?;
    if element.text.value.trim().is_empty() {
        let message = format!("`<{name}>` is empty and counts as not given");
        problems.warning("C019", &element.name.span, message, "remove it, or give it a pattern");
        return None;
    }
    compile(&element.text, dialect, problems)
}

/// The compiled pattern; reports one that cannot be used or hardly does what it is meant to.
pub(super) fn compile(text: &Text, dialect: Dialect, problems: &mut Problems) -> Option<Pattern> {
    match Pattern::new(dialect, &text.value) {
        Ok(pattern) => {
            report(&pattern, text, problems);
            Some(pattern)
        }
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

fn report(pattern: &Pattern, text: &Text, problems: &mut Problems) {
    let suspicions = pattern.suspicions(Subject::Bytes);
    for suspicion in &suspicions {
        let (code, message) = words(suspicion);
        problems.warning(code, &text.span, message, help(pattern.dialect()));
    }
    let is_named = suspicions.iter().any(|suspicion| matches!(suspicion, Suspicion::Literal { .. }));
    if let Some(sign) = glob(pattern).filter(|_| !is_named) {
        let message = format!("`{sign}` stands for this very character here, it is no wildcard");
        problems.warning("P014", &text.span, message, help(pattern.dialect()));
    }
    if matches_everything(pattern) {
        let message = format!("the pattern \"{}\" matches everything", text.value);
        let help = "a part between two `|`, before the first or behind the last one that is empty or only `^` fits \
                    every text: remove it";
        problems.warning("C106", &text.span, message, help);
    }
}

fn words(suspicion: &Suspicion) -> (&'static str, String) {
    match suspicion {
        Suspicion::NeverMatches => (
            "P010",
            "nothing can match this pattern: `^` is always the start and `$` always the end of the text".into(),
        ),
        Suspicion::DeadAlternative(part) => {
            ("P011", format!("nothing can match the alternative `{part}` of this pattern"))
        }
        Suspicion::WantsControlByte => ("P012", "this pattern wants a control byte, which no text here has".into()),
        Suspicion::Backtracks => ("P013", "this pattern refers back to what a group matched, which takes long".into()),
        Suspicion::Literal { what } => ("P014", format!("`{what}` stands for these very characters here")),
        Suspicion::LineBreak => ("P015", "this pattern has a line break in it, which no text here has".into()),
        Suspicion::OnlyPcre2 => ("P016", "this pattern has something that only PCRE2 knows".into()),
    }
}

fn help(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OsMatch => {
            "the text is searched for anywhere; special are only `|` between alternatives, `^` at the start and `$` \
             at the end of one: `.log$` fits what ends in .log"
        }
        _ => "write `\\.*` for anything, `\\d` for a digit, `\\w` for a word character",
    }
}

/// A sign of a shell's patterns that is an ordinary character in this language.
fn glob(pattern: &Pattern) -> Option<char> {
    let text = pattern.as_str().as_bytes();
    let is_quantifier = |at: usize| at >= 2 && text[at - 2] == b'\\';
    let is_plain = |at: &usize| match pattern.dialect() {
        Dialect::OsMatch => true,
        Dialect::OsRegex => !is_quantifier(*at) && (*at == 0 || text[at - 1] != b'\\'),
        _ => false,
    };
    (0..text.len()).filter(|&at| text[at] == b'*').find(is_plain).map(|_| '*')
}

/// Whether a text of any length and content fits.
fn matches_everything(pattern: &Pattern) -> bool {
    [&b""[..], b"\x01", b"/q/\x02 7"].iter().all(|text| pattern.is_match(text))
}
