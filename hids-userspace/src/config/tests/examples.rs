//! The guide's configuration and OSSEC's own samples.

use std::net::IpAddr;
use std::time::Duration;

use hids_core::diag::Severity;
use hids_core::model::Level;

use super::{Folder, codes, rendered};
use crate::config::{Expect, LoadOptions, LogFormat, LogInput, MailTls, MailTransport, ResponseKind, load};

/// What the guide tells an administrator to write.
const GUIDE: &str = r"
<ossec_config>
<global>
  <email_notification>yes</email_notification>  
  <email_to>admin1@youremaildomain.com</email_to>
  <email_to>admin2@youremaildomain.com</email_to>
  <smtp_server>localhost</smtp_server>
  <email_from>ossec-webvms@yourwebserverdomain.com.</email_from>
  <email_maxperhour>1</email_maxperhour>
  <white_list>127.0.0.1</white_list>
  <white_list>192.168.1.2</white_list>
</global>
<syscheck>
  <!-- Frequency that syscheck is executed -- default every 22 hours -->
  <frequency>86400</frequency>
</syscheck>
<localfile>
  <log_format>apache</log_format>
  <location>/var/log/httpd/*access_log</location>
</localfile>
<localfile>
  <log_format>apache</log_format>
  <location>/var/log/httpd/*error_log</location>
</localfile>
  <command>
    <name>firewall-drop</name>
    <executable>firewall-drop.sh</executable>
    <expect>srcip</expect>
  </command>

  <active-response>
    <command>firewall-drop</command>
    <location>local</location>
    <level>7</level>
    <timeout>1200</timeout>
  </active-response>
</ossec_config>
";

#[test]
fn the_guide_simply_works() {
    let folder = Folder::new(GUIDE);
    let loaded = folder.load();
    let config = loaded.config.unwrap_or_else(|| panic!("{}", rendered(&loaded.diagnostics)));
    assert_eq!(config.mail.to, ["admin1@youremaildomain.com", "admin2@youremaildomain.com"]);
    assert_eq!(config.mail.from, "ossec-webvms@yourwebserverdomain.com");
    assert_eq!(config.mail.max_per_hour, 1);
    let smtp = MailTransport::Smtp { host: "localhost".into(), port: 25, tls: MailTls::Opportunistic, login: None };
    assert_eq!((config.mail.enabled, config.mail.transport), (true, smtp));
    let [access, error] = &config.collect[..] else { panic!("{:?}", config.collect) };
    assert_eq!(access.input, LogInput::File { pattern: "/var/log/httpd/*access_log".into() });
    assert_eq!((access.format, error.format), (LogFormat::Line, LogFormat::Line));
    let [response] = &config.respond.responses[..] else { panic!("{:?}", config.respond) };
    assert_eq!(response.kind, ResponseKind::Block);
    assert_eq!((response.level, response.timeout), (Some(Level(7)), Some(Duration::from_secs(1200))));
    assert_eq!(response.expects, [Expect::SourceAddress]);
    assert!(config.respond.protects("192.168.1.2".parse::<IpAddr>().expect("an address")));
    assert!(!config.respond.protects("192.168.1.3".parse::<IpAddr>().expect("an address")));
    assert_eq!(
        config.analysis.rule_files,
        [folder.path().join("ruleset/rules/0010-a.xml"), folder.path().join("ruleset/rules/0020-b.xml")]
    );
    assert_eq!(config.analysis.decoder_files, [folder.path().join("ruleset/decoders/0010-a.xml")]);
    assert_eq!((config.analysis.record_level, config.analysis.mail_level), (Level(1), Level(7)));
    assert_eq!(config.syscheck.frequency, Duration::from_secs(86400));
    assert!(config.record.json);
}

#[test]
fn the_guide_is_told_what_differs_from_ossec() {
    let folder = Folder::new(GUIDE);
    assert!(!codes(&folder.load().diagnostics, Severity::Note).contains(&"C086"), "there is no script to be missed");
    folder.add("active-response/bin/firewall-drop.sh", "#!/bin/sh\n");
    let loaded = folder.load();
    assert_eq!(
        codes(&loaded.diagnostics, Severity::Note),
        ["C032", "C056", "C086", "C084"],
        "{}",
        rendered(&loaded.diagnostics)
    );
    assert!(codes(&loaded.diagnostics, Severity::Warning).is_empty(), "{}", rendered(&loaded.diagnostics));
    let timeout = loaded.diagnostics.iter().find(|problem| problem.code == "C084").expect("a note about the timeout");
    assert!(timeout.message.contains("1200 seconds"), "{}", timeout.message);
}

#[test]
fn the_shipped_configuration_has_no_problems_but_what_is_not_built_yet() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/ossec.conf");
    let loaded = load(&LoadOptions { config: Some(path.clone()), ..LoadOptions::default() });
    let text = std::fs::read(&path).expect("the shipped configuration");
    let others: Vec<_> = loaded
        .diagnostics
        .iter()
        // The ruleset beside it is a part of its own.
        .filter(|problem| problem.severity > Severity::Note && !["C021", "C043"].contains(&problem.code))
        .cloned()
        .collect();
    assert!(others.is_empty(), "{}", rendered(&others));
    assert!(text.len() > 1000);
}

#[test]
fn ossec_samples_have_no_errors_but_missing_files() {
    let Some(shared) = shared_data() else { return };
    for name in
        ["etc/ossec.conf", "conf-samples/ossec-local.conf", "conf-samples/ossec-server.conf", "conf-samples/ossec.conf"]
    {
        let text = std::fs::read_to_string(shared.join(name)).expect("a sample of the test data");
        let folder = Folder::new(&text);
        let loaded = folder.load();
        let others: Vec<_> = loaded
            .diagnostics
            .iter()
            .filter(|problem| problem.severity == Severity::Error && problem.code != "C041")
            .cloned()
            .collect();
        assert!(others.is_empty(), "{name}\n{}", rendered(&others));
        assert!(codes(&loaded.diagnostics, Severity::Error).contains(&"C041"), "{name}: rules files are missing");
        let help = loaded
            .diagnostics
            .iter()
            .filter(|problem| problem.help.as_ref().is_some_and(|help| help.contains("shipped ruleset")));
        assert_eq!(help.count(), 1, "the hint stands once");
    }
}

#[test]
fn an_ossec_installation_loads_with_its_own_rules() {
    let Some(shared) = shared_data() else { return };
    let folder = Folder::new("");
    let copy =
        |name: &str, to: &str| folder.add(to, std::fs::read(shared.join(name)).expect("a file of the test data"));
    copy("conf-samples/ossec-local.conf", "etc/ossec.conf");
    copy("etc/decoder.xml", "etc/decoder.xml");
    for entry in std::fs::read_dir(shared.join("rules")).expect("rules of the test data").flatten() {
        let name = entry.file_name().into_string().expect("a plain name");
        copy(&format!("rules/{name}"), &format!("rules/{name}"));
    }
    folder.add("rules/local_rules.xml", "");
    let loaded = load(&LoadOptions { config: Some(folder.path().join("etc/ossec.conf")), ..LoadOptions::default() });
    let config = loaded.config.unwrap_or_else(|| panic!("{}", rendered(&loaded.diagnostics)));
    assert_eq!(config.paths.base, folder.path());
    assert_eq!(config.analysis.decoder_files, [folder.path().join("etc/decoder.xml")]);
    assert!(config.analysis.rule_files.len() > 50, "{:?}", config.analysis.rule_files);
    assert_eq!(config.analysis.rule_files[0], folder.path().join("rules/rules_config.xml"));
}

/// OSSEC's ruleset and samples, which are not part of this repository.
fn shared_data() -> Option<std::path::PathBuf> {
    let found = hids_tests::require::shared()?.join("testdata/ossec-ruleset");
    if found.is_dir() {
        return Some(found);
    }
    hids_tests::require::skip("shared", &format!("there is no {}", found.display()));
    None
}

#[test]
fn the_manual_names_every_section_and_option() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("man/ossec.conf.5");
    let manual = std::fs::read_to_string(path).expect("the manual page").replace("\\-", "-");
    for spec in crate::config::known::SECTIONS {
        let (_, rest) = manual
            .split_once(&format!(".SS <{}>\n", spec.name))
            .unwrap_or_else(|| panic!("no section <{}>", spec.name));
        let part = rest.split("\n.S").next().unwrap_or(rest);
        for option in spec.options {
            let named =
                part.split(|char: char| !char.is_ascii_alphanumeric() && char != '_' && char != '-').any(|word| {
                    // In bold words the letter of the font change stands before the name.
                    word == option.name || word.strip_prefix("fB") == Some(option.name)
                });
            assert!(named, "<{}>: no <{}>", spec.name, option.name);
        }
    }
}
