//! Patterns inside ossec.conf: refused here, compiled again by the stage that uses them. What is
//! probably wrong with one that compiles is named with the codes that rules get.

use hids_core::pattern::{Dialect, Pattern, Subject, Suspicion, suspicions};
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
        let message = format!("`<{name}>` is empty and ignored");
        problems.warning("C019", &element.name.span, message, "remove it, or set a pattern");
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
    let suspicions = suspicions(pattern, Subject::Bytes);
    for suspicion in &suspicions {
        let (code, message) = words(suspicion);
        problems.warning(code, &text.span, message, help(pattern.dialect()));
    }
    let is_named = suspicions.iter().any(|suspicion| matches!(suspicion, Suspicion::Literal { .. }));
    if let Some(sign) = glob(pattern).filter(|_| !is_named) {
        let message = format!("`{sign}` is literal here, not a wildcard");
        problems.warning("P014", &text.span, message, help(pattern.dialect()));
    }
    if matches_everything(pattern) {
        let message = format!("the pattern \"{}\" matches everything", text.value);
        let help = "an empty alternative, or one that is only `^`, matches everything: remove it";
        problems.warning("C106", &text.span, message, help);
    }
}

fn words(suspicion: &Suspicion) -> (&'static str, String) {
    match suspicion {
        Suspicion::NeverMatches => {
            ("P010", "this pattern cannot match: `^` is always the start and `$` always the end of the text".into())
        }
        Suspicion::DeadAlternative(part) => ("P011", format!("the alternative `{part}` of this pattern cannot match")),
        Suspicion::WantsControlByte => (
            "P012",
            "this pattern requires a control character, which never occurs \
             here"
                .into(),
        ),
        Suspicion::Backtracks => ("P013", "this pattern uses a back-reference, which is slow".into()),
        Suspicion::Literal { what } => ("P014", format!("`{what}` is literal here")),
        Suspicion::LineBreak => ("P015", "this pattern contains a line break, which never occurs here".into()),
        Suspicion::OnlyPcre2 => ("P016", "this pattern uses PCRE2-only features".into()),
    }
}

fn help(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OsMatch => {
            "the text matches anywhere; only `|` between alternatives, `^` at the start and `$` at the end are \
             special: `.log$` matches names that end in .log"
        }
        _ => "use `\\.*` for any text, `\\d` for a digit, `\\w` for a word character",
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
