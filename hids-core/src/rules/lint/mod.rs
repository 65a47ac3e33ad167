//! What is probably wrong with rules and decoders that load: found by looking at all of them at
//! once, when an administrator asks. Never: what keeps them from loading (`parse`, `tree`, `compile`).

mod commands;
mod counts;
mod hidden;
mod implied;
mod orphans;
mod patterns;
mod reach;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use commands::commands;

use super::built_in;
use super::def::RuleDef;
use super::list::ListTables;
use super::options::RuleOptions;
use super::tree::Tree;
use crate::decode::{self, DecoderDef};
use crate::diag::{Diagnostic, SourceFile};

/// What is looked at.
struct Looked<'a> {
    tree: &'a Tree,
    decoders: &'a [DecoderDef],
    tables: &'a ListTables,
    options: &'a RuleOptions,
    /// Of each rule, the rules below which it is tried.
    parents: &'a [Vec<u32>],
}

impl Looked<'_> {
    fn rule(&self, index: u32) -> &RuleDef {
        &self.tree.rules[index as usize]
    }

    /// `rule 5716 (sshd.xml:12)`
    fn name(&self, index: u32) -> String {
        let rule = self.rule(index);
        let (line, _) = rule.id_span.file.line_column(rule.id_span.start);
        format!("rule {} ({}:{line})", rule.id, rule.id_span.file.name)
    }
}

/// Looks at decoders and rules in the order in which they are loaded.
///
/// What compiling them reports is not reported again.
pub fn lint(
    decoders: &[Arc<SourceFile>],
    rules: &[Arc<SourceFile>],
    tables: &ListTables,
    options: &RuleOptions,
) -> Vec<Diagnostic> {
    let decoders: Vec<DecoderDef> = decoders.iter().flat_map(|file| decode::parse(file, options.reading()).0).collect();
    let rules: Vec<RuleDef> = built_in::definitions(rules, options.reading(), &mut Vec::new());
    let tree = Tree::build(rules, options, &mut Vec::new());
    let mut parents = vec![Vec::new(); tree.rules.len()];
    for (index, children) in tree.children.iter().enumerate() {
        for &child in children {
            parents[child as usize].push(index as u32);
        }
    }
    let looked = Looked { tree: &tree, decoders: &decoders, tables, options, parents: &parents };
    let mut diagnostics = Vec::new();
    let impossible = patterns::check(&looked, &mut diagnostics);
    let reachable = reach::check(&looked, &impossible, &mut diagnostics);
    hidden::check(&looked, &reachable, &mut diagnostics);
    orphans::check(&looked, &mut diagnostics);
    counts::check(&looked, &mut diagnostics);
    diagnostics
}
