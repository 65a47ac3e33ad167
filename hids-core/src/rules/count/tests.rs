//! Who is found, who is pushed out by whom, and that everything is given back.

use proptest::prelude::*;

use super::limits::{Class, Shelf, Usage};
use super::{Counters, Counts, Mark, search};
use crate::decode::{DecoderSet, EventKind, FieldId, FieldValues};
use crate::diag::SourceFile;
use crate::model::Timestamp;
use crate::pattern::{PrefilterBuilder, Seen, Subject};
use crate::rules::event::RuleEvent;
use crate::rules::history::Evidence;
use crate::rules::{ListTables, RuleOptions, RuleSet, compile, parse};

/// 101 fires at the third event of a source, 102 at the third of a user; both count 100.
const RULES: &str = r#"<group name="t,">
<rule id="1" level="0" noalert="1"><category>syslog</category><description>root</description></rule>
<rule id="100" level="5"><match>fail</match><description>-</description></rule>
<rule id="101" level="9" frequency="1" timeframe="60"><if_matched_sid>100</if_matched_sid><same_source_ip /><description>-</description></rule>
<rule id="102" level="9" frequency="1" timeframe="60"><if_matched_sid>100</if_matched_sid><same_user /><description>-</description></rule>
<rule id="103" level="9" frequency="2" timeframe="60"><if_matched_sid>100</if_matched_sid><different_url /><same_id /><description>-</description></rule>
</group>"#;
/// Numbers in the set.
const COUNTED: u32 = 1;
const OF_SOURCE: u32 = 2;
const OF_USER: u32 = 3;
const OF_ID: u32 = 4;

struct Bench {
    rules: RuleSet,
    counts: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Try<'a> {
    source: Option<&'a str>,
    user: Option<&'a str>,
    id: Option<&'a str>,
    url: Option<&'a str>,
    second: i64,
}

impl Bench {
    fn new(half: Usage) -> Self {
        let options = RuleOptions::default();
        let defs = parse(&SourceFile::new("rules", RULES), options.reading()).0;
        let mut prefilter = PrefilterBuilder::default();
        let decoders = DecoderSet::compile(&[], Subject::Bytes, &mut prefilter, &mut Vec::new());
        let rules = compile(defs, &decoders, &ListTables::default(), options, &mut prefilter, &mut Vec::new());
        let counts = Counts::with_limit(&rules.counters, half);
        Self { rules, counts }
    }

    fn with<T>(&mut self, this: Try<'_>, act: impl FnOnce(&mut Counts, &Counters, &RuleSet, &RuleEvent<'_>) -> T) -> T {
        let mut fields = FieldValues::default();
        let values = [
            (FieldId::SRC_IP, this.source),
            (FieldId::DST_USER, this.user),
            (FieldId::ID, this.id),
            (FieldId::URL, this.url),
        ];
        for (field, value) in values {
            value.into_iter().for_each(|value| fields.set_made(field, value.as_bytes()));
        }
        let seen = Seen::default();
        let event = RuleEvent {
            full_log: b"fail",
            log: b"fail",
            log_offset: 0,
            hostname: b"h",
            program_name: None,
            seen: &seen,
            fields: &fields,
            is_common_url: false,
            decoder: None,
            decoder_name: "",
            kind: EventKind::Syslog,
            fts: None,
            location: "test",
            now: Timestamp::from_unix_seconds(this.second),
        };
        self.counts.start_event();
        act(&mut self.counts, &self.rules.counters, &self.rules, &event)
    }

    fn add(&mut self, this: Try<'_>) {
        self.with(this, |counts, counters, _, event| counts.add(counters, event, Mark::default(), COUNTED, |_| false));
    }

    /// Whether `rule` would fire at an event now.
    fn fires(&mut self, rule: u32, this: Try<'_>) -> bool {
        self.with(this, |counts, counters, rules, event| {
            let context = rules.rules[rule as usize].context.as_ref().expect("it is composite");
            search(counts, counters, context, 9, event, &mut Evidence::default())
        })
    }
}

fn of_source(source: &str) -> Try<'_> {
    Try { source: Some(source), ..Try::default() }
}

const SMALL: Usage = Usage { keys: 40, events: 1000, bytes: 1 << 20 };

// H1
#[test]
fn a_source_with_two_events_outlasts_any_number_with_one() {
    let mut bench = Bench::new(SMALL);
    bench.add(of_source("192.0.2.1"));
    bench.add(of_source("192.0.2.1"));
    (0..10_000).for_each(|number| bench.add(of_source(&format!("10.0.{}.{}", number / 250, number % 250))));
    assert!(bench.fires(OF_SOURCE, of_source("192.0.2.1")));
    assert_eq!(bench.counts.forgotten(), [10_000 - 40, 0]);
}

// H1
#[test]
fn of_sources_with_two_events_the_one_seen_least_recently_goes() {
    let mut bench = Bench::new(SMALL);
    for number in 0..100 {
        let source = format!("10.0.0.{number}");
        bench.add(of_source(&source));
        bench.add(of_source(&source));
        bench.add(of_source("10.0.0.0"));
    }
    assert!(bench.fires(OF_SOURCE, of_source("10.0.0.99")) && bench.fires(OF_SOURCE, of_source("10.0.0.0")));
    assert!(!bench.fires(OF_SOURCE, of_source("10.0.0.1")));
    assert_eq!(bench.counts.forgotten(), [0, 100 - 40]);
}

// H1: names of users are made up by whoever tries them.
#[test]
fn users_do_not_push_out_sources() {
    let mut bench = Bench::new(SMALL);
    bench.add(of_source("192.0.2.1"));
    bench.add(of_source("192.0.2.1"));
    for number in 0..5_000 {
        let user = format!("user{number}");
        bench.add(Try { user: Some(&user), ..Try::default() });
        bench.add(Try { user: Some(&user), ..Try::default() });
    }
    assert!(bench.fires(OF_SOURCE, of_source("192.0.2.1")));
    assert!(bench.fires(OF_USER, Try { user: Some("user4999"), ..Try::default() }));
}

// H1
#[test]
fn windows_that_have_ended_make_room_first() {
    let mut bench = Bench::new(SMALL);
    for number in 0..40 {
        let source = format!("10.0.0.{number}");
        bench.add(of_source(&source));
        bench.add(of_source(&source));
    }
    for number in 0..40 {
        let source = format!("10.0.1.{number}");
        bench.add(Try { second: 100, ..of_source(&source) });
        bench.add(Try { second: 100, ..of_source(&source) });
    }
    assert_eq!(bench.counts.forgotten(), [0, 0]);
    assert!(bench.fires(OF_SOURCE, Try { second: 100, ..of_source("10.0.1.0") }));
}

#[test]
fn the_same_url_again_and_again_hides_no_others() {
    let mut bench = Bench::new(SMALL);
    let of = |url| Try { id: Some("404"), url: Some(url), ..Try::default() };
    ["/a", "/b", "/c"].into_iter().for_each(|url| bench.add(of(url)));
    (0..1000).for_each(|_| bench.add(of("/d")));
    assert!(bench.fires(OF_ID, of("/d")), "three others came");
    (0..1000).for_each(|_| bench.add(of("/e")));
    assert!(bench.fires(OF_ID, of("/f")));
    assert!(!bench.fires(OF_ID, Try { id: Some("404"), ..Try::default() }), "an event without url is no other");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn limits_hold_and_everything_is_given_back(
        tries in prop::collection::vec((0..30_u8, 0..12_u8, 0..4_u8, 0..6_u8, 0..40_i64), 1..300),
    ) {
        let half = Usage { keys: 12, events: 30, bytes: 2_000 };
        let mut bench = Bench::new(half);
        let mut second = 0;
        for (source, user, id, url, pause) in tries {
            second += pause / 8;
            let texts = [source, user, id, url].map(|number| number.to_string());
            let source = format!("192.0.2.{}", texts[0]);
            bench.add(Try {
                source: (texts[0] != "0").then_some(source.as_str()),
                user: (texts[1] != "0").then_some(texts[1].as_str()),
                id: (texts[2] != "0").then_some(texts[2].as_str()),
                url: (texts[3] != "0").then_some(texts[3].as_str()),
                second,
            });
            for class in Class::ALL {
                prop_assert!(!bench.counts.usage[class as usize].exceeds(&half), "{:?}", bench.counts.usage);
            }
        }
        bench.add(Try { second: second + 1000, ..Try::default() });
        prop_assert_eq!(bench.counts.usage, [Usage::default(); 2]);
        let is_empty = |shelf: &Shelf| shelf.oldest.is_none() && shelf.newest.is_none() && shelf.events == 0;
        prop_assert!(bench.counts.shelves.iter().flatten().all(is_empty));
    }
}
