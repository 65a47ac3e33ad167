//! Texts that a pattern needs: for comparing patterns with one another, when an administrator asks.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::Pattern;

/// A text that is in every subject that an alternative of a pattern matches, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The text.
    pub text: String,
    /// Whether the subject starts with it.
    pub at_start: bool,
    /// Whether the subject ends with it.
    pub at_end: bool,
}

/// Of each alternative of `pattern`, texts that it needs; `None` where that is not known.
pub fn needs(pattern: &Pattern) -> Option<Vec<Vec<Need>>> {
    let hir = ParserBuilder::new().unicode(false).utf8(false).build().parse(pattern.expression()?).ok()?;
    Some(alternatives(&hir))
}

/// Most alternatives that are distinguished.
const MOST_ALTERNATIVES: usize = 64;

fn alternatives(hir: &Hir) -> Vec<Vec<Need>> {
    let finished = |mut runs: Runs| {
        runs.end(false);
        runs.needs
    };
    expand(hir, vec![Runs::default()]).into_iter().map(finished).collect()
}

/// What each of `before` becomes when `hir` follows it.
fn expand(hir: &Hir, mut before: Vec<Runs>) -> Vec<Runs> {
    match hir.kind() {
        HirKind::Alternation(list) if before.len() * list.len() <= MOST_ALTERNATIVES => {
            list.iter().flat_map(|option| expand(option, before.clone())).collect()
        }
        HirKind::Concat(parts) => parts.iter().fold(before, |before, part| expand(part, before)),
        HirKind::Capture(capture) => expand(&capture.sub, before),
        _ => {
            before.iter_mut().for_each(|runs| runs.add(hir));
            before
        }
    }
}

/// Literals that follow one another.
#[derive(Clone, Default)]
struct Runs {
    needs: Vec<Need>,
    current: Vec<u8>,
    at_start: bool,
}

impl Runs {
    fn add(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Empty => {}
            HirKind::Literal(literal) => self.current.extend_from_slice(&literal.0),
            HirKind::Class(class) => match letter(class) {
                Some(letter) => self.current.push(letter),
                None => self.end(false),
            },
            HirKind::Look(Look::Start) => {
                self.end(false);
                self.at_start = self.needs.is_empty();
            }
            HirKind::Look(Look::End) => self.end(true),
            // Word boundaries take no room.
            HirKind::Look(_) => {}
            _ => self.end(false),
        }
    }

    fn end(&mut self, at_end: bool) {
        let at_start = std::mem::take(&mut self.at_start);
        let bytes = std::mem::take(&mut self.current);
        if let (false, Ok(text)) = (bytes.is_empty(), String::from_utf8(bytes)) {
            self.needs.push(Need { text: text.to_ascii_lowercase(), at_start, at_end });
        }
    }
}

/// The letter whose two cases are the class.
fn letter(class: &Class) -> Option<u8> {
    let Class::Bytes(class) = class else { return None };
    let mut bytes = class.iter().flat_map(|range| range.start()..=range.end());
    let (first, second) = (bytes.next()?, bytes.next());
    let same = second.is_none_or(|second| second.eq_ignore_ascii_case(&first));
    (same && bytes.next().is_none()).then(|| first.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Dialect;

    fn shown(dialect: Dialect, text: &str) -> Vec<Vec<String>> {
        let show = |need: Need| {
            format!("{}{}{}", if need.at_start { "^" } else { "" }, need.text, if need.at_end { "$" } else { "" })
        };
        let pattern = Pattern::new(dialect, text).unwrap();
        let alternatives = needs(&pattern).unwrap_or_default();
        alternatives.into_iter().map(|needs| needs.into_iter().map(show).collect()).collect()
    }

    // C28
    #[test]
    fn what_each_alternative_needs() {
        assert_eq!(
            shown(Dialect::OsRegex, r"^alice/\S+ Connection Reset|^bob/\S+ gone$"),
            [["^alice/", " connection reset"], ["^bob/", " gone$"]]
        );
        assert_eq!(shown(Dialect::OsRegex, r"user=(\w+) from"), [["user=", " from"]]);
        assert_eq!(
            shown(Dialect::Pcre2, r"^Failed (?:password|key) for \d+ b+c"),
            [["^failed password for ", " ", "c"], ["^failed key for ", " ", "c"]]
        );
        assert_eq!(shown(Dialect::Pcre2, r"x?y"), [["y"]]);
    }
}
