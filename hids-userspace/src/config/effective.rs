//! What is in force: each option with the place that it comes from, or its default; and what is known of options.

use hids_core::diag::{Diagnostic, SourceFile, Span, closest, has_errors};
use hids_core::xml::{self, Element};

use super::known::{
    Effect, Form, OptionSpec, SECTIONS, SectionSpec, manual_entry, manual_introduction, wazuh_option, wazuh_section,
};
use super::load::{LoadOptions, find_config};
use super::raw::{self, RawConfig};
use super::read_file::read_file;
use super::value::Problems;

/// Options that hold secrets.
const SECRET: [&str; 2] = ["smtp_password", "password"];
/// What is shown of them.
const REDACTED: &str = "********";

/// A value that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The section.
    pub section: &'static str,
    /// Which one of that name, from 1, where each stands for itself.
    pub number: Option<usize>,
    /// The option.
    pub option: &'static str,
    /// Its attributes.
    pub attributes: Vec<(String, String)>,
    /// Its value; secrets are not shown.
    pub value: String,
    /// File and line; `None`: the default.
    pub place: Option<(String, usize)>,
}

impl Setting {
    /// `syscheck.frequency`, `localfile[2].location`.
    pub(crate) fn name(&self) -> String {
        match self.number {
            Some(number) => format!("{}[{number}].{}", self.section, self.option),
            None => format!("{}.{}", self.section, self.option),
        }
    }
}

/// Whether an option does something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Support {
    /// It does.
    Yes,
    /// Checked only, and why.
    No(&'static str),
}

/// What is known of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OptionFacts {
    /// Its section.
    pub section: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What a value must be.
    pub wants: String,
    /// Whether each further one adds something.
    pub repeats: bool,
    /// Where nothing is set.
    pub default: Option<String>,
    /// Whether it does something.
    pub support: Support,
    /// The manual's text.
    pub text: String,
}

/// The values in force.
///
/// # Errors
/// The problems for which nothing can be said.
pub(crate) fn settings(options: &LoadOptions) -> Result<Vec<Setting>, Vec<Diagnostic>> {
    let cannot = |text: String| vec![Diagnostic::error("C001", text)];
    let Some(path) = find_config(options.config.as_deref()) else {
        return Err(cannot("no configuration found; create one with `hidsctl setup`".to_owned()));
    };
    let text = read_file(&path).map_err(|why| cannot(format!("cannot read {}: {why}", path.display())))?;
    let file = SourceFile::new(path.display().to_string(), text);
    let (roots, diagnostics) = xml::parse(&file);
    if has_errors(&diagnostics) {
        return Err(diagnostics);
    }
    let raw = raw::read(roots, Span::new(&file, 0, 0), &mut Problems::default());
    Ok(SECTIONS.iter().flat_map(|section| in_section(section, &raw)).collect())
}

fn in_section(spec: &'static SectionSpec, raw: &RawConfig) -> Vec<Setting> {
    if !spec.one_thing_each {
        let own = |option: &'static OptionSpec| {
            let found: Vec<&Element> = raw.all(spec.kind, option.name).collect();
            let shown = if option.repeats { found.as_slice() } else { &found[found.len().saturating_sub(1)..] };
            let mut settings: Vec<Setting> = shown.iter().map(|one| setting(spec, None, option, one)).collect();
            if settings.is_empty() && spec.not_acted_on.is_none() && matches!(option.effect, Effect::Acted) {
                settings.extend(default(spec, option));
            }
            settings
        };
        return spec.options.iter().flat_map(own).collect();
    }
    let sections = raw.of(spec.kind).enumerate();
    sections
        .flat_map(|(index, section)| {
            section.options().map(move |(option, element)| setting(spec, Some(index + 1), option, element))
        })
        .collect()
}

fn setting(spec: &SectionSpec, number: Option<usize>, option: &OptionSpec, element: &Element) -> Setting {
    let span = &element.name.span;
    let attributes = element.attributes.iter().map(|one| (one.name.value.clone(), one.value.value.clone())).collect();
    let value = element.text.value.as_str();
    let value = if SECRET.contains(&option.name) && !value.is_empty() { REDACTED } else { value.trim() };
    Setting {
        section: spec.name,
        number,
        option: option.name,
        attributes,
        value: value.to_owned(),
        place: Some((span.file.name.clone(), span.file.line_column(span.start).0)),
    }
}

fn default(spec: &SectionSpec, option: &OptionSpec) -> Option<Setting> {
    let value = manual_entry(spec.name, option.name)?.default()?.to_owned();
    Some(Setting { section: spec.name, number: None, option: option.name, attributes: Vec::new(), value, place: None })
}

/// What is known of the options that `name` stands for: `syscheck.frequency`, or `frequency` of every section.
///
/// # Errors
/// What to do where there is none.
pub(crate) fn facts(name: &str) -> Result<Vec<OptionFacts>, String> {
    let (section, option) = split(name);
    let sections = SECTIONS.iter().filter(|spec| section.is_none_or(|name| spec.name == name));
    let found: Vec<OptionFacts> = sections.filter_map(|spec| Some(facts_of(spec, spec.option(option)?))).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let known: Vec<String> = SECTIONS
        .iter()
        .flat_map(|spec| spec.options.iter().map(move |one| format!("{}.{}", spec.name, one.name)))
        .collect();
    let candidates = known
        .iter()
        .map(String::as_str)
        .chain(SECTIONS.iter().flat_map(|spec| spec.options.iter().map(|one| one.name)));
    let of_wazuh = SECTIONS
        .iter()
        .filter(|spec| section.is_none_or(|name| spec.name == name))
        .find_map(|spec| wazuh_option(spec.kind, option))
        .or_else(|| wazuh_section(section.unwrap_or(option)));
    Err(match (of_wazuh, closest(name, candidates)) {
        (Some(help), _) => help.to_owned(),
        (None, Some(right)) => format!("did you mean {right}?"),
        (None, None) => "`hidsctl config show` lists the options in force, ossec.conf(5) all of them".to_owned(),
    })
}

/// The options of a section and what the manual says of it, if there is a section of that name.
pub(crate) fn section_facts(name: &str) -> Option<(String, Vec<OptionFacts>)> {
    let spec = SECTIONS.iter().find(|spec| spec.name == name)?;
    let text = manual_introduction(spec.name).unwrap_or_default();
    Some((text, spec.options.iter().map(|option| facts_of(spec, option)).collect()))
}

/// Section and option of `syscheck.frequency` and `localfile[2].location`.
fn split(name: &str) -> (Option<&str>, &str) {
    match name.split_once('.') {
        Some((section, option)) => (Some(section.split('[').next().unwrap_or(section)), option),
        None => (None, name),
    }
}

fn facts_of(spec: &SectionSpec, option: &OptionSpec) -> OptionFacts {
    let entry = manual_entry(spec.name, option.name);
    let support = match (spec.not_acted_on, option.effect) {
        (Some(why), _) | (None, Effect::NotYet(why) | Effect::None(why)) => Support::No(why),
        (None, Effect::Acted) => Support::Yes,
    };
    OptionFacts {
        section: spec.name,
        name: option.name,
        wants: wants(option.form, entry.as_ref().map_or("", |entry| &entry.wants)),
        repeats: option.repeats,
        default: entry.as_ref().and_then(|entry| entry.default().map(str::to_owned)),
        support,
        text: entry.map(|entry| entry.text).unwrap_or_default(),
    }
}

fn wants(form: Form, of_manual: &str) -> String {
    match form {
        Form::YesNo => "yes or no".to_owned(),
        Form::Number(least, most) => format!("a number from {least} to {most}"),
        Form::Seconds => "a number of seconds".to_owned(),
        Form::OneOf(words) => words.join(", "),
        Form::Path | Form::Word | Form::Text | Form::Special | Form::List if !of_manual.is_empty() => {
            of_manual.to_owned()
        }
        Form::Path => "a path".to_owned(),
        _ => "text".to_owned(),
    }
}
