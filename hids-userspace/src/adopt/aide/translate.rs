//! Selections to `<directories>` and `<ignore>`.

use super::read::{How, Selection};
use crate::adopt::draft::{Draft, DraftError, Item, UNWRITABLE};
use crate::adopt::system::System;
use crate::adopt::translated::Translated;

/// A regular expression that is a path.
#[derive(Debug, PartialEq, Eq)]
struct Plain {
    path: String,
    /// Whether `$` stands behind it.
    is_whole: bool,
}

/// Puts selections into `draft`.
///
/// # Errors
/// When the text cannot be changed.
pub(crate) fn translate(
    selections: &[Selection],
    system: &System,
    draft: &mut Draft,
    report: &mut Translated,
) -> Result<(), DraftError> {
    for selection in selections {
        let Some(plain) = plain(&selection.regex) else {
            report.not(shown(selection), "a regular expression; <directories> and <ignore> take paths");
            continue;
        };
        let done = match selection.how {
            How::Not => ignore(&plain, draft),
            How::Tree if !plain.is_whole => directories(selection, &plain, system, draft, report),
            How::Tree | How::Only => {
                report.not(shown(selection), "selects one path without what is below it");
                Ok(None)
            }
        };
        match done {
            Ok(Some(done)) => report.done(format!("{done} ({})", selection.place)),
            Ok(None) => {}
            Err(DraftError::Value(_)) => report.not(shown(selection), UNWRITABLE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn shown(selection: &Selection) -> String {
    let mark = match selection.how {
        How::Tree => "",
        How::Only => "=",
        How::Not => "!",
    };
    format!("{}: {mark}{}", selection.place, selection.regex)
}

fn ignore(plain: &Plain, draft: &mut Draft) -> Result<Option<String>, DraftError> {
    // A pattern where the path ends there: otherwise what begins with it is left out, as in AIDE.
    let item = if plain.is_whole {
        let mut item = Item::new("ignore", format!("^{}$", plain.path));
        item.attributes.push(("type", "sregex".to_owned()));
        item
    } else {
        Item::new("ignore", &plain.path)
    };
    if plain.is_whole && plain.path.contains(['|', '^', '$', '!']) {
        return Err(DraftError::Value(plain.path.clone()));
    }
    if draft.values("syscheck", "ignore").contains(&item.value) {
        return Ok(None);
    }
    draft.add("syscheck", &item)?;
    Ok(Some(format!("ignore {}", item.value)))
}

fn directories(
    selection: &Selection,
    plain: &Plain,
    system: &System,
    draft: &mut Draft,
    report: &mut Translated,
) -> Result<Option<String>, DraftError> {
    let path = if plain.path.len() > 1 { plain.path.trim_end_matches('/') } else { &plain.path };
    if path.contains(['*', '?', '[', ',']) {
        return Err(DraftError::Value(path.to_owned()));
    }
    let lists = draft.values("syscheck", "directories");
    let mut known = lists.iter().flat_map(|list| list.split(',')).map(|one| one.trim().trim_end_matches('/'));
    if known.any(|known| known == path) {
        return Ok(None);
    }
    if !system.has_directory(path) {
        report.not(shown(selection), "not a directory on this system; list the one that it is in");
        return Ok(None);
    }
    let checks = &selection.attributes.checks;
    if checks.is_empty() {
        report.not(shown(selection), "none of its attributes is compared by hids");
        return Ok(None);
    }
    let mut item = Item::new("directories", path);
    item.attributes = checks.iter().map(|check| (*check, "yes".to_owned())).collect();
    draft.add("syscheck", &item)?;
    if !selection.attributes.others.is_empty() {
        let others = selection.attributes.others.join("+");
        report.not(format!("{}: attributes {others} of {path}", selection.place), "not compared by hids");
    }
    Ok(Some(format!("monitor {path}: {}", checks.join(", "))))
}

/// The path that a regular expression is, if it is nothing more than that.
fn plain(regex: &str) -> Option<Plain> {
    let text = regex.strip_prefix('^').unwrap_or(regex);
    let mut path = String::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next()? {
                // Classes such as `\w`.
                next if next.is_ascii_alphanumeric() => return None,
                next => path.push(next),
            },
            '$' if chars.peek().is_none() => return path.starts_with('/').then_some(Plain { path, is_whole: true }),
            '.' if chars.peek().is_none_or(|next| !"*+?{".contains(*next)) && is_in_name(&path) => path.push('.'),
            '.' | '*' | '+' | '?' | '[' | ']' | '(' | ')' | '{' | '}' | '|' | '^' | '$' => return None,
            _ => path.push(char),
        }
    }
    path.starts_with('/').then_some(Plain { path, is_whole: false })
}

/// A dot behind a letter or a slash is meant as one: `/etc/resolv.conf`.
fn is_in_name(path: &str) -> bool {
    path.ends_with(|char: char| char.is_alphanumeric() || char == '/' || char == '_' || char == '-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_expressions_that_are_paths_are_taken() {
        let path = |regex| plain(regex).map(|plain| (plain.path, plain.is_whole));
        assert_eq!(path(r"/etc/resolv\.conf$"), Some(("/etc/resolv.conf".to_owned(), true)));
        assert_eq!(path("/etc/resolv.conf"), Some(("/etc/resolv.conf".to_owned(), false)));
        for regex in ["/var/log/.*", "/(a|b)", "/x[0-9]", r"/\w", "/a+", "etc", "", "/a{2}", "/a$b", "\\"] {
            assert_eq!(path(regex), None, "{regex}");
        }
    }

    proptest! {
        #[test]
        fn any_expression_is_judged_without_panic(regex in any::<String>()) {
            plain(&regex);
        }
    }
}
