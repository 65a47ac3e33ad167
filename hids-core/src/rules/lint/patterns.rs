//! Patterns that mean something else than they seem to.

use super::Looked;
use crate::decode::source::PatternDef;
use crate::diag::Diagnostic;
use crate::pattern::{Dialect, Suspicion, suspicions};
use crate::rules::def::RuleDef;

/// Reports suspicious patterns of decoders and rules; tells of each rule whether one of its
/// conditions can match nothing.
pub(super) fn check(looked: &Looked<'_>, diagnostics: &mut Vec<Diagnostic>) -> Vec<bool> {
    for decoder in looked.decoders {
        let patterns = [decoder.prematch.as_ref(), decoder.regex.as_ref()].into_iter().flatten();
        for pattern in decoder.program_name.iter().chain(patterns.map(|pattern| &pattern.pattern)) {
            report(pattern, "decoder", looked, diagnostics);
        }
    }
    let mut impossible = Vec::with_capacity(looked.tree.rules.len());
    for rule in &looked.tree.rules {
        let mut dead = false;
        for pattern in patterns_of(rule) {
            dead |= report(pattern, "rule", looked, diagnostics);
        }
        impossible.push(dead);
    }
    impossible
}

fn patterns_of(rule: &RuleDef) -> impl Iterator<Item = &PatternDef> {
    let texts = rule.texts.all().map(|(_, pattern)| pattern);
    let fields = rule.conditions.fields.iter().map(|(_, pattern)| pattern);
    let values = rule.conditions.lists.iter().filter_map(|list| list.value.as_ref());
    texts.chain(fields).chain(values).chain(&rule.counting.if_matched_regex)
}

/// Whether nothing can match the pattern.
fn report(def: &PatternDef, owner: &str, looked: &Looked<'_>, diagnostics: &mut Vec<Diagnostic>) -> bool {
    let subject = looked.options.subject();
    // A pattern that does not compile is reported by the compiler.
    let Some(pattern) = def.compile(subject, &mut Vec::new()) else { return false };
    let mut dead = false;
    for suspicion in suspicions(&pattern, subject) {
        dead |= !def.negated && matches!(suspicion, Suspicion::NeverMatches | Suspicion::WantsControlByte);
        let (code, message, help) = words(&suspicion, def.dialect, owner);
        diagnostics.push(Diagnostic::warning(code, message).at(def.span.clone()).help(help));
    }
    dead
}

fn words(suspicion: &Suspicion, dialect: Dialect, owner: &str) -> (&'static str, String, &'static str) {
    match suspicion {
        Suspicion::NeverMatches => (
            "P010",
            format!(
                "this pattern cannot match, so the {owner} never matches: `^` is always the start and `$` always \
                 the end of the text"
            ),
            anchor_help(dialect),
        ),
        Suspicion::DeadAlternative(alternative) => {
            ("P011", format!("the alternative `{alternative}` of this pattern cannot match"), anchor_help(dialect))
        }
        Suspicion::WantsControlByte => (
            "P012",
            format!(
                "this pattern cannot match, so the {owner} never matches: like OSSEC, strict mode removes tabs \
                 and other control characters from every line"
            ),
            "remove the tab, or omit --strict-ossec",
        ),
        Suspicion::Backtracks => (
            "P013",
            "this pattern uses a back-reference: a crafted line can exhaust the limit of 500,000 steps and is then \
             treated as not matching"
                .into(),
            "avoid back-references: matching time is then linear in the line length instead of quadratic",
        ),
        Suspicion::OnlyPcre2 => (
            "P016",
            "this pattern uses PCRE2-only features (recursion, conditions, verbs, callouts): it never matches a \
             line of more than 6 KiB, and a crafted line can exhaust the limit of 20,000 steps"
                .into(),
            "avoid them: the precise step limit then applies, and lines of any length are searched",
        ),
        Suspicion::Literal { what } => (
            "P014",
            format!("`{what}` is literal here"),
            match dialect {
                Dialect::OsMatch => {
                    "this element only supports `|`, `^` and `$`: use <regex> or the element's \
                     _pcre2 form"
                }
                _ => "use `\\.*` for any text, `\\d` for a digit, `\\w` for a word character, or the _pcre2 form",
            },
        ),
        Suspicion::LineBreak => (
            "P015",
            "this pattern contains a line break, which only multi-line events have".into(),
            "put the whole pattern, including its end tag, on one line",
        ),
    }
}

fn anchor_help(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OsRegex => "use `\\$` for a dollar sign; for `^` use the element's _pcre2 form with `\\^`",
        Dialect::Pcre2 => "use `\\^` and `\\$` for the literal characters",
        _ => "for these characters use the element's _pcre2 form with `\\^` and `\\$`",
    }
}
