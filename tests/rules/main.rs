//! `hidsctl rules` and the lint of `hidsctl check`, as the real program shows them.

mod silence;

use std::path::Path;
use std::process::{Command, Output};

use hids_tests::programs;
use serde_json::Value;
use tempfile::TempDir;

const RULES: &str = r#"<group name="syslog,">
  <rule id="1" level="0" noalert="1"><category>syslog</category><description>root</description></rule>
</group>
<group name="tick,">
  <rule id="100100" level="3">
    <decoded_as>tick</decoded_as>
    <description>a "tick"</description>
  </rule>
  <rule id="100101" level="8" frequency="2" timeframe="60">
    <if_matched_sid>100100</if_matched_sid>
    <same_source_ip />
    <description>ticks</description>
    <group>many,</group>
  </rule>
</group>
"#;

/// A configuration with its rules in a directory of its own.
struct Site(TempDir);

impl Site {
    fn new(rules: &str) -> Self {
        let site = Self(tempfile::tempdir().expect("a directory"));
        site.write("decoders/d.xml", r#"<decoder name="tick"><program_name>^tick$</program_name></decoder>"#);
        site.write("rules/r.xml", rules);
        site.write(
            "ossec.conf",
            "<ossec_config><rules><decoder_dir>decoders</decoder_dir><rule_dir>rules</rule_dir></rules></ossec_config>",
        );
        site
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(programs::hidsctl());
        command.arg("-c").arg(self.path("ossec.conf")).arg("--root").arg(self.0.path()).args(arguments);
        command.output().expect("hidsctl can be run")
    }

    fn text(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.run(arguments).stdout).expect("text")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = ["--json"].iter().chain(arguments).copied().collect();
        let output = self.run(&arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }
}

const CASES: &str = "[tick]\nrule = 100100\nalert = 3\ndecoder = tick\nlog 1 pass = Nov 25 10:00:00 h tick[1]: x\n";

#[test]
fn tests_beside_the_rules_are_found_and_silent_rules_named_where_asked_for() {
    let site = Site::new(RULES);
    site.write("tests/t.ini", CASES);
    assert_eq!(site.text(&["rules", "test"]), "1 case passed, 0 failed\n");
    let output = site.run(&["rules", "test", "--coverage"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let (not_fired, no_near_miss) = text.split_once("rules without a near miss").expect("both lists");
    assert!(!not_fired.contains("100100") && not_fired.contains("r.xml:9: 100101 ticks\n"), "{text}");
    assert!(no_near_miss.contains("100100") && no_near_miss.contains("100101"), "{text}");
    assert!(text.ends_with("1 case passed, 0 failed; 1 of 3 rules covered (33 %), 1 of 1 decoder used\n"), "{text}");
}

#[test]
fn coverage_is_whole_when_each_rule_is_fired_and_missed_by_a_little() {
    // The lines name no source.
    let site = Site::new(&RULES.replace("    <same_source_ip />\n", ""));
    let ticks = "[ticks]\nrule = 100101\nrepeat = 4\nlog 1 pass = Nov 25 10:00:00 h tick[1]: x\n\
                 [fewer ticks]\nrule = 100100\nrepeat = 3\nlog 1 pass = Nov 25 10:00:00 h tick[1]: x\n";
    site.write("tests/t.ini", &format!("{CASES}log 1 fail = Nov 25 10:00:00 h tock[1]: x\n{ticks}"));
    let folder = site.path("");
    let output = site.run(&["rules", "test", "--coverage", &folder.to_string_lossy()]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(text, "4 cases passed, 0 failed; 3 of 3 rules covered (100 %), 1 of 1 decoder used\n");
    let json = site.json(&["rules", "test", "--coverage"]);
    assert_eq!((json["coverage"]["percent"].as_u64(), json["ok"].as_bool()), (Some(100), Some(true)));

    // Rules elsewhere are somebody else's to test.
    site.write("more/own.xml", &RULES.replace("id=\"1\"", "id=\"2\"").replace("1001", "1002"));
    let conf = std::fs::read_to_string(site.path("ossec.conf")).expect("the configuration");
    site.write("ossec.conf", &conf.replace("</rules>", "<rule_dir>more</rule_dir></rules>"));
    let json = site.json(&["rules", "test", "--coverage"]);
    assert_eq!((json["coverage"]["rules"].as_u64(), json["rules"].as_u64()), (Some(3), Some(4)), "{json}");
}

#[test]
fn a_failing_case_shows_expected_and_actual_and_ends_with_one() {
    let site = Site::new(RULES);
    site.write("own.ini", &CASES.replace("alert = 3", "alert = 7"));
    let file = site.path("own.ini");
    let output = site.run(&["rules", "test", &file.to_string_lossy()]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text.contains("own.ini:5: [tick] log 1 pass\n     alert: expected 7, got 3\n"), "{text}");
    let json = site.json(&["rules", "test", &file.to_string_lossy()]);
    assert_eq!(json["failed"][0]["differences"][0]["actual"], "3");
    assert_eq!(json["never_fired"][0]["id"], 100_101);
}

#[test]
fn a_mistake_in_a_test_file_ends_with_one() {
    let site = Site::new(RULES);
    site.write("tests/t.ini", &CASES.replace("decoder", "decodr"));
    let output = site.run(&["rules", "test"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("t.ini:4:1: error[T004]") && told.contains("did you mean decoder?"), "{told}");
}

#[test]
fn list_filters_by_level_and_group() {
    let site = Site::new(RULES);
    assert_eq!(site.json(&["rules", "list"]).as_array().map(Vec::len), Some(3));
    assert_eq!(site.json(&["rules", "list", "--level", "4"])[0]["id"], 100_101);
    assert_eq!(site.json(&["rules", "list", "--group", "many"]).as_array().map(Vec::len), Some(1));
    assert_eq!(site.run(&["rules", "list", "--group", "none"]).status.code(), Some(1));
}

#[test]
fn show_gives_conditions_with_their_places_and_the_relatives() {
    let site = Site::new(RULES);
    let text = site.text(&["rules", "show", "100101"]);
    assert!(text.contains("fires on event 4 within 60 s, same srcip"), "{text}");
    assert!(text.contains("r.xml:10  <if_matched_sid>100100</if_matched_sid>"), "{text}");
    let json = site.json(&["rules", "show", "100100"]);
    assert_eq!(json["parents"][0]["id"], 1);
    assert_eq!(json["children"][0]["id"], 100_101);
    assert_eq!(site.run(&["rules", "show", "7"]).status.code(), Some(1));
}

#[test]
fn graph_is_dot_with_escaped_labels() {
    let site = Site::new(RULES);
    let text = site.text(&["rules", "graph", "100100"]);
    assert!(text.starts_with("digraph rules {") && text.ends_with("}\n"), "{text}");
    assert!(text.contains(r#"a \"tick\""#), "{text}");
    assert!(text.contains("r100100 -> r100101 [style=dashed];"), "{text}");
    assert_eq!(site.json(&["rules", "graph"])["edges"].as_array().map(Vec::len), Some(2));
}

#[test]
fn check_names_what_is_wrong_with_rules_that_load() {
    let extra = r#"<group name="local,">
  <rule id="100200" level="5"><if_sid>100100</if_sid><match>error</match><description>-</description></rule>
  <rule id="100201" level="5"><if_sid>100100</if_sid><match>fatal error</match><description>-</description></rule>
  <rule id="100202" level="6"><if_sid>100100</if_sid><match>a^b</match><description>-</description></rule>
  <rule id="100203" level="7"><if_sid>100100</if_sid><pcre2>(a+)+\1</pcre2><description>-</description></rule>
  <rule id="100204" level="9"><if_sid>100100</if_sid><list field="srcip" lookup="match_key">bad</list><description>-</description></rule>
</group>"#;
    let site = Site::new(&format!("{RULES}{extra}"));
    let json = site.json(&["check"]);
    let found: Vec<(&str, u64)> = json["diagnostics"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|problem| problem["file"].as_str().is_some_and(|file| file.ends_with("r.xml")))
        .map(|problem| (problem["code"].as_str().unwrap_or(""), problem["line"].as_u64().unwrap_or(0)))
        .collect();
    assert_eq!(json["ok"], true);
    for expected in [("R060", 18), ("P010", 19), ("P013", 20), ("L002", 21)] {
        assert!(found.contains(&expected), "{expected:?} is not in {found:?}");
    }
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn check_refuses_unknown_parents_and_equal_ids_at_their_places() {
    let extra = r#"<group name="local,">
  <rule id="100300" level="5"><if_sid>4711</if_sid><description>-</description></rule>
  <rule id="100100" level="5"><if_sid>1</if_sid><description>-</description></rule>
</group>"#;
    let site = Site::new(&format!("{RULES}{extra}"));
    let output = site.run(&["check"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text.contains("r.xml:17:") && text.contains("error[R036]"), "{text}");
    assert!(text.contains("r.xml:18:") && text.contains("error[R030]"), "{text}");
}

#[test]
fn logtest_tells_why_a_rule_was_refused() {
    use std::io::Write as _;
    let site =
        Site::new(&RULES.replace("<decoded_as>tick</decoded_as>", "<decoded_as>tick</decoded_as><match>tock</match>"));
    let mut command = Command::new(programs::hidsctl());
    command.arg("-c").arg(site.path("ossec.conf")).arg("--root").arg(site.path("")).args(["logtest", "-v"]);
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null());
    let mut child = command.spawn().expect("hidsctl can be run");
    child.stdin.take().expect("a pipe").write_all(b"Nov 25 10:00:00 h tick[1]: x\n").expect("a line is taken");
    let text = String::from_utf8(child.wait_with_output().expect("an end").stdout).expect("text");
    assert!(text.contains("100100 - a \"tick\": no match: match: <match>tock</match>"), "{text}");
}
