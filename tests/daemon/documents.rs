//! The README and the shipped configuration are correct.

use hids_tests::daemon::Daemon;
use hids_tests::programs::source_root;
use serde_json::Value;

fn readme() -> String {
    std::fs::read_to_string(source_root().join("README.md")).expect("the README")
}

/// `hidsctl check --json` of a configuration file; what it reads is beside it.
fn checked(host: &Daemon, text: &str) -> Value {
    std::fs::write(host.path("ossec.conf"), text).expect("written");
    let output = host.hidsctl(&["check", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn the_configuration_of_the_readme_has_no_mistake() {
    let readme = readme();
    let code = readme.split("The parts that need you are").nth(1).and_then(|rest| rest.split("`firewall-drop`").next());
    let sections = code.expect("the README's configuration");
    let host = Daemon::new("");
    let answer = checked(&host, &format!("<ossec_config>{sections}</ossec_config>"));
    assert_eq!((&answer["errors"], &answer["warnings"]), (&0.into(), &0.into()), "{answer}");
}

#[test]
fn the_shipped_configuration_and_the_guides_have_no_mistake() {
    for name in ["config/ossec.conf", "tests/data/guide.conf"] {
        let text = std::fs::read_to_string(source_root().join(name)).expect("a configuration");
        let answer = checked(&Daemon::new(""), &text);
        assert_eq!(answer["errors"], 0, "{name}: {answer}");
    }
}

#[test]
fn rules_of_ones_own_are_added_as_the_shipped_configuration_says() {
    let shipped = std::fs::read_to_string(source_root().join("config/ossec.conf")).expect("the configuration");
    let start = shipped.find("  <rules>\n").expect("the example");
    let end = shipped.find("</rules>").expect("its end") + "</rules>".len();
    let host = Daemon::new("");
    std::fs::create_dir_all(host.path("rules")).expect("a folder");
    std::fs::write(
        host.path("rules/local_rules.xml"),
        "<group name=\"local,\"><rule id=\"100902\" level=\"3\"><if_sid>5716</if_sid><user>root</user>\
         <description>Root.</description></rule></group>",
    )
    .expect("written");
    // Nothing is installed on the machine of the test: the ruleset lies beside the configuration.
    let section = shipped[start..end].replace("/usr/share/hids/ruleset/", "ruleset/");
    let answer = checked(&host, &format!("<ossec_config>{section}</ossec_config>"));
    assert_eq!(answer["ok"], true, "{answer}");
    let answers = crate::common::logtest(&host, &[], crate::common::failed_login(7).as_bytes());
    assert_eq!(answers[0]["rule"]["id"], 100_902, "{answers:?}");
}

#[test]
fn every_hidsctl_command_of_readme_and_manual_is_understood() {
    let manual = std::fs::read_to_string(source_root().join("hids-userspace/man/hidsctl.8")).expect("the manual");
    let host = Daemon::new("");
    let mut tried = 0;
    for text in [readme(), manual] {
        let commands = text.lines().filter_map(|line| line.trim_start().strip_prefix("hidsctl "));
        for command in commands {
            let words: Vec<&str> =
                command.split_whitespace().take_while(|word| !matches!(*word, "#" | "&&" | "|")).collect();
            if matches!(words.first(), Some(&("setup" | "import" | "support"))) {
                // They work on the machine itself; setup.rs, import.rs and support.rs test them elsewhere.
                continue;
            }
            if words.contains(&"--follow") {
                // It ends only when its user ends it.
                continue;
            }
            let code = host.hidsctl(&words).status.code();
            // The numbers of `fim check` are AIDE's: there is no such image, and no baseline.
            let is_understood = match &words[..] {
                ["fim", "check", ..] => matches!(code, Some(0..=7 | 17 | 24)),
                // It needs a terminal.
                ["top", ..] => code == Some(2),
                _ => matches!(code, Some(0 | 1 | 3)),
            };
            assert!(is_understood, "hidsctl {command}: {code:?}");
            tried += 1;
        }
    }
    assert!(tried >= 9, "only {tried} commands were found");
}

#[test]
fn every_command_is_in_the_manual_with_its_long_options() {
    let manual = std::fs::read_to_string(source_root().join("hids-userspace/man/hidsctl.8")).expect("the manual");
    let host = Daemon::new("");
    let help = |arguments: &[&str]| String::from_utf8(host.hidsctl(arguments).stdout).expect("text");
    let overview = help(&["--help"]);
    let commands = overview.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).expect("a list");
    let names: Vec<&str> = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        assert!(manual.contains(&format!("Cm {name}")), "{name} is not in the manual");
        for line in help(&[name, "--help"]).lines() {
            let Some(option) = line.split_whitespace().find_map(|word| word.strip_prefix("--")) else { continue };
            let is_option = line.trim_start().starts_with('-');
            if is_option && !matches!(option, "help" | "config" | "root" | "json") {
                assert!(manual.contains(&format!("Fl Fl {option}")), "{name} --{option} is not in the manual");
            }
        }
    }
}

/// Codes that messages have, as they stand in the sources: `"C058"`.
fn codes_in(directory: &std::path::Path, code: &regex::Regex, codes: &mut std::collections::BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).expect("a directory of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            codes_in(&path, code, codes);
        } else {
            let text = std::fs::read_to_string(&path).expect("a source");
            codes.extend(code.captures_iter(&text).map(|found| found[1].to_owned()));
        }
    }
}

#[test]
fn every_code_is_in_the_manual() {
    let manual = std::fs::read_to_string(source_root().join("hids-userspace/man/ossec.conf.5")).expect("the manual");
    let list = manual.split("Codes are stable: ").nth(1).and_then(|rest| rest.lines().next()).expect("the codes");
    let named = regex::Regex::new(r"C(\d{3}) to C(\d{3})|C(\d{2})x|C(\d{3})").expect("a pattern");
    let number = |text: Option<regex::Match<'_>>| text.and_then(|text| text.as_str().parse::<u32>().ok());
    let ranges: Vec<std::ops::RangeInclusive<u32>> = named
        .captures_iter(list)
        .filter_map(|found| match (number(found.get(1)), number(found.get(2)), number(found.get(3))) {
            (Some(from), Some(to), _) => Some(from..=to),
            (_, _, Some(tens)) => Some(tens * 10..=tens * 10 + 9),
            _ => number(found.get(4)).map(|one| one..=one),
        })
        .collect();
    let mut codes = std::collections::BTreeSet::new();
    let code = regex::Regex::new(r#""(C\d{3})""#).expect("a pattern");
    codes_in(&source_root().join("hids-userspace/src"), &code, &mut codes);
    assert!(codes.len() > 60, "only {codes:?} were found");
    codes.retain(|code| !code[1..].parse().is_ok_and(|code| ranges.iter().any(|range| range.contains(&code))));
    assert_eq!(codes, std::collections::BTreeSet::new(), "not in ossec.conf(5)");
}
