//! Rules as they are written, with another threshold: `overwrite="yes"` replaces a whole rule, so the rest of it is
//! repeated as it stands.

use std::sync::Arc;

use hids_core::diag::SourceFile;
use hids_core::xml::{self, Element};

/// OSSEC counts so many events before the first one that it compares with `frequency`.
const BEFORE: u64 = 2;
/// Largest values of both attributes (OSSEC `src/analysisd/rules.c`: four and five digits).
const MOST_FREQUENCY: u64 = 9999;
const MOST_TIMEFRAME: u64 = 99_999;

/// A threshold: so many events within so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threshold {
    /// Events, the one at which the rule fires among them; at least two.
    pub events: u64,
    /// Seconds.
    pub seconds: u64,
}

/// What became of a threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Overwritten {
    /// The text of a group with the rule.
    Text(String),
    /// The rule has this threshold already.
    Same,
    /// It cannot be done.
    Not(&'static str),
}

/// The text that gives the rule `id` this threshold. `sources` are all rule files in load order.
pub(crate) fn overwrite(sources: &[Arc<SourceFile>], id: u32, threshold: Threshold) -> Overwritten {
    let (frequency, timeframe) =
        (threshold.events.saturating_sub(BEFORE).min(MOST_FREQUENCY), threshold.seconds.clamp(1, MOST_TIMEFRAME));
    let mut found = None;
    for source in sources {
        let (groups, _) = xml::parse(source);
        for group in groups.into_iter().filter(|group| group.is_named_ignoring_case("group")) {
            for rule in group.children.iter().filter(|rule| is_rule(rule, id)) {
                let name = group.attribute_ignoring_case("name").map(|name| name.value.value.clone());
                found = Some((Arc::clone(source), name.unwrap_or_default(), rule.clone()));
            }
        }
    }
    let Some((source, group, rule)) = found else { return Overwritten::Not("the ruleset has no such rule") };
    let number = |name: &str| rule.attribute_ignoring_case(name).and_then(|one| one.value.value.parse::<u64>().ok());
    let (Some(old_frequency), Some(old_timeframe)) = (number("frequency"), number("timeframe")) else {
        return Overwritten::Not("the rule does not count events");
    };
    if (old_frequency, old_timeframe) == (frequency, timeframe) {
        return Overwritten::Same;
    }
    if rule.attribute_ignoring_case("overwrite").is_some() {
        return Overwritten::Not("a custom rule with this id has another threshold, which is kept");
    }
    let Some(text) = source.text.get(rule.span.start..rule.span.end).and_then(|text| std::str::from_utf8(text).ok())
    else {
        return Overwritten::Not("the rule is not text");
    };
    if text.contains('$') && source.text.windows(5).any(|five| five.eq_ignore_ascii_case(b"<var ")) {
        return Overwritten::Not("the rule uses variables of its file");
    }
    let Some(body) = text.find('>').map(|end| &text[end + 1..]).filter(|_| !rule.children.is_empty()) else {
        return Overwritten::Not("the rule has no content");
    };
    let mut attributes = String::new();
    for attribute in &rule.attributes {
        let (name, value) = (&attribute.name.value, &attribute.value.value);
        let value = match name.to_ascii_lowercase().as_str() {
            "frequency" => frequency.to_string(),
            "timeframe" => timeframe.to_string(),
            // A `>` in a value would have ended the tag above.
            _ if value.contains(['"', '>']) => return Overwritten::Not("the rule has unusual attributes"),
            _ => value.clone(),
        };
        attributes.push_str(&format!(" {name}=\"{value}\""));
    }
    if group.contains('"') {
        return Overwritten::Not("the rule's group has an unusual name");
    }
    Overwritten::Text(format!("<group name=\"{group}\">\n  <rule{attributes} overwrite=\"yes\">{body}\n</group>\n"))
}

fn is_rule(rule: &Element, id: u32) -> bool {
    rule.is_named_ignoring_case("rule")
        && rule.attribute_ignoring_case("id").is_some_and(|own| own.value.value.trim().parse() == Ok(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Vec<Arc<SourceFile>> {
        vec![SourceFile::new("rules.xml", text)]
    }

    const RULE: &str = "<group name=\"syslog,sshd,\">\n  <rule id=\"7\" level=\"10\" frequency=\"6\" timeframe=\"120\">\n    \
                        <if_matched_sid>5</if_matched_sid>\n    <same_source_ip />\n  </rule>\n</group>\n";

    #[test]
    fn the_rule_is_repeated_with_another_threshold() {
        let Overwritten::Text(text) = overwrite(&source(RULE), 7, Threshold { events: 5, seconds: 600 }) else {
            panic!("no text");
        };
        let expected = "<group name=\"syslog,sshd,\">\n  <rule id=\"7\" level=\"10\" frequency=\"3\" timeframe=\"600\" \
                        overwrite=\"yes\">\n    <if_matched_sid>5</if_matched_sid>\n    <same_source_ip />\n  \
                        </rule>\n</group>\n";
        assert_eq!(text, expected);
        let mut both = source(RULE);
        both.push(SourceFile::new("local_rules.xml", text));
        assert_eq!(overwrite(&both, 7, Threshold { events: 5, seconds: 600 }), Overwritten::Same);
        let other = overwrite(&both, 7, Threshold { events: 9, seconds: 600 });
        assert!(matches!(other, Overwritten::Not(why) if why.contains("custom")), "{other:?}");
    }

    #[test]
    fn what_cannot_be_overwritten_is_said() {
        let threshold = Threshold { events: 5, seconds: 600 };
        assert!(matches!(overwrite(&source(RULE), 8, threshold), Overwritten::Not(_)));
        let plain = RULE.replace(" frequency=\"6\" timeframe=\"120\"", "");
        assert!(matches!(overwrite(&source(&plain), 7, threshold), Overwritten::Not(_)));
        let variable = format!("<var name=\"A\">5</var>{}", RULE.replace(">5<", ">$A<"));
        assert!(matches!(overwrite(&source(&variable), 7, threshold), Overwritten::Not(_)));
    }
}
