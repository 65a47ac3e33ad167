//! The candidates of a message: the rules that its text does not rule out.
//!
//! Most conditions depend on nothing but the message and its fields. Of a message that comes again and
//! again, only the rules that passed those conditions are walked; what asks the state (composite
//! rules, `check_diff`, `if_fts`, `ignore`), the time or the host is asked for each event.

use super::event::RuleEvent;
use super::set::RuleSet;
use super::state::RuleState;

/// Most candidates; a message that more rules may want is not worth one.
const MAX_RULES: usize = 128;

/// The rules that a message may reach, each before those below it.
#[derive(Debug)]
pub struct Candidates(Box<[Candidate]>);

#[derive(Clone, Copy, Debug)]
struct Candidate {
    rule: u32,
    /// Where the next rule stands that is not below this one.
    next: u32,
    /// The first condition that must be asked for each event.
    asked_from: u32,
}

/// The candidates of all events with the message, the program and the fields of `event`, whose
/// `hostname`, `location`, `now` and `fts` do not matter. `None` when there are too many.
pub fn candidates(set: &RuleSet, event: &RuleEvent<'_>) -> Option<Candidates> {
    let mut candidates = Vec::new();
    for &root in set.roots.iter().filter(|&&root| set.rules[root as usize].kind == event.kind) {
        if add_candidates(set, root, event, &mut candidates) == Wins::Surely {
            break;
        }
    }
    (candidates.len() <= MAX_RULES).then(|| Candidates(candidates.into()))
}

fn add_candidates(set: &RuleSet, index: u32, event: &RuleEvent<'_>, candidates: &mut Vec<Candidate>) -> Wins {
    let rule = &set.rules[index as usize];
    let mut alone = rule.conditions.iter().take_while(|condition| condition.asks_only_message());
    if candidates.len() > MAX_RULES || !alone.all(|condition| condition.holds(event)) {
        return Wins::Perhaps;
    }
    let asked_from = rule.conditions.iter().take_while(|condition| condition.asks_only_message()).count();
    let at = candidates.len();
    candidates.push(Candidate { rule: index, next: 0, asked_from: asked_from as u32 });
    let mut below = Wins::Perhaps;
    for child in &rule.children {
        if child.is_open(event) {
            below = add_candidates(set, child.rule, event, candidates);
            if below == Wins::Surely {
                break;
            }
        }
    }
    candidates[at].next = candidates.len() as u32;
    let passes = asked_from == rule.conditions.len() && rule.context.is_none() && rule.target.is_none();
    if passes && (!rule.noalert || below == Wins::Surely) { Wins::Surely } else { Wins::Perhaps }
}

/// The winner among the rules of `candidates`.
pub(super) fn first_match(
    set: &RuleSet,
    candidates: &Candidates,
    event: &RuleEvent<'_>,
    state: &mut RuleState,
) -> Option<u32> {
    first_of(set, &candidates.0, 0, candidates.0.len(), event, state)
}

fn first_of(
    set: &RuleSet,
    candidates: &[Candidate],
    from: usize,
    to: usize,
    event: &RuleEvent<'_>,
    state: &mut RuleState,
) -> Option<u32> {
    let mut at = from;
    while at < to {
        let Candidate { rule: index, next, asked_from } = candidates[at];
        let rule = &set.rules[index as usize];
        if set.refused_by(rule, asked_from as usize, event, state).is_none() {
            state.judged.chain.push(index);
            let below = first_of(set, candidates, at + 1, next as usize, event, state);
            if below.is_some() {
                return below;
            }
            if !rule.noalert {
                return Some(index);
            }
            state.judged.chain.pop();
        }
        at = next as usize;
    }
    None
}

/// Whether a rule, or one below it, wins whatever came before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wins {
    Surely,
    Perhaps,
}
