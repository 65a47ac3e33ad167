//! `<localfile>` of the journal: identifier, `<filter>`, `<unit>`, `<trusted>`.

use hids_core::diag::Span;
use hids_core::pattern::Pattern;
use hids_core::sender::TrustedBy;
use hids_core::xml::Element;

use super::already_given;
use crate::accounts;
use crate::config::raw::RawSection;
use crate::config::value::{Problems, did_you_mean, value_span, word};
use crate::config::{FieldCondition, FieldTest, JournalSelection, LogFormat, LogInput, LogSourceConfig, TrustedConfig};

/// Longest name of a field (systemd.journal-fields(7)).
const MAX_FIELD_NAME: usize = 64;

/// Options that only the journal has.
const OPTIONS: [&str; 3] = ["filter", "unit", "trusted"];

/// All sections of the journal, made into one source.
#[derive(Default)]
pub(super) struct Merged<'a> {
    selections: Vec<(JournalSelection, &'a Span)>,
    trusted: Vec<TrustedConfig>,
}

impl<'a> Merged<'a> {
    /// Adds a section; whether it is the first one.
    pub(super) fn add(&mut self, input: LogInput, span: &'a Span, problems: &mut Problems) -> bool {
        let LogInput::Journal { selections, trusted } = input else { return false };
        let is_first = self.selections.is_empty();
        self.trusted.extend(trusted);
        for selection in selections {
            if let Some((_, first)) = self.selections.iter().find(|(earlier, _)| *earlier == selection) {
                already_given(first, span, problems);
                continue;
            }
            let whole = |is_new: bool, (other, _): &&(JournalSelection, &Span)| {
                if is_new { selection.is_everything() } else { other.is_everything() }
            };
            let includes = self.selections.iter().find(|other| whole(false, other) || whole(true, other));
            if let Some((_, other)) = includes {
                let (line, _) = other.file.line_column(other.start);
                let message = format!(
                    "this section and the one in line {line} both read the journal, one of them all of it; each \
                     entry is analysed once"
                );
                problems.warning("C137", span, message, "remove the unneeded section");
            }
            self.selections.push((selection, span));
        }
        is_first
    }

    /// Stands for the source until all sections are known.
    pub(super) fn placeholder(&self) -> LogSourceConfig {
        let input = LogInput::Journal { selections: Vec::new(), trusted: Vec::new() };
        LogSourceConfig { input, format: LogFormat::Journald }
    }

    /// The one source.
    pub(super) fn input(self) -> LogInput {
        let mut selections: Vec<_> = self.selections.into_iter().map(|(selection, _)| selection).collect();
        if selections.iter().any(JournalSelection::is_everything) {
            selections = vec![JournalSelection::default()];
        }
        LogInput::Journal { selections, trusted: self.trusted }
    }
}

/// The section; `None` when it is not read.
pub(super) fn read(section: &RawSection, location: Option<&Element>, problems: &mut Problems) -> Option<LogInput> {
    let element = location?;
    let identifier = match word(element)? {
        "all" => None,
        "journald" => {
            let message =
                "`journald` means the whole journal, as in Wazuh; OSSEC would look for a program of that name";
            problems.warning("C066", &value_span(element), message, "use `all`");
            None
        }
        path if path.starts_with('/') => {
            let message = "reading journal files by path is not supported; this source is ignored";
            problems.warning("C066", &value_span(element), message, "use `all` or the name of a program");
            return None;
        }
        name => Some(name.to_owned()),
    };
    let (mut conditions, mut units, mut trusted) = (Vec::new(), Vec::new(), Vec::new());
    for child in &section.element.children {
        match child.name.value.as_str() {
            "filter" => conditions.extend(filter(child, problems)),
            "unit" => units.extend(word(child).map(with_suffix)),
            "trusted" => trusted.extend(sender(child, problems)),
            _ => {}
        }
    }
    if !units.is_empty() {
        let test = FieldTest::OneOf(units);
        conditions.push(FieldCondition { field: "_SYSTEMD_UNIT".to_owned(), ignore_if_missing: false, test });
    }
    Some(LogInput::Journal { selections: vec![JournalSelection { identifier, conditions }], trusted })
}

/// Names options of the journal in a section that reads something else.
pub(super) fn only_for_the_journal(section: &RawSection, problems: &mut Problems) {
    for child in section.element.children.iter().filter(|child| OPTIONS.contains(&child.name.value.as_str())) {
        let message = format!("`<{}>` only applies to the journal and has no effect here", child.name.value);
        problems.warning("C119", &child.name.span, message, "remove it, or set `<log_format>` to `journald`");
    }
}

/// `<filter field="_SYSTEMD_UNIT" ignore_if_missing="no">^ssh</filter>`, as in Wazuh.
fn filter(element: &Element, problems: &mut Problems) -> Option<FieldCondition> {
    let Some(field) = element.attribute("field") else {
        let message = "`<filter>` has no attribute `field`";
        let help = "specify a journal field, for example field=\"_SYSTEMD_UNIT\"";
        problems.error("C116", &element.name.span, message, help);
        return None;
    };
    let name = field.value.value.trim();
    let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > MAX_FIELD_NAME || !name.bytes().all(is_name) {
        let message = format!("\"{name}\" is not a valid journal field name");
        let help = "names consist of capital letters, digits and `_`; see systemd.journal-fields(7)";
        problems.error("C116", &field.value.span, message, help);
        return None;
    }
    let ignore_if_missing = match element.attribute("ignore_if_missing") {
        None => false,
        Some(attribute) => match attribute.value.value.trim() {
            "yes" => true,
            "no" => false,
            other => {
                let message = format!("`ignore_if_missing` must be yes or no, found \"{other}\"");
                problems.error("C116", &attribute.value.span, message, "use `yes` or `no`");
                return None;
            }
        },
    };
    let text = element.text.value.trim();
    if let Err(error) = Pattern::pcre2(text) {
        problems.error("C116", &value_span(element), format!("this pattern cannot be used: {error}"), "");
        return None;
    }
    let test = FieldTest::Pattern(text.to_owned());
    Some(FieldCondition { field: name.to_owned(), ignore_if_missing, test })
}

/// `<trusted unit="app.service" user="app">app</trusted>`: the identifier, or `*` for any.
fn sender(element: &Element, problems: &mut Problems) -> Option<TrustedConfig> {
    let text = |name: &str| {
        let attribute = element.attribute(name)?;
        Some(attribute.value.value.trim()).filter(|value| !value.is_empty())
    };
    let identifier = word(element)?;
    let by = match (text("unit"), text("executable"), text("container")) {
        (Some(unit), None, None) => TrustedBy::Unit(with_suffix(unit)),
        (None, Some(path), None) if path.starts_with('/') => TrustedBy::Executable(path.to_owned()),
        (None, None, Some(name)) => TrustedBy::Container(name.to_owned()),
        _ => {
            let message = "`<trusted>` requires exactly one of the attributes unit, executable (an absolute path) \
                           and container, since the identifier alone can be forged";
            let help = "use for example <trusted unit=\"app.service\" user=\"app\">app</trusted>";
            problems.error("C118", &element.name.span, message, help);
            return None;
        }
    };
    let user = text("user").unwrap_or("root").to_owned();
    if let Some(attribute) = element.attribute("user").filter(|_| accounts::uid_of(&user).is_none()) {
        let message = format!("no account \"{user}\" in /etc/passwd: this element has no effect until it exists");
        let names = accounts::read(|_| true);
        let help = did_you_mean(&user, names.keys().map(String::as_str))
            .unwrap_or_else(|| "use an account name or a numeric user ID".to_owned());
        problems.warning("C135", &attribute.value.span, message, &help);
    }
    Some(TrustedConfig { identifier: (identifier != "*").then(|| identifier.to_owned()), user, by })
}

fn with_suffix(unit: &str) -> String {
    if unit.contains('.') { unit.to_owned() } else { format!("{unit}.service") }
}
