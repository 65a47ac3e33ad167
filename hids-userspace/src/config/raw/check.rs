//! Every option on its own: is it known, is its value of the right form, does it do anything.

use std::collections::{HashMap, HashSet};

use hids_core::diag::Span;
use hids_core::xml::Element;

use super::{RawConfig, RawSection};
use crate::config::known::{Effect, Form, OptionSpec, SECTIONS, SectionKind, SectionSpec, wazuh_option};
use crate::config::value::{Problems, did_you_mean, digits, seconds_hint, value_span, yes_no};

pub(super) fn check(raw: &RawConfig, problems: &mut Problems) {
    let mut once = HashSet::new();
    for section in &raw.sections {
        for child in &section.element.children {
            match section.spec.option(&child.name.value) {
                Some(spec) => check_option(section.spec, spec, child, problems),
                None => unknown_option(section.spec, child, problems),
            }
        }
        report_effects(raw, section, &mut once, problems);
    }
    report_repeats(raw, problems);
}

fn check_option(section: &SectionSpec, spec: &OptionSpec, element: &Element, problems: &mut Problems) {
    unread_attributes(element, attributes_of(section.kind, spec.name), problems);
    for child in &element.children {
        let message = format!("`<{}>` inside `<{}>` is ignored", child.name.value, spec.name);
        problems.warning("C006", &child.name.span, message, "is a closing tag missing before it?");
    }
    if matches!(spec.effect, Effect::None(_)) && !matches!(spec.form, Form::YesNo) {
        return;
    }
    let text = element.text.value.as_str();
    let blanks_matter = matches!(spec.form, Form::Text | Form::List);
    if !blanks_matter && text.trim() != text && !text.trim().is_empty() {
        let message =
            format!("whitespace around the value of `<{}>` is ignored; OSSEC includes it in the value", spec.name);
        problems.warning(
            "C023",
            &element.text.span,
            message,
            &format!("use `{}` without surrounding whitespace", text.trim()),
        );
    }
    if matches!(spec.form, Form::Word | Form::Path | Form::Special) && text.trim().contains(char::is_control) {
        let message = format!("the value of `<{}>` contains a line break or control character", spec.name);
        problems.error("C018", &value_span(element), message, "put it on one line");
        return;
    }
    check_form(spec, element, text.trim(), problems);
}

fn check_form(spec: &OptionSpec, element: &Element, text: &str, problems: &mut Problems) {
    let span = value_span(element);
    let name = spec.name;
    match spec.form {
        Form::YesNo => {
            if yes_no(element).is_none() {
                problems.error(
                    "C010",
                    &span,
                    format!("`<{name}>` must be yes or no, found \"{text}\""),
                    &yes_no_help(text),
                );
            }
        }
        Form::Number(least, most) => match digits(text) {
            None => {
                let message = format!("`<{name}>` must be a number, found \"{text}\"");
                problems.error("C011", &span, message, number_help(text));
            }
            Some(number) if !(least..=most).contains(&number) => {
                problems.error(
                    "C012",
                    &span,
                    format!("`<{name}>` must be a number from {least} to {most}, found {text}"),
                    "",
                );
            }
            Some(_) => {}
        },
        Form::Seconds => check_seconds(name, text, &span, problems),
        Form::OneOf(words) => {
            if !words.contains(&text) {
                let message = format!("invalid value for `<{name}>`: \"{text}\"");
                let help = did_you_mean(text, words.iter().copied())
                    .unwrap_or_else(|| format!("valid values: {}", words.join(", ")));
                problems.error("C013", &span, message, &help);
            }
        }
        Form::Word | Form::Path => {
            if text.is_empty() {
                let message = format!("`<{name}>` is empty and ignored");
                problems.warning("C019", &element.name.span, message, "remove it, or set a value");
            }
        }
        Form::Text | Form::Special | Form::List => {}
    }
}

/// Checks a number of seconds; up to 136 years, so that it can be added to any time.
pub(in crate::config) fn check_seconds(name: &str, text: &str, span: &Span, problems: &mut Problems) {
    match digits(text) {
        None => {
            let help = seconds_hint(text).unwrap_or_else(|| number_help(text).to_owned());
            problems.error("C014", span, format!("`<{name}>` must be a number of seconds, found \"{text}\""), &help);
        }
        Some(seconds) if seconds > u64::from(u32::MAX) => {
            problems.error("C012", span, format!("`<{name}>` must be at most {} seconds, found {text}", u32::MAX), "");
        }
        Some(_) => {}
    }
}

fn yes_no_help(text: &str) -> String {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" | "enabled" | "y" => "use lower case `yes`".to_owned(),
        "no" | "false" | "off" | "0" | "disabled" | "n" => "use lower case `no`".to_owned(),
        _ => "use `yes` or `no`".to_owned(),
    }
}

fn number_help(text: &str) -> &'static str {
    if text.is_empty() { "OSSEC treats an empty value as 0; set 0 explicitly if intended" } else { "use digits only" }
}

fn unknown_option(section: &SectionSpec, element: &Element, problems: &mut Problems) {
    let name = &element.name.value;
    let names = || section.options.iter().map(|option| option.name);
    let home = SECTIONS.iter().find(|other| other.kind != section.kind && other.option(name).is_some());
    let help = if let Some(help) = wazuh_option(section.kind, name) {
        help.to_owned()
    } else if SECTIONS.iter().any(|other| other.name == *name) {
        format!("this is a section; is `</{}>` missing before it?", section.name)
    } else if let Some(guess) = did_you_mean(name, names()) {
        guess
    } else if let Some(home) = home {
        format!("move it to `<{}>`", home.name)
    } else {
        format!("`<{}>` supports {}", section.name, names().collect::<Vec<_>>().join(", "))
    };
    problems.error("C004", &element.name.span, format!("`<{}>` has no option `<{name}>`", section.name), &help);
}

/// Attributes that mean something there; `*` for all that the section checks itself.
fn attributes_of(section: SectionKind, option: &str) -> &'static [&'static str] {
    match (section, option) {
        (SectionKind::Rules, "rule_dir" | "decoder_dir") => &["pattern"],
        (SectionKind::LocalFile, "filter") => &["field", "ignore_if_missing"],
        (SectionKind::LocalFile, "trusted") => &["unit", "executable", "container", "user"],
        (SectionKind::Syscheck, "directories" | "ignore" | "nodiff" | "protect_allow") => &["*"],
        (SectionKind::Reports, "category" | "group" | "rule" | "level" | "location" | "srcip" | "user") => &["type"],
        _ => &[],
    }
}

pub(super) fn unread_attributes(element: &Element, known: &[&str], problems: &mut Problems) {
    for attribute in &element.attributes {
        let name = attribute.name.value.as_str();
        if !known.contains(&name) && !known.contains(&"*") {
            let message = format!("attribute `{name}` of `<{}>` is ignored", element.name.value);
            let help = did_you_mean(name, known.iter().copied()).unwrap_or_else(|| "remove it".to_owned());
            problems.warning("C007", &attribute.name.span, message, &help);
        }
    }
}

/// Names what is accepted but does nothing, each kind once.
fn report_effects(
    raw: &RawConfig,
    section: &RawSection,
    once: &mut HashSet<(SectionKind, &'static str)>,
    problems: &mut Problems,
) {
    let kind = section.spec.kind;
    if let Some(why) = section.spec.not_acted_on {
        let switched_off = raw.last(kind, "disabled").and_then(yes_no) == Some(true);
        if !switched_off && once.insert((kind, "")) {
            let message = format!("`<{}>` is checked but not acted on: {why}", section.spec.name);
            problems.warning("C021", section.name_span(), message, "");
        }
        return;
    }
    for (spec, element) in section.options() {
        let off = match spec.form {
            Form::YesNo => yes_no(element) == Some(false),
            _ => element.text.value.trim() == "0",
        };
        let (code, message) = match spec.effect {
            Effect::Acted => continue,
            _ if off => continue,
            Effect::NotYet(why) => ("C021", format!("`<{}>` is checked but not acted on: {why}", spec.name)),
            Effect::None(why) => ("C022", format!("`<{}>` has no effect: {why}", spec.name)),
        };
        if once.insert((kind, spec.name)) {
            problems.warning(code, &element.name.span, message, "");
        }
    }
}

/// Where an option that holds one value is given several, different ones.
fn report_repeats(raw: &RawConfig, problems: &mut Problems) {
    let mut seen: HashMap<(SectionKind, usize, &'static str), &Element> = HashMap::new();
    for (index, section) in raw.sections.iter().enumerate() {
        let thing = if section.spec.one_thing_each { index } else { 0 };
        for (spec, element) in section.options().filter(|(spec, _)| !spec.repeats) {
            let Some(earlier) = seen.insert((section.spec.kind, thing, spec.name), element) else { continue };
            if earlier.text.value != element.text.value {
                let (line, _) = element.name.span.file.line_column(element.name.span.start);
                let message = format!("`<{}>` is set again in line {line}, which takes precedence", spec.name);
                problems.warning("C020", &earlier.name.span, message, "keep one of them");
            }
        }
    }
}
