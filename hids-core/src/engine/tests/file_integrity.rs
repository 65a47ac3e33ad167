//! News of file integrity under the rules of a configuration.

use super::*;
use crate::fim::{self, Checks, TextStyle};
use crate::model::{
    ChangeKind, FieldName, FileChange, FileNotice, FileState, FimEvent, Gap, GapCause, LogBatch, Operations,
};

const ROOT: &str = r#"<group name="ossec,"><rule id="7" level="0" noalert="1"><category>ossec</category><description>root</description></rule></group>"#;
/// OSSEC's ids and levels.
const CHANGES: &str = r#"<group name="ossec,">
<rule id="550" level="7"><category>ossec</category><decoded_as>syscheck_integrity_changed</decoded_as><description>x</description></rule>
<rule id="551" level="7"><category>ossec</category><decoded_as>syscheck_integrity_changed_2nd</decoded_as><description>x</description></rule>
<rule id="552" level="7"><category>ossec</category><decoded_as>syscheck_integrity_changed_3rd</decoded_as><description>x</description></rule>
<rule id="553" level="7"><category>ossec</category><decoded_as>syscheck_deleted</decoded_as><description>x</description></rule>
<rule id="554" level="5"><category>ossec</category><decoded_as>syscheck_new_entry</decoded_as><description>x</description></rule>
<rule id="100" level="9"><if_sid>550</if_sid><match>'/etc/passwd'</match><description>x</description></rule>
</group>"#;

fn sources(rules: &[&str]) -> RulesetSources {
    RulesetSources {
        decoders: vec![SourceFile::new("decoder.xml", DECODERS)],
        rules: rules.iter().map(|text| SourceFile::new("rules.xml", *text)).collect(),
        lists: Vec::new(),
    }
}

fn compile(rules: &[&str], options: EngineOptions) -> Engine {
    let (engine, problems) = Engine::compile(&sources(rules), options);
    engine.unwrap_or_else(|| panic!("{problems:?}"))
}

fn change(path: &str, kind: ChangeKind, count: u32) -> FimEvent {
    let state = |size_bytes| Some(Box::new(FileState { size_bytes, ..FileState::default() }));
    let (old, new) = (state(1), state(2));
    let path = path.as_bytes().to_vec();
    FimEvent::Change(Box::new(FileChange {
        path,
        kind,
        old,
        new,
        count,
        who: Vec::new(),
        operations: Operations::NONE,
        diff: None,
    }))
}

fn gap(closed: bool) -> FimEvent {
    let time = Timestamp::from_unix_seconds(5);
    let closed = closed.then_some(time);
    FimEvent::Gap(Gap { subtree: b"/etc".to_vec(), cause: GapCause::DaemonDown, opened: time, closed, found: 0 })
}

/// A batch as the daemon makes it.
fn batch(news: Vec<FimEvent>, strict: bool) -> LogBatch {
    let source = Arc::new(LogSource { location: "syscheck".into(), channel: Channel::Syscheck });
    let mut batch = LogBatch::new(source, Timestamp::from_unix_seconds(9));
    for (index, news) in news.into_iter().enumerate() {
        let text = fim::text(&news, TextStyle { checks: Checks::all(true), strict });
        let notice = FileNotice { sequence: index as u64 + 1, time: batch.received, alerted: true, news };
        batch.push_notice(&text, Arc::new(notice));
    }
    batch
}

fn ids(engine: &mut Engine, batch: &LogBatch) -> Vec<Option<u32>> {
    batch.events().map(|event| engine.process(event, event.received).rule().map(|rule| rule.id.0)).collect()
}

#[test]
fn changes_fire_ossecs_rules_in_both_modes() {
    use ChangeKind::{Added, Deleted, Modified, Readded};
    for strict_ossec in [false, true] {
        for strict_program in [OssecProgram::Logtest, OssecProgram::Daemon] {
            let options = EngineOptions { strict_ossec, strict_program, ..EngineOptions::default() };
            let mut engine = compile(&[ROOT, CHANGES], options.clone());
            let news =
                [(Modified, 1), (Modified, 2), (Modified, 3), (Modified, 9), (Deleted, 2), (Added, 1), (Readded, 3)];
            let batch = batch(news.map(|(kind, count)| change("/etc/x", kind, count)).into(), strict_ossec);
            let wanted = [550, 551, 552, 552, 553, 554, 554].map(Some);
            assert_eq!(ids(&mut engine, &batch), wanted, "{options:?}");
            // Equal ones are no repeated lines.
            assert_eq!(ids(&mut engine, &batch), wanted, "{options:?}");
        }
    }
}

#[test]
fn without_auto_ignore_every_change_is_the_first() {
    let mut engine = compile(&[ROOT, CHANGES], EngineOptions { counts_changes: false, ..EngineOptions::default() });
    let batch =
        batch(vec![change("/etc/x", ChangeKind::Modified, 2), change("/etc/passwd", ChangeKind::Modified, 3)], false);
    assert_eq!(ids(&mut engine, &batch), [Some(550), Some(100)]);
}

#[test]
fn an_alert_carries_path_lines_and_the_notice() {
    let mut engine =
        compile(&[ROOT, CHANGES], EngineOptions { default_hostname: b"web1".to_vec(), ..EngineOptions::default() });
    // A name that looks like a header of syslog, with a line end in it.
    let path = "/etc/a\nOct 11 22:14:15 evil sshd[1]: x";
    let batch = batch(vec![change(path, ChangeKind::Modified, 1)], false);
    let event = batch.events().next().unwrap();
    let outcome = engine.process(event, event.received);
    let id = AlertId { epoch_seconds: 9, sequence: 1 };
    let (alert, view) = (outcome.to_alert(id).unwrap(), outcome.view(id).unwrap());
    assert_eq!(alert.fields.value(&FieldName::FileName), Some(path.as_bytes()));
    assert_eq!((alert.hostname.as_slice(), alert.program_name.as_deref(), alert.log_offset), (&b"web1"[..], None, 0));
    assert_eq!(alert.full_log, batch.bytes);
    assert!(alert.full_log.starts_with(b"Integrity checksum changed for: '/etc/a\\nOct 11"));
    assert!(Arc::ptr_eq(alert.notice.as_ref().unwrap(), &batch.notices[0]) && view.notice == alert.notice.as_deref());
    assert_eq!(&*alert.decoder.unwrap().name, "syscheck_integrity_changed");
}

#[test]
fn what_ossec_does_not_tell_has_rules_under_any_rule_set() {
    let rules_of = |rules: &[&str], news: Vec<FimEvent>| {
        let mut engine = compile(rules, EngineOptions::default());
        ids(&mut engine, &batch(news, false))
    };
    assert_eq!(rules_of(&[ROOT], vec![gap(false), gap(true)]), [Some(99100), Some(99101)]);
    // A rule of the administrator's with that id is the rule; one that overwrites changes it.
    let own = r#"<group name="local,"><rule id="99100" level="3"><category>ossec</category><decoded_as>syscheck_gap</decoded_as><description>own</description></rule></group>"#;
    let changed = own.replace("level=\"3\"", "level=\"2\" overwrite=\"yes\"");
    for (text, level) in [(own, 3), (changed.as_str(), 2)] {
        let engine = compile(&[ROOT, text], EngineOptions::default());
        let found: Vec<u16> = engine.rules().filter(|rule| rule.id == RuleId(99100)).map(|rule| rule.level.0).collect();
        assert_eq!(found, [level]);
    }
    let below = r#"<group name="local,"><rule id="101" level="0"><if_sid>99101</if_sid><description>x</description></rule></group>"#;
    assert_eq!(rules_of(&[ROOT, below], vec![gap(true)]), [Some(101)]);
    // Without a root for events of our own there can be no rule.
    assert_eq!(rules_of(&[super::ROOTS], vec![gap(false)]), [None]);
}

#[test]
fn a_log_line_cannot_pass_for_news() {
    let mut engine = compile(&[super::ROOTS, ROOT, CHANGES], EngineOptions::default());
    let source = source();
    let now = Timestamp::from_unix_seconds(9);
    for line in [
        "Integrity checksum changed for: '/etc/passwd'",
        "File '/etc/passwd' was deleted. Unable to retrieve checksum.",
    ] {
        let event = EventRef { source: &source, received: now, line: line.as_bytes(), notice: None };
        assert_eq!(engine.process(event, now).rule().map(|rule| rule.id.0), None, "{line}");
    }
}
