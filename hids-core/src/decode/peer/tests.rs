use std::sync::Arc;

use crate::diag::{Diagnostic, SourceFile};
use crate::engine::{Engine, EngineOptions, RulesetSources};
use crate::model::{Channel, EventRef, LogSource, Timestamp};

const RULES: &str = r#"<group name="syslog,"><rule id="1" level="0" noalert="1"><category>syslog</category><description>x</description></rule></group>"#;

fn sources(decoders: &str) -> RulesetSources {
    let decoders = format!(
        "<decoder name=\"other\"><prematch>^zzz</prematch></decoder><decoder name=\"app\"><program_name>^app</program_name></decoder>{decoders}"
    );
    RulesetSources {
        decoders: vec![SourceFile::new("decoders", decoders)],
        rules: vec![SourceFile::new("rules", RULES)],
        lists: Vec::new(),
    }
}

fn child(patterns: &str) -> String {
    format!("<decoder name=\"app-login\"><parent>app</parent>{patterns}</decoder>")
}

/// The codes of what is said of a decoder.
fn codes(decoders: &str) -> Vec<&'static str> {
    let found = super::lint(&sources(decoders).decoders, true);
    found.iter().map(|diagnostic: &Diagnostic| diagnostic.code).collect()
}

fn source_ip(decoders: &str, message: &str) -> Option<String> {
    let (engine, problems) = Engine::compile(&sources(decoders), EngineOptions::default());
    let mut engine = engine.unwrap_or_else(|| panic!("{problems:?}"));
    let source = Arc::new(LogSource { location: "log".into(), channel: Channel::Log });
    let line = format!("Oct 11 22:14:15 h app[1]: {message}");
    let now = Timestamp::from_unix_seconds(0);
    let event = EventRef { source: &source, received: now, line: line.as_bytes(), notice: None };
    engine.process(event, now).source_ip().map(|value| String::from_utf8_lossy(value).into_owned())
}

/// H3: what the lint names, and what it leaves alone.
#[test]
fn address_behind_a_clients_words_is_named() {
    for loose in [
        r"<regex>from (\S+)</regex><order>srcip</order>",
        r"<regex>^Login of (\S+) from (\S+)</regex><order>user, srcip</order>",
        r"<regex>^Login of (\w+) from (\d+.\d+.\d+.\d+) port</regex><order>user, srcip</order>",
        r"<regex>^Login of \S+ from (\S+)</regex><order>srcip</order>",
        r"<regex>^\.+ from (\S+)</regex><order>srcip</order>",
        r"<pcre2>^Login of .* from ([0-9.]+) port</pcre2><order>srcip</order>",
        r"<pcre2>^Login of (.*) from ([0-9.]+) (.*)$</pcre2><order>user, srcip, data</order>",
        r"<pcre2>^denied ([0-9.]+)|from ([0-9.]+)</pcre2><order>srcip</order>",
        r#"<prematch>failed</prematch><regex offset="after_prematch">^ from (\S+)</regex><order>srcip</order>"#,
        r#"<prematch>^failed \S+</prematch><regex offset="after_prematch">^ from (\S+)</regex><order>srcip</order>"#,
        r#"<prematch>^failed</prematch><regex offset="after_prematch">from (\S+)</regex><order>srcip</order>"#,
        r"<pcre2>(?=.*from) ([0-9.]+)</pcre2><order>srcip</order>",
    ] {
        assert_eq!(codes(&child(loose)), ["D035"], "{loose}");
    }
    for pinned in [
        r"<regex>^refused connect from (\S+)</regex><order>srcip</order>",
        r"<regex>^Login of (\.+) from (\S+)$</regex><order>user, srcip</order>",
        r"<regex>from (\S+) port (\d+)$</regex><order>srcip, srcport</order>",
        r"<pcre2>^Login of (.*) from ([0-9a-f.:]+) port (\d+)$</pcre2><order>user, srcip, srcport</order>",
        r"<pcre2>^client ([0-9a-f.:]+) asked for (.*)</pcre2><order>srcip, url</order>",
        r#"<prematch>^failed</prematch><regex offset="after_prematch">^ from (\S+)</regex><order>srcip</order>"#,
        r#"<prematch offset="after_parent">^failed</prematch><regex offset="after_prematch">^ from (\S+) for (\S+)</regex><order>srcip, user</order>"#,
        r"<regex>user (\S+) on (\S+)</regex><order>user, url</order>",
    ] {
        assert_eq!(codes(&child(pinned)), [] as [&str; 0], "{pinned}");
    }
}

#[test]
fn many_loose_decoders_of_a_file_are_named_together() {
    let each = |number| {
        format!(
            "<decoder name=\"app-{number}\"><parent>app</parent><prematch>^{number}</prematch><regex>from (\\S+)</regex><order>srcip</order></decoder>"
        )
    };
    let many: String = (0..9).map(each).collect();
    let found = super::lint(&sources(&many).decoders, true);
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("9 decoders") && found[0].message.contains("app-8"), "{}", found[0].message);
}

/// H3: two readings give no address, one reading gives it.
#[test]
fn loose_decoder_believes_only_one_reading() {
    let from = child(r"<regex>from (\S+)</regex><order>srcip</order>");
    let login = child(r"<regex>^Login of (\S+) from (\S+)</regex><order>user, srcip</order>");
    let last = child(r"<pcre2>^.* from ([0-9.]+)</pcre2><order>srcip</order>");
    let bare = child(r"<pcre2>(\d+\.\d+\.\d+\.\d+)</pcre2><order>srcip</order>");
    for (decoder, message, expected) in [
        (&from, "login of ann failed from 192.0.2.1", Some("192.0.2.1")),
        (&from, "login of ann from 198.18.0.7 failed from 203.0.113.9", None),
        (&from, "login of ann failed from 192.0.2.1 to 192.0.2.250", Some("192.0.2.1")),
        (&from, "login failed from 192.0.2.1 (again from 192.0.2.1)", Some("192.0.2.1")),
        (&login, "Login of ann from 192.0.2.1", Some("192.0.2.1")),
        (&login, "Login of x from 198.18.0.7 from 203.0.113.9", None),
        (&login, "Login of x from 2001:db8::7 from 2001:db8::9", None),
        (&last, "Login of x from 203.0.113.9 as a from 198.18.0.7", None),
        (&bare, "user ann, peer 192.0.2.1", Some("192.0.2.1")),
        (&bare, "user 198.18.0.7, peer 203.0.113.9", None),
    ] {
        assert_eq!(source_ip(decoder, message).as_deref(), expected, "{message}");
    }
}

#[test]
fn pinned_decoder_may_name_two_addresses() {
    let decoder = child(r"<regex>^peer from (\S+) asks from (\S+)</regex><order>srcip, dstip</order>");
    assert_eq!(source_ip(&decoder, "peer from 192.0.2.1 asks from 192.0.2.2").as_deref(), Some("192.0.2.1"));
}

/// H3: of OSSEC's own decoders the address is read by hardened ones, unless that is turned off.
#[test]
fn names_of_ossecs_decoders_choose_the_hardened_ones() {
    let decoders = r#"<decoder name="sshd"><program_name>^sshd</program_name></decoder>
<decoder name="ssh-failed"><parent>sshd</parent><prematch>^Failed</prematch><regex offset="after_prematch">from (\S+)</regex><order>srcip</order></decoder>"#;
    assert_eq!(codes(decoders), ["D036"]);
    let off: Vec<_> = super::lint(&sources(decoders).decoders, false).iter().map(|found| found.code).collect();
    assert_eq!(off, ["D035", "D037"]);
}

#[test]
fn words_of_the_pattern_of_access_logs_compile() {
    use super::two_ways::AccessLog;
    let mut captures = crate::pattern::Captures::default();
    let line = br#"x 198.18.0.7 y 203.0.113.9 - - [11/Oct/2026:22:14:15 +0000] "GET / HTTP/1.1" 400 1"#;
    assert!(AccessLog::new().has_other_client(line, b"198.18.0.7", &mut captures));
    let line = br#"203.0.113.9 - ann [11/Oct/2026:22:14:15 +0000] "GET / HTTP/1.1" 400 1"#;
    assert!(!AccessLog::new().has_other_client(line, b"203.0.113.9", &mut captures));
}
