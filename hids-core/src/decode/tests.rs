//! The worked example of the reference, and messages for mistakes.

use super::*;
use crate::diag::{SourceFile, has_errors};
use crate::pattern::{PrefilterBuilder, Subject};
use crate::predecode::{Headers, predecode};

const DEMO: &str = r#"
<decoder name="other"><prematch>^zzz</prematch></decoder>
<decoder name="demo"><program_name>^demo</program_name></decoder>
<decoder name="demo-login"><parent>demo</parent>
  <prematch>^login </prematch>
  <regex offset="after_prematch">^(\w+) user=(\S+)</regex><order>action, user</order></decoder>
<decoder name="demo-login"><parent>demo</parent>
  <regex offset="after_regex">^ from (\S+)</regex><order>srcip</order></decoder>
<decoder name="demo-any"><parent>demo</parent>
  <regex>id=(\d+)|ref=(\w+)</regex><order>id, status</order></decoder>"#;

fn decode(line: &str) -> (Option<String>, Vec<(String, String)>) {
    let (defs, mut diagnostics) = parse(&SourceFile::new("demo.xml", DEMO), Reading::AsWritten);
    let mut prefilter = PrefilterBuilder::default();
    let set = DecoderSet::compile(&defs, Subject::Bytes, &mut prefilter, &mut diagnostics);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let line = format!("Oct 11 22:14:15 host1 {line}");
    let event = predecode(line.as_bytes(), Headers::Modern);
    let mut scratch = Scratch::default();
    prefilter.build().scan(event.log, &mut scratch.seen);
    let decoded = run::decode(&set, &event, &mut scratch, None);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let fields =
        scratch.fields.iter(event.log).map(|(id, value)| (set.fields().name(id).as_str().to_owned(), text(value)));
    (decoded.name.map(|name| set.name(name).to_string()), fields.collect())
}

fn field(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

#[test]
fn groups_of_the_same_name_go_on_where_the_previous_regex_ended() {
    let (name, fields) = decode("demo[7]: login ok user=ann from 192.0.2.1");
    assert_eq!(name.as_deref(), Some("demo"));
    assert_eq!(fields, [field("action", "ok"), field("dstuser", "ann"), field("srcip", "192.0.2.1")]);
}

#[test]
fn no_other_child_is_tried_after_a_prematch_that_fitted() {
    assert_eq!(decode("demo[7]: login weird text id=7"), (Some("demo".into()), vec![]));
}

#[test]
fn first_field_gets_the_first_group_that_took_part() {
    assert_eq!(decode("demo[7]: job ref=abc").1, [field("id", "abc")]);
}

#[test]
fn every_mistake_is_reported_in_one_run() {
    let text = "<decoder name=\"a\"><prematsh>x</prematsh></decoder>\n<decoder name=\"b\"><parent>c</parent>\
                <regex offset=\"after_prematsh\">(\\n)</regex></decoder>\n<rule/>";
    let (defs, mut diagnostics) = parse(&SourceFile::new("bad.xml", text), Reading::AsWritten);
    DecoderSet::compile(&defs, Subject::Bytes, &mut PrefilterBuilder::default(), &mut diagnostics);
    let codes: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    assert!(has_errors(&diagnostics));
    for code in ["D001", "D003", "D007", "D013", "D014", "D021"] {
        assert!(codes.contains(&code), "{code} is not in {codes:?}");
    }
    assert_eq!(diagnostics[0].help.as_deref(), Some("did you mean prematch?"));
    assert!(diagnostics.iter().all(|diagnostic| diagnostic.span.is_some()));
}
