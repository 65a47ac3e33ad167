//! Lint of patterns that compile.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::{Dialect, Pattern, Program, Subject};

/// What is probably wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// No text can match, because something must stand before the start or after the end.
    NeverMatches,
    /// The same of one alternative.
    DeadAlternative(String),
    /// It wants a control byte, such as a tab; in the strict mode lines have none.
    WantsControlByte,
    /// It refers back to what a group matched, for which no engine has a linear time.
    Backtracks,
    /// It has something that only PCRE2 knows, which sees no long line.
    OnlyPcre2,
    /// Something that other languages of patterns give a meaning stands for itself here.
    Literal {
        /// It, as written.
        what: String,
    },
    /// A line break in the text of the element.
    LineBreak,
}

/// What is probably wrong with `pattern`, when it looks at text of the kind `subject`.
pub fn suspicions(pattern: &Pattern, subject: Subject) -> Vec<Suspicion> {
    let mut found = Vec::new();
    let text = pattern.as_str();
    if let Program::Pcre2(backtracking) = &pattern.program {
        if backtracking.is_in_pcre2() {
            found.push(Suspicion::OnlyPcre2);
        } else if backtracking.refers_back() {
            found.push(Suspicion::Backtracks);
        }
    }
    if text.contains('\n') {
        found.push(Suspicion::LineBreak);
    }
    found.extend(literal_syntax(text, pattern.dialect()).map(|what| Suspicion::Literal { what }));
    if let Some(problem) = impossible(pattern, subject) {
        found.push(problem);
        return found;
    }
    let alternatives = alternatives(text, pattern.dialect());
    if alternatives.len() > 1 {
        let dead = alternatives.into_iter().filter(|alternative| {
            Pattern::with_subject(pattern.dialect(), alternative, subject)
                .is_ok_and(|pattern| impossible(&pattern, subject).is_some())
        });
        found.extend(dead.map(|alternative| Suspicion::DeadAlternative(alternative.to_owned())));
    }
    found
}

/// Why `pattern` can match nothing, if so.
fn impossible(pattern: &Pattern, subject: Subject) -> Option<Suspicion> {
    let parser = || regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
    let hir = parser().parse(pattern.expression()?).ok()?;
    let lines = Reach { control_bytes: true };
    if !lines.can_match(&hir) {
        return Some(Suspicion::NeverMatches);
    }
    let clean_lines = Reach { control_bytes: false };
    let strict = subject == Subject::StrictUtf8;
    (strict && !clean_lines.can_match(&hir)).then_some(Suspicion::WantsControlByte)
}

/// In which situations the rest of a pattern can begin: one bit for each of the four combinations
/// of "something has been consumed" ([`CONSUMED`]) and "the end was asserted" ([`ENDED`]).
type Situations = u8;

const CONSUMED: u8 = 1;
const ENDED: u8 = 2;
/// Nothing consumed, end not asserted.
const BEGIN: Situations = 1;

/// Follows a pattern without a text.
struct Reach {
    /// Whether texts may have control bytes.
    control_bytes: bool,
}

impl Reach {
    fn can_match(&self, hir: &Hir) -> bool {
        self.after(hir, BEGIN) != 0
    }

    fn after(&self, hir: &Hir, before: Situations) -> Situations {
        match hir.kind() {
            HirKind::Empty => before,
            HirKind::Literal(literal) => {
                let possible = self.control_bytes || !literal.0.iter().any(u8::is_ascii_control);
                if possible { consume(before) } else { 0 }
            }
            HirKind::Class(class) => {
                if self.has_possible(class) {
                    consume(before)
                } else {
                    0
                }
            }
            HirKind::Look(Look::Start) => keep(before, |situation| situation & CONSUMED == 0),
            HirKind::Look(Look::End) => map(before, |situation| situation | ENDED),
            HirKind::Look(_) => before,
            HirKind::Capture(capture) => self.after(&capture.sub, before),
            HirKind::Concat(parts) => parts.iter().fold(before, |before, part| self.after(part, before)),
            HirKind::Alternation(parts) => parts.iter().fold(0, |all, part| all | self.after(part, before)),
            HirKind::Repetition(repetition) => {
                // There are four situations: after four rounds nothing new comes.
                let least = (0..repetition.min.min(4)).fold(before, |before, _| self.after(&repetition.sub, before));
                let more = repetition.max.map_or(4, |max| max.saturating_sub(repetition.min).min(4));
                (0..more).fold(least, |all, _| all | self.after(&repetition.sub, all))
            }
        }
    }

    fn has_possible(&self, class: &Class) -> bool {
        let possible = |start: u32, end: u32| self.control_bytes || end > 0x7f || (start.max(0x20) < end.min(0x7e) + 1);
        match class {
            Class::Bytes(class) => class.iter().any(|range| possible(range.start().into(), range.end().into())),
            Class::Unicode(class) => class.iter().any(|range| possible(range.start().into(), range.end().into())),
        }
    }
}

fn consume(before: Situations) -> Situations {
    map(keep(before, |situation| situation & ENDED == 0), |situation| situation | CONSUMED)
}

fn keep(situations: Situations, wanted: impl Fn(u8) -> bool) -> Situations {
    (0..4).filter(|&situation| wanted(situation)).map(|situation| situations & (1 << situation)).sum()
}

fn map(situations: Situations, to: impl Fn(u8) -> u8) -> Situations {
    let present = (0..4).filter(|situation| situations & (1 << situation) != 0);
    present.fold(0, |all, situation| all | 1 << to(situation))
}

/// The alternatives of the whole pattern.
fn alternatives(text: &str, dialect: Dialect) -> Vec<&str> {
    if dialect == Dialect::OsMatch {
        return text.split('|').filter(|part| !part.is_empty()).collect();
    }
    let mut parts = Vec::new();
    let (mut depth, mut in_class, mut start) = (0i32, false, 0);
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => _ = bytes.next(),
            b'[' if dialect == Dialect::Pcre2 => in_class = true,
            b']' => in_class = false,
            _ if in_class => {}
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'|' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

/// The first piece that looks like an operator of another language but stands for itself.
fn literal_syntax(text: &str, dialect: Dialect) -> Option<String> {
    let bytes = text.as_bytes();
    let piece = |at: usize, length: usize| text.get(at..at + length).map(str::to_owned);
    for at in 0..bytes.len() {
        let next = bytes.get(at + 1).copied().unwrap_or(0);
        let after = bytes.get(at + 2).copied().unwrap_or(0);
        let repeated = |byte: u8| matches!(byte, b'+' | b'*');
        match dialect {
            Dialect::OsMatch if bytes[at] == b'\\' => {
                let class = b"wWdDsSp.".contains(&next) && repeated(after);
                let escape = b".()[]{}<>$\"/-+*".contains(&next);
                if class || escape {
                    return piece(at, if class { 3 } else { 2 });
                }
            }
            Dialect::OsMatch | Dialect::OsRegex if bytes[at] == b'.' && repeated(next) => {
                let escaped = at > 0 && bytes[at - 1] == b'\\';
                if !escaped {
                    return piece(at, 2);
                }
            }
            Dialect::OsMatch | Dialect::OsRegex if bytes[at] == b'[' => {
                let escaped = at > 0 && bytes[at - 1] == b'\\';
                let rest = text[at..].find(']').map(|end| &text[at..at + end + 1]).unwrap_or("");
                if !escaped
                    && ["[0-9]", "[a-z]", "[A-Z]", "[a-zA-Z]", "[A-Za-z]", "[a-zA-Z0-9]", "[^ ]"].contains(&rest)
                {
                    return Some(rest.to_owned());
                }
            }
            Dialect::OsRegex if bytes[at] == b')' && repeated(next) => {
                // `\S+)+`: two characters before stands no backslash.
                let quantifier = at >= 1 && bytes[at - 1] == b'\\';
                if !quantifier {
                    return piece(at, 2);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(dialect: Dialect, text: &str) -> Vec<Suspicion> {
        suspicions(&Pattern::new(dialect, text).unwrap(), Subject::Bytes)
    }

    #[test]
    fn an_anchor_in_the_middle_never_matches() {
        for text in ["a^b", "foo$bar", "(a|b)^c", r"\d+^"] {
            assert_eq!(of(Dialect::OsRegex, text), [Suspicion::NeverMatches], "{text}");
        }
        assert_eq!(of(Dialect::OsMatch, "a^b"), [Suspicion::NeverMatches]);
        assert_eq!(of(Dialect::Pcre2, "cost: $[0-9]+ each"), [Suspicion::NeverMatches]);
        for text in ["^a", "a$", "^a|^b", "(^| )x", "^", r"^\S*$"] {
            assert_eq!(of(Dialect::OsRegex, text), [], "{text}");
        }
        assert_eq!(of(Dialect::Pcre2, r"(?:^|\s)x(?:$|,)"), []);
        assert_eq!(of(Dialect::Pcre2, r"a*^b"), []);
    }

    #[test]
    fn an_alternative_that_never_matches_is_named() {
        assert_eq!(of(Dialect::OsMatch, "^good|ba^d"), [Suspicion::DeadAlternative("ba^d".into())]);
        assert_eq!(of(Dialect::Pcre2, "(?:x|y)z|a$b[|]"), [Suspicion::DeadAlternative("a$b[|]".into())]);
    }

    #[test]
    fn a_tab_matches_only_where_lines_keep_it() {
        assert_eq!(of(Dialect::OsRegex, r"a\tb"), []);
        let strict = |text| {
            let pattern = Pattern::with_subject(Dialect::OsRegex, text, Subject::StrictUtf8).unwrap();
            suspicions(&pattern, Subject::StrictUtf8)
        };
        assert_eq!(strict(r"a\tb"), [Suspicion::WantsControlByte]);
        assert_eq!(strict(r"a\sb|a\tb"), [Suspicion::DeadAlternative(r"a\tb".into())]);
        assert_eq!(strict(r"a\S+b"), []);
    }

    #[test]
    fn escapes_that_are_none_are_named() {
        let literal = |what: &str| vec![Suspicion::Literal { what: what.into() }];
        assert_eq!(of(Dialect::OsMatch, r"from \<root"), literal(r"\<"));
        assert_eq!(of(Dialect::OsMatch, r"port \d+"), literal(r"\d+"));
        assert_eq!(of(Dialect::OsMatch, r"C:\windows\system32"), []);
        assert_eq!(of(Dialect::OsRegex, "from .* port"), literal(".*"));
        assert_eq!(of(Dialect::OsRegex, "pid [0-9]"), literal("[0-9]"));
        assert_eq!(of(Dialect::OsRegex, r"\.+ port \d+"), []);
    }

    #[test]
    fn back_tracking_is_named() {
        assert_eq!(of(Dialect::Pcre2, r"(a+)+\1"), [Suspicion::Backtracks]);
        assert_eq!(of(Dialect::Pcre2, "(a(?R)?b)"), [Suspicion::OnlyPcre2]);
        assert_eq!(of(Dialect::Pcre2, "(?<!x)(?>a+)b"), []);
        assert_eq!(of(Dialect::Pcre2, r"(a+)+b"), []);
    }
}
