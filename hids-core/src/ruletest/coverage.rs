//! What the cases show of a rule set: which rules they fire, which they come close to, which decoders they use.

use std::collections::{BTreeMap, BTreeSet};

use super::case::{Case, Feed, Key};
use super::run::Verdict;
use crate::diag::Span;
use crate::model::RuleId;
use crate::rules::{Catalogue, RuleEntry};

/// Collects cases with their verdicts.
#[derive(Debug, Default)]
pub struct Coverage {
    /// Rules that a `pass` case names and gets.
    fired: BTreeSet<RuleId>,
    /// Rules on the way to these.
    passed_through: BTreeSet<RuleId>,
    /// Rules that a `fail` case names, and another one answers.
    missed: BTreeSet<RuleId>,
    /// What was fed, with the answer, by the number of lines.
    fed: BTreeMap<usize, Vec<Fed>>,
    /// Where the decoders that took lines stand.
    decoders: BTreeSet<(String, usize)>,
    has_file_news: bool,
}

#[derive(Debug)]
struct Fed {
    lines: Vec<Vec<u8>>,
    repeat: usize,
    answer: Option<RuleId>,
}

/// What is covered of some rules.
#[derive(Debug)]
pub struct Covered<'a> {
    /// How many rules there are.
    pub rules: usize,
    /// Rules that no `pass` case fires; of those with `noalert`, no rule below them either.
    pub not_fired: Vec<&'a RuleEntry>,
    /// Rules without a near miss; those with `noalert` need none.
    pub no_near_miss: Vec<&'a RuleEntry>,
}

impl Covered<'_> {
    /// How many rules have all that they need.
    pub fn count(&self) -> usize {
        let lacking = self.not_fired.iter().chain(&self.no_near_miss).map(|rule| rule.facts.id);
        self.rules - lacking.collect::<BTreeSet<_>>().len()
    }

    /// In percent, rounded down: 100 means all.
    pub fn percent(&self) -> usize {
        (self.count() * 100).checked_div(self.rules).unwrap_or(100)
    }
}

impl Coverage {
    /// Takes a case into account; one that is not fulfilled shows nothing.
    pub fn add(&mut self, case: &Case, verdict: &Verdict) {
        if !verdict.passed {
            return;
        }
        self.has_file_news |= case.feed == Feed::File;
        self.decoders.extend(verdict.decoders.iter().map(place));
        let wanted = case.expects(Key::Rule).and_then(|id| id.parse().ok()).map(RuleId);
        if case.passes {
            self.fired.extend(wanted);
            if wanted.is_some() {
                self.passed_through.extend(&verdict.chain);
            }
        } else if verdict.answer != wanted {
            self.missed.extend(wanted);
        }
        let fed = Fed { lines: case.lines.clone(), repeat: case.repeat, answer: verdict.answer };
        self.fed.entry(case.lines.len() * case.repeat).or_default().push(fed);
    }

    /// Whether a case feeds news of file integrity, which the built-in rules are about.
    pub fn has_file_news(&self) -> bool {
        self.has_file_news
    }

    /// Whether a case was decoded by the decoder at `place`.
    pub fn uses_decoder(&self, decoder: &Span) -> bool {
        self.decoders.contains(&place(decoder))
    }

    /// What is covered of the rules that are `wanted`.
    pub fn of_rules<'a>(&self, catalogue: &'a Catalogue, wanted: impl Fn(&RuleEntry) -> bool) -> Covered<'a> {
        let rules: Vec<&RuleEntry> = catalogue.rules().filter(|rule| wanted(rule)).collect();
        let is_fired = |rule: &&RuleEntry| {
            let seen = if rule.only_leads { &self.passed_through } else { &self.fired };
            seen.contains(&rule.facts.id)
        };
        let is_missed = |rule: &&RuleEntry| {
            rule.only_leads
                || self.missed.contains(&rule.facts.id)
                || (rule.counts.is_some() && self.has_one_fewer(rule.facts.id))
        };
        Covered {
            rules: rules.len(),
            not_fired: rules.iter().copied().filter(|rule| !is_fired(rule)).collect(),
            no_near_miss: rules.iter().copied().filter(|rule| !is_missed(rule)).collect(),
        }
    }

    /// Whether the lines that fire a rule that counts are also fed with one fewer, and it does not fire.
    fn has_one_fewer(&self, id: RuleId) -> bool {
        let firing = self
            .fed
            .iter()
            .flat_map(|(number, all)| all.iter().filter(|fed| fed.answer == Some(id)).map(move |fed| (*number, fed)));
        let fewer = |number: usize| self.fed.get(&number).into_iter().flatten();
        firing.into_iter().any(|(number, full)| {
            fewer(number - 1).any(|less| less.answer != Some(id) && less.lacks_a_line_of(full))
                || fewer(number - full.lines.len())
                    .any(|less| less.answer != Some(id) && less.lines == full.lines && less.repeat + 1 == full.repeat)
        })
    }
}

impl Fed {
    fn all(&self) -> impl Iterator<Item = &Vec<u8>> {
        std::iter::repeat_n(&self.lines, self.repeat).flatten()
    }

    /// Whether it is `full` without one of its lines.
    fn lacks_a_line_of(&self, full: &Self) -> bool {
        let same = full.all().zip(self.all()).take_while(|(one, other)| one == other).count();
        full.all().skip(same + 1).eq(self.all().skip(same))
    }
}

fn place(span: &Span) -> (String, usize) {
    (span.file.name.clone(), span.start)
}
