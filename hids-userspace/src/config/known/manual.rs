//! The text of ossec.conf(5) about an option: what people read with `man` is what `hidsctl config explain` prints.

/// The manual page.
const PAGE: &str = include_str!("../../../man/ossec.conf.5");

/// What the manual says of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct Entry {
    /// What stands behind the name: the form of the value.
    pub wants: String,
    /// The text, in paragraphs.
    pub text: String,
}

impl Entry {
    /// What the text names as the default.
    pub(in crate::config) fn default(&self) -> Option<&str> {
        let at =
            self.text.find("Default: ").map(|at| at + 9).or_else(|| self.text.find("Default ").map(|at| at + 8))?;
        let rest = &self.text[at..];
        let end = rest
            .find([';', '('])
            .into_iter()
            .chain(rest.find(", at most"))
            .chain(rest.find(". "))
            .chain(rest.find(".\n"))
            .min();
        Some(rest[..end.unwrap_or(rest.len())].trim().trim_end_matches('.'))
    }
}

/// The entry of an option: its own, one that names it beside another option, or the text of its section.
pub(in crate::config) fn entry(section: &str, option: &str) -> Option<Entry> {
    let section = section_of(section)?;
    let entries = entries(section);
    let own = entries.iter().find(|(head, _)| name_of(head) == Some(option));
    let named = [format!("\\fB<{}>\\fR", escaped(option)), format!("\\fB{}\\fR", escaped(option))];
    let mentions = |text: &str| named.iter().any(|name| text.contains(name.as_str()));
    let other = || entries.iter().find(|(_, body)| body.to_lowercase().contains("also ") && mentions(body));
    if let Some((head, body)) = own.or_else(other) {
        let wants = plain(head.split_once("\\fI").map_or("", |(_, wants)| wants));
        return Some(Entry { wants: wants.trim().to_owned(), text: plain(body) });
    }
    let intro = section.split("\n.TP").next().unwrap_or(section);
    mentions(intro).then(|| Entry { wants: String::new(), text: plain(intro) })
}

/// The text of a section before its options.
pub(in crate::config) fn introduction(section: &str) -> Option<String> {
    let text = plain(section_of(section)?.split("\n.TP").next()?);
    (!text.is_empty()).then_some(text)
}

fn section_of(name: &str) -> Option<&'static str> {
    let heading = format!("\n.SS <{}>\n", escaped(name));
    let start = PAGE.find(&heading)? + heading.len();
    let rest = &PAGE[start..];
    let end = ["\n.SS ", "\n.SH "].iter().filter_map(|mark| rest.find(mark)).min().unwrap_or(rest.len());
    Some(&rest[..end])
}

/// Heads and bodies of the entries at the outermost level.
fn entries(section: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let (mut depth, mut is_head, mut is_open) = (0_usize, false, false);
    for line in section.lines() {
        match line.trim_end() {
            ".TP" if depth == 0 => (is_head, is_open) = (true, true),
            ".PP" if depth == 0 => is_open = false,
            _ if is_head => {
                found.push((line.to_owned(), String::new()));
                is_head = false;
            }
            line if is_open => {
                depth = match line {
                    ".RS" => depth + 1,
                    ".RE" => depth.saturating_sub(1),
                    _ => depth,
                };
                if let Some((_, body)) = found.last_mut() {
                    body.push_str(line);
                    body.push('\n');
                }
            }
            _ => {}
        }
    }
    found
}

/// `frequency` of `\fB<frequency>\fR \fIseconds\fR`.
fn name_of(head: &str) -> Option<&str> {
    let name = head.strip_prefix("\\fB<")?;
    // Names with a hyphen are escaped, which the callers compare in that form.
    let end = name.find(['>', ' ']).into_iter().chain(name.find("\\fR")).min()?;
    ALIASES.iter().find(|(written, _)| *written == &name[..end]).map(|(_, plain)| *plain).or(Some(&name[..end]))
}

/// Names that the page writes with escaped hyphens.
const ALIASES: [(&str, &str); 1] = [("only\\-future\\-events", "only-future-events")];

fn escaped(name: &str) -> String {
    name.replace('-', "\\-")
}

/// A text without the macros of man(7): a blank line between paragraphs, a hyphen before items of lists.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut fresh = true;
    let mut is_tag = false;
    for line in text.lines() {
        let words = match line {
            ".PP" | ".RS" | ".RE" | ".EX" | ".EE" => {
                fresh = true;
                continue;
            }
            ".TP" => {
                (fresh, is_tag) = (true, true);
                continue;
            }
            _ if line.starts_with(".IP") => {
                out.truncate(out.trim_end().len());
                out.push_str(if line.contains("\\(bu") { "\n- " } else { "\n" });
                fresh = false;
                continue;
            }
            _ => unescaped(line),
        };
        if fresh && !out.is_empty() {
            out.truncate(out.trim_end().len());
            out.push('\n');
        }
        out.push_str(&words);
        out.push_str(if std::mem::take(&mut is_tag) { ": " } else { " " });
        fresh = false;
    }
    out.trim().to_owned()
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        match chars.next() {
            Some('f') => drop(chars.next()),
            Some('-') => out.push('-'),
            Some('e') => out.push('\\'),
            Some('(') => out.push_str(match (chars.next(), chars.next()) {
                (Some('d'), Some('q')) => "\"",
                (Some('b'), Some('u')) => "-",
                _ => "",
            }),
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{Form, SECTIONS};
    use super::*;
    use crate::config::value::digits;

    #[test]
    fn every_option_has_a_text_without_macros() {
        for section in SECTIONS {
            for option in section.options {
                let entry = entry(section.name, option.name);
                let entry = entry.unwrap_or_else(|| panic!("{}.{} is not in the manual", section.name, option.name));
                let raw = entry.text.contains("\\f") || entry.text.lines().any(|line| line.starts_with('.'));
                assert!(!entry.text.is_empty() && !raw, "{}: {}", option.name, entry.text);
            }
        }
    }

    #[test]
    fn defaults_have_the_form_of_their_option() {
        let mut found = 0;
        for section in SECTIONS {
            for option in section.options {
                let entry = entry(section.name, option.name).expect("seen above");
                let Some(default) = entry.default() else { continue };
                let fits = match option.form {
                    Form::YesNo => matches!(default, "yes" | "no"),
                    Form::Seconds => digits(default).is_some(),
                    Form::OneOf(words) => words.contains(&default),
                    _ => true,
                };
                assert!(fits, "{}.{}: {default:?}", section.name, option.name);
                found += 1;
            }
        }
        assert!(found > 30, "{found}");
        let of = |section, option| entry(section, option).and_then(|entry| entry.default().map(str::to_owned));
        assert_eq!(of("syscheck", "frequency").as_deref(), Some("21600"));
        assert_eq!(of("global", "email_maxperhour").as_deref(), Some("12"));
        assert_eq!(of("global", "jsonout_output").as_deref(), Some("yes"));
    }
}
