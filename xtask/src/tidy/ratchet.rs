//! Debt that is being paid off: a number that may only fall.

use super::{Finding, Weight};

/// What is left of a rule's violations.
pub(super) struct Ratchet {
    /// The rule.
    pub rule: &'static str,
    /// The file in which the limit stands.
    pub place: &'static str,
    /// What is counted, as it follows a number.
    pub what: &'static str,
    /// How many there may be.
    pub limit: usize,
}

impl Ratchet {
    /// Adds what stands behind `found` violations: as errors if there are more than the limit.
    pub(super) fn check(&self, found: usize, each: Vec<Finding>, findings: &mut Vec<Finding>) {
        let Self { rule, place, what, limit } = self;
        let weight = if found > *limit { Weight::Error } else { Weight::Note };
        findings.extend(each.into_iter().map(|finding| Finding { weight, ..finding }));
        if found != *limit {
            let advice = if found > *limit { "this number only falls" } else { "lower the limit" };
            let text = format!("{found} {what}, and the limit is {limit}: {advice}");
            findings.push(Finding { weight, rule, place: format!("{place}:1"), text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_limit_is_an_error_and_less_asks_to_lower_it() {
        let found = |count| {
            let ratchet = Ratchet { rule: "fault", place: "a.rs", what: "faults", limit: 2 };
            let each = Finding { weight: Weight::Note, rule: "fault", place: "b.rs:1".into(), text: "a fault".into() };
            let mut findings = Vec::new();
            ratchet.check(count, vec![each], &mut findings);
            let errors = findings.iter().filter(|finding| finding.weight == Weight::Error).count();
            (errors, findings.len())
        };
        assert_eq!(found(2), (0, 1));
        assert_eq!(found(1), (0, 2));
        assert_eq!(found(3), (2, 2));
    }
}
