//! `hidsctl rules graph`: the tree of rules as Graphviz's `dot` reads it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::Args;
use hids_core::model::RuleId;
use hids_core::rules::{Catalogue, RuleEntry};
use serde_json::{Value, json};

use super::list;
use crate::cli::exit::Exit;
use crate::cli::{Common, complete, output};

/// Longest description in a node, in characters.
const LABEL_CHARS: usize = 60;

/// Options of `rules graph`.
#[derive(Debug, Args)]
pub(super) struct GraphArgs {
    /// Show only this rule with its ancestors and descendants [default: all rules]
    #[arg(value_name = "ID", add = complete::rules())]
    id: Option<u32>,
}

/// Prints nodes and edges; an edge leads from a rule to one that is tried when it has matched.
pub(super) fn run(common: &Common, args: &GraphArgs) -> anyhow::Result<Exit> {
    let catalogue = super::catalogue(common)?;
    let chosen: BTreeSet<RuleId> = match args.id {
        None => catalogue.rules().map(|rule| rule.facts.id).collect(),
        Some(id) => around(&catalogue, super::known_rule(&catalogue, id)?),
    };
    match common.json {
        true => output::print_json(&to_json(&catalogue, &chosen))?,
        false => output::print(&to_dot(&catalogue, &chosen, args.id.map(RuleId)))?,
    }
    Ok(Exit::Success)
}

/// The rule with everything above and below it.
fn around(catalogue: &Catalogue, id: RuleId) -> BTreeSet<RuleId> {
    let mut chosen = reachable(catalogue, id, |rule| &rule.parents);
    chosen.extend(reachable(catalogue, id, |rule| &rule.children));
    chosen
}

fn reachable(catalogue: &Catalogue, from: RuleId, next: fn(&RuleEntry) -> &[RuleId]) -> BTreeSet<RuleId> {
    let mut found = BTreeSet::from([from]);
    let mut waiting = vec![from];
    while let Some(rule) = waiting.pop().and_then(|id| catalogue.rule(id)) {
        waiting.extend(next(rule).iter().copied().filter(|&id| found.insert(id)));
    }
    found
}

/// Rules and, of each, the children that are chosen.
fn edges<'a>(
    catalogue: &'a Catalogue,
    chosen: &'a BTreeSet<RuleId>,
) -> impl Iterator<Item = (&'a RuleEntry, &'a RuleEntry)> {
    let rules = chosen.iter().filter_map(|&id| catalogue.rule(id));
    rules.flat_map(move |rule| {
        let children = rule.children.iter().filter(|id| chosen.contains(id));
        children.filter_map(move |&child| Some((rule, catalogue.rule(child)?)))
    })
}

fn to_dot(catalogue: &Catalogue, chosen: &BTreeSet<RuleId>, middle: Option<RuleId>) -> String {
    let mut out = String::from("digraph rules {\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    for rule in chosen.iter().filter_map(|&id| catalogue.rule(id)) {
        let facts = &rule.facts;
        let label = format!("{} (level {})\\n{}", facts.id, facts.level, quoted(&facts.description));
        let mut style = Vec::new();
        style.extend(rule.only_leads.then_some("dotted"));
        style.extend((facts.level.0 >= 7).then_some("bold"));
        style.extend((middle == Some(facts.id)).then_some("filled"));
        let style = if style.is_empty() { String::new() } else { format!(", style=\"{}\"", style.join(",")) };
        let _ = writeln!(out, "  r{} [label=\"{label}\"{style}];", facts.id);
    }
    for (parent, child) in edges(catalogue, chosen) {
        let style = if child.counts.is_some() { " [style=dashed]" } else { "" };
        let _ = writeln!(out, "  r{} -> r{}{style};", parent.facts.id, child.facts.id);
    }
    out.push_str("}\n");
    out
}

/// Text inside the quotation marks of a label.
fn quoted(text: &str) -> String {
    let mut short: String = text.chars().take(LABEL_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    output::visible(short.as_bytes()).replace('\\', "\\\\").replace('"', "\\\"")
}

fn to_json(catalogue: &Catalogue, chosen: &BTreeSet<RuleId>) -> Value {
    let nodes: Vec<Value> = chosen.iter().filter_map(|&id| catalogue.rule(id)).map(list::to_json).collect();
    let edges: Vec<Value> = edges(catalogue, chosen)
        .map(|(parent, child)| {
            json!({ "from": parent.facts.id, "to": child.facts.id, "counts": child.counts.is_some() })
        })
        .collect();
    json!({ "nodes": nodes, "edges": edges })
}
