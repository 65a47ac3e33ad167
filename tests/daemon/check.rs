//! `hidsctl check`: every problem in one run, with its place; the daemon says the same.

use std::process::Output;

use hids_tests::daemon::Daemon;
use serde_json::Value;

use crate::common::WATCH_ONE_LOG;

const FOUR_MISTAKES: &str = "<global><logall>perhaps</logall><white_list>300.1.1.1</white_list></global>
<localfile><log_format>syslog</log_format></localfile>
<syscheck><frequency>2h</frequency></syscheck>";

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Name of the file, line and column of every error.
fn error_places(host: &Daemon) -> Vec<(String, u64, u64)> {
    let output = host.hidsctl(&["check", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let problems = answer["diagnostics"].as_array().cloned().unwrap_or_default();
    let errors = problems.iter().filter(|problem| problem["severity"] == "error");
    errors
        .filter_map(|error| {
            let file = error["file"].as_str()?.rsplit('/').next()?.to_owned();
            Some((file, error["line"].as_u64()?, error["column"].as_u64()?))
        })
        .collect()
}

#[test]
fn every_mistake_is_named_in_one_run_with_place_caret_and_hint() {
    let host = Daemon::new(FOUR_MISTAKES);
    let output = host.hidsctl(&["check"]);
    assert_eq!(output.status.code(), Some(1));
    let text = said(&output);
    for place in ["ossec.conf:2:17: error", "ossec.conf:2:45: error", "ossec.conf:3:2: error", "ossec.conf:4:22: error"]
    {
        assert!(text.contains(place), "{place} is missing in\n{text}");
    }
    assert!(
        text.contains("    4 | <syscheck><frequency>2h</frequency></syscheck>\n      |                      ^^\n"),
        "{text}"
    );
    assert!(text.contains("help: two hours are 7200"), "{text}");
    let places: Vec<_> = error_places(&host).into_iter().map(|(_, line, column)| (line, column)).collect();
    assert_eq!(places, [(2, 17), (2, 45), (3, 2), (4, 22)]);
}

#[test]
fn the_daemon_refuses_the_same_and_says_the_same() {
    let mut host = Daemon::new(FOUR_MISTAKES);
    let checked = said(&host.hidsctl(&["check"]));
    host.spawn();
    assert_eq!(host.exit_code(), Some(1));
    let problems = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| line.contains(": error[") || line.contains(": warning["))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(problems(&host.messages()), problems(&checked));
    assert_eq!(problems(&checked).len(), 4);
}

#[test]
fn broken_decoder_and_rule_files_are_named_with_places_all_in_one_run() {
    let mut host = Daemon::new(
        "<rules><decoder_dir>ruleset/decoders</decoder_dir><decoder>bad_decoders.xml</decoder>
         <rule_dir>ruleset/rules</rule_dir><include>bad_rules.xml</include></rules>",
    );
    std::fs::create_dir_all(host.path("rules")).expect("a folder");
    std::fs::write(
        host.path("bad_decoders.xml"),
        "<decoder name=\"x\">\n  <prematch>(unclosed</prematch>\n</decoder>\n",
    )
    .expect("written");
    std::fs::write(
        host.path("rules/bad_rules.xml"),
        "<group name=\"local,\">\n<rule id=\"100900\" level=\"high\"><description>x</description></rule>\n\
         <rule level=\"3\"><if_sid>5700</if_sid><description>x</description></rule>\n</group>\n",
    )
    .expect("written");
    let places = error_places(&host);
    let lines_of = |name: &str| -> std::collections::BTreeSet<u64> {
        places.iter().filter(|(file, _, _)| file == name).map(|&(_, line, _)| line).collect()
    };
    assert_eq!(lines_of("bad_decoders.xml"), [2].into(), "{places:?}");
    assert_eq!(lines_of("bad_rules.xml"), [2, 3].into(), "{places:?}");
    host.spawn();
    assert_eq!(host.exit_code(), Some(1));
    for place in ["bad_decoders.xml:2:", "bad_rules.xml:2:", "bad_rules.xml:3:"] {
        assert!(host.messages().contains(place), "{}", host.messages());
    }
}

#[test]
fn a_missing_rules_directory_is_an_error_at_the_place_that_names_it() {
    let host = Daemon::new("<rules>\n<rule_dir>nowhere</rule_dir></rules>");
    assert!(error_places(&host).contains(&("ossec.conf".into(), 3, 11)), "{:?}", error_places(&host));
}

#[test]
fn options_that_are_not_acted_on_are_named_in_a_warning_that_refuses_nothing() {
    let host = Daemon::new(&format!("{WATCH_ONE_LOG}<remote><connection>secure</connection></remote>"));
    let output = host.hidsctl(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(said(&output).contains("warning[C021]: `<remote>` is checked but not acted on"), "{output:?}");
    assert_eq!(host.hidsctl(&["check", "--deny-warnings"]).status.code(), Some(1));
    let answer = host.hidsctl_json(&["check"]).expect("JSON");
    assert_eq!((&answer["ok"], &answer["errors"]), (&Value::from(true), &Value::from(0)));
    assert!(answer["rules"].as_u64().is_some_and(|rules| rules > 300), "{answer}");
}

#[test]
fn rules_that_changes_of_files_need_are_missed_by_their_numbers() {
    let rules = "<rules><decoder_dir>ruleset/decoders</decoder_dir><include>few.xml</include></rules>";
    let watching = "<syscheck><directories check_all=\"yes\">/etc</directories></syscheck>";
    let missed = |sections: &str| {
        let host = Daemon::new(sections);
        std::fs::create_dir_all(host.path("rules")).expect("a folder");
        let rule = |id: u32| {
            format!("<rule id=\"{id}\" level=\"7\"><category>ossec</category><description>x</description></rule>")
        };
        let root =
            "<rule id=\"7\" level=\"0\" noalert=\"1\"><category>ossec</category><description>x</description></rule>";
        let text = format!("<group name=\"syscheck,\">{root}{}{}</group>", rule(550), rule(554));
        std::fs::write(host.path("rules/few.xml"), text).expect("written");
        let answer = host.hidsctl_json(&["check"]).expect("JSON");
        let all = answer["diagnostics"].as_array().expect("a list").clone();
        let of_files = all.into_iter().filter(|one| one["code"] == "C057");
        of_files.map(|one| one["message"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let found = missed(&format!("{rules}{watching}"));
    assert_eq!(found.len(), 1, "{found:?}");
    for id in [551, 552, 553] {
        assert!(found[0].contains(&id.to_string()), "{found:?}");
    }
    assert!(!found[0].contains("550") && !found[0].contains("554"), "{found:?}");
    assert!(missed(rules).is_empty(), "nothing is watched");
    assert!(missed(watching).is_empty(), "the shipped rules have them");
}

#[test]
fn a_configuration_that_is_not_there_is_refused_by_name() {
    let host = Daemon::new("");
    std::fs::remove_file(host.path("ossec.conf")).expect("removed");
    for command in [&["check"][..], &["logtest"], &["replay", "/dev/null"]] {
        let output = host.hidsctl(command);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {output:?}");
        let text = format!("{}{}", said(&output), String::from_utf8_lossy(&output.stderr));
        assert!(
            text.contains("cannot read the configuration") && text.contains("check the file name given with -c"),
            "{text}"
        );
    }
}

#[test]
fn an_ossec_installation_is_taken_over_with_its_relative_paths() {
    let host = Daemon::new("");
    let home = host.path("ossec");
    for folder in ["etc", "rules", "active-response/bin"] {
        std::fs::create_dir_all(home.join(folder)).expect("a folder");
    }
    let write = |name: &str, text: &str| std::fs::write(home.join(name), text).expect("written");
    write(
        "etc/ossec.conf",
        "<ossec_config><rules><decoder>etc/decoder.xml</decoder><include>mine.xml</include></rules></ossec_config>",
    );
    write("etc/decoder.xml", "<decoder name=\"mine\"><program_name>^mine</program_name></decoder>");
    write(
        "rules/mine.xml",
        "<group name=\"mine,\"><rule id=\"1\" level=\"0\" noalert=\"1\"><category>syslog</category>\
         <description>Root.</description></rule><rule id=\"100901\" level=\"5\"><decoded_as>mine</decoded_as>\
         <description>Mine.</description></rule></group>",
    );
    let config = home.join("etc/ossec.conf");
    let config = config.to_string_lossy();
    let lines = b"Nov 24 10:00:00 web1 mine[1]: hello\n";
    let output = crate::common::with_input(host.path(""), &["-c", &config, "logtest", "--json"], lines);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(answer["rule"]["id"], 100_901, "{answer}");
}

// O-B1
#[test]
fn a_machine_whose_logins_nobody_watches_is_named_by_check_and_status_until_somebody_does() {
    let log = "<localfile><log_format>syslog</log_format><location>@LOG@.d/auth.log</location></localfile>";
    let mut host = Daemon::new(log);
    let said_of = |host: &Daemon| said(&host.hidsctl(&["check"]));
    let nobody = "warning[C117]: logins are not monitored: ";
    assert!(said_of(&host).contains(nobody), "{}", said_of(&host));
    assert!(said_of(&host).contains("auth.log is missing, "), "{}", said_of(&host));
    host.start();
    assert!(host.messages().contains(nobody), "{}", host.messages());
    let problems = |host: &Daemon| host.status().expect("the status")["problems"].to_string();
    assert!(problems(&host).contains("logins are not monitored: "), "{}", problems(&host));
    let directory = host.path("x").parent().expect("a directory").join(format!("{}.d", host.log().display()));
    std::fs::create_dir_all(&directory).expect("a directory");
    std::fs::write(directory.join("auth.log"), "").expect("a log");
    assert!(!said_of(&host).contains("logins are not monitored"), "{}", said_of(&host));
    assert!(!problems(&host).contains("logins are not monitored"), "{}", problems(&host));
}

// O-B14: a configuration that can find nothing is usable, but not without a word.
#[test]
fn a_configuration_that_watches_nothing_is_warned_of() {
    for sections in
        ["", "<syscheck><disabled>yes</disabled><directories check_all=\"yes\">/etc</directories></syscheck>"]
    {
        let mut host = Daemon::new(sections);
        let output = host.hidsctl(&["check"]);
        let text = said(&output);
        assert!(output.status.success() && text.contains("warning[C139]: nothing is monitored"), "{output:?}");
        host.start();
        assert!(host.messages().contains("nothing is monitored"), "{}", host.messages());
        host.stop();
    }
    for sections in [WATCH_ONE_LOG, "<syscheck><directories check_all=\"yes\">/etc</directories></syscheck>"] {
        let text = said(&Daemon::new(sections).hidsctl(&["check"]));
        assert!(!text.contains("C139"), "{text}");
    }
}
