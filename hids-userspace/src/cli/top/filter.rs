//! The filter line of the alerts: the words that `hidsctl alerts` has as options, and text.

use std::path::Path;

use hids_core::model::{Level, RuleId};

use crate::cli::alerts::{network, recorded};
use crate::record::{Filters, RecordedAlert};

/// What a filter line may hold, for the help and for messages.
pub(super) const WORDS: &str = "level>=7 ip:203.0.113.0/24 rule:5716 group:web user:root file:/etc location:auth text";

/// Which alerts are wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct AlertFilter {
    filters: Filters,
    /// In lower case; each has to stand somewhere in the alert.
    texts: Vec<String>,
}

/// A word whose value cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FilterError {
    #[error("level wants a number, found {0:?}")]
    Level(String),
    #[error("rule wants a number, found {0:?}")]
    Rule(String),
    #[error("ip wants an address or a network, found {0:?}")]
    Address(String),
}

impl AlertFilter {
    /// Reads a filter line. Words that have no known name before a colon are texts.
    pub(super) fn parse(line: &str) -> Result<Self, FilterError> {
        let mut filter = Self::default();
        for word in words(line) {
            filter.add(&word)?;
        }
        Ok(filter)
    }

    fn add(&mut self, word: &str) -> Result<(), FilterError> {
        let filters = &mut self.filters;
        let level = ["level>=", "level:", "level="].into_iter().find_map(|name| word.strip_prefix(name));
        if let Some(value) = level {
            filters.level = Level(value.parse().map_err(|_| FilterError::Level(value.into()))?);
            return Ok(());
        }
        match word.split_once(':') {
            Some(("ip", value)) => {
                filters.sources.push(network(value).map_err(|_| FilterError::Address(value.into()))?);
            }
            Some(("rule", value)) => {
                for id in value.split(',') {
                    filters.rules.push(RuleId(id.parse().map_err(|_| FilterError::Rule(id.into()))?));
                }
            }
            Some(("group", value)) => filters.groups.push(value.to_owned()),
            Some(("user", value)) => filters.users.push(value.to_owned()),
            Some(("file", value)) => filters.files.push(recorded(Path::new(value))),
            Some(("location", value)) => filters.locations.push(value.to_owned()),
            _ => self.texts.push(word.to_lowercase()),
        }
        Ok(())
    }

    /// Whether `alert` is wanted.
    pub(super) fn wants(&self, alert: &RecordedAlert) -> bool {
        self.filters.fit(alert) && self.texts.iter().all(|text| has(alert, text))
    }
}

fn has(alert: &RecordedAlert, text: &str) -> bool {
    let subject = &alert.subject;
    let optional = [&subject.srcip, &subject.dstuser, &subject.srcuser, &subject.file];
    [&alert.description, &alert.full_log, &alert.location, &alert.group, &alert.hostname]
        .into_iter()
        .chain(optional.into_iter().flatten())
        .any(|value| value.to_lowercase().contains(text))
}

/// Words between blanks; what stands in double quotes is one.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for char in line.chars() {
        match char {
            '"' => is_quoted = !is_quoted,
            char if char.is_whitespace() && !is_quoted => words.push(std::mem::take(&mut word)),
            char => word.push(char),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn alert() -> RecordedAlert {
        let alert = json!({
            "rule": { "level": 7, "comment": "Web attack.", "sidid": 31_100, "group": "web,attack," },
            "TimeStamp": 1, "srcip": "203.0.113.5", "dstuser": "www data", "location": "/var/log/nginx/access.log",
            "full_log": "GET /etc/passwd 12:30", "SyscheckFile": { "path": "/etc/ssh/sshd_config" },
        });
        RecordedAlert::from_json(&alert.to_string()).expect("an alert")
    }

    #[test]
    fn different_words_must_all_match_and_one_of_equal_ones() {
        for (expected, line) in [
            (true, ""),
            (true, "level>=7"),
            (false, "level>=8"),
            (true, "level:7 group:web"),
            (false, "group:we"),
            (true, "group:mail group:web"),
            (true, "ip:203.0.113.0/24"),
            (false, "ip:198.51.100.1"),
            (true, "rule:1,31100"),
            (false, "rule:1"),
            (true, "user:\"www data\""),
            (true, "file:/etc"),
            (false, "file:/et"),
            (true, "location:nginx"),
            (true, "PASSWD attack"),
            (false, "passwd mail"),
            // No word of the language: a text.
            (true, "12:30"),
            (true, "\"web attack\""),
        ] {
            assert_eq!(AlertFilter::parse(line).expect(line).wants(&alert()), expected, "{line}");
        }
    }

    #[test]
    fn values_that_cannot_be_understood_are_named() {
        let error = |line| AlertFilter::parse(line).map(|_| ()).expect_err(line);
        assert_eq!(error("level>=high"), FilterError::Level("high".into()));
        assert_eq!(error("ip:host"), FilterError::Address("host".into()));
        assert_eq!(error("rule:1,x"), FilterError::Rule("x".into()));
    }

    #[test]
    fn the_words_of_the_help_are_understood() {
        assert!(AlertFilter::parse(WORDS).is_ok());
    }

    proptest! {
        #[test]
        fn any_line_is_answered(line in any::<String>()) {
            let _ = AlertFilter::parse(&line).map(|filter| filter.wants(&alert()));
        }
    }
}
