use hids_core::model::{Alert, Fields};
use proptest::prelude::*;

use super::*;
use crate::contracts::alert_spool::MailItem;
use crate::notify::spool::tests::alert;

fn entry(alert: &Alert) -> MailEntry {
    MailEntry::new(MailItem::single(alert.id.sequence, alert), &TimeZone::UTC, false)
}

fn attack(sequence: u64, rule: u32, level: u16, address: &str) -> Alert {
    let field = hids_core::model::Field { name: hids_core::model::FieldName::SrcIp, value: address.into() };
    Alert { fields: Fields(vec![field]), ..alert(sequence, rule, level) }
}

fn facts(alerts: &[Alert]) -> Vec<Fact> {
    alerts.iter().map(|alert| Fact::of(&entry(alert))).collect()
}

fn standing(address: &str, block: Option<StandingBlock>, never: Option<&str>) -> Standing {
    Standing { address: address.parse().expect("an address"), block, never_blocked: never.map(str::to_owned) }
}

#[test]
fn the_subject_has_the_number_and_the_worst() {
    let many = facts(&[
        attack(1, 5716, 5, "203.0.113.1"),
        attack(2, 5720, 10, "203.0.113.66"),
        attack(3, 5716, 10, "203.0.113.2"),
    ]);
    let worst = "rule number 5720 from 203.0.113.66";
    assert_eq!(subject(&many, &[]), format!("[hids] myhost: 3 alerts, worst level 10: {worst}"));
    assert_eq!(subject(&many[1..2], &[]), format!("[hids] myhost: level 10: {worst}"));
    let omitted = Omitted { rule: RuleId(1), level: Level(7), description: "x".into(), count: 40 };
    assert!(subject(&many, std::slice::from_ref(&omitted)).starts_with("[hids] myhost: 43 alerts, worst level 10: "));
    assert_eq!(subject(&[], &[omitted]), "[hids] 40 alerts, worst level 7: x");
}

#[test]
fn a_block_is_named_with_its_end_and_how_to_lift_it_and_nothing_else_is_claimed() {
    let facts = facts(&[attack(1, 5720, 10, "203.0.113.66")]);
    let start = Timestamp::from_unix_seconds(1_795_558_800);
    let zone = TimeZone::fixed(jiff::tz::offset(1));
    let until = Some(start.plus(Duration::from_secs(1200)));
    let block = StandingBlock { since: start, until, is_enforced: true };
    let done = |standings: Option<&[Standing]>| done(standings, &facts, start, &zone);
    assert_eq!(
        done(Some(&[standing("203.0.113.66", Some(block.clone()), None)])),
        "What was done\n\n  203.0.113.66 is blocked for 20 min until 23:40 +01:00. Lift it with:\n    \
         hidsctl unblock 203.0.113.66\n\n"
    );
    let not_enforced = StandingBlock { is_enforced: false, until: None, ..block };
    let text = done(Some(&[standing("203.0.113.66", Some(not_enforced), None)]));
    assert!(text.contains("is to be blocked until it is removed, but the kernel"), "{text}");
    let text = done(Some(&[standing("203.0.113.66", None, Some("white list"))]));
    assert!(text.contains("203.0.113.66 is never blocked: white list."), "{text}");
    assert!(done(Some(&[standing("203.0.113.66", None, None)])).contains("No address was blocked."));
    assert!(done(None).contains("not known whether an address was blocked"));
}

#[test]
fn what_happened_is_a_line_for_each_rule_the_most_serious_first() {
    let alerts: Vec<Alert> =
        (1..=9).map(|number| attack(number, 5716, 5, &format!("203.0.113.{}", number % 7))).collect();
    let text = happened(&facts(&[alerts, vec![attack(10, 5720, 10, "203.0.113.66")]].concat()), &TimeZone::UTC);
    assert_eq!(
        text,
        "What happened\n\n  10 alerts from 2026-11-24 22:09:27 +00:00 to 2026-11-24 22:09:27 +00:00\n  \
         1x level 10, rule 5720: rule number 5720\n      from 203.0.113.66\n  \
         9x level 5, rule 5716: rule number 5716\n      \
         from 203.0.113.1, 203.0.113.2, 203.0.113.3, 203.0.113.4, 203.0.113.5\n      and 2 more\n\n"
    );
}

#[test]
fn spans_have_two_units() {
    let texts = [59, 60, 90, 1200, 5400, 86_400, 90_000].map(|seconds| span(Duration::from_secs(seconds)));
    assert_eq!(texts, ["59 s", "1 min", "1 min 30 s", "20 min", "1 h 30 min", "1 d", "1 d 1 h"]);
}

proptest! {
    #[test]
    fn hostile_values_stay_in_a_short_subject_and_narrow_lines(
        host in any::<Vec<u8>>(),
        description in any::<String>(),
        level in 0_u16..17,
    ) {
        let mut hostile = attack(1, 1, level, "2001:db8::1");
        hostile.hostname = host;
        hostile.rule = std::sync::Arc::new(hids_core::model::RuleFacts { description, ..(*hostile.rule).clone() });
        let facts = facts(&[hostile.clone(), hostile]);
        let subject = subject(&facts, &[]);
        prop_assert!(subject.len() <= SUBJECT_LIMIT_BYTES, "{subject}");
        prop_assert!(!subject.chars().any(hids_core::escape::is_dangerous), "{subject:?}");
        let text = happened(&facts, &TimeZone::UTC);
        prop_assert!(text.lines().all(|line| !line.chars().any(hids_core::escape::is_dangerous)));
        for line in text.lines().filter(|line| line.trim_start().contains(' ')) {
            prop_assert!(line.width() <= 80 || line.split_whitespace().any(|word| word.width() > 60), "{line}");
        }
    }
}
