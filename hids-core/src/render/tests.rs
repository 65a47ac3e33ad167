use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::escape::{dangerous_samples, is_dangerous};
use crate::fim::{self, Checks, TextStyle, samples};
use crate::model::*;

fn alert(full_log: &[u8]) -> Alert {
    let fields = [
        (FieldName::SrcIp, "10.1.2.3"),
        (FieldName::SrcPort, "4022"),
        (FieldName::DstIp, "192.0.2.1"),
        (FieldName::DstPort, "22"),
        (FieldName::DstUser, "bob"),
    ];
    Alert {
        id: AlertId { epoch_seconds: 1_795_558_167, sequence: 15 },
        time: Timestamp::from_unix_seconds(1_795_558_167),
        rule: Arc::new(RuleFacts {
            id: RuleId(5710),
            level: Level(5),
            description: "Attempt to login using a non-existent user".into(),
            group: "syslog,sshd,invalid_login,authentication_failed,".into(),
            cve: None,
            info: None,
            mitre: Vec::new(),
            frequency: None,
            may_respond: true,
        }),
        fired_times: 2,
        chain: Arc::new([]),
        recorded: true,
        mailed: true,
        decoder: Some(DecoderNames { name: "sshd".into(), parent: Some("sshd".into()) }),
        fields: Fields(fields.map(|(name, value)| Field { name, value: value.into() }).into()),
        hostname: b"myhost".to_vec(),
        program_name: Some(b"sshd".to_vec()),
        source: Arc::new(LogSource { location: "/var/log/auth.log".into(), channel: Channel::Log }),
        full_log: full_log.to_vec(),
        log_offset: 0,
        evidence: Vec::new(),
        target: None,
        previous_output: None,
        notice: None,
        untrusted: None,
    }
}

fn log_text(alert: &Alert) -> String {
    let mut out = Vec::new();
    alert_log(&mut out, alert, &TimeZone::UTC);
    String::from_utf8(out).expect("alerts.log is UTF-8")
}

#[test]
fn block_has_ossecs_layout() {
    let alert = alert(b"Nov 24 10:00:01 myhost sshd[1234]: Invalid user bob from 10.1.2.3");
    assert_eq!(
        log_text(&alert),
        "** Alert 1795558167.15: mail  - syslog,sshd,invalid_login,authentication_failed,\n\
         2026 Nov 24 22:09:27 myhost->/var/log/auth.log\n\
         Rule: 5710 (level 5) -> 'Attempt to login using a non-existent user'\n\
         Src IP: 10.1.2.3\nSrc Port: 4022\nDst IP: 192.0.2.1\nDst Port: 22\nUser: bob\n\
         Nov 24 10:00:01 myhost sshd[1234]: Invalid user bob from 10.1.2.3\n\n"
    );
}

#[test]
fn block_without_mail_flag_and_with_host_equal_to_location() {
    let mut alert = alert(b"x");
    alert.mailed = false;
    alert.hostname = b"/var/log/auth.log".to_vec();
    let text = log_text(&alert);
    assert!(text.starts_with("** Alert 1795558167.15: - syslog,"), "{text}");
    assert!(text.contains("\n2026 Nov 24 22:09:27 /var/log/auth.log\n"), "{text}");
}

#[test]
fn json_has_ossecs_keys_in_ossecs_order() {
    let mut alert = alert(b"Nov 24 10:00:02 myhost sshd[1234]: Invalid user bob2 from 10.1.2.3");
    alert.fields.0.truncate(1);
    let mut out = Vec::new();
    alert_json(&mut out, &alert, &TimeZone::UTC);
    let expected = r#"{"rule":{"level":5,"comment":"Attempt to login using a non-existent user","sidid":5710,"firedtimes":2,"group":"syslog,sshd,invalid_login,authentication_failed,","groups":["syslog","sshd","invalid_login","authentication_failed"]},"id":"1795558167.15","TimeStamp":1795558167000,"decoder":"sshd","decoder_parent":"sshd","srcip":"10.1.2.3","location":"/var/log/auth.log","full_log":"Nov 24 10:00:02 myhost sshd[1234]: Invalid user bob2 from 10.1.2.3","hostname":"myhost","program_name":"sshd","decoder_desc":{"parent":"sshd","name":"sshd"},"agent_name":"myhost","timestamp":"2026 Nov 24 22:09:27","logfile":"/var/log/auth.log"}"#;
    assert_eq!(String::from_utf8_lossy(&out), format!("{expected}\n"));
}

#[test]
fn compliance_groups_move_out_whole() {
    let mut alert = alert(b"x");
    let mut rule = (*alert.rule).clone();
    rule.group = "web,pci_dss_10.2.4,cis_5.1,".into();
    alert.rule = Arc::new(rule);
    let mut out = Vec::new();
    alert_json(&mut out, &alert, &TimeZone::UTC);
    let value: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(value["rule"]["groups"], serde_json::json!(["web"]));
    assert_eq!(value["rule"]["PCI_DSS"], serde_json::json!(["10.2.4"]));
    assert_eq!(value["rule"]["CIS"], serde_json::json!(["5.1"]));
}

#[test]
fn forged_record_in_a_line_stays_text() {
    let forged =
        b"** Alert 1.1: mail  - sshd,\n2026 Nov 24 22:09:27 h->/l\nRule: 1 (level 15) -> 'x'\n\nSrc IP: 6.6.6.6";
    let text = log_text(&alert(forged));
    let (alerts, taken) = parse_alert_log(text.as_bytes());
    assert_eq!((alerts.len(), taken), (1, text.len()));
    assert_eq!(alerts[0].srcip.as_deref(), Some("10.1.2.3"));
    assert!(text.contains("\n ** Alert 1.1: mail  - sshd,\\n2026"), "{text}");
}

#[test]
fn line_is_cut_between_characters_at_ossecs_limit() {
    let text = log_text(&alert("ä".repeat(2000).as_bytes()));
    let line = text.lines().find(|line| line.starts_with('ä')).expect("log line");
    assert_eq!(line.len(), LINE_LIMIT_BYTES);
}

#[test]
fn custom_layout_does_not_expand_values_again() {
    let alert = alert(b"attack $RULEID\nx");
    let mut out = Vec::new();
    custom_alert(&mut out, "$TIMESTAMP.$FTELL $RULEALERT$HOSTNAME $LOCATION $$ $SRCIP $FULLLOG", &alert);
    assert_eq!(
        String::from_utf8_lossy(&out),
        "1795558167.15 mail myhost /var/log/auth.log $$ 10.1.2.3 attack $RULEID\\nx\n"
    );
}

#[test]
fn mail_body_has_ossecs_layout() {
    let mut alert = alert(b"line one\nReceived From: forged");
    alert.fields.0.truncate(1);
    alert.evidence.push(EvidenceLine { time: alert.time, full_log: b"earlier\x1b[2J".to_vec() });
    assert_eq!(
        mail_body(&alert, &TimeZone::UTC),
        "\nOSSEC HIDS Notification.\n2026 Nov 24 22:09:27\n\nReceived From: myhost->/var/log/auth.log\n\
         Rule: 5710 fired (level 5) -> \"Attempt to login using a non-existent user\"\nSrc IP: 10.1.2.3\n\
         Portion of the log(s):\n\nline one\n    Received From: forged\nearlier\\x1b[2J\n\n\n \
         --END OF NOTIFICATION\n\n\n\n"
    );
}

#[test]
fn subject_takes_no_header_from_a_host_name() {
    let mut alert = alert(b"x");
    alert.hostname = b"h\r\nBcc: evil@example.org".to_vec();
    let subject = mail_subject(&alert, false);
    assert!(!subject.contains(['\r', '\n']), "{subject:?}");
    assert!(subject.starts_with("OSSEC Alert - h\\r\\nBcc: evil@example.org - Level 5 - "), "{subject}");
    assert_eq!(mail_subject(&alert, true), "OSSEC Notification - h\\r\\nBcc: evil@example.org - Alert level 5");
}

#[test]
fn firewall_line_has_ossecs_layout() {
    let fields = [
        (FieldName::Action, "DROP"),
        (FieldName::Protocol, "TCP"),
        (FieldName::SrcIp, "1.2.3.4"),
        (FieldName::SrcPort, "1111"),
        (FieldName::DstIp, "5.6.7.8"),
    ];
    let event = FirewallEvent {
        time: Timestamp::from_unix_seconds(1_795_558_230),
        hostname: b"myhost".to_vec(),
        source: Arc::new(LogSource { location: "/var/log/x".into(), channel: Channel::Log }),
        fields: Fields(fields.map(|(name, value)| Field { name, value: value.into() }).into()),
    };
    let mut out = Vec::new();
    firewall_line(&mut out, &event, &TimeZone::UTC);
    let expected = "2026 Nov 24 22:10:30 myhost->/var/log/x DROP TCP 1.2.3.4:1111->5.6.7.8:0\n";
    assert_eq!(String::from_utf8_lossy(&out), expected);
}

#[test]
fn syslog_messages_have_ossecs_layouts() {
    let alert = alert(b"a \"b\" | c=d \\ e");
    let message = |layout| syslog_message(&alert, layout, "ids", &TimeZone::UTC);
    assert_eq!(
        message(SyslogLayout::Default),
        "<132>Nov 24 22:09:27 ids ossec: Alert Level: 5; Rule: 5710 - Attempt to login using a non-existent user; \
         Location: myhost->/var/log/auth.log; classification: syslog,sshd,invalid_login,authentication_failed,; \
         srcip: 10.1.2.3; dstip: 192.0.2.1; user: bob; a \"b\" | c=d \\ e"
    );
    assert_eq!(
        message(SyslogLayout::Cef),
        "<132>Nov 24 22:09:27 CEF:0|OSSEC Foundation|OSSEC HIDS|v4.2.0|5710|Attempt to login using a non-existent \
         user|5|dvc=ids cs1Label=Location cs1=myhost->/var/log/auth.log \
         classification=syslog,sshd,invalid_login,authentication_failed, src=10.1.2.3 dpt=22 spt=4022 \
         dhost=192.0.2.1 shost=10.1.2.3 suser=bob dst=192.0.2.1 msg=a \"b\" | c\\=d \\\\ e"
    );
    assert!(message(SyslogLayout::Splunk).ends_with(" acct=\"bob\", message=\"a \\\"b\\\" | c=d \\\\ e\""));
    let json = message(SyslogLayout::Json);
    let object = json.strip_prefix("<132>Nov 24 22:09:27 ids ossec: ").expect("head");
    assert!(object.starts_with(r#"{"crit":5,"id":5710,"component":"#), "{object}");
}

#[test]
fn long_syslog_message_is_cut_to_ossecs_limit() {
    let alert = alert("\"".repeat(9000).as_bytes());
    for layout in [SyslogLayout::Default, SyslogLayout::Cef, SyslogLayout::Splunk, SyslogLayout::Json] {
        assert!(syslog_message(&alert, layout, "ids", &TimeZone::UTC).len() <= 6144);
    }
    let json = syslog_message(&alert, SyslogLayout::Json, "ids", &TimeZone::UTC);
    assert!(json.ends_with(r#"{"crit":5,"id":5710,"truncated":true}"#), "{json}");
}

/// Bytes an attacker would try.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just(b"** Alert 1.1: - x\n".to_vec()),
        Just(b"Rule: 1 (level 1) -> 'x'".to_vec()),
        Just(b"Src IP: 6.6.6.6".to_vec()),
        Just(b"User: root".to_vec()),
        Just(b"Previous output:".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b" ".to_vec()),
        Just(b"->".to_vec()),
        Just(b"\x1b[2J".to_vec()),
        Just("\u{2028}\u{202e}\u{85}".as_bytes().to_vec()),
        Just(b"\xff\xfe\x00".to_vec()),
        Just(b"\",}{\\".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

fn shown(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    visible(&mut out, bytes, 1200);
    String::from_utf8(out).expect("UTF-8")
}

/// What each output whose records are single lines writes about `alert`; the two in JSON first.
fn one_line_outputs(alert: &Alert) -> Vec<Vec<u8>> {
    let (zone, log) = (TimeZone::UTC, &alert.full_log);
    let event = ArchivedEvent {
        time: alert.time,
        hostname: alert.hostname.clone(),
        program_name: None,
        source: Arc::clone(&alert.source),
        full_log: log.clone(),
        log_offset: 0,
        decoder: None,
        fields: alert.fields.clone(),
        rule: None,
        notice: None,
    };
    let firewall = FirewallEvent {
        time: alert.time,
        hostname: event.hostname.clone(),
        source: Arc::clone(&event.source),
        fields: Fields(vec![Field { name: FieldName::Action, value: log.clone() }]),
    };
    let mut lines: Vec<Vec<u8>> = vec![Vec::new(); 5];
    alert_json(&mut lines[0], alert, &zone);
    archive_json(&mut lines[1], &event, &zone);
    archive_line(&mut lines[2], &event, &zone);
    firewall_line(&mut lines[3], &firewall, &zone);
    custom_alert(&mut lines[4], "$FULLLOG $HOSTNAME", alert);
    for layout in [SyslogLayout::Default, SyslogLayout::Cef, SyslogLayout::Json, SyslogLayout::Splunk] {
        lines.push(syslog_message(alert, layout, "ids", &zone).into_bytes());
        lines.last_mut().expect("just pushed").push(b'\n');
    }
    lines.push(mail_subject(alert, false).into_bytes());
    lines.last_mut().expect("just pushed").push(b'\n');
    lines
}

#[test]
fn no_dangerous_character_gets_through_any_output() {
    for char in dangerous_samples() {
        let hostile = format!("a{char}b");
        let mut alert = alert(hostile.as_bytes());
        alert.hostname = hostile.clone().into_bytes();
        alert.fields.0.iter_mut().for_each(|field| field.value = hostile.clone().into_bytes());
        alert.evidence.push(EvidenceLine { time: alert.time, full_log: hostile.clone().into_bytes() });
        let mut outputs = one_line_outputs(&alert);
        let several = outputs.len();
        outputs.push(Vec::new());
        alert_log(&mut outputs[several], &alert, &TimeZone::UTC);
        outputs.push(mail_body(&alert, &TimeZone::UTC).into_bytes());
        outputs.push(header_text(&hostile).into_bytes());
        for (number, output) in outputs.into_iter().enumerate() {
            let text = String::from_utf8(output).expect("UTF-8");
            let escaped =
                text.contains("a\\") && !text.contains(|found| found != '\n' && found != '\t' && is_dangerous(found));
            assert!(escaped || char == '\n' && number >= several, "output {number}, {:x}: {text:?}", char as u32);
        }
    }
}

proptest! {
    #[test]
    fn what_is_parsed_back_is_what_was_written(
        records in proptest::collection::vec((hostile(), hostile(), hostile(), hostile(), any::<bool>()), 1..5)
    ) {
        let mut written = Vec::new();
        let alerts: Vec<Alert> = records.into_iter().map(|(log, host, user, earlier, diff)| {
            let mut alert = alert(&log);
            alert.fields.0[4].value = user;
            alert.hostname = host;
            alert.evidence.push(EvidenceLine { time: alert.time, full_log: earlier.clone() });
            alert.previous_output = diff.then_some(earlier);
            alert
        }).collect();
        alerts.iter().for_each(|alert| alert_log(&mut written, alert, &TimeZone::UTC));
        let (parsed, taken) = parse_alert_log(&written);
        prop_assert_eq!(taken, written.len());
        prop_assert_eq!(parsed.len(), alerts.len());
        for (parsed, alert) in parsed.iter().zip(&alerts) {
            prop_assert_eq!(parsed.id, Some(alert.id));
            prop_assert_eq!(parsed.rule, alert.rule.id);
            prop_assert_eq!(parsed.srcip.as_deref(), Some("10.1.2.3"));
            prop_assert_eq!(&parsed.location, &alert.source.location);
            let user = &alert.fields.0[4].value;
            prop_assert_eq!(parsed.dstuser.clone(), (!user.is_empty()).then(|| shown(user)));
            let lines = vec![shown(&alert.full_log), shown(&alert.evidence[0].full_log)];
            prop_assert_eq!(&parsed.lines, &lines);
            prop_assert_eq!(parsed.previous_output.clone(), alert.previous_output.as_deref().map(shown));
        }
    }

    #[test]
    fn every_output_is_one_harmless_line(log in hostile(), host in hostile()) {
        let mut alert = alert(&log);
        alert.hostname = host;
        alert.fields.0.push(Field { name: FieldName::Dynamic("rule".into()), value: log.clone() });
        let lines = one_line_outputs(&alert);
        for json in &lines[..2] {
            let value: serde_json::Value = serde_json::from_slice(json).expect("valid JSON");
            prop_assert!(value["full_log"].is_string());
        }
        for line in lines {
            let text = String::from_utf8(line).expect("UTF-8");
            let body = text.strip_suffix('\n').expect("ends with a newline");
            prop_assert!(!body.contains(|char| is_dangerous(char) && char != '\t'), "{:?}", body);
        }
    }
}

/// Bytes of all kinds that the writers treat differently, in many mixtures.
fn mixed_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[ -~]{0,40}".prop_map(String::into_bytes),
        any::<Vec<u8>>(),
        "\\PC{0,8}|[\\x00-\\x1f\\x7f\"\\\\]{1,4}|[\u{80}-\u{9f}\u{2028}\u{202e}\u{feff}\u{e0041}]{1,3}"
            .prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn json_is_what_a_tree_of_values_gives(
        log in mixed_text(),
        fields in proptest::collection::vec((0..18usize, mixed_text()), 0..8),
        evidence in proptest::collection::vec(mixed_text(), 0..3),
        group in "(pci_dss_1[.]1,|cis_2,|[a-z]{0,3},|\u{9}x\"é,){0,5}",
        seconds in -100_000_000_000i64..9_000_000_000,
        with_decoder: bool,
        notice in proptest::option::of(samples::notice()),
    ) {
        const OWN: [&str; 4] = ["srcip", "id", "field_id", "hostname"];
        let mut alert = alert(&log);
        alert.time = Timestamp::from_unix_seconds(seconds);
        alert.hostname = log.clone();
        let rule = Arc::make_mut(&mut alert.rule);
        (rule.group, rule.cve, rule.frequency) = (group, Some(String::new()), Some(8));
        rule.mitre = if with_decoder { vec!["T1110".into(), "T1078.003".into()] } else { Vec::new() };
        alert.previous_output = evidence.first().cloned();
        alert.evidence = evidence.into_iter().map(|full_log| EvidenceLine { time: alert.time, full_log }).collect();
        alert.notice = notice;
        if !with_decoder {
            alert.decoder = None;
            let (executable, unit) = (Some(log.clone()), Some(Vec::new()));
            alert.untrusted = Some(Arc::new(UntrustedSender { doubt: Doubt::Container, uid: Some(33), executable, unit }));
        }
        let fixed = [FieldName::SrcIp, FieldName::Url, FieldName::Data, FieldName::FileName, FieldName::Id];
        let name = |at: usize| fixed.get(at).cloned().unwrap_or_else(|| FieldName::Dynamic(OWN[at % OWN.len()].into()));
        alert.fields = Fields(fields.into_iter().map(|(at, value)| Field { name: name(at), value }).collect());
        let (mut ours, mut naive) = (Vec::new(), Vec::new());
        alert_json(&mut ours, &alert, &TimeZone::UTC);
        super::naive::alert_json(&mut naive, &alert, &TimeZone::UTC);
        prop_assert_eq!(String::from_utf8(ours), String::from_utf8(naive));
    }
}

/// The alert of news of file integrity, as the engine makes it.
fn of_notice(notice: &Arc<FileNotice>, strict: bool) -> Alert {
    let text = fim::text(&notice.news, TextStyle { checks: Checks::all(true), strict });
    let mut alert = alert(&text);
    let path = fim::subject(&notice.news).map(|path| Field { name: FieldName::FileName, value: path.to_vec() });
    alert.fields = Fields(path.into_iter().collect());
    alert.source = Arc::new(LogSource { location: "syscheck".into(), channel: Channel::Syscheck });
    alert.decoder = Some(DecoderNames { name: fim::decoder(&notice.news, true).into(), parent: None });
    alert.program_name = None;
    alert.notice = Some(Arc::clone(notice));
    alert
}

fn changed_file() -> Arc<FileNotice> {
    let old = FileState {
        mode: 0o100_644,
        size_bytes: 1,
        digests: Digests { md5: Some([0xaa; 16]), sha1: Some([0xaa; 20]), ..Digests::default() },
        ..FileState::default()
    };
    let digests = Digests { md5: Some([0xbb; 16]), sha1: Some([0xbb; 20]), ..Digests::default() };
    let new = FileState { mode: 0o100_755, size_bytes: 2, uid: 7, digests, ..old.clone() };
    let who = Who {
        pid: 811,
        executable: b"/usr/bin/vim".to_vec(),
        command: b"vim".to_vec(),
        uid: Some(0),
        ..Who::default()
    };
    let change = FileChange {
        path: b"/etc/x\ny".to_vec(),
        kind: ChangeKind::Modified,
        old: Some(Box::new(old)),
        new: Some(Box::new(new)),
        count: 1,
        who: vec![Arc::new(who)],
        operations: Operations::NONE.with(Operation::Write),
        diff: Some("@@ -1 +1 @@\n-\n+User: root\n \n".into()),
    };
    let news = FimEvent::Change(Box::new(change));
    Arc::new(FileNotice { sequence: 5, time: Timestamp::from_unix_seconds(1), alerted: true, news })
}

const CHANGED_LINES: &str = "Integrity checksum changed for: '/etc/x\\ny'\n\
    Size changed from '1' to '2'\n\
    Permissions changed from 'rw-r--r--' to 'rwxr-xr-x'\n\
    Ownership was '0', now it is '7'\n\
    Old md5sum was: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'\n\
    New md5sum is : 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'\n\
    Old sha1sum was: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'\n\
    New sha1sum is : 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'\n\
    Changed by: '/usr/bin/vim' (process 811, command 'vim')\n\
    As: user '0'\n\
    Operations: write\n\
    What changed:\n@@ -1 +1 @@\n-\n+User: root\n \n";

#[test]
fn a_changed_file_in_alerts_log_and_mail() {
    let alert = of_notice(&changed_file(), false);
    let text = log_text(&alert);
    let head = "\n2026 Nov 24 22:09:27 myhost->syscheck\nRule: 5710 (level 5) -> 'Attempt to login using a non-existent user'\n";
    assert!(text.ends_with(&format!("{head}{CHANGED_LINES}\n")), "{text}");
    let mail = mail_body(&alert, &TimeZone::UTC);
    assert!(mail.contains(&format!("Portion of the log(s):\n\n{CHANGED_LINES}\n\n --END")), "{mail}");
    let strict = log_text(&of_notice(&changed_file(), true));
    assert!(!strict.contains("Changed by") && strict.contains("\nOld md5sum was: 'aa"), "{strict}");
}

#[test]
fn a_changed_file_in_json_and_syslog() {
    let alert = of_notice(&changed_file(), false);
    let mut out = Vec::new();
    alert_json(&mut out, &alert, &TimeZone::UTC);
    let value: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    let file = &value["SyscheckFile"];
    assert_eq!(file["path"], "/etc/x\ny");
    assert_eq!((&file["md5_before"], &file["md5_after"]), (&"aa".repeat(16).into(), &"bb".repeat(16).into()));
    assert_eq!((&file["perm_before"], &file["perm_after"]), (&33188.into(), &33261.into()));
    assert_eq!((&file["owner_before"], &file["owner_after"]), (&"0".into(), &"7".into()));
    assert!(file.get("gowner_before").is_none() && file.get("sha256_after").is_none());
    assert_eq!((&file["event"], &file["who"]["pid"]), (&"modified".into(), &811.into()));
    let event = ArchivedEvent {
        time: alert.time,
        hostname: alert.hostname.clone(),
        program_name: None,
        source: Arc::clone(&alert.source),
        full_log: alert.full_log.clone(),
        log_offset: 0,
        decoder: alert.decoder.clone(),
        fields: alert.fields.clone(),
        rule: None,
        notice: alert.notice.clone(),
    };
    let mut out = Vec::new();
    archive_json(&mut out, &event, &TimeZone::UTC);
    let archived: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!((&archived["filename"], &archived["md5_after"]), (&"/etc/x\ny".into(), &"bb".repeat(16).into()));
    let message = |layout| syslog_message(&alert, layout, "ids", &TimeZone::UTC);
    let default = message(SyslogLayout::Default);
    assert!(
        default.contains(
            " Previous MD5: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; Current MD5: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb;"
        ),
        "{default}"
    );
    assert!(
        default.contains(
            " Size changed: from '1' to '2'; User ownership: was '0', now it is '7'; Permissions changed: from 'rw-"
        ),
        "{default}"
    );
    assert!(
        message(SyslogLayout::Cef).contains(" fname=/etc/x\\\\ny cs2Label=OldMD5 cs2=aaaa")
            || message(SyslogLayout::Cef).contains(" cs2Label=OldMD5 cs2=aaaa")
    );
    assert!(message(SyslogLayout::Json).contains(r#""md5_old":"aaaa"#));
    assert!(message(SyslogLayout::Splunk).contains(" md5_new=\"bbbb"));
}

proptest! {
    /// News with hostile names is one record, whose fields nobody but the program sets.
    #[test]
    fn hostile_files_forge_no_record(notices in proptest::collection::vec((samples::notice(), any::<bool>()), 1..4)) {
        let mut written = Vec::new();
        for (notice, strict) in &notices {
            let alert = of_notice(notice, *strict);
            alert_log(&mut written, &alert, &TimeZone::UTC);
            let mail = mail_body(&alert, &TimeZone::UTC);
            prop_assert_eq!(mail.matches("\n --END OF NOTIFICATION").count(), 1);
            for line in mail.lines() {
                prop_assert!(!line.starts_with("User: ") && !line.starts_with("** Alert"), "{line:?}");
            }
        }
        let (parsed, taken) = parse_alert_log(&written);
        prop_assert_eq!((parsed.len(), taken), (notices.len(), written.len()));
        for alert in parsed {
            prop_assert_eq!(alert.rule, RuleId(5710));
            prop_assert!(alert.srcip.is_none() && alert.dstuser.is_none() && alert.previous_output.is_none());
        }
    }
}
