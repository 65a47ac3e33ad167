//! H5: lines whose sender is not confirmed alert, and neither help nor hinder what confirmed lines do.

use std::sync::Arc;

use super::*;
use crate::model::{Doubt, UntrustedSender};

fn forger() -> Arc<UntrustedSender> {
    Arc::new(UntrustedSender {
        doubt: Doubt::OtherUser,
        uid: Some(33),
        executable: Some(b"/usr/bin/logger".to_vec()),
        unit: Some(b"apache2.service".to_vec()),
    })
}

/// The rule, whether it was recorded, and whether the alert says that its sender is not confirmed.
fn forged(engine: &mut Engine, message: &str, second: i64) -> (Option<u32>, bool) {
    let line = format!("Oct 11 22:14:15 web1 demo[7]: {message}");
    let now = Timestamp::from_unix_seconds(second);
    let (source, sender) = (source(), forger());
    let event = EventRef { source: &source, received: now, line: line.as_bytes(), notice: None };
    let outcome = engine.process_untrusted(event, &sender, now);
    let alert = outcome.to_alert(AlertId { epoch_seconds: 0, sequence: 1 });
    assert!(alert.is_none_or(|alert| alert.untrusted == Some(forger())));
    (outcome.rule().map(|rule| rule.id.0), outcome.is_recorded())
}

#[test]
fn forged_lines_do_not_count_for_confirmed_ones() {
    let mut engine = engine(GUESSING, false);
    assert_eq!(
        [0, 1, 2].map(|second| forged(&mut engine, "fail 192.0.2.1", second).0),
        [Some(100), Some(100), Some(110)]
    );
    // The address that was forged has failed once.
    assert_eq!(fired(&mut engine, "fail 192.0.2.1", 3).0, Some(100));
}

#[test]
fn forged_lines_do_not_start_the_count_of_a_real_attacker_anew() {
    let mut engine = engine(GUESSING, false);
    let mut answers = Vec::new();
    for second in 0..3 {
        for _ in 0..5 {
            forged(&mut engine, "fail 192.0.2.1", second);
        }
        answers.push(fired(&mut engine, "fail 192.0.2.1", second).0);
    }
    assert_eq!(answers, [Some(100), Some(100), Some(110)]);
}

#[test]
fn forged_lines_open_no_ignore_window_and_make_no_combination_known() {
    let rules = r#"<group name="local,">
<rule id="100" level="5" ignore="60"><decoded_as>demo</decoded_as><match>fail</match><description>one</description></rule>
<rule id="120" level="4"><decoded_as>demo</decoded_as><match>login</match><if_fts/><description>new</description></rule>
</group>"#;
    let decoders = DECODERS.replace(
        "</decoder>\n<decoder name=\"demo-f\">",
        "</decoder>\n<decoder name=\"demo-l\"><parent>demo</parent><prematch>^login</prematch>\
         <regex offset=\"after_prematch\"> (\\S+)</regex><order>user</order><fts>name,user</fts></decoder>\
         \n<decoder name=\"demo-f\">",
    );
    let sources = RulesetSources {
        decoders: vec![SourceFile::new("decoder.xml", decoders)],
        rules: vec![SourceFile::new("roots.xml", ROOTS), SourceFile::new("local_rules.xml", rules)],
        lists: Vec::new(),
    };
    let (engine, problems) = Engine::compile(&sources, EngineOptions::default());
    let mut engine = engine.unwrap_or_else(|| panic!("{problems:?}"));
    assert_eq!(forged(&mut engine, "fail 192.0.2.1", 0), (Some(100), true));
    assert_eq!(fired(&mut engine, "fail 192.0.2.1", 1), (Some(100), true));
    assert_eq!(fired(&mut engine, "fail 192.0.2.1", 2), (Some(100), false));
    assert_eq!(forged(&mut engine, "login alice", 3), (Some(120), true));
    assert_eq!(fired(&mut engine, "login alice", 4), (Some(120), true));
    assert_ne!(fired(&mut engine, "login alice", 5).0, Some(120));
    // Both are remembered over a restart.
    let saved = engine.state();
    let (restarted, _) = Engine::compile(&sources, EngineOptions::default());
    let mut restarted = restarted.expect("an engine");
    restarted.restore_state(&saved);
    assert_ne!(forged(&mut restarted, "login alice", 6).0, Some(120));
    assert_ne!(fired(&mut restarted, "login alice", 7).0, Some(120));
}

#[test]
fn the_strict_mode_believes_every_line_as_ossec_does() {
    let mut engine = engine(GUESSING, true);
    let line = b"Oct 11 22:14:15 web1 demo[7]: fail 192.0.2.1";
    let (source, sender, now) = (source(), forger(), Timestamp::from_unix_seconds(0));
    let event = EventRef { source: &source, received: now, line, notice: None };
    for _ in 0..2 {
        assert!(engine.process_untrusted(event, &sender, now).untrusted().is_none());
    }
    assert_eq!(fired(&mut engine, "fail 192.0.2.1", 0).0, Some(110));
}
