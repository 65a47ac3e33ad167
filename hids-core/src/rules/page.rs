//! `docs/ruleset.md`: every rule with what it means, what to do and how to silence it.

use std::fmt::Write as _;

use super::advice::{advice, silencing};
use super::catalogue::{Catalogue, RuleEntry};
use crate::diag::codes::cell;

const HEAD: &str = "\
# Rules

<!-- Made by `cargo xtask docs` from config/ruleset/rules/. -->

Every shipped rule, by the file in which it stands; `hidsctl rules show ID` prints the same with the conditions, \
`hidsctl rules list` the rules of a configuration, and [tuning.md](tuning.md) shows how to adapt them.

- **Level**: 0 raises no alert, 1 to 3 is routine, from 7 on an active response usually blocks the source, and 12 to 16 is \
an attack or damage. *no block* marks rules from 7 on that never start a response, because an honest client can cause \
them or because the line does not name who is responsible.
- **ATT&CK**: techniques of MITRE ATT&CK.
- **Silence**: what keeps the rule quiet for the events that are known to be harmless. `hidsctl rules silence` takes \
further conditions and can combine them.
";

/// The page about the rules of `catalogue`, by file and in load order.
pub fn page(catalogue: &Catalogue) -> String {
    let mut files: Vec<(&str, Vec<&RuleEntry>)> = Vec::new();
    for rule in catalogue.rules() {
        let name = title(&rule.span.file.name);
        match files.iter_mut().find(|(known, _)| *known == name) {
            Some((_, rules)) => rules.push(rule),
            None => files.push((name, vec![rule])),
        }
    }
    files.sort_by_key(|(name, _)| *name);
    let total: usize = files.iter().map(|(_, rules)| rules.len()).sum();
    let mut out = String::from(HEAD);
    let _ = write!(
        out,
        "\n## Contents\n\n{total} rules.\n\n| File | Rules | Of level 7 and higher |\n| --- | --- | --- |\n"
    );
    for (name, rules) in &files {
        let high = rules.iter().filter(|rule| rule.facts.level.0 >= 7).count();
        let _ = writeln!(out, "| [{name}](#{name}) | {} | {high} |", rules.len());
    }
    for (name, rules) in &files {
        let _ = write!(
            out,
            "\n## {name}\n\n| Rule | Level | Event | Groups | ATT&CK | Meaning | What to do | Silence |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        );
        rules.iter().for_each(|rule| out.push_str(&row(rule)));
    }
    out
}

/// `sshd` of `…/0030-sshd.xml`.
fn title(file: &str) -> &str {
    let name = file.rsplit(['/', ' ']).next().unwrap_or(file);
    let name = name.strip_suffix(".xml").unwrap_or(name);
    name.trim_start_matches(|char: char| char.is_ascii_digit()).trim_start_matches('-')
}

fn row(rule: &RuleEntry) -> String {
    let facts = &rule.facts;
    let (meaning, action) = advice(rule);
    let is_quiet = facts.level.0 >= 7 && !facts.may_respond;
    let level = format!("{}{}", facts.level, if is_quiet { ", no block" } else { "" });
    let groups = facts.groups().collect::<Vec<_>>().join(" ");
    let silence = silencing(rule).unwrap_or_default();
    let event = facts.description.split_whitespace().collect::<Vec<_>>().join(" ");
    let texts = [&event, &groups, &facts.mitre.join(" "), &meaning, &action, &silence].map(|text| cell(text));
    format!("| {} | {level} | {} |\n", facts.id, texts.join(" | "))
}
