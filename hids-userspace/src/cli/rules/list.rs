//! `hidsctl rules list`.

use clap::Args;
use hids_core::rules::{Catalogue, RuleEntry, page};
use serde_json::{Value, json};

use crate::cli::exit::Exit;
use crate::cli::{Common, complete, output, screen, table};

/// Options of `rules list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Show only rules of this level or higher
    #[arg(short, long, value_name = "LEVEL")]
    level: Option<u16>,
    /// Show only rules of groups whose name contains GROUP
    #[arg(short, long, value_name = "GROUP", add = complete::groups())]
    group: Option<String>,
    /// Print the page docs/ruleset.md, which explains all rules
    #[arg(long, conflicts_with_all = ["level", "group"])]
    markdown: bool,
}

/// Prints the rules in the order in which they are loaded; 1 when none fits.
pub(super) fn run(common: &Common, args: &ListArgs) -> anyhow::Result<Exit> {
    let catalogue = super::catalogue(common)?;
    if args.markdown {
        output::print(&page(&catalogue))?;
        return Ok(Exit::Success);
    }
    let rules = chosen(&catalogue, args);
    if common.json {
        output::print_json(&rules.iter().map(|rule| to_json(rule)).collect())?;
    } else {
        let row = |rule: &&RuleEntry| {
            vec![
                rule.facts.id.to_string(),
                rule.facts.level.to_string(),
                rule.facts.groups().collect::<Vec<_>>().join(","),
                screen::cell(&rule.facts.description),
            ]
        };
        let rows: Vec<_> = rules.iter().map(row).collect();
        output::print(&table::table(&["ID", "LEVEL", "GROUPS", "DESCRIPTION"], &rows))?;
    }
    Ok(if rules.is_empty() { Exit::No } else { Exit::Success })
}

fn chosen<'a>(catalogue: &'a Catalogue, args: &ListArgs) -> Vec<&'a RuleEntry> {
    let fits_level = |rule: &RuleEntry| args.level.is_none_or(|level| rule.facts.level.0 >= level);
    let fits_group = |rule: &RuleEntry| {
        args.group.as_ref().is_none_or(|wanted| rule.facts.groups().any(|group| group.contains(wanted.as_str())))
    };
    catalogue.rules().filter(|rule| fits_level(rule) && fits_group(rule)).collect()
}

/// What all commands tell of a rule.
pub(super) fn to_json(rule: &RuleEntry) -> Value {
    let (line, _) = rule.span.file.line_column(rule.span.start);
    json!({
        "id": rule.facts.id,
        "level": rule.facts.level,
        "groups": rule.facts.groups().collect::<Vec<_>>(),
        "description": rule.facts.description,
        "file": rule.span.file.name,
        "line": line,
    })
}
