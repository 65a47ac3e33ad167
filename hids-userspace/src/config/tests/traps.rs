//! Where OSSEC has a trap: accepted, and told.

use std::net::IpAddr;
use std::time::Duration;

use hids_core::diag::Severity;
use hids_core::model::{Level, RuleId};
use hids_core::sender::TrustedBy;

use super::{Folder, codes, config, errors, load_sections, rendered, warnings};
use crate::config::{
    CommandOutput, FieldCondition, FieldTest, JournalSelection, LogFormat, LogInput, MailProgram, MailTls,
    MailTransport, ResponseKind, TrustedConfig,
};

const DROP: &str = "<command><name>drop</name><executable>firewall-drop.sh</executable><expect>srcip</expect><timeout_allowed>yes</timeout_allowed></command>";

fn response(inside: &str) -> String {
    format!("{DROP}<active-response><command>drop</command><location>local</location>{inside}</active-response>")
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn blanks_around_a_value_are_dropped_with_a_warning() {
    let text = "<alerts><log_alert_level> 3</log_alert_level></alerts>";
    assert_eq!(warnings(text), ["C023"]);
    assert_eq!(config(text).analysis.record_level, Level(3));
}

#[test]
fn the_last_value_wins_and_the_earlier_is_named() {
    let text =
        "<alerts><log_alert_level>3</log_alert_level></alerts><alerts><log_alert_level>5</log_alert_level></alerts>";
    assert_eq!(warnings(text), ["C020"]);
    assert_eq!(config(text).analysis.record_level, Level(5));
    let same = "<alerts><log_alert_level>3</log_alert_level><log_alert_level>3</log_alert_level></alerts>";
    assert_eq!(warnings(same), [""; 0]);
}

#[test]
fn the_mail_server_counts_even_above_the_switch() {
    let text = "<global><smtp_server>mail.example.org.</smtp_server><email_notification>yes</email_notification>
        <email_to>a@b.c</email_to><email_from>a@b.c</email_from></global>";
    assert_eq!(warnings(text), ["C034"]);
    let smtp =
        MailTransport::Smtp { host: "mail.example.org".into(), port: 25, tls: MailTls::Opportunistic, login: None };
    assert_eq!(config(text).mail.transport, smtp);
}

#[test]
fn login_and_tls_options_make_the_transport() {
    let text = "<global><auth_smtp>yes</auth_smtp><secure_smtp>yes</secure_smtp><smtp_tls_verify>no</smtp_tls_verify>
        <smtp_user>me</smtp_user><smtp_password> p&amp;\\<w </smtp_password><smtp_port>465</smtp_port></global>";
    let login = Some(("me".to_owned(), " p&amp;\\<w ".to_owned()));
    let smtp = MailTransport::Smtp { host: "localhost".into(), port: 465, tls: MailTls::RequiredUnverified, login };
    assert_eq!(config(text).mail.transport, smtp);
}

#[test]
fn a_password_that_everybody_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new(
        "<ossec_config><global><auth_smtp>yes</auth_smtp><secure_smtp>yes</secure_smtp><smtp_user>me</smtp_user><smtp_password>x</smtp_password></global></ossec_config>",
    );
    for (mode, expected) in [(0o644, &["C037"][..]), (0o640, &[])] {
        let path = folder.path().join("ossec.conf");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
        assert_eq!(codes(&folder.load().diagnostics, Severity::Warning), expected, "{mode:o}");
    }
}

#[test]
fn options_without_effect_are_named_once_each() {
    let loaded = load_sections(
        "<global><geoipdb>/x</geoipdb><geoipdb>/x</geoipdb><prelude_output>no</prelude_output><stats>8</stats></global>",
    );
    assert_eq!(codes(&loaded.diagnostics, Severity::Warning), ["C022", "C021"], "{}", rendered(&loaded.diagnostics));
}

#[test]
fn sections_not_acted_on_are_named_once_each() {
    let text = "<rootcheck><frequency>1</frequency></rootcheck><rootcheck><scanall>no</scanall></rootcheck>
        <syscheck><disabled>yes</disabled></syscheck><client><server-ip>192.0.2.1</server-ip></client>";
    assert_eq!(warnings(text), ["C021", "C021"]);
}

#[test]
fn white_list_entries_are_read_kindly() {
    let text = "<global><white_list>192.0.2.1, 198.51.100.0/255.255.255.0</white_list><white_list>::ffff:203.0.113.9</white_list>
        <white_list>10.1</white_list><white_list>host.example.org</white_list></global>";
    let respond = config(text).respond;
    for protected in ["192.0.2.1", "198.51.100.77", "203.0.113.9", "10.0.0.1"] {
        assert!(respond.protects(address(protected)), "{protected}");
    }
    assert!(!respond.protects(address("192.0.2.2")));
    assert_eq!(respond.never_block_names, ["host.example.org"]);
    assert_eq!(warnings(text), ["C033", "C015", "C015", "C033"]);
}

#[test]
fn the_first_entry_of_a_white_list_that_fits_decides() {
    let respond =
        config("<global><white_list>!10.0.0.1</white_list><white_list>10.0.0.0/8</white_list></global>").respond;
    assert!(!respond.protects(address("10.0.0.1")));
    assert!(respond.protects(address("10.0.0.2")));
    assert!(!respond.protects(address("11.0.0.1")));
}

#[test]
fn a_white_list_that_ends_with_an_exception_protects_the_rest() {
    let respond =
        config("<global><white_list>10.0.0.0/8</white_list><white_list>!11.0.0.1</white_list></global>").respond;
    assert!(respond.protects(address("12.0.0.1")) && respond.protects(address("2001:db8::1")));
    assert!(!respond.protects(address("11.0.0.1")));
}

#[test]
fn a_white_list_of_everything_is_warned_of() {
    for everything in ["any", "0.0.0.0/0"] {
        assert_eq!(warnings(&format!("<global><white_list>{everything}</white_list></global>")), ["C033"]);
    }
}

#[test]
fn a_native_block_honours_its_timeout_whatever_the_command_allows() {
    let text = response("<level>7</level><timeout>60</timeout>").replace("<timeout_allowed>yes", "<timeout_allowed>no");
    assert_eq!(config(&text).respond.responses[0].timeout, Some(Duration::from_secs(60)));
    assert!(codes(&load_sections(&text).diagnostics, Severity::Note).contains(&"C084"));
}

#[test]
fn a_program_without_undo_cannot_have_a_timeout() {
    let text = response("<level>7</level><timeout>60</timeout>")
        .replace("firewall-drop.sh", "mine")
        .replace("<timeout_allowed>yes", "<timeout_allowed>no");
    assert!(errors(&text).contains(&"C084"));
}

#[test]
fn each_address_blocking_script_is_done_natively() {
    for name in
        ["firewall-drop", "firewall-drop.sh", "nftables-drop.sh", "firewalld-drop", "host-deny.sh", "route-null"]
    {
        let text = response("<rules_id>5712, 5720</rules_id><timeout>60</timeout>").replace("firewall-drop.sh", name);
        let responses = config(&text).respond.responses;
        assert_eq!(responses[0].kind, ResponseKind::Block, "{name}");
        assert_eq!(responses[0].rules, [RuleId(5712), RuleId(5720)]);
        assert!(responses[0].executable.ends_with(format!("active-response/bin/{name}")));
    }
}

#[test]
fn a_program_is_used_if_it_is_there_and_may_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let text =
        format!("<ossec_config>{}</ossec_config>", response("<level>7</level>").replace("firewall-drop.sh", "mine.sh"));
    let folder = Folder::new(&text);
    let loaded = folder.load();
    assert_eq!(codes(&loaded.diagnostics, Severity::Warning), ["C089"]);
    assert!(loaded.config.expect("no errors").respond.responses.is_empty());
    folder.add("active-response/bin/mine.sh", "#!/bin/sh\n");
    let path = folder.path().join("active-response/bin/mine.sh");
    for (mode, what) in [(0o777, "writable by everybody"), (0o644, "not executable")] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("permissions");
        assert_eq!(codes(&folder.load().diagnostics, Severity::Warning), ["C089"], "{what}");
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    let loaded = folder.load();
    assert_eq!(loaded.config.expect("no errors").respond.responses[0].kind, ResponseKind::Program(path));
}

#[test]
fn locations_of_a_stand_alone_host_act_here() {
    for (location, acts) in [("local", true), ("server", true), ("all", true), ("ANY", true), ("Local", true)] {
        let text = response("<level>7</level>").replace(">local<", &format!(">{location}<"));
        assert_eq!(config(&text).respond.responses.len(), usize::from(acts), "{location}");
    }
    let text = response("<level>7</level><agent_id>001</agent_id>").replace(">local<", ">defined-agent<");
    assert!(config(&text).respond.responses.is_empty());
    assert!(warnings(&text).contains(&"C083"));
}

#[test]
fn a_disabled_response_alone_is_left_out() {
    let off = "<active-response><disabled>yes</disabled><command>unknown</command></active-response>";
    let text = format!("{}{off}", response("<disabled>no</disabled><level>7</level><timeout>9</timeout>"));
    let respond = config(&text).respond;
    assert_eq!((respond.disabled, respond.responses.len()), (false, 1));
    assert_eq!(warnings(&text), ["C090"]);
}

#[test]
fn the_first_disabled_of_the_file_switches_everything_off() {
    let text = response("<disabled>yes</disabled><level>7</level><timeout>9</timeout>")
        + "<active-response><command>drop</command><location>local</location><level>9</level><timeout>9</timeout></active-response>";
    assert!(config(&text).respond.disabled);
    assert_eq!(warnings(&text), ["C090"]);
    assert!(config("<active-response><disabled>yes</disabled></active-response>").respond.disabled);
}

#[test]
fn a_command_below_its_response_is_found() {
    let text = format!(
        "<active-response><command>drop</command><location>local</location><level>7</level><timeout>9</timeout></active-response>{DROP}"
    );
    assert_eq!(warnings(&text), ["C081"]);
    assert_eq!(config(&text).respond.responses.len(), 1);
}

#[test]
fn careless_blocks_are_warned_of() {
    assert_eq!(warnings(&response("<level>7</level>")), ["C087"], "never lifted");
    assert_eq!(warnings(&response("<level>5</level><timeout>9</timeout>")), ["C088"], "low level");
    assert_eq!(warnings(&response("<timeout>9</timeout>")), ["C085"], "bound to nothing");
    let no_address = response("<level>7</level><timeout>9</timeout>").replace("<expect>srcip</expect>", "<expect/>");
    assert_eq!(warnings(&no_address), ["C074"], "no address");
    let loaded = load_sections(&response("<level>7</level><timeout>9</timeout>"));
    assert!(codes(&loaded.diagnostics, Severity::Note).contains(&"C036"), "no white_list");
}

#[test]
fn repeated_offenders_are_minutes_of_the_first_element() {
    let text = response("<level>7</level><timeout>9</timeout><repeated_offenders>30, 60,0,90</repeated_offenders>")
        + "<active-response><repeated_offenders>1</repeated_offenders></active-response>";
    assert_eq!(config(&text).respond.repeated_offenders, [Duration::from_secs(1800), Duration::from_secs(3600)]);
    assert_eq!(warnings(&text), ["C091", "C091"]);
}

#[test]
fn a_command_source_has_its_alias_and_time() {
    let text = "<localfile><log_format>full_command</log_format><command>netstat -tan | grep 'a:b'</command><alias>ports: open</alias>
        <frequency>hourly</frequency></localfile>";
    let expected = LogInput::Command {
        command_line: "netstat -tan | grep 'a:b'".into(),
        alias: "ports\\ open".into(),
        every: Duration::from_secs(3600),
        output: CommandOutput::Whole,
    };
    assert_eq!(config(text).collect[0].input, expected);
}

#[test]
fn log_formats_are_told_apart() {
    for (format, expected) in [
        ("snort-full", LogFormat::SnortFull),
        ("multi-line:3", LogFormat::MultiLine(3)),
        ("multi-line : 3", LogFormat::MultiLine(3)),
        ("multi-line_indented", LogFormat::MultiLineIndented),
        ("audit", LogFormat::Audit),
        ("iis", LogFormat::Line),
        ("journald", LogFormat::Journald),
    ] {
        let text = format!("<localfile><Log_Format>{format}</Log_Format><location>/a</location></localfile>");
        let found = load_sections(&text);
        let source = found.config.as_ref().and_then(|config| config.collect.first()).map(|source| source.format);
        // A path is no journal identifier.
        let wanted = (format != "journald").then_some(expected);
        assert_eq!(source, wanted, "{format} {}", rendered(&found.diagnostics));
    }
}

#[test]
fn the_journal_is_read_whole_or_by_program() {
    for (location, identifier, warned) in
        [("all", None, 0), ("sshd", Some("sshd".to_owned()), 0), ("journald", None, 1)]
    {
        let text = format!("<localfile><log_format>journald</log_format><location>{location}</location></localfile>");
        let selection = JournalSelection { identifier, conditions: Vec::new() };
        let input = LogInput::Journal { selections: vec![selection], trusted: Vec::new() };
        assert_eq!(config(&text).collect[0].input, input);
        assert_eq!(warnings(&text).len(), warned, "{location}");
    }
}

// C19
#[test]
fn the_journal_is_narrowed_by_fields_and_units_and_read_once_by_any_number_of_sections() {
    let section = |inside: &str| {
        format!("<localfile><log_format>journald</log_format><location>all</location>{inside}</localfile>")
    };
    let two = section(
        r#"<filter field="_SYSTEMD_UNIT">^ssh</filter><filter field="PRIORITY" ignore_if_missing="yes">[0-6]</filter>"#,
    ) + &section("<unit>nginx</unit><unit>ssh.socket</unit>");
    let sources = config(&two).collect;
    let condition =
        |field: &str, ignore_if_missing, test| FieldCondition { field: field.into(), ignore_if_missing, test };
    let filtered = JournalSelection {
        identifier: None,
        conditions: vec![
            condition("_SYSTEMD_UNIT", false, FieldTest::Pattern("^ssh".into())),
            condition("PRIORITY", true, FieldTest::Pattern("[0-6]".into())),
        ],
    };
    let units = FieldTest::OneOf(vec!["nginx.service".into(), "ssh.socket".into()]);
    let of_units = JournalSelection { identifier: None, conditions: vec![condition("_SYSTEMD_UNIT", false, units)] };
    assert_eq!(sources.len(), 1);
    assert_eq!(sources[0].input, LogInput::Journal { selections: vec![filtered, of_units], trusted: Vec::new() });
    assert!(warnings(&two).is_empty());
    // One section that takes everything makes the others superfluous; the same one twice is named.
    let all_and_one = section("<unit>nginx</unit>") + &section("");
    let everything = LogInput::Journal { selections: vec![JournalSelection::default()], trusted: Vec::new() };
    assert_eq!(config(&all_and_one).collect[0].input, everything);
    assert_eq!(warnings(&all_and_one), ["C137"]);
    assert_eq!(warnings(&section("").repeat(2)), ["C063"]);
    for (inside, code) in [
        ("<filter>x</filter>", "C116"),
        (r#"<filter field="unit">x</filter>"#, "C116"),
        (r#"<filter field="_EXE" ignore_if_missing="maybe">x</filter>"#, "C116"),
        (r#"<filter field="_EXE">(</filter>"#, "C116"),
    ] {
        assert_eq!(errors(&section(inside)), [code], "{inside}");
    }
    let file = r#"<localfile><log_format>syslog</log_format><location>/x</location><unit>ssh</unit></localfile>"#;
    assert_eq!(warnings(file), ["C119"]);
}

// H5
#[test]
fn a_trusted_sender_is_named_by_more_than_its_identifier() {
    let section = |trusted: &str| {
        format!("<localfile><log_format>journald</log_format><location>all</location>{trusted}</localfile>")
    };
    for (trusted, identifier, user, by) in [
        (r#"<trusted unit="app">app</trusted>"#, Some("app"), "root", TrustedBy::Unit("app.service".into())),
        (
            r#"<trusted executable="/opt/app" user="0">app</trusted>"#,
            Some("app"),
            "0",
            TrustedBy::Executable("/opt/app".into()),
        ),
        (r#"<trusted container="web">*</trusted>"#, None, "root", TrustedBy::Container("web".into())),
    ] {
        let LogInput::Journal { trusted, .. } = config(&section(trusted)).collect.remove(0).input else { panic!() };
        let identifier = identifier.map(str::to_owned);
        assert_eq!(trusted, [TrustedConfig { identifier, user: user.into(), by }]);
    }
    for trusted in [
        "<trusted>app</trusted>",
        r#"<trusted user="root">app</trusted>"#,
        r#"<trusted executable="app">app</trusted>"#,
        r#"<trusted unit="app" container="web">app</trusted>"#,
    ] {
        assert_eq!(errors(&section(trusted)), ["C118"], "{trusted}");
    }
    assert_eq!(warnings(&section(r#"<trusted unit="app" user="nobody-of-that-name">app</trusted>"#)), ["C135"]);
}

#[test]
fn sources_that_cannot_be_read_here_are_named_and_left_out() {
    for (inside, code) in [
        ("<log_format>eventlog</log_format><location>Security</location>", "C064"),
        ("<log_format>command</log_format><location>/x</location>", "C062"),
        ("<log_format>syslog</log_format><command>/x</command>", "C062"),
        ("<log_format>command</log_format><command>for x in *; do cat $x; done</command>", "C068"),
        // M4
        ("<log_format>syslog</log_format><location>/proc/kmsg</location>", "C111"),
    ] {
        assert_eq!(warnings(&format!("<localfile>{inside}</localfile>")), [code]);
    }
    let twice = "<localfile><log_format>syslog</log_format><location>/x</location></localfile>";
    assert_eq!(warnings(&twice.repeat(2)), ["C063"]);
    assert_eq!(config(&twice.repeat(2)).collect.len(), 1);
}

#[test]
fn granular_mail_options_are_on_when_they_are_there() {
    let text = "<email_alerts><email_to>a@b.c.</email_to><rule_id>1,2</rule_id><rule_id>3</rule_id><do_not_delay>no</do_not_delay></email_alerts>";
    let mail = config(text).mail.granular.remove(0);
    assert_eq!((mail.to.as_str(), mail.rules.len(), mail.do_not_delay, mail.do_not_group), ("a@b.c", 3, true, false));
    assert_eq!(warnings(text), ["C096", "C096"]);
}

#[test]
fn syslog_output_over_tls_is_tcp() {
    let output =
        config("<syslog_output><server>log.example.org</server><tls>yes</tls><level>5</level></syslog_output>")
            .syslog_outputs
            .remove(0);
    assert!(output.tcp && output.tls && output.tls_verify);
    assert_eq!((output.port, output.level), (514, Some(Level(5))));
}

fn mail_by(server: &str) -> String {
    format!(
        "<global><email_notification>yes</email_notification><email_to>a@b.c</email_to><email_from>a@b.c</email_from>
        <smtp_server>{server}</smtp_server></global>"
    )
}

// C11
#[test]
fn a_mail_program_has_arguments_and_no_shell() {
    let root = tempfile::tempdir().expect("tempdir");
    let path = root.path().join("sendmail");
    std::fs::write(&path, "").expect("written");
    let program = path.display().to_string();
    for (arguments, words, expected) in [
        (" -t", &["-t"][..], &[][..]),
        (" -t  -a 'my account'", &["-t", "-a", "my account"], &[]),
        ("", &["-t", "-i"], &[]),
        (" -i root@example.org", &["-i", "root@example.org"], &["C105"]),
    ] {
        let text = mail_by(&format!("{program}{arguments}"));
        assert_eq!(warnings(&text), expected, "{arguments}");
        let arguments = words.iter().map(|&word| word.to_owned()).collect();
        let wanted = MailTransport::Program(MailProgram { path: path.clone(), arguments });
        assert_eq!(config(&text).mail.transport, wanted);
    }
    for shell in [" -t | tee /tmp/x", " -t; id", " $(id)", " -F 'x", " -t &amp;", " -t > /dev/null"] {
        assert_eq!(errors(&mail_by(&format!("{program}{shell}"))), ["C104"], "{shell}");
    }
    assert_eq!(errors(&mail_by("/nowhere/sendmail -t")), ["C018"]);
}

// C15, C16
#[test]
fn patterns_that_hardly_do_what_they_are_meant_to_are_warned_of() {
    let ignore = |pattern: &str| format!("<syscheck><ignore type=\"sregex\">{pattern}</ignore></syscheck>");
    let mail =
        |option: &str| format!("{}<email_alerts><email_to>c@b.c</email_to>{option}</email_alerts>", mail_by("h"));
    let response = |group: &str| {
        format!(
            "<command><name>x</name><executable>firewall-drop</executable><expect>srcip</expect></command>
            <active-response><command>x</command><location>local</location><timeout>600</timeout>
            <rules_group>{group}</rules_group></active-response>"
        )
    };
    let cases = [
        ("<syscheck><directories restrict=\"*.php\">/var/www</directories></syscheck>".to_owned(), "P014"),
        (ignore("$.log"), "P010"),
        (ignore(r"\.tpl$"), "P014"),
        (ignore("^/var/lib/.*.db$"), "P014"),
        ("<syscheck><nodiff type=\"sregex\">*.key</nodiff></syscheck>".to_owned(), "P014"),
        (ignore(".log$|"), "C106"),
        (ignore("|.log$"), "C106"),
        (ignore(".log$||.tmp$"), "C106"),
        (ignore("^"), "C106"),
        (ignore(".log$|a^b"), "P011"),
        (mail("<group>authentication_.*</group>"), "P014"),
        (mail("<event_location>^web*</event_location>"), "P014"),
        (mail("<do_not_delay />"), "C107"),
        (mail("<do_not_group />"), "C107"),
        (r"<syslog_output><server>192.0.2.1</server><location>\.log$</location></syslog_output>".to_owned(), "P014"),
        (response("authentication_failures,.*sshd"), "P014"),
        (response("*sshd"), "P014"),
    ];
    for (text, code) in cases {
        let found = warnings(&text);
        assert!(found.contains(&code), "{code} is not in {found:?}: {text}");
    }
    let good = [
        ignore(".log$|.swp$"),
        ignore("^/var/lib/x|~$"),
        mail("<group>authentication_failed|sshd,</group><event_location>/var/log/auth.log$</event_location>"),
        response(r"authentication_failures,|^sshd\.*"),
    ];
    for text in good {
        let found = warnings(&text);
        assert!(
            !found.iter().any(|code| code.starts_with('P') || ["C106", "C107"].contains(code)),
            "{found:?}: {text}"
        );
    }
}

// Item 19: a relative path is named with what it means.
#[test]
fn a_relative_location_is_warned_of_with_the_path_that_it_means() {
    let source =
        |path: &str| format!("<localfile><log_format>syslog</log_format><location>{path}</location></localfile>");
    for path in ["logs/app.log", "var/log/*.log", "./x", "a-%Y.log"] {
        let folder = Folder::new(&format!("<ossec_config>{}</ossec_config>", source(path)));
        let loaded = folder.load();
        assert_eq!(codes(&loaded.diagnostics, Severity::Warning), ["C140"], "{path}");
        let text = rendered(&loaded.diagnostics);
        assert!(text.contains(&folder.path().join(path).display().to_string()), "{text}");
    }
    assert_eq!(warnings(&source("/var/log/app.log")), [""; 0]);
}

// Item 19: the white list that installers of OSSEC's relatives write.
#[test]
fn a_host_name_in_anchors_is_a_host_name() {
    let text = |entry: &str| format!("<global><white_list>{entry}</white_list></global>");
    assert_eq!(warnings(&text("^localhost.localdomain$")), ["C033"]);
    assert_eq!(errors(&text("^localhost.localdomain$")), [""; 0]);
    for bad in ["^", "^$", "^a b$c$", "!^localhost$"] {
        assert_ne!(errors(&text(bad)), [""; 0], "{bad}");
    }
}
