//! Forms of objects, what bounds do, and what a forged object cannot do.

use super::super::attributes::Reading;
use super::super::{DecoderSet, Scratch, parse, run};
use crate::diag::{Diagnostic, SourceFile};
use crate::pattern::{PrefilterBuilder, Subject};
use crate::predecode::{Headers, predecode};

const DECODERS: &str = r#"
<decoder name="nginx"><program_name>^nginx</program_name></decoder>
<decoder name="json">
  <prematch_pcre2>^\s*(?:@[a-z0-9]+:\s*)?\{</prematch_pcre2><plugin_decoder>JSON_Decoder</plugin_decoder>
</decoder>
<decoder name="caddy">
  <parent>json</parent>
  <field name="logger">^http\.log\.access</field>
  <field name="status">.</field>
  <use_own_name>true</use_own_name>
  <type>web-log</type>
  <map field="request.remote_ip">srcip</map>
  <map field="request.uri">url</map>
  <map field="status">id</map>
  <map field="request.method">method</map>
</decoder>
<decoder name="door">
  <parent>json</parent>
  <program_name_pcre2>^doord$</program_name_pcre2>
  <use_own_name>true</use_own_name>
  <pcre2 field="msg">^login failed for (.*) from (\S+)$</pcre2>
  <order>user,srcip</order>
</decoder>
<decoder name="door">
  <parent>json</parent>
  <pcre2 field="host">^(\w+)\.</pcre2>
  <order>system_name</order>
</decoder>
<decoder name="gate">
  <parent>json</parent>
  <pcre2 field="event">^gate (\w+)$</pcre2>
  <order>action</order>
  <map field="ip">srcip</map>
  <map field="client">srcip</map>
</decoder>
<decoder name="own"><prematch_pcre2>^\{"own":</prematch_pcre2><pcre2>"own":"(\w+)"</pcre2><order>status</order></decoder>
<decoder name="wazuh"><prematch>^LEEF </prematch><plugin_decoder offset="after_prematch">JSON_Decoder</plugin_decoder></decoder>
"#;

struct Answer {
    decoder: Option<String>,
    fields: Vec<(String, String)>,
}

impl Answer {
    fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().rev().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

struct Decoders {
    set: DecoderSet,
    prefilter: crate::pattern::Prefilter,
    scratch: Scratch,
}

impl Decoders {
    fn new(text: &str) -> Self {
        let (defs, mut diagnostics) = parse(&SourceFile::new("json.xml", text), Reading::AsWritten);
        let mut prefilter = PrefilterBuilder::default();
        let mut set = DecoderSet::compile(&defs, Subject::Bytes, &mut prefilter, &mut diagnostics);
        assert!(diagnostics.is_empty(), "{diagnostics:?}");
        set.want_fields(["deep.a.b", "srcip"].into_iter());
        Self { set, prefilter: prefilter.build(), scratch: Scratch::default() }
    }

    fn read(&mut self, line: &[u8]) -> Answer {
        let event = predecode(line, Headers::Modern);
        self.prefilter.scan(event.log, &mut self.scratch.seen);
        let decoded = run::decode(&self.set, &event, &mut self.scratch, None);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = &self.scratch.fields;
        let known = fields.iter(event.log).map(|(id, value)| (self.set.fields().name(id), value));
        let fields = known.chain(fields.named(event.log)).map(|(name, value)| (name.as_str().to_owned(), text(value)));
        Answer { fields: fields.collect(), decoder: decoded.name.map(|name| self.set.name(name).to_string()) }
    }
}

fn read(line: &str) -> Answer {
    Decoders::new(DECODERS).read(line.as_bytes())
}

fn problems(text: &str) -> Vec<Diagnostic> {
    let (defs, mut diagnostics) = parse(&SourceFile::new("bad.xml", text), Reading::AsWritten);
    DecoderSet::compile(&defs, Subject::Bytes, &mut PrefilterBuilder::default(), &mut diagnostics);
    diagnostics
}

const ACCESS: &str = r#"{"level":"info","logger":"http.log.access.log0","request":{"remote_ip":"192.0.2.7","remote_port":"40022","method":"GET","uri":"/a?b=\u003cscript\u003e","headers":{"User-Agent":["curl/8"],"Accept":["a","b"]}},"status":404,"done":true,"none":null}"#;

#[test]
fn values_become_fields_and_mapped_ones_those_of_the_decoder() {
    let answer = read(ACCESS);
    assert_eq!(answer.decoder.as_deref(), Some("caddy"));
    let expected = [
        ("srcip", "192.0.2.7"),
        ("url", "/a?b=<script>"),
        ("id", "404"),
        ("method", "GET"),
        ("request.remote_port", "40022"),
        ("request.uri", "/a?b=<script>"),
        ("request.headers.User-Agent", "curl/8"),
        ("request.headers.Accept", "a, b"),
        ("field_status", "404"),
        ("done", "true"),
        ("none", "null"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.get(name), Some(value), "{name} in {:?}", answer.fields);
    }
}

#[test]
fn an_object_is_found_behind_a_header_a_mark_and_blanks() {
    for front in ["", "  ", "@cee: ", "@cee:", "Nov 29 16:00:00 host caddy[1]: ", "Nov 29 16:00:00 host nginx: @cee: "]
    {
        assert_eq!(read(&format!("{front}{ACCESS}")).decoder.as_deref(), Some("caddy"), "{front}");
    }
    // The program's own decoder keeps what nobody below the one for JSON knows.
    assert_eq!(read(r#"Nov 29 16:00:00 host nginx: {"a":1}"#).decoder.as_deref(), Some("nginx"));
    let other = read(r#"Nov 29 16:00:00 host other: {"a":1}"#);
    assert_eq!((other.decoder.as_deref(), other.get("a")), (Some("json"), Some("1")));
}

#[test]
fn decoders_that_were_written_for_an_object_go_on_taking_it() {
    let answer = read(r#"{"own":"yes"}"#);
    assert_eq!((answer.decoder.as_deref(), answer.get("status")), (Some("own"), Some("yes")));
    assert_eq!(read(r#"{"other":"yes"}"#).decoder.as_deref(), Some("json"));
}

#[test]
fn a_pattern_reads_one_value_and_the_next_decoder_of_the_name_another() {
    let line = r#"Nov 29 16:00:00 h doord[1]: {"msg":"login failed for \"x\" from 192.0.2.1","host":"gw.example.org"}"#;
    let answer = read(line);
    assert_eq!(answer.decoder.as_deref(), Some("door"));
    assert_eq!(answer.get("dstuser"), Some("\"x\""));
    assert_eq!((answer.get("srcip"), answer.get("systemname")), (Some("192.0.2.1"), Some("gw")));
    let by_another = read(&line.replace("doord", "other"));
    assert_eq!((by_another.decoder.as_deref(), by_another.get("srcip")), (Some("json"), None));
}

#[test]
fn a_child_without_conditions_takes_what_its_pattern_matches() {
    assert_eq!(read(r#"{"event":"gate open","ip":"192.0.2.1"}"#).get("action"), Some("open"));
    assert_eq!(read(r#"{"event":"door open"}"#).get("action"), None);
}

#[test]
fn an_object_behind_a_prematch_is_read_from_there() {
    let answer = read(r#"LEEF {"a":{"b":"c"}}"#);
    assert_eq!((answer.decoder.as_deref(), answer.get("a.b")), (Some("wazuh"), Some("c")));
}

#[test]
fn what_is_no_single_whole_object_is_an_ordinary_line() {
    let lines = [
        "{",
        "{}x",
        "{} {}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":[1,]}",
        "{\"a\":1",
        "{\"a\":\"b}",
        "{\"a\":\"b\\\"}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":[1}",
        "{\"a\":{]}",
        "{,}",
        "{\"a\":'b'}",
        "@cee {}",
        "@: x",
        "[{\"a\":1}]",
    ];
    for line in lines {
        let answer = read(line);
        assert_eq!((answer.decoder.as_deref(), answer.fields.len()), (None, 0), "{line}");
    }
    for line in ["{}", "{ }", "{\"a\" : [ ] , \"b\" : { } }", "{\"a\":NaN,\"b\":-}"] {
        assert_eq!(read(line).decoder.as_deref(), Some("json"), "{line}");
    }
}

#[test]
fn arrays_are_joined_and_what_is_in_them_is_numbered() {
    assert_eq!(read(r#"{"k":["x\n","y\n",1,"z\t","w"]}"#).get("k"), Some("x\n, y\n, 1, z\t, w"));
    let answer = read(r#"{"a":[1,"b\n",null],"c":[{"d":1},"e",[2,3]],"f":[[4]],"g":[]}"#);
    let expected = [("a", "1, b\n, null"), ("c.0.d", "1"), ("c.1", "e"), ("c.2", "2, 3"), ("f.0", "4")];
    let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(answer.fields, expected);
}

#[test]
fn escapes_of_servers_are_undone_and_unknown_ones_stay() {
    let cases = [
        (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r"\x22\x1B\v", "\"\u{1b}\u{b}"),
        (r"\u00e9\ud83d\ude00", "\u{e9}\u{1f600}"),
        (r"\ud83d \ud83dx \ude00 \ud83d\u0041", "\u{fffd} \u{fffd}x \u{fffd} \u{fffd}A"),
        (r"\q \x2 \u12 \xzz", r"\q \x2 \u12 \xzz"),
    ];
    for (raw, expected) in cases {
        assert_eq!(read(&format!("{{\"k\":\"{raw}\"}}")).get("k"), Some(expected), "{raw}");
    }
    // A client chooses such bytes: the line stays what it is.
    let (front, rest) = ACCESS.split_at(ACCESS.find("curl").expect("in the line"));
    let line = [front.as_bytes(), b"\x01\xff\xfe", rest.as_bytes()];
    assert_eq!(Decoders::new(DECODERS).read(&line.concat()).decoder.as_deref(), Some("caddy"));
}

#[test]
fn an_address_is_one_text_that_the_object_has_once() {
    let of = |value: &str| read(&ACCESS.replace("\"192.0.2.7\"", value)).get("srcip").map(str::to_owned);
    let good = [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:5000", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:5000", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::FFFF:192.0.2.1]:1", "192.0.2.1"),
        ("192.0.2.\\u0031", "192.0.2.1"),
    ];
    for (value, expected) in good {
        assert_eq!(of(&format!("\"{value}\"")).as_deref(), Some(expected), "{value}");
    }
    let bad = [
        "\"\"",
        "\"-\"",
        "\"x192.0.2.1\"",
        "\"192.0.2.1 \"",
        "\"192.0.2.1, 192.0.2.2\"",
        "\"192.0.2.1:\"",
        "\"192.0.2.1:99999\"",
        "\"192.0.2.1:080\"",
        "\"[192.0.2.1]\"",
        "\"[2001:db8::1\"",
        "\"[2001:db8::1]x\"",
        "\"fe80::1%eth0\"",
        "\"192.0.2.1\\n\"",
        "[\"192.0.2.1\"]",
        "{\"a\":\"192.0.2.1\"}",
        "192.0.2.1",
        "null",
        "3221225985",
        "\"192.0.2.1\",\"remote_ip\":\"192.0.2.2\"",
        "\"192.0.2.1\",\"remote_ip\":\"192.0.2.1\"",
    ];
    for value in bad {
        assert_eq!(of(value), None, "{value}");
    }
    // The same name by another way.
    assert_eq!(
        read(&ACCESS.replace("{\"level\"", "{\"request.remote_ip\":\"192.0.2.9\",\"level\"")).get("srcip"),
        None
    );
}

#[test]
fn the_first_mapped_value_that_is_there_decides() {
    let of = |rest: &str| read(&format!("{{\"event\":\"gate open\"{rest}}}")).get("srcip").map(str::to_owned);
    assert_eq!(of(r#","client":"192.0.2.2","ip":"192.0.2.1""#).as_deref(), Some("192.0.2.1"));
    assert_eq!(of(r#","client":"192.0.2.2","ip":"-""#).as_deref(), Some("192.0.2.2"));
    assert_eq!(of(r#","client":"192.0.2.2","ip":"gate""#), None);
}

#[test]
fn a_name_of_an_own_field_is_no_field_of_ossecs() {
    let answer = read(r#"{"srcip":"192.0.2.1","user":"x","status":"7","URL":"/","deep":{"a":{"b":1}}}"#);
    let names: Vec<&str> = answer.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["field_srcip", "field_status", "deep.a.b", "field_user", "field_URL"]);
}

#[test]
fn a_mapped_value_wins_over_one_of_the_name() {
    assert_eq!(read(&ACCESS.replace("{\"level\"", "{\"method\":\"PUT\",\"level\"")).get("method"), Some("GET"));
}

#[test]
fn many_other_fields_hide_none_that_is_asked_for() {
    let many: Vec<String> = (0..5000).map(|number| format!("\"X-{number}\":[\"{number}\"]")).collect();
    let line = ACCESS.replace("\"headers\":{", &format!("\"headers\":{{{},", many.join(",")));
    let answer = read(&line);
    assert_eq!((answer.get("srcip"), answer.get("id")), (Some("192.0.2.7"), Some("404")));
    assert!(answer.fields.len() < 120, "{}", answer.fields.len());
}

#[test]
fn depth_and_names_are_bounded() {
    let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(read(&nested(63)).decoder.as_deref(), Some("json"));
    assert_eq!(read(&nested(64)).decoder, None);
    let long = "n".repeat(300);
    let answer = read(&format!("{{\"{long}\":{{\"b\":1}},\"c\":{{\"{long}\":2}},\"d\":3,\"e\\u0000\":4,\"\":5}}"));
    assert_eq!(answer.fields, [("d".to_owned(), "3".to_owned())]);
}

#[test]
fn mistakes_are_named() {
    let json = r#"<decoder name="json"><prematch>^{</prematch><plugin_decoder>JSON_Decoder</plugin_decoder></decoder>"#;
    let child = |inside: &str| format!("{json}<decoder name=\"c\"><parent>json</parent>{inside}</decoder>");
    let cases = [
        (r#"<decoder name="c"><prematch>x</prematch><map field="a">url</map></decoder>"#.to_owned(), "D029"),
        (r#"<decoder name="c"><prematch>x</prematch><field name="a">u</field></decoder>"#.to_owned(), "D029"),
        (child("<field>x</field>"), "D030"),
        (child("<map>srcip</map>"), "D030"),
        (child("<map field=\"\">srcip</map>"), "D030"),
        (child("<map field=\"a\"/>"), "D031"),
        (child("<map field=\"a\">url,id</map>"), "D031"),
        (child("<map field=\"a\">src_ip</map>"), "D032"),
        (child("<map field=\"a\">scrip</map>"), "D032"),
        (child("<pcre2 field=\"a\" offset=\"after_parent\">(x)</pcre2><order>id</order>"), "D033"),
        (child("<pcre2 field=\"a\">(x)</pcre2><pcre2 field=\"b\">(x)</pcre2><order>id</order>"), "D033"),
        (child("<field name=\"a\">(</field>"), "P001"),
        (child("<map field=\"a\" to=\"b\">url</map>"), "D004"),
    ];
    for (text, code) in cases {
        let codes: Vec<&str> = problems(&text).iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [code], "{text}");
    }
}

/// Any JSON text, with the keys that decoders look for among others.
fn anything() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let word = prop_oneof![
        "(request|remote_ip|headers|logger|status|srcip|msg|client|request\\.remote_ip)",
        "[a-z.\\\\\"{},:]{0,8}",
        Just("from 198.51.100.9".to_owned()),
        Just("198.51.100.9".to_owned()),
        Just(r#"","remote_ip":"198.51.100.9"#.to_owned()),
        Just("http.log.access".to_owned()),
    ];
    let text = word.prop_map(|word| serde_json::Value::String(word).to_string()).boxed();
    let leaf = prop_oneof![text.clone(), Just("null".to_owned()), Just("1e9".to_owned())].boxed();
    leaf.prop_recursive(4, 32, 6, move |inner| {
        let member = (text.clone(), inner.clone()).prop_map(|(key, value)| format!("{key}:{value}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(|values| format!("[{}]", values.join(","))),
            proptest::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(line: Vec<u8>, text in "[\\[\\]{}\":,\\\\ux0-9a-z \u{e9}]{0,60}") {
        let mut decoders = Decoders::new(DECODERS);
        for line in [line.clone(), [b"{".to_vec(), line].concat(), format!("{{{text}}}").into_bytes()] {
            decoders.read(&line);
        }
    }

    /// What stands in a value, or in an object below a name of its own, never becomes the peer's address.
    #[test]
    fn forged_values_never_change_the_address(body in anything(), place in 0..3_usize) {
        let line = match place {
            0 => ACCESS.replace("\"GET\"", &body),
            1 => ACCESS.replace("[\"curl/8\"]", &body),
            _ => ACCESS.replace("\"done\":true", &format!("\"body\":{body}")),
        };
        let answer = read(&line);
        proptest::prop_assert_eq!(answer.decoder.as_deref(), Some("caddy"), "{}", line);
        proptest::prop_assert_eq!(answer.get("srcip"), Some("192.0.2.7"), "{}", line);
    }

    /// Wherever a well-kept reader finds an object, this one does, with the same values.
    #[test]
    fn objects_are_those_of_serde_json(body in anything()) {
        let line = format!("{{\"top\":{body}}}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let answer = read(&line);
        proptest::prop_assert!(answer.decoder.is_some(), "{}", line);
        if let Some(text) = value["top"].as_str() {
            proptest::prop_assert_eq!(answer.get("top"), Some(text));
        }
    }
}
