//! Evaluates rules on an event. OSSEC: `src/analysisd/analysisd.c`, `OS_CheckIfRuleMatch`.

use super::compile::{Rule, RuleSet};
use super::count::Mark;
use super::plan::Plan;
use super::state::RuleState;
use super::store::Lists;
use crate::decode::{EventKind, EventNames, FieldId, FieldValues, FtsFields, NameId};
use crate::model::{RuleId, Timestamp};
use crate::pattern::{Required, Seen};

/// What rules see of an event.
#[derive(Clone, Copy, Debug)]
pub struct RuleEvent<'a> {
    /// The whole line.
    pub full_log: &'a [u8],
    /// The message.
    pub log: &'a [u8],
    /// Where the message starts in the line.
    pub log_offset: usize,
    /// Host in the line, or this machine.
    pub hostname: &'a [u8],
    /// Program in the line.
    pub program_name: Option<&'a [u8]>,
    /// Which literals the message contains.
    pub seen: &'a Seen,
    /// Decoded fields.
    pub fields: &'a FieldValues,
    /// Name of the decoder.
    pub decoder: Option<NameId>,
    /// The same, as text; empty without decoder.
    pub decoder_name: &'a str,
    /// Kind of the event.
    pub kind: EventKind,
    /// Combination that the decoder watches.
    pub fts: Option<FtsFields>,
    /// Where the line comes from.
    pub location: &'a str,
    /// When the line was received.
    pub now: Timestamp,
}

impl<'a> RuleEvent<'a> {
    /// The value of a field.
    pub fn field(&self, id: FieldId) -> Option<&'a [u8]> {
        self.fields.value(id, self.log)
    }

    /// Whether a pattern can match a field; one that is no part of the message may be anything.
    pub(super) fn may_match_field(&self, required: &Required) -> bool {
        !self.fields.are_in_log() || required.may_match(self.seen)
    }

    pub(super) fn names(&self) -> EventNames<'a> {
        EventNames { decoder: self.decoder_name, location: self.location, log: self.log }
    }
}

/// What rules say of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Number of the rule in the set; `None` when no rule wants the event.
    pub rule: Option<u32>,
    /// Whether the alert is recorded.
    pub recorded: bool,
    /// Whether it is mailed.
    pub mailed: bool,
    /// Whether an active response may be bound to it.
    pub may_respond: bool,
    /// Whether the rule's `ignore` window swallowed it.
    pub ignored: bool,
}

/// One rule tried, for explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleTrial {
    /// Its number.
    pub id: RuleId,
    /// How many rules above it matched.
    pub depth: usize,
    /// The condition that failed; `None` when all were fulfilled.
    pub refused_by: Option<&'static str>,
}

impl RuleSet {
    /// Finds the rule of `event` and updates `state`.
    ///
    /// `original`: the rule that another OSSEC raised, which is then taken as it is. `trials`,
    /// where given, gets every rule that was tried. `plan`: what is known of the message.
    pub fn judge(
        &self,
        event: &RuleEvent<'_>,
        original: Option<RuleId>,
        state: &mut RuleState,
        trials: Option<&mut Vec<RuleTrial>>,
        plan: Option<&Plan>,
    ) -> Judged {
        state.start_event();
        let winner = match original {
            Some(id) => self
                .rules
                .iter()
                .position(|rule| rule.facts.id == id)
                .map(|index| index as u32)
                .inspect(|&index| state.chain.push(index)),
            None => match plan {
                Some(plan) => self.follow(plan, event, state),
                None => Walk { set: self, event, trials }.roots(state),
            },
        };
        let Some(index) = winner else { return Judged::default() };
        if original.is_none() {
            state.fired[index as usize] += 1;
        }
        self.decide(index, event, state)
    }

    fn rule(&self, index: u32) -> &Rule {
        &self.rules[index as usize]
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
        let context = rule.context.as_ref()?;
        let level = rule.facts.level.0;
        let RuleState { lists, counts, evidence, .. } = state;
        let enough = match self.options.strict_ossec {
            true => context.search(level, event, lists, evidence),
            false => counts.search(&self.counters, context, level, event, evidence),
        };
        if !enough {
            return Some("frequency");
        }
        state.mark = Mark { level, same: context.same };
        None
    }

    /// What follows from the rule that won.
    fn decide(&self, index: u32, event: &RuleEvent<'_>, state: &mut RuleState) -> Judged {
        let rule = self.rule(index);
        let found = Judged { rule: Some(index), ..Judged::default() };
        if rule.facts.level.0 == 0 {
            return found;
        }
        if rule.ignore_seconds > 0 {
            let source = event.field(FieldId::SRC_IP).filter(|_| !self.options.strict_ossec);
            if state.in_window(index, rule.ignore_seconds, source, event.now) {
                return Judged { ignored: true, ..found };
            }
        }
        if rule.check_if_ignored.is_some_and(|fields| state.is_ignored(fields, event)) {
            return Judged { ignored: true, ..Judged::default() };
        }
        if let Some(fields) = rule.ignore_fields {
            state.ignore(fields, event);
        }
        self.remember(index, event, state);
        Judged { recorded: rule.recorded, mailed: rule.mailed, may_respond: rule.facts.may_respond, ..found }
    }
}

impl RuleSet {
    /// Keeps the event for rules that count.
    fn remember(&self, index: u32, event: &RuleEvent<'_>, state: &mut RuleState) {
        let rule = self.rule(index);
        if self.options.strict_ossec {
            let lists = Lists { own: rule.own_list, groups: &rule.group_lists, times: rule.places };
            return state.lists.add(event, state.mark.level, lists);
        }
        let fits = |rule: u32| {
            let regex = self.rule(rule).context.as_ref().and_then(|context| context.regex.as_ref());
            regex.is_some_and(|regex| regex.is_match(event.log))
        };
        state.counts.add(&self.counters, event, state.mark, index, fits);
    }
}

/// One way through the tree.
struct Walk<'a, 't> {
    set: &'a RuleSet,
    event: &'a RuleEvent<'a>,
    trials: Option<&'t mut Vec<RuleTrial>>,
}

impl Walk<'_, '_> {
    fn roots(&mut self, state: &mut RuleState) -> Option<u32> {
        for &root in &self.set.roots {
            if self.set.rule(root).kind == self.event.kind
                && let Some(winner) = self.rule(root, state)
            {
                return Some(winner);
            }
        }
        None
    }

    /// The rule that wins below `index`, itself included: the first child that has a winner hides
    /// all its siblings.
    fn rule(&mut self, index: u32, state: &mut RuleState) -> Option<u32> {
        let rule = self.set.rule(index);
        let depth = state.chain.len();
        let refused_by = self.set.refused_by(rule, 0, self.event, state);
        if let Some(trials) = &mut self.trials {
            trials.push(RuleTrial { id: rule.facts.id, depth, refused_by });
        }
        if refused_by.is_some() {
            return None;
        }
        state.chain.push(index);
        for child in &rule.children {
            // Explanations name every rule, and the condition that refused it.
            if (child.is_open(self.event) || self.trials.is_some())
                && let Some(winner) = self.rule(child.rule, state)
            {
                return Some(winner);
            }
        }
        if rule.noalert {
            state.chain.pop();
            return None;
        }
        Some(index)
    }
}
