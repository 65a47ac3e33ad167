//! `<rules>`: which decoders, rules and lists are loaded, in which order.

use std::path::{Path, PathBuf};

use hids_core::xml::Element;

use super::Context;
use super::rule_files::{FileList, files_in};
use crate::config::known::SectionKind::Rules;
use crate::config::value::{value_span, word};

#[derive(Default)]
pub(super) struct RuleSources {
    pub decoders: Vec<PathBuf>,
    pub rules: Vec<PathBuf>,
    pub lists: Vec<(String, PathBuf)>,
}

/// Where the shipped ruleset is when it is not beside the configuration file.
const SHIPPED: &str = "/usr/share/hids/ruleset";
/// Rules and decoders of the administrator, loaded after the shipped ones if they are there; below the folder of the
/// configuration.
const LOCAL_RULES: &str = "rules/local_rules.xml";
const LOCAL_DECODERS: &str = "decoders/local_decoder.xml";

pub(super) fn resolve(context: &mut Context<'_>) -> RuleSources {
    warn_of_several_sections(context);
    let raw = context.raw;
    let mut decoders = FileList::default();
    let mut rules = FileList::default();
    let mut lists = Vec::new();
    let mut missing = 0;
    for (spec, element) in raw.of(Rules).flat_map(|section| section.options()) {
        let Some(text) = word(element) else { continue };
        match spec.name {
            "include" | "rule" => {
                let path = context.path(&if text.contains('/') { text.to_owned() } else { format!("rules/{text}") });
                add_file(path, element, &mut rules, &mut missing, context);
            }
            "decoder" => add_file(context.path(text), element, &mut decoders, &mut missing, context),
            "rule_dir" => files_in(text, element, &mut rules, context),
            "decoder_dir" => files_in(text, element, &mut decoders, context),
            "list" => lists.push(list(text, element, context)),
            _ => {}
        }
    }
    let names_rules = raw
        .of(Rules)
        .flat_map(|section| section.options())
        .any(|(spec, _)| matches!(spec.name, "include" | "rule" | "rule_dir"));
    let failed = missing > 0 || rules.failed || decoders.failed;
    let rules = if names_rules { rules.paths } else { shipped_rules(context) };
    let decoders = if decoders.named { decoders.paths } else { default_decoders(names_rules, context) };
    if rules.is_empty() && !failed {
        no_rules(context);
    }
    RuleSources { decoders, rules, lists }
}

/// In OSSEC each `<rules>` section that lists rule files replaces what earlier ones listed.
fn warn_of_several_sections(context: &mut Context<'_>) {
    for section in context.raw.of(Rules).skip(1) {
        let message = "all `<rules>` sections are loaded; OSSEC would discard the previous ones here";
        context.problems.warning("C040", section.name_span(), message, "use a single `<rules>` section");
    }
}

fn add_file(path: PathBuf, element: &Element, list: &mut FileList, missing: &mut usize, context: &mut Context<'_>) {
    list.named = true;
    if !path.is_file() {
        *missing += 1;
        let message = format!("{} does not exist", path.display());
        // The same hint under each of seventy files would hide everything else.
        let help = if *missing == 1 { missing_help(context) } else { String::new() };
        context.problems.error("C041", &value_span(element), message, &help);
    } else if !list.add(path) {
        let message = "this file is listed twice; it is loaded once";
        context.problems.warning("C044", &value_span(element), message, "remove one of them");
    }
}

fn missing_help(context: &Context<'_>) -> String {
    match shipped(context) {
        Some(shipped) => format!(
            "OSSEC's rules are not included; to use the shipped ruleset, remove the `<rules>` section, or put \
             `<decoder_dir>{0}/decoders</decoder_dir>` and `<rule_dir>{0}/rules</rule_dir>` in it",
            shipped.strip_prefix(&context.paths.base).unwrap_or(&shipped).display()
        ),
        None => "check the name; without `/` it is relative to rules/".to_owned(),
    }
}

fn list(text: &str, element: &Element, context: &mut Context<'_>) -> (String, PathBuf) {
    let path = context.path(&if text.contains('/') { text.to_owned() } else { format!("rules/{text}") });
    if !text.contains('/') {
        let message =
            format!("list `{text}` is relative to rules/, but rules in OSSEC cannot refer to a list without a path");
        context.problems.warning(
            "C045",
            &value_span(element),
            message,
            "use its path, for example rules/NAME, here and in the rule",
        );
    }
    let mut compiled = path.clone().into_os_string();
    compiled.push(".cdb");
    if !path.is_file() && !Path::new(&compiled).is_file() {
        let message = format!("{} does not exist: lookups never match", path.display());
        context.problems.warning("C045", &value_span(element), message, "create it, or remove the list");
    }
    (text.to_owned(), path)
}

/// The folder of the shipped ruleset.
fn shipped(context: &Context<'_>) -> Option<PathBuf> {
    [context.path("ruleset"), PathBuf::from(SHIPPED)].into_iter().find(|place| place.join("rules").is_dir())
}

fn shipped_rules(context: &mut Context<'_>) -> Vec<PathBuf> {
    let Some(ruleset) = shipped(context) else { return Vec::new() };
    warn_of_outdated(&ruleset, context);
    sorted_xml(&ruleset.join("rules")).into_iter().chain(local(LOCAL_RULES, context)).collect()
}

/// Earlier versions installed the ruleset beside the configuration, where no update replaces it any more.
fn warn_of_outdated(ruleset: &Path, context: &mut Context<'_>) {
    if ruleset == Path::new("/etc/hids/ruleset") && Path::new(SHIPPED).join("rules").is_dir() {
        let message = "using the ruleset of an earlier version in /etc/hids/ruleset, which is not updated";
        let help =
            format!("move custom rules to /etc/hids/{LOCAL_RULES}, then remove /etc/hids/ruleset to use {SHIPPED}");
        let span = context.raw.whole.clone();
        context.problems.warning("C138", &span, message, &help);
    }
}

/// A file of the administrator's beside the shipped ruleset. A kept OSSEC installation has files of that name which
/// build on OSSEC's own rules: there only what `<rules>` names is loaded.
fn local(name: &str, context: &Context<'_>) -> Option<PathBuf> {
    let path = context.path(name);
    (!context.paths.is_ossec_installation() && path.is_file()).then_some(path)
}

/// `etc/decoder.xml` and `etc/local_decoder.xml` as in OSSEC, else those of the shipped ruleset.
fn default_decoders(names_rules: bool, context: &mut Context<'_>) -> Vec<PathBuf> {
    let main = context.path("etc/decoder.xml");
    let mut shipped = shipped(context).map(|ruleset| sorted_xml(&ruleset.join("decoders"))).unwrap_or_default();
    if !names_rules {
        shipped.extend(local(LOCAL_DECODERS, context));
    }
    if names_rules && main.is_file() {
        let local = context.path("etc/local_decoder.xml");
        return std::iter::once(main).chain(Some(local).filter(|path| path.is_file())).collect();
    }
    if shipped.is_empty()
        && names_rules
        && let Some(section) = context.raw.of(Rules).next()
    {
        let message = format!("no decoders configured and {} does not exist", main.display());
        context.problems.error(
            "C042",
            section.name_span(),
            message,
            "specify decoders with `<decoder>` or `<decoder_dir>`",
        );
    }
    shipped
}

fn no_rules(context: &mut Context<'_>) {
    let message = "no rules: no file is configured and the shipped ruleset is not installed";
    let help = format!("install the ruleset in {SHIPPED}, or list files in `<rules>`");
    let span = context.raw.of(Rules).next().map_or(context.raw.whole.clone(), |section| section.name_span().clone());
    context.problems.error("C043", &span, message, &help);
}

/// The `.xml` files of a folder by name.
fn sorted_xml(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "xml"))
        .collect();
    paths.sort();
    paths
}
