//! `hidsctl config`.

use hids_tests::daemon::Daemon;
use serde_json::Value;

const CONFIG: &str = "<global><smtp_password>s3cret</smtp_password><email_to>a@example.com</email_to>\
                      <email_to>b@example.com</email_to></global>\n\
                      <localfile><log_format>syslog</log_format><location>/a</location></localfile>\n\
                      <localfile><log_format>syslog</log_format><location>/b</location></localfile>\n\
                      <syscheck><frequency>60</frequency><frequency>120</frequency>\
                      <directories check_all=\"yes\">/etc</directories></syscheck>";

fn said(host: &Daemon, arguments: &[&str]) -> (Option<i32>, String) {
    let output = host.hidsctl(arguments);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn values_in_force_have_their_place_and_passwords_are_not_shown() {
    let host = Daemon::new(CONFIG);
    let shown = host.hidsctl_json(&["config", "show"]).expect("it works");
    let find = |name: &str| -> Vec<&Value> {
        shown.as_array().expect("a list").iter().filter(|one| one["option"] == name).collect()
    };
    let frequency = find("syscheck.frequency");
    assert_eq!(frequency.len(), 1, "the last one counts");
    assert_eq!((&frequency[0]["value"], &frequency[0]["is_default"]), (&"120".into(), &false.into()));
    let file = host.path("ossec.conf");
    let text = std::fs::read_to_string(&file).expect("readable");
    let line = text.lines().position(|line| line.contains("120")).expect("there") + 1;
    assert_eq!((&frequency[0]["line"], &frequency[0]["file"]), (&line.into(), &file.to_string_lossy().into()));
    assert_eq!(find("global.email_to").len(), 2);
    assert_eq!(find("localfile[2].location")[0]["value"], "/b");
    assert_eq!(find("syscheck.directories")[0]["attributes"]["check_all"], "yes");
    let default = find("global.email_maxperhour");
    assert_eq!((&default[0]["value"], &default[0]["is_default"]), (&"12".into(), &true.into()));
    assert!(!shown.to_string().contains("s3cret"), "{shown}");
    for arguments in [["config", "show"].as_slice(), &["config", "get", "smtp_password"]] {
        let (code, text) = said(&host, arguments);
        assert!(code == Some(0) && !text.contains("s3cret") && text.contains("********"), "{text}");
    }
}

#[test]
fn one_value_is_one_line_and_unknown_options_are_named() {
    let host = Daemon::new(CONFIG);
    assert_eq!(said(&host, &["config", "get", "syscheck.frequency"]), (Some(0), "120\n".to_owned()));
    assert_eq!(said(&host, &["config", "get", "localfile.location"]), (Some(0), "/a\n/b\n".to_owned()));
    assert_eq!(said(&host, &["config", "get", "syscheck.scan_nice"]).0, Some(1));
    let misspelt = host.hidsctl(&["config", "get", "syscheck.freqency"]);
    assert!(String::from_utf8_lossy(&misspelt.stderr).contains("syscheck.frequency"), "{misspelt:?}");
    let (code, text) = said(&host, &["config", "explain", "syscheck.frequency"]);
    assert!(code == Some(0) && text.contains("default:   21600") && text.contains("Time between two scans"), "{text}");
    let (_, text) = said(&host, &["config", "explain", "geoipdb"]);
    assert!(text.contains("supported: no: GeoIP"), "{text}");
    let (code, text) = said(&host, &["config", "explain", "syscheck"]);
    assert!(code == Some(0) && text.contains("  frequency  "), "{text}");
}

#[test]
fn a_configuration_with_errors_of_form_is_reported() {
    let host = Daemon::new("");
    std::fs::write(host.path("ossec.conf"), "<ossec_config><global>").expect("written");
    let output = host.hidsctl(&["config", "show"]);
    assert!(output.status.code() == Some(1) && !output.stderr.is_empty(), "{output:?}");
}
