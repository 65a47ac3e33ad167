//! `hidsctl rules silence`: exactly the events that were asked for, and a rule file that stays usable.

use std::os::unix::fs::PermissionsExt as _;

use hids_tests::daemon::{Daemon, wait_for};

const RULES: &str = "<rules><decoder_dir>ruleset/decoders</decoder_dir><rule_dir>ruleset/rules</rule_dir>\
    <rule_dir>rules</rule_dir></rules>\
    <localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>\
    <command><name>firewall-drop</name><executable>firewall-drop.sh</executable><expect>srcip</expect></command>\
    <active-response><command>firewall-drop</command><location>local</location><level>7</level></active-response>";
const OWN: &str = "<!-- ours -->\n<group name=\"local,\">\n  <rule id=\"100000\" level=\"3\">\n    <if_sid>5715</if_sid>\n    \
    <user>deploy</user>\n    <description>Deployment.</description>\n  </rule>\n</group>\n";

fn host() -> Daemon {
    let host = Daemon::new(RULES);
    std::fs::create_dir(host.path("rules")).expect("a directory");
    std::fs::write(host.path("rules/local_rules.xml"), OWN).expect("written");
    std::fs::set_permissions(host.path("rules/local_rules.xml"), std::fs::Permissions::from_mode(0o604))
        .expect("chmod");
    host
}

fn own_rules(host: &Daemon) -> String {
    std::fs::read_to_string(host.path("rules/local_rules.xml")).expect("the file")
}

/// The rule and level that a line of a failed login gets.
fn rule_of(host: &Daemon, user: &str, address: &str) -> (u64, u64) {
    let line = format!("Nov 24 10:00:00 web1 sshd[5]: Failed password for {user} from {address} port 22 ssh2\n");
    let output = host.hidsctl_input(&["logtest", "--json"], line.as_bytes());
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (answer["rule"]["id"].as_u64().expect("a rule"), answer["rule"]["level"].as_u64().expect("a level"))
}

#[test]
fn only_events_that_meet_all_conditions_are_silenced() {
    let host = host();
    let arguments =
        ["rules", "silence", "5716", "--srcip", "203.0.113.5", "--user", "scan.er", "--reason", "our scanner"];
    let output = host.hidsctl(&arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("run `hidsctl reload`") && said.contains("<rule id=\"100001\" level=\"0\">"), "{said}");
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        warned.contains("rule 5720 (level 10) no longer counts the silenced events, which starts firewall-drop"),
        "{warned}"
    );
    let own = own_rules(&host);
    assert!(own.starts_with(OWN) && own.contains("hidsctl rules silence: our scanner -->"), "{own}");
    let mode = std::fs::metadata(host.path("rules/local_rules.xml")).expect("it").permissions().mode() & 0o777;
    assert_eq!(mode, 0o604, "the mode is kept");

    assert_eq!(rule_of(&host, "scan.er", "203.0.113.5"), (100_001, 0));
    for (user, address) in
        [("scan.er", "203.0.113.50"), ("scanner", "203.0.113.5"), ("scan.er2", "203.0.113.5"), ("root", "203.0.113.5")]
    {
        assert_eq!(rule_of(&host, user, address), (5716, 5), "{user} {address}");
    }
    let again = host.hidsctl(&arguments);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("silenced already: rule 100001"), "{again:?}");
    assert_eq!(own_rules(&host), own);
}

#[test]
fn a_running_daemon_takes_it_up_when_asked() {
    let mut host = host();
    host.start();
    let output = host.hidsctl(&["rules", "silence", "5716", "--srcip", "203.0.113.0/24", "--reload"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let failed = |address: &str| {
        host.log_line(&format!("Nov 24 10:00:00 web1 sshd[5]: Failed password for root from {address} port 22 ssh2"));
    };
    failed("203.0.113.7");
    failed("198.51.100.7");
    wait_for("the other alert", || (!host.alerts().is_empty()).then_some(()));
    let sources: Vec<_> = host.alerts().iter().map(|alert| alert["srcip"].clone()).collect();
    assert_eq!(sources, ["198.51.100.7"]);
}

#[test]
fn nothing_is_written_where_it_would_be_wrong_or_without_effect() {
    let host = host();
    for (arguments, code, text) in [
        (&["98765"][..], 1, "no such rule: 98765"),
        (&["5700"], 1, "raises no alert"),
        (&["5716", "--srcip", "10.0.0.1/8"], 2, "use 10.0.0.0/8"),
        (&["5716", "--user", "a\nb"], 2, "printable ASCII"),
        (&["5716", "--reason", "x --> <rule>"], 2, "a reason has at most"),
        (&["5716", "--dry-run"], 0, "all events of rule 5716 are silenced"),
        (&["5720", "--dry-run"], 0, "rule 5720 counts other events"),
    ] {
        let output = host.hidsctl(&[&["rules", "silence"], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(text), "{output:?}");
    }
    assert_eq!(own_rules(&host), OWN);
    // An open comment would swallow the rule; a broken file is not made worse.
    for (broken, text) in [("<!-- open\n", "errors already"), ("<group name=\"a,\"><rule", "errors already")] {
        std::fs::write(host.path("rules/local_rules.xml"), format!("{OWN}{broken}")).expect("written");
        let output = host.hidsctl(&["rules", "silence", "5716"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(text) || told.contains("nothing was written"), "{told}");
        assert_eq!(own_rules(&host), format!("{OWN}{broken}"));
    }
    std::fs::remove_file(host.path("rules/local_rules.xml")).expect("removed");
    let output = host.hidsctl(&["rules", "silence", "5716"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("loads no local_rules.xml"), "{output:?}");
}
