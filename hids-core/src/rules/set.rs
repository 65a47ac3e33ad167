//! A set of rules that can run.

use std::sync::Arc;

use super::composite::Composite;
use super::condition::{Condition, Gate};
use super::count::{self, Counters, Counts, Mark};
use super::event::RuleEvent;
use super::history::{EventStore, ListLimits};
use super::options::RuleOptions;
use super::state::RuleState;
use super::targets::{Counts as CountedBy, TargetRule, TargetTest, Targets};
use crate::decode::{EventKind, FieldId, FieldValues, FtsFields};
use crate::model::{RuleFacts, RuleId};
use crate::pattern::Union;

/// All rules, ready to run.
#[derive(Debug)]
pub struct RuleSet {
    pub(super) rules: Vec<Rule>,
    pub(super) roots: Vec<u32>,
    pub(super) lists: u32,
    pub(super) keeps_all: bool,
    /// What composite rules count; empty in the strict mode.
    pub(super) counters: Counters,
    /// The rules with `<target>`; none in the strict mode.
    pub(super) targets: Vec<TargetRule>,
    /// Patterns for URLs that no literal text rules out: one search instead of one for each.
    pub(super) urls: Union,
    pub(super) options: RuleOptions,
}

/// A compiled rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub facts: Arc<RuleFacts>,
    pub kind: EventKind,
    pub conditions: Box<[Condition]>,
    pub context: Option<Composite>,
    pub target: Option<TargetTest>,
    /// Whether its events are logins.
    pub is_login: bool,
    /// In the order in which they are tried.
    pub children: Box<[Gate]>,
    pub noalert: bool,
    pub recorded: bool,
    pub mailed: bool,
    pub ignore_seconds: u32,
    pub ignore_fields: Option<FtsFields>,
    pub check_if_ignored: Option<FtsFields>,
    pub own_list: Option<u32>,
    pub group_lists: Box<[u32]>,
    /// How often OSSEC counts its events for groups.
    pub places: u32,
}

impl RuleSet {
    /// Facts of all rules in load order.
    pub fn facts(&self) -> impl Iterator<Item = &Arc<RuleFacts>> {
        self.rules.iter().map(|rule| &rule.facts)
    }

    /// Facts of the rule with that number in the set.
    pub fn facts_of(&self, index: u32) -> &Arc<RuleFacts> {
        &self.rules[index as usize].facts
    }

    /// Ids of the rules tried when `index` has matched, in the order in which they are tried.
    pub fn children(&self, index: u32) -> impl Iterator<Item = RuleId> {
        self.rules[index as usize].children.iter().map(|child| self.rules[child.rule as usize].facts.id)
    }

    /// How often PCRE2 gave up on a pattern.
    pub fn limit_hits(&self) -> u64 {
        self.rules.iter().flat_map(|rule| &rule.conditions).map(Condition::limit_hits).sum()
    }

    /// The state before the first event.
    pub fn new_state(&self) -> RuleState {
        let options = &self.options;
        let limits =
            ListLimits { of_rule: options.rule_memory_size, of_all: options.memory_size, keeps_all: self.keeps_all };
        let lists = EventStore::new(if options.strict_ossec { self.lists } else { 0 }, limits);
        RuleState::new(options, lists, Counts::new(&self.counters), Targets::new(&self.targets), self.rules.len())
    }

    /// Whether none of the patterns for rare URLs can match the event's.
    pub fn is_common_url(&self, fields: &FieldValues, log: &[u8]) -> bool {
        fields.value(FieldId::URL, log).is_some_and(|url| !self.urls.may_match(url))
    }

    /// The rule with that number in the set.
    pub(super) fn rule(&self, index: u32) -> &Rule {
        &self.rules[index as usize]
    }

    /// The element that explanations name.
    fn target_element(&self, test: TargetTest) -> &'static str {
        match test {
            TargetTest::Attacked(_) => "if_target_of",
            TargetTest::Counts(rule) => match self.targets[rule as usize].counts {
                CountedBy::NetworksOf(_) => "target",
                CountedBy::AccountsOfSource => "different_accounts",
            },
        }
    }

    /// The condition that refuses the event, of those from number `from` on.
    pub(super) fn refused_by(
        &self,
        rule: &Rule,
        from: usize,
        event: &RuleEvent<'_>,
        state: &mut RuleState,
    ) -> Option<&'static str> {
        for condition in &rule.conditions[from..] {
            if !condition.passes(rule.facts.id, event, state) {
                return Some(condition.name());
            }
        }
        if let Some(test) = rule.target {
            let attacked = state.targets.test(test, event, &self.options.excepted);
            let Some(target) = attacked else { return Some(self.target_element(test)) };
            state.judged.target = target;
        }
        let context = rule.context.as_ref()?;
        let level = rule.facts.level.0;
        let RuleState { lists, counts, judged, .. } = state;
        let enough = match self.options.strict_ossec {
            true => context.search(level, event, lists, &mut judged.evidence),
            false => count::search(counts, &self.counters, context, level, event, &mut judged.evidence),
        };
        if !enough {
            return Some("frequency");
        }
        judged.mark = Mark { level, same: context.same };
        None
    }
}
