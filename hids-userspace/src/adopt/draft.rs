//! A new text of ossec.conf, made from the old one by insertions: comments, layout and order of the administrator
//! stay as they are.

use std::ops::Range;

use hids_core::diag::{Diagnostic, SourceFile, has_errors};
use hids_core::escape::is_dangerous;
use hids_core::xml::{self, Element};

/// The only element at the top of a file.
const ROOT: &str = "ossec_config";
/// Longest value that is written: a half of what OSSEC's parser takes.
const MOST_BYTES: usize = 4096;

/// What is said of a value that the format cannot hold.
pub(crate) const UNWRITABLE: &str = "ossec.conf cannot hold these characters";

/// Why a text cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DraftError {
    /// It is no configuration that hids can read.
    #[error("the file is not well-formed, so nothing can be inserted safely")]
    Malformed(Vec<Diagnostic>),
    /// There is no place for sections.
    #[error("the file has no `<ossec_config>` element with a closing tag")]
    NoRoot,
    /// A value has characters that the format cannot hold.
    #[error("{0:?} cannot be written: ossec.conf has no way to quote \"<\", control characters, or blanks at the ends")]
    Value(String),
}

/// An option to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its name.
    pub name: &'static str,
    /// Its attributes.
    pub attributes: Vec<(&'static str, String)>,
    /// Its value.
    pub value: String,
}

impl Item {
    /// An option without attributes.
    pub(crate) fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, attributes: Vec::new(), value: value.into() }
    }

    fn written(&self) -> Result<String, DraftError> {
        let mut text = format!("<{}", self.name);
        for (name, value) in &self.attributes {
            if value.contains('"') {
                return Err(DraftError::Value(value.clone()));
            }
            text.push_str(&format!(" {name}=\"{}\"", writable(value)?));
        }
        text.push_str(&format!(">{}</{}>", writable(&self.value)?, self.name));
        Ok(text)
    }
}

/// A text of ossec.conf that grows.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    text: Vec<u8>,
    roots: Vec<Element>,
    line_end: &'static str,
}

impl Draft {
    /// Begins with the present text.
    ///
    /// # Errors
    /// When the text has errors of form: a place in it could be another one than it seems.
    pub(crate) fn new(text: Vec<u8>) -> Result<Self, DraftError> {
        let line_end = if text.windows(2).any(|two| two == b"\r\n") { "\r\n" } else { "\n" };
        let roots = parsed(&text)?;
        Ok(Self { text, roots, line_end })
    }

    /// The text as it is now.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// All values of an option in the sections of that name, in order, without blanks around them.
    pub(crate) fn values(&self, section: &str, option: &str) -> Vec<String> {
        self.elements(section, option).map(|element| element.text.value.trim().to_owned()).collect()
    }

    /// Whether there is a section of that name.
    pub(crate) fn has_section(&self, section: &str) -> bool {
        self.sections(section).next().is_some()
    }

    /// For each section of that name the value that counts of an option, without blanks around it.
    pub(crate) fn of_each(&self, section: &str, option: &str) -> Vec<Option<String>> {
        let last = |section: &Element| {
            let element = section.children.iter().rfind(|child| child.name.value == option)?;
            Some(element.text.value.trim().to_owned())
        };
        self.sections(section).map(last).collect()
    }

    /// Adds an option where its like stand; with a new section if there is none.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn add(&mut self, section: &'static str, item: &Item) -> Result<(), DraftError> {
        let written = item.written()?;
        let last_like = self.elements(section, item.name).last();
        let last_child = self.sections(section).last().and_then(|section| section.children.last());
        let Some(neighbour) = last_like.or(last_child) else {
            return self.add_section(section, std::slice::from_ref(item));
        };
        let place = neighbour.span.start..neighbour.span.end;
        self.insert_after(place, &[written])
    }

    /// As [`Draft::add`], but before the first option of that name: for lists in which the first match counts.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn add_first(&mut self, section: &'static str, item: &Item) -> Result<(), DraftError> {
        let Some(first) = self.elements(section, item.name).next() else { return self.add(section, item) };
        let start = first.span.start;
        let text = format!("{}{}{}", item.written()?, self.line_end, self.indentation(start));
        self.splice(start..start, &text)
    }

    /// Gives the option that counts this value, or adds it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn set(&mut self, section: &'static str, item: &Item) -> Result<(), DraftError> {
        let Some(last) = self.elements(section, item.name).last() else { return self.add(section, item) };
        let place = last.span.start..last.span.end;
        self.splice(place, &item.written()?)
    }

    /// Adds a section behind the last one of that name, or at the end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn add_section(&mut self, name: &'static str, items: &[Item]) -> Result<(), DraftError> {
        let mut lines = vec![format!("<{name}>")];
        for item in items {
            lines.push(format!("  {}", item.written()?));
        }
        lines.push(format!("</{name}>"));
        if let Some(last) = self.sections(name).last() {
            let place = last.span.start..last.span.end;
            return self.insert_after(place, &lines);
        }
        let last_child = self.configs().last().and_then(|root| root.children.last());
        if let Some(last) = last_child {
            let place = last.span.start..last.span.end;
            lines.insert(0, String::new());
            return self.insert_after(place, &lines);
        }
        let end = self.configs().last().map(|root| root.span.end).ok_or(DraftError::NoRoot)?;
        let closing = format!("</{ROOT}>");
        let start = end.checked_sub(closing.len()).filter(|&start| self.text[start..end] == *closing.as_bytes());
        let start = start.ok_or(DraftError::NoRoot)?;
        let text: String = lines.iter().map(|line| format!("  {line}{}", self.line_end)).collect();
        self.splice(start..start, &format!("{}{text}", self.line_end))
    }

    fn configs(&self) -> impl Iterator<Item = &Element> {
        self.roots.iter().filter(|root| root.name.value == ROOT)
    }

    fn sections<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.configs().flat_map(|root| &root.children).filter(move |section| section.name.value == name)
    }

    fn elements<'a>(&'a self, section: &'a str, option: &'a str) -> impl Iterator<Item = &'a Element> {
        self.sections(section).flat_map(|section| &section.children).filter(move |child| child.name.value == option)
    }

    /// Lines behind an element, indented as it is; a comment behind it on its line stays with it.
    fn insert_after(&mut self, place: Range<usize>, lines: &[String]) -> Result<(), DraftError> {
        let rest = &self.text[place.end..];
        let rest = &rest[..rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())];
        let rest = rest.strip_suffix(b"\r").unwrap_or(rest);
        let trimmed = rest.trim_ascii();
        let one_comment = trimmed.starts_with(b"<!--")
            && trimmed.windows(3).position(|three| three == b"-->") == Some(trimmed.len().saturating_sub(3));
        let at = place.end + if trimmed.is_empty() || one_comment { rest.len() } else { 0 };
        let indentation = self.indentation(place.start);
        let mut text = String::new();
        for line in lines {
            text.push_str(self.line_end);
            if !line.is_empty() {
                text.push_str(&indentation);
                text.push_str(line);
            }
        }
        self.splice(at..at, &text)
    }

    /// The blanks before what stands at `offset`, if there is nothing else on its line before it.
    fn indentation(&self, offset: usize) -> String {
        let start = self.text[..offset].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let before = &self.text[start..offset];
        let blanks = before.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        String::from_utf8_lossy(&before[..blanks]).into_owned()
    }

    /// Puts `text` in the place of a range; the result must still be well-formed.
    fn splice(&mut self, place: Range<usize>, text: &str) -> Result<(), DraftError> {
        let mut changed = self.text.clone();
        changed.splice(place, text.bytes());
        self.roots = parsed(&changed)?;
        self.text = changed;
        Ok(())
    }
}

/// The value, if the format can hold it.
///
/// # Errors
/// When it cannot: there are no entities, and a backslash before `<` would stay in the value.
pub(crate) fn writable(value: &str) -> Result<&str, DraftError> {
    let fits = !value.is_empty()
        && value.len() <= MOST_BYTES
        && value.trim() == value
        && !value.ends_with('\\')
        && !value.chars().any(|char| char == '<' || char == '\u{fffd}' || is_dangerous(char));
    if fits { Ok(value) } else { Err(DraftError::Value(value.chars().take(200).collect())) }
}

fn parsed(text: &[u8]) -> Result<Vec<Element>, DraftError> {
    let (roots, diagnostics) = xml::parse(&SourceFile::new("ossec.conf", text));
    if has_errors(&diagnostics) { Err(DraftError::Malformed(diagnostics)) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONFIG: &str = "<!-- mine -->\n<ossec_config>\n  <global>\n    <white_list>127.0.0.1</white_list> <!-- me -->\n  \
                          </global>\n\n  <localfile>\n    <location>/a</location>\n  </localfile>\n</ossec_config>\n";

    fn changed(text: &str, change: impl FnOnce(&mut Draft)) -> String {
        let mut draft = Draft::new(text.into()).expect("well-formed");
        change(&mut draft);
        String::from_utf8(draft.text().to_vec()).expect("text")
    }

    fn with_attribute(name: &'static str, value: &str, attribute: &str) -> Item {
        Item { attributes: vec![("type", attribute.to_owned())], ..Item::new(name, value) }
    }

    #[test]
    fn an_option_stands_behind_its_like_and_a_comment_stays_with_its_line() {
        let text = changed(CONFIG, |draft| draft.add("global", &Item::new("white_list", "192.0.2.1")).expect("added"));
        let expected = "127.0.0.1</white_list> <!-- me -->\n    <white_list>192.0.2.1</white_list>\n  </global>";
        assert!(text.contains(expected), "{text}");
        assert!(text.starts_with("<!-- mine -->\n"));
        let text = changed(CONFIG, |draft| {
            draft.add_first("global", &Item::new("white_list", "192.0.2.1")).expect("added");
        });
        assert!(text.contains("    <white_list>192.0.2.1</white_list>\n    <white_list>127.0.0.1<"), "{text}");
    }

    #[test]
    fn sections_stand_behind_their_like_or_at_the_end() {
        let items = [Item::new("log_format", "apache"), Item::new("location", "/b")];
        let text = changed(CONFIG, |draft| draft.add_section("localfile", &items).expect("added"));
        let expected = "  </localfile>\n  <localfile>\n    <log_format>apache</log_format>\n    <location>/b</location>\n  \
                        </localfile>\n</ossec_config>";
        assert!(text.contains(expected), "{text}");
        let text = changed(CONFIG, |draft| {
            draft.add("syscheck", &with_attribute("ignore", "/c", "sregex")).expect("added");
        });
        assert!(
            text.contains("</localfile>\n\n  <syscheck>\n    <ignore type=\"sregex\">/c</ignore>\n  </syscheck>\n</os")
        );
        let text = changed("<ossec_config></ossec_config>", |draft| {
            draft.add("global", &Item::new("logall", "yes")).expect("added");
        });
        assert_eq!(text, "<ossec_config>\n  <global>\n    <logall>yes</logall>\n  </global>\n</ossec_config>");
    }

    #[test]
    fn values_are_replaced_in_their_place_and_line_ends_are_kept() {
        let text =
            changed("<ossec_config>\r\n <global>\r\n  <logall>no</logall>\r\n </global>\r\n</ossec_config>", |draft| {
                draft.set("global", &Item::new("logall", "yes")).expect("set");
                draft.set("global", &Item::new("smtp_port", "25")).expect("set");
            });
        assert!(text.contains("  <logall>yes</logall>\r\n  <smtp_port>25</smtp_port>\r\n </global>"), "{text:?}");
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    }

    #[test]
    fn what_the_format_cannot_hold_is_refused() {
        let mut draft = Draft::new(CONFIG.into()).expect("well-formed");
        for value in ["", " a", "a</location><command>x", "a\nb", "a\u{202e}b", "a\\", "a\0"] {
            let refused = draft.add("global", &Item::new("email_to", value));
            assert!(matches!(refused, Err(DraftError::Value(_))), "{value:?}");
        }
        assert!(draft.add("syscheck", &with_attribute("ignore", "a", "x\" y=\"")).is_err());
        assert_eq!(draft.text(), CONFIG.as_bytes());
        assert!(matches!(Draft::new(b"<ossec_config><global>".to_vec()), Err(DraftError::Malformed(_))));
        let mut closed = Draft::new(b"<ossec_config/>".to_vec()).expect("well-formed");
        assert!(matches!(closed.add("global", &Item::new("logall", "no")), Err(DraftError::NoRoot)));
    }

    proptest! {
        #[test]
        fn any_value_is_refused_or_read_back_as_it_is(value in any::<String>(), text in "[a-z<>!/\\-\n \"]{0,60}") {
            let _ = Draft::new(text.into_bytes());
            let mut draft = Draft::new(CONFIG.into()).expect("well-formed");
            if draft.add("global", &Item::new("email_to", value.as_str())).is_ok() {
                prop_assert_eq!(draft.values("global", "email_to"), [value]);
                prop_assert_eq!(draft.values("localfile", "location"), ["/a"]);
            }
        }
    }
}
