//! Places rules in the tree, in the order in which they were loaded (`src/analysisd/rules_list.c`).

use std::collections::HashMap;

use super::def::{ACCURATE, RuleDef};
use super::options::RuleOptions;
use super::overwrite::overwrite;
use crate::decode::EventKind;
use crate::diag::Diagnostic;
use crate::model::RuleId;
use crate::pattern::{Pattern, Subject};
use crate::xml::Text;

/// Ids below this are roots.
const FIRST_CHILD: u32 = 10;
/// Most rules one below another. Rule sets in use have a dozen; every level is a call on the stack of the
/// thread that analyses, and a file of the size that is read could have 100,000.
pub(super) const MAX_DEPTH: u32 = 400;
/// Most places of all rules in the tree: a rule with two parents has those of both. Each line may lead through
/// all of them, and with two parents a rule their number doubles with each level. OSSEC's own 1,314 rules have 1,844.
const MAX_PLACES: u64 = 200_000;

/// Which earlier events a composite rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventList {
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
    pub contexts: Vec<Option<EventList>>,
    /// The list to which the events of a rule go because another rule names it.
    pub own_list: Vec<Option<u32>>,
    /// The lists to which they go because of the rule's groups.
    pub group_lists: Vec<Vec<u32>>,
    /// In how many places of the tree each rule stands: one below each place of each of its parents.
    pub places: Vec<u64>,
    pub lists: u32,
    by_id: HashMap<RuleId, u32>,
    strict_ossec: bool,
    /// How many rules are above each rule at most.
    depths: Vec<u32>,
    all_places: u64,
    /// Whether it was said that the tree is too large.
    is_too_large: bool,
}

impl Tree {
    /// The tree of `defs`; problems are reported and the rule left out.
    pub(super) fn build(defs: Vec<RuleDef>, options: &RuleOptions, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut tree = Self { strict_ossec: options.strict_ossec, ..Self::default() };
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
            (Some(known), true) => {
                // What looked back on earlier events no longer does so without `if_matched_…`.
                self.contexts[known as usize] = self.contexts[known as usize].filter(|_| def.counting.is_composite());
                // OSSEC marks what the new definition counts, whether or not the rule counts afterwards.
                if let Some(text) = &def.counting.if_matched_sid
                    && let Some(&base) = self.by_ids(known, text, "if_matched_sid", &mut Vec::new()).first()
                {
                    self.list_of(base);
                }
                return overwrite(&mut self.rules[known as usize], def, diagnostics);
            }
            (None, true) => {
                diagnostics.push(
                    Diagnostic::error(
                        "R031",
                        format!("rule {} cannot be overwritten: it is not defined before this rule", def.id),
                    )
                    .at(def.id_span.clone())
                    .help("load the original rule before the one that overwrites it"),
                );
                return;
            }
            (Some(known), false) => {
                let (line, _) =
                    self.rules[known as usize].id_span.file.line_column(self.rules[known as usize].id_span.start);
                let first = &self.rules[known as usize].id_span.file.name;
                diagnostics.push(
                    Diagnostic::error("R030", format!("rule {} already exists ({first}:{line})", def.id))
                        .at(def.id_span.clone())
                        .help("use an unused id of 100000 or above, or set overwrite=\"yes\""),
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
        self.depths.push(0);
        self.places.push(1);
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
        let key = |index: u32| self.rules[index as usize].loading_level();
        let at = siblings.iter().position(|&sibling| key(sibling) < key(index)).unwrap_or(siblings.len());
        siblings.insert(at, index);
    }

    fn attach(&mut self, index: u32, diagnostics: &mut Vec<Diagnostic>) {
        let parents = self.parents(index, diagnostics);
        if !self.has_room(index, &parents, diagnostics) {
            return;
        }
        for parent in parents {
            let mut children = std::mem::take(&mut self.children[parent as usize]);
            self.insert(&mut children, index);
            self.children[parent as usize] = children;
        }
    }

    /// Whether the tree stays within its limits with the rule below `parents`, which all stand before it: no
    /// rule is above itself. Of rules beyond the limits the first is reported; all of them are left out.
    fn has_room(&mut self, index: u32, parents: &[u32], diagnostics: &mut Vec<Diagnostic>) -> bool {
        let above = |&parent: &u32| self.depths[parent as usize];
        let depth = parents.iter().map(above).max().map_or(0, |depth| depth.saturating_add(1));
        let places = parents.iter().fold(0_u64, |sum, &parent| sum.saturating_add(self.places[parent as usize]));
        (self.depths[index as usize], self.places[index as usize]) = (depth, places);
        let too_deep = depth > MAX_DEPTH;
        self.all_places = self.all_places.saturating_add(places);
        if !too_deep && self.all_places <= MAX_PLACES {
            return true;
        }
        if !std::mem::replace(&mut self.is_too_large, true) {
            let rule = &self.rules[index as usize];
            let problem = match too_deep {
                true => {
                    Diagnostic::error("R054", format!("rule {} is nested more than {MAX_DEPTH} levels deep", rule.id))
                        .help("use a common parent for the rules")
                }
                false => Diagnostic::error(
                    "R055",
                    format!(
                        "with rule {} the rule tree has more than {MAX_PLACES} nodes, and each line would be tried \
                         at all of them",
                        rule.id
                    ),
                )
                .help("use one parent per rule; if_level and if_group make every matching rule a parent"),
            };
            diagnostics.push(problem.at(rule.id_span.clone()));
        }
        false
    }

    /// Exactly one way to name parents is used, in this order.
    fn parents(&mut self, index: u32, diagnostics: &mut Vec<Diagnostic>) -> Vec<u32> {
        let rule = &self.rules[index as usize];
        let matched_sid = rule.counting.if_matched_sid.as_ref().filter(|_| rule.parents.if_group.is_none());
        if let Some(ids) = rule.parents.if_sid.as_ref().or(matched_sid) {
            let what = if rule.parents.if_sid.is_some() { "if_sid" } else { "if_matched_sid" };
            let parents = self.by_ids(index, &ids.clone(), what, diagnostics);
            if let Some(&parent) = parents.last() {
                self.kinds[index as usize] = self.kinds[parent as usize];
            }
            return parents;
        }
        // OSSEC has no built-in rules (K30).
        let earlier = (0..index).filter(|&other| !self.strict_ossec || !self.rules[other as usize].built_in);
        if let Some(text) = &rule.parents.if_level {
            let Ok(level) = text.value.trim().parse::<u16>() else {
                diagnostics.push(Diagnostic::error("R033", "if_level must be a number").at(text.span.clone()));
                return Vec::new();
            };
            // In OSSEC no inaccurate rule has a level that high (K31).
            let of = |rule: &RuleDef| match rule.accuracy {
                0 if !self.strict_ossec => rule.loading_level() * ACCURATE,
                _ => rule.loading_level(),
            };
            let wanted = u32::from(level) * ACCURATE;
            return earlier.filter(|&other| of(&self.rules[other as usize]) >= wanted).collect();
        }
        if let Some(text) = rule.parents.if_group.as_ref().or(rule.counting.if_matched_group.as_ref()) {
            let words = Pattern::word(&text.value);
            let parents: Vec<u32> =
                earlier.filter(|&other| words.is_match(self.rules[other as usize].outcome.group.as_bytes())).collect();
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

    /// The rules of a list of ids in rule `own`; each must be loaded already. The rule itself is left out, as
    /// OSSEC does in effect, and is no parent alone.
    fn by_ids(&self, own: u32, text: &Text, what: &str, diagnostics: &mut Vec<Diagnostic>) -> Vec<u32> {
        let mut found = Vec::new();
        let mut names_itself = false;
        for word in text.value.split([',', ' ', '\n', '\t', '\r']).filter(|word| !word.is_empty()) {
            let index = word.parse().ok().and_then(|id| self.index(RuleId(id)));
            match index {
                Some(index) if index == own => names_itself = true,
                Some(index) if !found.contains(&index) => found.push(index),
                Some(_) => {}
                None => diagnostics.push(
                    Diagnostic::error("R036", format!("{what}: rule {word} is not defined before this one"))
                        .at(text.span.clone())
                        .help("fix the id, or load the file with that rule earlier"),
                ),
            }
        }
        let id = self.rules[own as usize].id;
        let problem = match (found.is_empty(), names_itself) {
            (true, true) => Diagnostic::error("R036", format!("{what}: rule {id} refers only to itself"))
                .help("specify its parent rule"),
            (false, true) => {
                Diagnostic::warning("R053", format!("{what}: rule {id} refers to itself; this is ignored, as in OSSEC"))
                    .help("remove its own id from the list")
            }
            (true, false) if text.value.trim().is_empty() => {
                Diagnostic::error("R036", format!("{what} refers to no rule")).help("specify its parent rule")
            }
            _ => return found,
        };
        diagnostics.push(problem.at(text.span.clone()));
        found
    }

    /// The rule whose events a composite rule counts: the first that `if_matched_sid` names.
    fn counted(&self, index: u32, text: &Text, diagnostics: &mut Vec<Diagnostic>) -> Option<u32> {
        if let Some(&base) = self.by_ids(index, text, "if_matched_sid", &mut Vec::new()).first() {
            return Some(base);
        }
        let rule = &self.rules[index as usize];
        // Without another parent it was reported as a missing one.
        if rule.parents.if_sid.is_none() && rule.parents.if_group.is_none() {
            return None;
        }
        if text.value.trim().parse() == Ok(rule.id.0) {
            let message = format!("rule {} never fires: it counts only its own alerts", rule.id);
            let problem = Diagnostic::warning("R053", message).at(text.span.clone());
            diagnostics.push(problem.help("specify the rule whose events to count"));
            return Some(index);
        }
        self.by_ids(index, text, "if_matched_sid", diagnostics);
        None
    }

    fn new_list(&mut self) -> u32 {
        self.lists += 1;
        self.lists - 1
    }

    /// The list of a rule whose events others count.
    fn list_of(&mut self, base: u32) -> u32 {
        let list = match self.own_list[base as usize] {
            Some(list) => list,
            None => self.new_list(),
        };
        self.own_list[base as usize] = Some(list);
        list
    }

    /// Which events the rule counts, and which rules must keep theirs for it.
    fn set_context(&mut self, index: u32, diagnostics: &mut Vec<Diagnostic>) {
        let rule = &self.rules[index as usize];
        if let Some(text) = rule.counting.if_matched_sid.clone() {
            let Some(base) = self.counted(index, &text, diagnostics) else { return };
            let list = self.list_of(base);
            self.contexts[index as usize] = Some(EventList::Rule(list));
            return;
        }
        if let Some(text) = rule.counting.if_matched_group.clone() {
            let Ok(group) = Pattern::with_subject(crate::pattern::Dialect::OsMatch, &text.value, Subject::Bytes) else {
                diagnostics.push(Diagnostic::error("P001", "if_matched_group is too long").at(text.span.clone()));
                return;
            };
            let list = self.new_list();
            for other in 0..=index as usize {
                let is_hidden = self.strict_ossec && self.rules[other].built_in;
                if !is_hidden && group.is_match(self.rules[other].outcome.group.as_bytes()) {
                    self.group_lists[other].push(list);
                }
            }
            self.contexts[index as usize] = Some(EventList::Group(list));
            return;
        }
        if rule.counting.if_matched_regex.is_some() {
            self.contexts[index as usize] = Some(EventList::All);
        }
    }
}
