//! Implication between conditions.

use crate::decode::source::PatternDef;
use crate::pattern::{self, Dialect, Need, Subject};
use crate::rules::def::{ConditionsDef, RuleDef, TextField};

/// A condition in a form that can be compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Test {
    /// What is looked at, and how.
    what: String,
    wanted: String,
    /// The literals one of which must be there, if the pattern is nothing else.
    literals: Option<Vec<Need>>,
    /// Of each alternative of a pattern, literals that must be there.
    needs: Option<Vec<Vec<Need>>>,
}

/// The conditions of a rule on a single event.
pub(super) fn tests(rule: &RuleDef) -> Vec<Test> {
    // Every field is named: a new condition that is forgotten here would make rules look hidden.
    let RuleDef {
        conditions:
            ConditionsDef {
                maxsize,
                decoded_as,
                action,
                srcip,
                dstip,
                fields,
                time,
                weekday,
                lists,
                compiled,
                check_diff,
                if_fts,
            },
        // Tested by the function `texts`.
        texts: _,
        // Where the rule stands, and what it looks at besides the event.
        id: _,
        level: _,
        span: _,
        id_span: _,
        accuracy: _,
        overwrite: _,
        built_in: _,
        category: _,
        parents: _,
        counting: _,
        // What follows when it matches.
        outcome: _,
    } = rule;
    let mut tests = Vec::new();
    let mut plain = |what: String, wanted: String| tests.push(Test { what, wanted, literals: None, needs: None });
    if let Some(name) = decoded_as {
        plain("decoded_as".into(), name.value.clone());
    }
    if let Some(action) = action {
        plain(format!("action {}", action.negated), action.value.clone());
    }
    for (name, entries) in [("srcip", srcip), ("dstip", dstip)] {
        if !entries.is_empty() {
            plain(name.into(), entries.iter().map(|entry| format!("{},", entry.value)).collect());
        }
    }
    for (name, text) in [("time", time), ("weekday", weekday)] {
        if let Some(text) = text {
            plain(name.into(), text.value.clone());
        }
    }
    if let Some(compiled) = compiled {
        plain("compiled_rule".into(), format!("{compiled:?}"));
    }
    if *maxsize > 0 {
        plain("maxsize".into(), maxsize.to_string());
    }
    for list in lists {
        let value = list.value.as_ref().map(|value| &value.text);
        plain("list".into(), format!("{:?} {:?} {:?} {value:?}", list.name.value, list.field, list.lookup));
    }
    if *check_diff {
        plain("check_diff".into(), String::new());
    }
    if *if_fts {
        plain("if_fts".into(), String::new());
    }
    tests.extend(fields.iter().map(|(name, pattern)| test(format!("field {}", name.value), pattern)));
    tests.extend(self::texts(rule));
    tests
}

/// Text conditions that are tested: the plain form hides the PCRE2 form, except of URLs.
fn texts(rule: &RuleDef) -> impl Iterator<Item = Test> {
    let hidden =
        |field: &TextField| *field != TextField::Url && rule.texts.plain.iter().any(|(known, _)| known == field);
    let pcre2 = rule.texts.pcre2.iter().filter(move |(field, _)| !hidden(field));
    rule.texts.plain.iter().chain(pcre2).map(|(field, pattern)| {
        // Both look at the message.
        let field = if *field == TextField::Regex { TextField::Match } else { *field };
        test(format!("{field:?}"), pattern)
    })
}

fn test(what: String, pattern: &PatternDef) -> Test {
    let wanted = format!("{:?} {}", pattern.dialect, pattern.text);
    match pattern.negated {
        true => Test { what: format!("not {what}"), wanted, literals: None, needs: None },
        false => {
            let literals = literals(pattern);
            let needs = match &literals {
                Some(literals) => Some(literals.iter().map(|literal| vec![literal.clone()]).collect()),
                // What does not compile is reported by the compiler.
                None => pattern.compile(Subject::Bytes, &mut Vec::new()).and_then(|pattern| pattern::needs(&pattern)),
            };
            Test { what, wanted, literals, needs }
        }
    }
}

/// The literals of a pattern that is nothing but literals with anchors.
fn literals(pattern: &PatternDef) -> Option<Vec<Need>> {
    let is_plain = |byte: u8| match pattern.dialect {
        Dialect::OsMatch => !b"^$".contains(&byte),
        _ => byte.is_ascii_alphanumeric() || b" !\"#%&',/:;<=>@_`~-".contains(&byte),
    };
    let literal = |text: &str| {
        let rest = text.strip_prefix('^');
        let at_start = rest.is_some();
        let rest = rest.unwrap_or(text);
        let inner = rest.strip_suffix('$');
        let at_end = inner.is_some();
        let inner = inner.unwrap_or(rest);
        inner.bytes().all(is_plain).then(|| Need { text: inner.to_ascii_lowercase(), at_start, at_end })
    };
    pattern.text.split('|').map(literal).collect()
}

/// Whether `test` holds whenever all of `given` do; "no" if it cannot be told.
pub(super) fn implied<'a>(test: &Test, mut given: impl Iterator<Item = &'a Test>) -> bool {
    given.any(|known| {
        if known.what != test.what {
            return false;
        }
        if known.wanted == test.wanted {
            return true;
        }
        let (Some(wanted), Some(known)) = (&test.literals, &known.needs) else { return false };
        let has_one = |needs: &Vec<Need>| wanted.iter().any(|wanted| needs.iter().any(|known| follows(wanted, known)));
        known.iter().all(has_one)
    })
}

/// Whether a text that has the literal `known` has `wanted` too.
fn follows(wanted: &Need, known: &Need) -> bool {
    match (wanted.at_start, wanted.at_end) {
        (false, false) => known.text.contains(&wanted.text),
        (true, false) => known.at_start && known.text.starts_with(&wanted.text),
        (false, true) => known.at_end && known.text.ends_with(&wanted.text),
        (true, true) => wanted == known,
    }
}
