//! `hidsctl rules show ID`.

use std::fmt::Write as _;

use clap::Args;
use hids_core::model::RuleId;
use hids_core::rules::{self, Catalogue, RuleEntry, Written};
use serde_json::{Map, Value, json};

use super::list;
use crate::cli::exit::Exit;
use crate::cli::{Common, complete, output};

/// Options of `rules show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The rule
    #[arg(value_name = "ID", add = complete::rules())]
    id: u32,
}

/// Elements that say something about the rule rather than about events.
const NO_CONDITIONS: [&str; 7] = ["description", "group", "info", "cve", "mitre", "options", "ignore"];

/// Prints a rule.
pub(super) fn run(common: &Common, args: &ShowArgs) -> anyhow::Result<Exit> {
    let catalogue = super::catalogue(common)?;
    let id = super::known_rule(&catalogue, args.id)?;
    if let Some(rule) = catalogue.rule(id) {
        match common.json {
            true => output::print_json(&to_json(&catalogue, rule))?,
            false => output::print(&to_text(&catalogue, rule))?,
        }
    }
    Ok(Exit::Success)
}

fn conditions(rule: &RuleEntry) -> impl Iterator<Item = &Written> {
    rule.elements.iter().filter(|element| !NO_CONDITIONS.contains(&element.name.as_str()))
}

fn options(rule: &RuleEntry) -> impl Iterator<Item = &Written> {
    rule.elements.iter().filter(|element| element.name == "options")
}

/// A rule for people.
pub(super) fn to_text(catalogue: &Catalogue, rule: &RuleEntry) -> String {
    let visible = |text: &str| output::visible(text.as_bytes());
    let mut out = String::new();
    let facts = &rule.facts;
    let _ = writeln!(out, "rule {} (level {}): {}", facts.id, facts.level, visible(&facts.description));
    let _ = writeln!(out, "  defined at  {}", visible(&rule.place()));
    let _ = writeln!(out, "  groups      {}", visible(&facts.groups().collect::<Vec<_>>().join(", ")));
    let _ = writeln!(out, "  responses   {}", responses(rule));
    for option in options(rule) {
        let _ = writeln!(out, "  option      {}", visible(&option.value));
    }
    if let Some(counts) = &rule.counts {
        let within =
            counts.timeframe_seconds.map_or("the configured timeframe".into(), |seconds| format!("{seconds} s"));
        let same = if counts.same.is_empty() { String::new() } else { format!(", same {}", counts.same.join(", ")) };
        let _ = writeln!(out, "  counts      fires on event {} within {within}{same}", counts.events);
    }
    if rule.ignore_seconds > 0 {
        let _ = writeln!(out, "  silent for  {} s after an alert", rule.ignore_seconds);
    }
    let (meaning, action) = rules::advice(rule);
    let silencing = rules::silencing(rule).map(|text| text.replace('`', ""));
    // What is not a link is said by the first two.
    let link = facts.info.clone().filter(|info| info.starts_with("http"));
    for (name, text) in [
        ("meaning", &Some(meaning)),
        ("to do", &Some(action)),
        ("to silence", &silencing),
        ("info", &link),
        ("cve", &facts.cve),
    ] {
        if let Some(text) = text {
            let _ = writeln!(out, "  {name:<11} {}", visible(text));
        }
    }
    if !facts.mitre.is_empty() {
        let _ = writeln!(out, "  ATT&CK      {}", facts.mitre.join(", "));
    }
    out.push_str("conditions (all must match):\n");
    for condition in conditions(rule) {
        let _ = writeln!(out, "  {}  {}", visible(&condition.place()), visible(&condition.to_xml()));
    }
    related(&mut out, "parents (tried after any of these matches):", catalogue, &rule.parents);
    related(&mut out, "children (tried in this order; the first match replaces this rule):", catalogue, &rule.children);
    out
}

fn responses(rule: &RuleEntry) -> &'static str {
    match (rule.only_leads, rule.facts.may_respond) {
        (true, _) => "none: parent only (noalert)",
        (false, true) => "allowed",
        (false, false) => "none",
    }
}

fn related(out: &mut String, title: &str, catalogue: &Catalogue, ids: &[RuleId]) {
    if ids.is_empty() {
        return;
    }
    let _ = writeln!(out, "{title}");
    for rule in ids.iter().filter_map(|&id| catalogue.rule(id)) {
        let description = output::visible(rule.facts.description.as_bytes());
        let _ = writeln!(out, "  {:<6} level {:<2}  {description}", rule.facts.id, rule.facts.level);
    }
}

fn to_json(catalogue: &Catalogue, rule: &RuleEntry) -> Value {
    let mut value = list::to_json(rule);
    let related =
        |ids: &[RuleId]| -> Value { ids.iter().filter_map(|&id| catalogue.rule(id)).map(list::to_json).collect() };
    let condition = |condition: &Written| {
        let (line, column) = condition.span.file.line_column(condition.span.start);
        json!({
            "element": condition.name,
            "attributes": condition.attributes.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect::<Map<_, _>>(),
            "value": condition.value,
            "file": condition.span.file.name, "line": line, "column": column,
        })
    };
    let counts = rule.counts.as_ref().map(
        |counts| json!({ "events": counts.events, "timeframe_seconds": counts.timeframe_seconds, "same": counts.same }),
    );
    if let Some(object) = value.as_object_mut() {
        object.insert("may_respond".into(), rule.facts.may_respond.into());
        object.insert("only_leads".into(), rule.only_leads.into());
        object.insert("options".into(), options(rule).map(|option| option.value.as_str()).collect());
        let (meaning, action) = rules::advice(rule);
        object.insert("info".into(), rule.facts.info.as_deref().into());
        object.insert("meaning".into(), meaning.into());
        object.insert("action".into(), action.into());
        object.insert("silencing".into(), rules::silencing(rule).map(|text| text.replace('`', "")).into());
        object.insert("cve".into(), rule.facts.cve.as_deref().into());
        object.insert("mitre".into(), rule.facts.mitre.clone().into());
        object.insert("ignore_seconds".into(), rule.ignore_seconds.into());
        object.insert("counts".into(), counts.into());
        object.insert("conditions".into(), conditions(rule).map(condition).collect());
        object.insert("parents".into(), related(&rule.parents));
        object.insert("children".into(), related(&rule.children));
    }
    value
}
