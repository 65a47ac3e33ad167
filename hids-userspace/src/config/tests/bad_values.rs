//! A wrong value of every option is an error with its code, never a quiet default.

use std::collections::HashSet;

use super::errors;
use crate::config::known::{Form, SECTIONS};

/// Section, what else it needs, option, wrong value, code.
const CASES: &[(&str, &str, &str, &str, &str)] = &[
    ("global", "", "email_to", "nobody", "C016"),
    ("global", "", "email_to", "a@b.c,d@e.f", "C016"),
    ("global", "", "email_to", "", "C016"),
    ("global", "", "email_from", "a@b@c d", "C016"),
    ("global", "", "email_from", "a\nb@c", "C018"),
    ("global", "", "email_reply_to", "@x", "C016"),
    ("global", "", "email_idsname", "a\nX-Evil: b", "C018"),
    ("global", "", "smtp_server", "mail.example.org:25", "C015"),
    ("global", "", "smtp_server", "-x", "C015"),
    (
        "global",
        "<email_notification>yes</email_notification><email_to>a@b</email_to><email_from>a@b</email_from>",
        "smtp_server",
        "/no/such/sendmail",
        "C018",
    ),
    ("global", "", "helo_server", "not a name", "C015"),
    ("global", "", "email_urgent_level", "17", "C015"),
    ("global", "", "email_urgent_level", "-1", "C015"),
    ("global", "", "email_layout", "html", "C015"),
    ("global", "", "white_list", "192.168.1.256", "C015"),
    ("global", "", "white_list", "10.0.0.0/33", "C015"),
    ("global", "", "white_list", "10.0.0.0/", "C015"),
    ("global", "", "white_list", "10.0.0.0/ab", "C015"),
    ("global", "", "white_list", "10.0.0.0/255.0.255.0", "C015"),
    ("global", "", "white_list", "fe80:::1", "C015"),
    ("global", "", "white_list", "a_b$c", "C015"),
    ("global", "", "allow_list", "2001:db8::/129", "C015"),
    ("rules", "", "include", "none.xml", "C041"),
    ("rules", "", "rule", "x/none.xml", "C041"),
    ("rules", "", "rule_dir", "nowhere", "C041"),
    ("rules", "", "decoder", "none.xml", "C041"),
    ("rules", "", "decoder_dir", "nowhere", "C041"),
    ("syscheck", "", "directories check_all=\"yes\"", "relative", "C018"),
    ("syscheck", "", "directories check_all=\"yes\"", "", "C019"),
    ("syscheck", "", "directories check_all=\"maybe\"", "/etc", "C010"),
    ("syscheck", "", "directories check_sum=\"yes\" no_recurse=\"no\"", "/etc", "C010"),
    ("syscheck", "", "directories check_everything=\"yes\"", "/etc", "C007"),
    ("syscheck", "", "directories check_all=\"no\"", "/etc", "C050"),
    ("syscheck", "", "directories", "/etc", "C050"),
    ("syscheck", "", "ignore type=\"regex\"", "x", "C013"),
    ("syscheck", "", "ignore kind=\"sregex\"", "x", "C007"),
    ("syscheck", "", "ignore", "", "C019"),
    ("syscheck", "", "nodiff type=\"glob\"", "x", "C013"),
    ("syscheck", "", "scan_time", "25:00", "C017"),
    ("syscheck", "", "scan_day", "thurs", "C017"),
    ("syscheck", "", "directories check_all=\"yes\" whodata=\"maybe\"", "/etc", "C010"),
    ("syscheck", "", "directories check_all=\"yes\" protect=\"on\"", "/etc", "C010"),
    ("syscheck", "", "directories check_all=\"yes\" recursion_level=\"321\"", "/etc", "C012"),
    ("syscheck", "", "directories check_all=\"yes\" recursion_level=\"all\"", "/etc", "C012"),
    ("syscheck", "", "directories check_all=\"yes\" diff_size_limit=\"1MB\"", "/etc", "C007"),
    ("syscheck", "", "directories check_all=\"yes\"", "/no/such/[a", "C018"),
    ("syscheck", "", "protect_allow", "bin/dpkg", "C018"),
    ("syscheck", "", "protect_allow", "", "C019"),
    ("syscheck", "", "protect_allow sha256=\"abc\"", "/bin/sh", "C011"),
    ("syscheck", "", "protect_allow md5=\"abc\"", "/bin/sh", "C007"),
    ("syscheck", "", "process_priority", "20", "C012"),
    ("syscheck", "", "process_priority", "low", "C012"),
    ("syscheck", "", "diff_size_limit", "1 page", "C011"),
    ("syscheck", "", "diff_size_limit", "65MB", "C012"),
    ("syscheck", "", "prefilter_cmd", "/no/such/program -y", "C018"),
    ("localfile", "<log_format>syslog</log_format>", "location", "", "C061"),
    ("localfile", "<log_format>syslog</log_format>", "location", "/x-%Y-%!", "C067"),
    ("localfile", "<location>/x</location>", "log_format", "Syslog", "C013"),
    ("localfile", "<location>/x</location>", "log_format", "json", "C013"),
    ("localfile", "<location>/x</location>", "log_format", "multi-line:0", "C012"),
    ("localfile", "<location>/x</location>", "log_format", "multi-line: x", "C012"),
    ("localfile", "<location>/x</location>", "log_format", "djb-multilog", "C065"),
    ("localfile", "<log_format>command</log_format>", "command", "", "C061"),
    ("localfile", "<log_format>command</log_format><command>df</command>", "frequency", "2h", "C014"),
    ("localfile", "<log_format>command</log_format><command>df</command>", "frequency", "0", "C012"),
    ("command", "<executable>x</executable><expect/>", "name", "a b", "C072"),
    ("command", "<name>x</name><expect/>", "executable", "../x", "C073"),
    ("command", "<name>x</name><expect/>", "executable", "x -y", "C073"),
    ("command", "<name>x</name><expect/>", "executable", "", "C070"),
    ("active-response", "<location>local</location>", "command", "nothing", "C081"),
    ("active-response", "", "location", "here", "C082"),
    ("active-response", "", "location", "defined-agent", "C083"),
    ("active-response", "<location>local</location>", "rules_id", "5712,ssh", "C011"),
    ("active-response", "<location>local</location>", "rules_id", "1234567", "C011"),
    ("active-response", "<location>local</location>", "rules_id", "", "C019"),
    ("active-response", "", "repeated_offenders", "30,soon", "C091"),
    ("email_alerts", "<level>3</level>", "email_to", "x y@z", "C016"),
    ("email_alerts", "<email_to>a@b.c</email_to>", "rule_id", "a", "C011"),
    ("syslog_output", "", "server", "host:514", "C015"),
    ("syslog_output", "", "server", "", "C097"),
    ("syslog_output", "<server>x</server>", "rule_id", "a", "C011"),
    ("syslog_output", "<server>x</server>", "tls_ca", "/no/such/ca.pem", "C018"),
    ("syslog_output", "<server>x</server><protocol>udp</protocol>", "tls", "yes", "C097"),
    ("reports", "", "email_to", "x", "C016"),
    ("reports", "", "user type=\"relations\"", "x", "C013"),
    ("remote", "<connection>secure</connection>", "local_ip", "x", "C015"),
    ("remote", "<connection>secure</connection>", "Allowed-IPs", "10.0.0.0/99", "C015"),
    ("remote", "<connection>secure</connection>", "denied-ips", "x", "C015"),
    ("client", "", "server-ip", "x", "C015"),
    ("client", "", "local_ip", "10.1.1", "C015"),
];

/// Options whose every value is taken: text for people, patterns that hold for anything, and so on.
const FREE: &[(&str, &str)] = &[
    ("email_alerts", "do_not_delay"),
    ("email_alerts", "do_not_group"),
    // `expect` ignores what it does not know, as OSSEC does; a warning says so.
    ("command", "expect"),
];

fn section(name: &str, context: &str, option: &str, value: &str) -> String {
    let element = option.split_whitespace().next().unwrap_or(option);
    format!("<{name}>{context}<{option}>{value}</{element}></{name}>")
}

#[test]
fn every_listed_wrong_value_is_refused() {
    for (name, context, option, value, code) in CASES {
        let found = errors(&section(name, context, option, value));
        assert!(found.contains(code), "{name}/{option} {value:?}: {code} is not among {found:?}");
    }
}

#[test]
fn every_option_of_a_simple_form_refuses_what_is_not_of_it() {
    for spec in SECTIONS {
        for option in spec.options {
            let wrong: &[(&str, &str)] = match option.form {
                Form::YesNo => &[("Yes", "C010"), ("1", "C010"), ("", "C010")],
                Form::Number(..) => {
                    &[("x", "C011"), ("-1", "C011"), ("+1", "C011"), ("", "C011"), ("99999999999999999999999", "C012")]
                }
                Form::Seconds => &[("10m", "C014"), ("", "C014"), ("-1", "C014"), ("99999999999", "C012")],
                Form::OneOf(_) => &[("nonsense", "C013"), ("", "C013")],
                Form::Word | Form::Path | Form::Text | Form::Special | Form::List => continue,
            };
            if matches!(option.effect, crate::config::known::Effect::None(_)) && option.form != Form::YesNo {
                continue;
            }
            for (value, code) in wrong {
                let found = errors(&section(spec.name, "", option.name, value));
                assert!(found.contains(code), "{}/{} {value:?}: {code} is not among {found:?}", spec.name, option.name);
            }
        }
    }
}

#[test]
fn every_option_with_a_form_of_its_own_has_a_case() {
    let covered: HashSet<(&str, String)> = CASES
        .iter()
        .map(|(name, _, option, ..)| (*name, option.split_whitespace().next().unwrap_or_default().to_ascii_lowercase()))
        .collect();
    for spec in SECTIONS {
        for option in spec.options.iter().filter(|option| matches!(option.form, Form::Special | Form::List)) {
            let known =
                covered.contains(&(spec.name, option.name.to_owned())) || FREE.contains(&(spec.name, option.name));
            assert!(known, "no wrong value of {}/{} is tested", spec.name, option.name);
        }
    }
}

#[test]
fn every_pattern_is_compiled() {
    for (name, context, option) in [
        ("active-response", "<location>local</location><command>x</command>", "rules_group"),
        ("email_alerts", "<email_to>a@b.c</email_to>", "group"),
        ("email_alerts", "<email_to>a@b.c</email_to>", "event_location"),
        ("syslog_output", "<server>x</server>", "group"),
        ("syslog_output", "<server>x</server>", "location"),
        ("syscheck", "", "ignore type=\"sregex\""),
        ("syscheck", "", "nodiff type=\"sregex\""),
    ] {
        let command = "<command><name>x</name><executable>firewall-drop</executable><expect>srcip</expect></command>";
        let long = "x".repeat(hids_core::pattern::MAX_PATTERN_BYTES + 1);
        assert_eq!(errors(&format!("{command}{}", section(name, context, option, &long))), ["C024"], "{name}/{option}");
    }
    assert_eq!(errors("<rules><rule_dir pattern=\"(\">ruleset/rules</rule_dir></rules>"), ["C024"]);
}

#[test]
fn unknown_names_are_refused_and_the_right_ones_suggested() {
    for (sections, code, help) in [
        ("<globl><logall>no</logall></globl>", "C003", "did you mean `<global>`?"),
        ("<email_to>a@b.c</email_to>", "C003", "this is an option of `<global>`"),
        ("<wodle name=\"x\"><a/></wodle>", "C003", "Wazuh only; remove it"),
        ("<global><log_all>no</log_all></global>", "C004", "did you mean `logall`?"),
        ("<global><log_alert_level>3</log_alert_level></global>", "C004", "move it to `<alerts>`"),
        ("<global><Logall>no</Logall></global>", "C004", "did you mean `logall`?"),
        (
            "<localfile><out_format>x</out_format></localfile>",
            "C004",
            "Wazuh only, not supported by OSSEC or hids; remove it",
        ),
        (
            "<command><extra_args>x</extra_args></command>",
            "C004",
            "Wazuh only; put the arguments into a wrapper program and remove it",
        ),
        (
            "<global><logall>no</logall><alerts><log_alert_level>1</log_alert_level></alerts></global>",
            "C004",
            "is `</global>` missing before it?",
        ),
        ("<syscheck></syscheck>", "C005", "remove it, or add options"),
    ] {
        let loaded = super::load_sections(sections);
        let found =
            loaded.diagnostics.iter().any(|problem| problem.code == code && problem.help.as_deref() == Some(help));
        assert!(found, "{sections}\n{}", super::rendered(&loaded.diagnostics));
        assert!(loaded.config.is_none());
    }
}

#[test]
fn only_ossec_config_may_stand_at_the_top() {
    for text in [
        "<global><logall>no</logall></global>",
        "<agent_config/>",
        "<ossec-config><global><logall>no</logall></global></ossec-config>",
    ] {
        let loaded = super::Folder::new(text).load();
        assert!(super::rendered(&loaded.diagnostics).contains("error[C002]"), "{text}");
    }
    let inside = super::errors("<ossec_config><global><logall>maybe</logall></global></ossec_config>");
    assert_eq!(inside, ["C002", "C010"]);
}

#[test]
fn missing_parts_are_named() {
    for (sections, code) in [
        ("<command><name>x</name></command>", "C070"),
        ("<active-response><level>7</level></active-response>", "C080"),
        ("<localfile><log_format>syslog</log_format></localfile>", "C061"),
        ("<localfile><location>/x</location></localfile>", "C060"),
        ("<email_alerts><level>7</level></email_alerts>", "C095"),
        ("<email_alerts><email_to>a@b.c</email_to></email_alerts>", "C095"),
        ("<syslog_output><port>514</port></syslog_output>", "C097"),
        ("<database_output><hostname>x</hostname></database_output>", "C099"),
        ("<agentless><host>x</host></agentless>", "C099"),
        ("<remote><port>514</port></remote>", "C099"),
        ("<global><email_notification>yes</email_notification></global>", "C030"),
        ("<global><auth_smtp>yes</auth_smtp></global>", "C030"),
    ] {
        assert!(errors(sections).contains(&code), "{sections}");
    }
}
