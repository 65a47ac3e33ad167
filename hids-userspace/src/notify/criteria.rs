//! Selection criteria of granular recipients and syslog servers.

use hids_core::model::{Level, RuleId};
use hids_core::pattern::{Pattern, PatternError};

/// Criteria of `<email_alerts>` and `<syslog_output>`: all that are given must hold.
#[derive(Debug)]
pub(crate) struct Criteria {
    level: Option<Level>,
    rules: Vec<RuleId>,
    group: Option<Pattern>,
    location: Option<Pattern>,
}

/// A pattern of the criteria cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("invalid pattern {text:?} in <{element}>")]
pub(crate) struct CriteriaError {
    /// The element.
    pub element: &'static str,
    /// Its text.
    pub text: String,
    /// Why.
    #[source]
    pub source: PatternError,
}

/// What criteria look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub level: Level,
    pub rule: RuleId,
    pub group: &'a str,
    /// `HOST->LOCATION`.
    pub location: &'a str,
}

impl Criteria {
    /// Compiles the patterns (os_match).
    pub(crate) fn new(
        level: Option<Level>,
        rules: &[RuleId],
        group: Option<&str>,
        location: Option<&str>,
    ) -> Result<Self, CriteriaError> {
        let compile = |element, text: Option<&str>| {
            let error = |source, text: &str| CriteriaError { element, text: text.to_owned(), source };
            text.map(|text| Pattern::os_match(text).map_err(|source| error(source, text))).transpose()
        };
        Ok(Self {
            level,
            rules: rules.to_vec(),
            group: compile("group", group)?,
            location: compile("event_location", location)?,
        })
    }

    /// Whether there is any criterion at all.
    pub(super) fn is_empty(&self) -> bool {
        self.level.is_none() && self.rules.is_empty() && self.group.is_none() && self.location.is_none()
    }

    /// Whether all given criteria hold.
    pub(super) fn hold(&self, subject: Subject<'_>) -> bool {
        self.level.is_none_or(|level| subject.level >= level)
            && (self.rules.is_empty() || self.rules.contains(&subject.rule))
            && self.group.as_ref().is_none_or(|pattern| pattern.is_match(subject.group.as_bytes()))
            && self.location.as_ref().is_none_or(|pattern| pattern.is_match(subject.location.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_given_criteria_must_hold() {
        let subject =
            Subject { level: Level(7), rule: RuleId(5712), group: "syslog,sshd,", location: "h->/var/log/auth.log" };
        let holds = |level, rules: &[u32], group, location| {
            let rules: Vec<_> = rules.iter().copied().map(RuleId).collect();
            Criteria::new(level, &rules, group, location).expect("good patterns").hold(subject)
        };
        assert!(holds(None, &[], None, None));
        assert!(holds(Some(Level(7)), &[1, 5712], Some("sshd|web"), Some("auth.log$")));
        assert!(!holds(Some(Level(8)), &[], None, None));
        assert!(!holds(None, &[1], None, None));
        assert!(!holds(None, &[], Some("apache"), None));
        assert!(!holds(None, &[], None, Some("^/var")));
    }
}
