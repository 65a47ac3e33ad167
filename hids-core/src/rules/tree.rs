//! Places rules in the tree, in the order in which they were loaded (`src/analysisd/rules_list.c`).

use std::collections::HashMap;

use super::overwrite::overwrite;
use super::parse::RuleDef;
use crate::decode::EventKind;
use crate::diag::Diagnostic;
use crate::model::RuleId;
use crate::pattern::{Pattern, Subject};
use crate::xml::Text;

/// Ids below this are roots.
const FIRST_CHILD: u32 = 10;
/// Level under which rules of level 0 are sorted.
const LEVEL_OF_ZERO: u16 = 99;

/// Which earlier events a composite rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContextList {
    /// Those of one rule: number of the list.
    Rule(u32),
    /// Those of rules of a group: number of the list.
    Group(u32),
    /// All recent ones.
    All,
}

/// Rules with their places.
#[derive(Default)]
pub(super) struct Tree {
    pub rules: Vec<RuleDef>,
    pub children: Vec<Vec<u32>>,
    pub roots: Vec<u32>,
    /// The effective category.
    pub kinds: Vec<EventKind>,
    pub contexts: Vec<Option<ContextList>>,
    /// The list to which the events of a rule go because another rule names it.
    pub own_list: Vec<Option<u32>>,
    /// The lists to which they go because of the rule's groups.
    pub group_lists: Vec<Vec<u32>>,
    pub lists: u32,
    by_id: HashMap<RuleId, u32>,
}

impl Tree {
    /// The tree of `defs`; problems are reported and the rule left out.
    pub(super) fn build(defs: Vec<RuleDef>, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut tree = Self::default();
        for def in defs {
            tree.add(def, diagnostics);
        }
        tree
    }

    pub(super) fn index(&self, id: RuleId) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    fn add(&mut self, def: RuleDef, diagnostics: &mut Vec<Diagnostic>) {
        match (self.index(def.id), def.overwrite) {
            (Some(known), true) => return overwrite(&mut self.rules[known as usize], def, diagnostics),
            (None, true) => {
                diagnostics.push(
                    Diagnostic::error(
                        "R031",
                        format!("rule {} cannot be overwritten: it does not exist (yet)", def.id),
                    )
                    .at(def.id_span.clone())
                    .help("a rule must be loaded before the one that overwrites it"),
                );
                return;
            }
            (Some(known), false) => {
                let (line, _) =
                    self.rules[known as usize].id_span.file.line_column(self.rules[known as usize].id_span.start);
                let first = &self.rules[known as usize].id_span.file.name;
                diagnostics.push(
                    Diagnostic::error("R030", format!("rule {} exists already ({first}:{line})", def.id))
                        .at(def.id_span.clone())
                        .help("choose a free id from 100000 on, or write overwrite=\"yes\""),
                );
                return;
            }
            (None, false) => {}
        }
        let index = self.rules.len() as u32;
        self.by_id.insert(def.id, index);
        self.kinds.push(def.category.as_ref().map_or(EventKind::Syslog, |(kind, _)| *kind));
        self.rules.push(def);
        self.children.push(Vec::new());
        self.contexts.push(None);
        self.own_list.push(None);
        self.group_lists.push(Vec::new());
        if self.rules[index as usize].id.0 < FIRST_CHILD {
            let mut roots = std::mem::take(&mut self.roots);
            self.insert(&mut roots, index);
            self.roots = roots;
        } else {
            self.attach(index, diagnostics);
        }
        self.set_context(index, diagnostics);
    }

    /// Sorted by level, equal levels in load order.
    fn insert(&self, siblings: &mut Vec<u32>, index: u32) {
        let key = |index: u32| {
            let rule = &self.rules[index as usize];
            match (rule.accuracy, rule.level.0) {
                (0, _) => 0,
                (_, 0) => LEVEL_OF_ZERO,
                (_, level) => level,
            }
        };
        let at = siblings.iter().position(|&sibling| key(sibling) < key(index)).unwrap_or(siblings.len());
        siblings.insert(at, index);
    }

    fn attach(&mut self, index: u32, diagnostics: &mut Vec<Diagnostic>) {
        for parent in self.parents(index, diagnostics) {
            let mut children = std::mem::take(&mut self.children[parent as usize]);
            self.insert(&mut children, index);
            self.children[parent as usize] = children;
        }
    }

    /// Exactly one way to name parents is used, in this order.
    fn parents(&mut self, index: u32, diagnostics: &mut Vec<Diagnostic>) -> Vec<u32> {
        let rule = &self.rules[index as usize];
        let matched_sid = rule.if_matched_sid.as_ref().filter(|_| rule.if_group.is_none());
        if let Some(ids) = rule.if_sid.as_ref().or(matched_sid) {
            let parents = self.by_ids(&ids.clone(), "if_sid", diagnostics);
            if let Some(&parent) = parents.last() {
                self.kinds[index as usize] = self.kinds[parent as usize];
            }
            return parents;
        }
        let earlier = 0..index;
        if let Some(text) = &rule.if_level {
            let Ok(level) = text.value.trim().parse::<u16>() else {
                diagnostics.push(Diagnostic::error("R033", "if_level wants a number").at(text.span.clone()));
                return Vec::new();
            };
            let sorted = |rule: &RuleDef| if rule.level.0 == 0 { LEVEL_OF_ZERO } else { rule.level.0 };
            return earlier.filter(|&other| sorted(&self.rules[other as usize]) >= level).collect();
        }
        if let Some(text) = rule.if_group.as_ref().or(rule.if_matched_group.as_ref()) {
            let words = Pattern::word(&text.value);
            let parents: Vec<u32> =
                earlier.filter(|&other| words.is_match(self.rules[other as usize].group.as_bytes())).collect();
            if parents.is_empty() {
                diagnostics.push(
                    Diagnostic::error("R034", format!("no rule loaded so far is in group \"{}\"", text.value))
                        .at(text.span.clone()),
                );
            }
            return parents;
        }
        let kind = self.kinds[index as usize];
        let root = self.roots.iter().copied().find(|&root| self.kinds[root as usize] == kind);
        if root.is_none() {
            let message = format!("no root rule (id 1 to 9) has the category of rule {}", rule.id);
            diagnostics.push(
                Diagnostic::error("R035", message).at(rule.id_span.clone()).help("load OSSEC's rules_config.xml first"),
            );
        }
        root.into_iter().collect()
    }

    /// The rules of a list of ids; each must be loaded already.
    fn by_ids(&self, text: &Text, what: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<u32> {
        let mut found = Vec::new();
        for word in text.value.split([',', ' ', '\n', '\t', '\r']).filter(|word| !word.is_empty()) {
            let index = word.parse().ok().and_then(|id| self.index(RuleId(id)));
            match index {
                Some(index) if !found.contains(&index) => found.push(index),
                Some(_) => {}
                None => diagnostics.push(
                    Diagnostic::error("R036", format!("{what}: there is no rule {word} before this one"))
                        .at(text.span.clone())
                        .help("correct the id, or load the file with that rule earlier"),
                ),
            }
        }
        if found.is_empty() && text.value.trim().is_empty() {
            diagnostics.push(Diagnostic::error("R036", format!("{what} names no rule")).at(text.span.clone()));
        }
        found
    }

    fn new_list(&mut self) -> u32 {
        self.lists += 1;
        self.lists - 1
    }

    /// Which events the rule counts, and which rules must keep theirs for it.
    fn set_context(&mut self, index: u32, diagnostics: &mut Vec<Diagnostic>) {
        let rule = &self.rules[index as usize];
        if let Some(text) = rule.if_matched_sid.clone() {
            let Some(base) = self.by_ids(&text, "if_matched_sid", &mut Vec::new()).first().copied() else {
                // Reported as a missing parent, unless there is another parent.
                if self.rules[index as usize].if_sid.is_some() || self.rules[index as usize].if_group.is_some() {
                    self.by_ids(&text, "if_matched_sid", diagnostics);
                }
                return;
            };
            let list = match self.own_list[base as usize] {
                Some(list) => list,
                None => self.new_list(),
            };
            self.own_list[base as usize] = Some(list);
            self.contexts[index as usize] = Some(ContextList::Rule(list));
            return;
        }
        if let Some(text) = rule.if_matched_group.clone() {
            let Ok(group) = Pattern::with_subject(crate::pattern::Dialect::OsMatch, &text.value, Subject::Bytes) else {
                diagnostics.push(Diagnostic::error("P001", "if_matched_group is too long").at(text.span.clone()));
                return;
            };
            let list = self.new_list();
            for other in 0..=index as usize {
                if group.is_match(self.rules[other].group.as_bytes()) {
                    self.group_lists[other].push(list);
                }
            }
            self.contexts[index as usize] = Some(ContextList::Group(list));
            return;
        }
        if rule.if_matched_regex.is_some() {
            self.contexts[index as usize] = Some(ContextList::All);
        }
    }
}
