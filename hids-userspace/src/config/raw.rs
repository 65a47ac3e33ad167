//! ossec.conf as written: sections in file order, each option with its place.
//!
//! Reports what has no place in the file; checks the form of every value. What values mean
//! together is left to `resolve`.

mod check;

use hids_core::diag::{Span, closest};
use hids_core::xml::Element;

use super::known::{OptionSpec, SECTIONS, SectionKind, SectionSpec, wazuh_section};
use super::value::Problems;

/// The only element at the top of a file.
const ROOT: &str = "ossec_config";

/// The sections of a file, in order.
pub(super) struct RawConfig {
    pub sections: Vec<RawSection>,
    /// The whole file, for problems that are about what is missing.
    pub whole: Span,
}

/// One section with everything in it.
pub(super) struct RawSection {
    pub spec: &'static SectionSpec,
    pub element: Element,
}

impl RawSection {
    /// The options that are known, in order.
    pub(super) fn options(&self) -> impl Iterator<Item = (&'static OptionSpec, &Element)> {
        self.element.children.iter().filter_map(|child| Some((self.spec.option(&child.name.value)?, child)))
    }

    /// All options of that name, in order.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Element> {
        self.options().filter(move |(spec, _)| spec.name == name).map(|(_, element)| element)
    }

    /// The last option of that name: the one that counts.
    pub(super) fn last(&self, name: &str) -> Option<&Element> {
        self.all(name).last()
    }

    /// Where the section's name stands.
    pub(super) fn name_span(&self) -> &Span {
        &self.element.name.span
    }
}

impl RawConfig {
    /// All sections of that kind, in order.
    pub(super) fn of(&self, kind: SectionKind) -> impl Iterator<Item = &RawSection> {
        self.sections.iter().filter(move |section| section.spec.kind == kind)
    }

    /// All options of that name in sections of that kind, in order.
    pub(super) fn all(&self, kind: SectionKind, name: &'static str) -> impl Iterator<Item = &Element> {
        self.of(kind).flat_map(move |section| section.all(name))
    }

    /// The last option of that name in sections of that kind: the one that counts.
    pub(super) fn last(&self, kind: SectionKind, name: &'static str) -> Option<&Element> {
        self.all(kind, name).last()
    }
}

/// Sorts the elements of a file into sections and checks every value on its own.
pub(super) fn read(roots: Vec<Element>, whole: Span, problems: &mut Problems) -> RawConfig {
    let mut sections = Vec::new();
    for root in roots {
        if root.name.value == ROOT {
            read_root(root, &mut sections, problems);
        } else {
            misplaced_root(&root, problems);
            // What is in it is checked all the same, so that one run shows everything.
            if SECTIONS.iter().any(|spec| spec.name == root.name.value) {
                read_section(root, &mut sections, problems);
            }
        }
    }
    let raw = RawConfig { sections, whole };
    check::check(&raw, problems);
    raw
}

fn read_root(root: Element, sections: &mut Vec<RawSection>, problems: &mut Problems) {
    check::unread_attributes(&root, &[], problems);
    for child in root.children {
        if child.name.value == ROOT {
            let message = format!("`<{ROOT}>` cannot be nested in `<{ROOT}>`");
            problems.error("C002", &child.name.span, message, &format!("is `</{ROOT}>` missing before it?"));
            for section in child.children {
                read_section(section, sections, problems);
            }
        } else {
            read_section(child, sections, problems);
        }
    }
}

fn misplaced_root(root: &Element, problems: &mut Problems) {
    let name = &root.name.value;
    let help = if SECTIONS.iter().any(|spec| spec.name == *name) {
        "put it between `<ossec_config>` and `</ossec_config>`".to_owned()
    } else if name == "agent_config" {
        "agents are not supported on a stand-alone host; remove it".to_owned()
    } else if closest(name, [ROOT]).is_some() {
        "did you mean `<ossec_config>`?".to_owned()
    } else {
        "all sections must be inside `<ossec_config>`".to_owned()
    };
    problems.error("C002", &root.name.span, format!("`<{name}>` is not allowed at the top level"), &help);
}

fn read_section(mut element: Element, sections: &mut Vec<RawSection>, problems: &mut Problems) {
    let name = &element.name.value;
    let Some(spec) = SECTIONS.iter().find(|spec| spec.name == *name) else {
        let message = format!("unknown section `<{name}>`");
        problems.error("C003", &element.name.span, message, &unknown_section_help(name));
        return;
    };
    check::unread_attributes(&element, &[], problems);
    if element.children.is_empty() {
        let message = format!("section `<{name}>` has no options, which OSSEC rejects");
        problems.error("C005", &element.name.span, message, "remove it, or add options");
    }
    let nested = take_nested_sections(&mut element);
    if let Some(first) = nested.first() {
        let message = format!("section `<{}>` cannot be nested in `<{}>`", first.name.value, spec.name);
        problems.error("C004", &first.name.span, message, &format!("is `</{}>` missing before it?", spec.name));
    }
    sections.push(RawSection { spec, element });
    for section in nested {
        read_section(section, sections, problems);
    }
}

/// Sections that a missing closing tag put into another one: they are checked as if it were there.
fn take_nested_sections(element: &mut Element) -> Vec<Element> {
    let is_section =
        |child: &Element| !child.children.is_empty() && SECTIONS.iter().any(|spec| spec.name == child.name.value);
    let (nested, options) = std::mem::take(&mut element.children).into_iter().partition(is_section);
    element.children = options;
    nested
}

fn unknown_section_help(name: &str) -> String {
    if let Some(help) = wazuh_section(name) {
        return help.to_owned();
    }
    if let Some(home) = SECTIONS.iter().find(|spec| spec.option(name).is_some()) {
        return format!("this is an option of `<{}>`", home.name);
    }
    match closest(name, SECTIONS.iter().map(|spec| spec.name)) {
        Some(right) => format!("did you mean `<{right}>`?"),
        None => "remove it; see ossec.conf(5) for all sections".to_owned(),
    }
}
