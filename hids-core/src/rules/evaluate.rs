//! Evaluates rules on an event. OSSEC: `src/analysisd/analysisd.c`, `OS_CheckIfRuleMatch`.

use super::candidates::{self, Candidates};
use super::event::RuleEvent;
use super::history::Lists;
use super::set::RuleSet;
use super::state::RuleState;
use crate::decode::FieldId;
use crate::model::{Level, RuleId};

/// A login of which a rule of this level or above says something makes nobody known.
const SUSPICIOUS: Level = Level(7);

/// What rules say of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleMatch {
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

/// Finds the rule of `event` and updates `state`.
///
/// `original`: the rule that another OSSEC raised, which is then taken as it is. `trials`,
/// where given, gets every rule that was tried. `candidates`: what is known of the message.
pub fn evaluate(
    set: &RuleSet,
    event: &RuleEvent<'_>,
    original: Option<RuleId>,
    state: &mut RuleState,
    trials: Option<&mut Vec<RuleTrial>>,
    candidates: Option<&Candidates>,
) -> RuleMatch {
    state.start_event();
    let winner = match original {
        Some(id) => set
            .rules
            .iter()
            .position(|rule| rule.facts.id == id)
            .map(|index| index as u32)
            .inspect(|&index| state.judged.chain.push(index)),
        None => match candidates {
            Some(candidates) => candidates::first_match(set, candidates, event, state),
            None => Walk { set, event, trials }.roots(state),
        },
    };
    let Some(index) = winner else { return RuleMatch::default() };
    if original.is_none() {
        state.fired[index as usize] += 1;
    }
    // A login that is itself alerted may be the attacker's.
    if !set.targets.is_empty() && set.rule(index).facts.level < SUSPICIOUS {
        let is_login = state.judged.chain.iter().any(|&rule| set.rule(rule).is_login);
        if is_login {
            state.logged_in(event);
        }
    }
    decide(set, index, event, state)
}

/// What follows from the rule that won.
fn decide(set: &RuleSet, index: u32, event: &RuleEvent<'_>, state: &mut RuleState) -> RuleMatch {
    let rule = set.rule(index);
    let found = RuleMatch { rule: Some(index), ..RuleMatch::default() };
    if rule.facts.level.0 == 0 {
        return found;
    }
    if rule.ignore_seconds > 0 {
        let source = event.field(FieldId::SRC_IP).filter(|_| !set.options.strict_ossec);
        if state.in_window(index, rule.ignore_seconds, source, event.now) {
            return RuleMatch { ignored: true, ..found };
        }
    }
    if rule.check_if_ignored.is_some_and(|fields| state.is_ignored(fields, event)) {
        return RuleMatch { ignored: true, ..RuleMatch::default() };
    }
    if let Some(fields) = rule.ignore_fields {
        state.ignore(fields, event);
    }
    remember(set, index, event, state);
    RuleMatch { recorded: rule.recorded, mailed: rule.mailed, may_respond: rule.facts.may_respond, ..found }
}

/// Keeps the event for rules that count.
fn remember(set: &RuleSet, index: u32, event: &RuleEvent<'_>, state: &mut RuleState) {
    let rule = set.rule(index);
    if set.options.strict_ossec {
        let lists = Lists { own: rule.own_list, groups: &rule.group_lists, times: rule.places };
        return state.lists.add(event, state.judged.mark.level, lists);
    }
    let fits = |rule: u32| {
        let regex = set.rule(rule).context.as_ref().and_then(|context| context.regex.as_ref());
        regex.is_some_and(|regex| regex.is_match(event.log))
    };
    state.counts.add(&set.counters, event, state.judged.mark, index, fits);
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
        let depth = state.judged.chain.len();
        let refused_by = self.set.refused_by(rule, 0, self.event, state);
        if let Some(trials) = &mut self.trials {
            trials.push(RuleTrial { id: rule.facts.id, depth, refused_by });
        }
        if refused_by.is_some() {
            return None;
        }
        state.judged.chain.push(index);
        for child in &rule.children {
            // Explanations name every rule, and the condition that refused it.
            if (child.is_open(self.event) || self.trials.is_some())
                && let Some(winner) = self.rule(child.rule, state)
            {
                return Some(winner);
            }
        }
        if rule.noalert {
            state.judged.chain.pop();
            return None;
        }
        Some(index)
    }
}
