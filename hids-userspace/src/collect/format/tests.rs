//! Events of each format, and the promise about positions for all of them.

use std::path::Path;

use hids_core::model::Channel;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::config::LogFormat;

fn new_assembler(format: LogFormat) -> Assembler {
    let machine = Machine { hostname: "box".into(), zone: TimeZone::UTC };
    assembler(format, Path::new("/service/qmail/current"), &machine)
}

/// The events of `text`, with `flush` at its end.
fn events(format: LogFormat, text: &str) -> Vec<String> {
    let mut assembler = new_assembler(format);
    let mut events = Vec::new();
    let mut emit = |event: &[u8]| events.push(String::from_utf8_lossy(event).into_owned());
    for line in text.lines() {
        assembler.line(line.as_bytes(), &mut emit);
    }
    assembler.flush(&mut emit);
    events
}

#[test]
fn a_snort_alert_is_one_line_without_its_time() {
    let text = "[**] [1:469:3] ICMP PING [**]\n[Classification: Attempted Leak] [Priority: 2] \n\
                06/17-10:00:00.123456 10.0.0.1 -> 10.0.0.2\nICMP TTL:64\n\n[**] [1:1:1] Other [**]\n[Priority: 1]\n\
                06/17-10:00:01.1 10.0.0.1:1 -> 10.0.0.2:2\n";
    assert_eq!(
        events(LogFormat::SnortFull, text),
        [
            "[**] [1:469:3] ICMP PING [**] [Classification: Attempted Leak] [Priority: 2] 10.0.0.1 -> 10.0.0.2",
            "[**] [1:1:1] Other [**] [Priority: 1] 10.0.0.1:1 -> 10.0.0.2:2"
        ]
    );
}

#[test]
fn nmap_output_names_open_ports() {
    let text = "# Nmap\nHost: 10.0.0.1 (a.b)\tStatus: Up\n\
                Host: 10.0.0.1 (a.b)\tPorts: 22/open/tcp//ssh///, 25/closed/tcp//smtp///, 53/open/udp//dns///\tIgnored State: closed (9)\n";
    assert_eq!(events(LogFormat::NmapGreppable, text), ["Host: 10.0.0.1, open ports: 22(tcp) 53(udp)"]);
    assert_eq!(channel(LogFormat::NmapGreppable), Channel::HostInformation);
}

#[test]
fn mysql_lines_get_the_time_before() {
    let text = "070823 21:01:30\t    1 Connect     root@localhost on \n\t\t    1 Query       show tables\n\
                2026-11-24T10:00:00.1Z\t 7 Connect\n\t\t 8 Quit\n";
    assert_eq!(
        events(LogFormat::Mysql, text),
        [
            "MySQL log: 070823 21:01:30\t    1 Connect     root@localhost on ",
            "MySQL log: 070823 21:01:30 1 Query       show tables",
            "MySQL log: 2026-11-24T10:00:00.1Z\t 7 Connect",
            "MySQL log: 2026-11-24T10:00:00.1Z 8 Quit",
        ]
    );
}

#[test]
fn mssql_lines_without_a_date_continue() {
    let text = "2026-11-24 10:00:00.1 Logon Error: 18456\nseverity 14\n2026-11-24 10:00:01.1 spid1 x\n";
    assert_eq!(
        events(LogFormat::Mssql, text),
        ["2026-11-24 10:00:00.1 Logon Error: 18456 severity 14", "2026-11-24 10:00:01.1 spid1 x"]
    );
}

#[test]
fn postgresql_lines_with_a_tab_continue() {
    let text = "[2026-11-24 10:00:00 UTC] LOG: statement: select\n\t1\n[2026-11-24 10:00:01 UTC] LOG: x\n";
    assert_eq!(
        events(LogFormat::Postgresql, text),
        ["[2026-11-24 10:00:00 UTC] LOG: statement: select 1", "[2026-11-24 10:00:01 UTC] LOG: x"]
    );
}

#[test]
fn indented_lines_continue() {
    assert_eq!(events(LogFormat::MultiLineIndented, "a\n  b\n\tc\nd\n"), ["a b c", "d"]);
}

#[test]
fn every_n_lines_are_joined() {
    assert_eq!(events(LogFormat::MultiLine(3), "a\nb\nc\nd\ne\nf\ng\n"), ["a b c", "d e f", "g"]);
    assert_eq!(events(LogFormat::MultiLine(0), "a\nb\n"), ["a", "b"]);
    assert_eq!(new_assembler(LogFormat::MultiLine(2)).flush_after(), None);
}

#[test]
fn audit_records_of_one_event_are_joined() {
    let text = "type=SYSCALL msg=audit(1.1:10): a\ntype=CWD msg=audit(1.1:10): b\ntype=SYSCALL msg=audit(1.2:11): c\n\
                type=USER_LOGIN msg=audit(1.3:12): d\n";
    assert_eq!(
        events(LogFormat::Audit, text),
        [
            "type=SYSCALL msg=audit(1.1:10): a type=CWD msg=audit(1.1:10): b",
            "type=SYSCALL msg=audit(1.2:11): c",
            "type=USER_LOGIN msg=audit(1.3:12): d"
        ]
    );
    let many = "type=PATH msg=audit(1.1:10): a\n".repeat(17);
    assert_eq!(events(LogFormat::Audit, &many).len(), 2);
}

#[test]
fn a_login_in_the_audit_log_does_not_wait() {
    let mut count = 0;
    let held = new_assembler(LogFormat::Audit).line(b"type=USER_AUTH msg=audit(1.3:12): d", &mut |_| count += 1);
    assert_eq!((held, count), (Held::Nothing, 1));
}

#[test]
fn sections_of_a_modsecurity_entry_are_joined() {
    let text =
        "noise\n--a1b2c3d4-A--\n[24/Nov] x\n--a1b2c3d4-B--\nGET / HTTP/1.1\n\n--a1b2c3d4-Z--\n\n--ffff0000-A--\ny\n";
    assert_eq!(
        events(LogFormat::ModsecAudit, text),
        ["--a1b2c3d4-A-- [24/Nov] x --a1b2c3d4-B-- GET / HTTP/1.1 --a1b2c3d4-Z--", "--ffff0000-A-- y"]
    );
    let long = format!("--a1-A--\n{}--a1-Z--\n", "word\n".repeat(500));
    assert!(events(LogFormat::ModsecAudit, &long)[0].ends_with("word --a1-Z--"));
    assert_eq!(events(LogFormat::ModsecAudit, &long)[0].matches("word").count(), 95);
}

#[test]
fn alerts_of_another_ossec_are_sent_on() {
    let text = "** Alert 1795558167.15: mail  - syslog,sshd,\n2026 Nov 24 10:00:00 host->/var/log/auth.log\n\
                Rule: 5712 (level 10) -> 'Many logins'\nSrc IP: 10.0.0.1\nUser: root\nNov 24 10:00:00 host sshd[1]: x\nearlier\n\n\
                ** Alert 1795558168.16: - ossec,\n2026 Nov 24 10:00:01 host->ossec\nRule: 502 (level 3) -> 'Started'\nossec: started\n\n";
    assert_eq!(
        events(LogFormat::OssecAlert, text),
        [
            "ossec: Alert Level: 10; Rule: 5712 - Many logins; Location: host->/var/log/auth.log; srcip: 10.0.0.1; user: root;  Nov 24 10:00:00 host sshd[1]: x",
            "ossec: Alert Level: 3; Rule: 502 - Started; Location: host->ossec;  ossec: started"
        ]
    );
}

#[test]
fn multilog_stamps_become_a_syslog_header() {
    // 2^62 + 10 + 1795558167
    let stamp = format!("@{:016x}00000000", (1_u64 << 62) + 10 + 1_795_558_167);
    assert_eq!(
        events(LogFormat::DjbMultilog, &format!("{stamp} status: local 0/10\nplain\n")),
        ["Nov 24 22:09:27 box qmail: status: local 0/10", "plain"]
    );
}

fn any_format() -> impl Strategy<Value = LogFormat> {
    use LogFormat::{
        Audit, DjbMultilog, Line, ModsecAudit, Mssql, MultiLine, MultiLineIndented, Mysql, NmapGreppable, OssecAlert,
        Postgresql, SnortFull,
    };
    prop::sample::select(vec![
        Line,
        SnortFull,
        NmapGreppable,
        Mysql,
        Mssql,
        Postgresql,
        OssecAlert,
        DjbMultilog,
        MultiLine(3),
        MultiLineIndented,
        Audit,
        ModsecAudit,
    ])
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        &b"[**] [1:2:3] x [**]"[..],
        b"[Priority: 1]",
        b"06/17-10:00:00 1.1.1.1 -> 2.2.2.2",
        b"",
        b"  indented",
        b"\tindented",
        b"2026-11-24 10:00:00 x",
        b"[2026-11-24 x",
        b"type=A msg=audit(1:1): x",
        b"type=EOE msg=audit(1:1):",
        b"--ab-A--",
        b"--ab-Z--",
        b"** Alert 1.1: - a,",
        b"2026 Nov 24 10:00:00 h->l",
        b"Rule: 1 (level 2) -> 'x'",
        b"@4000000037c219bf2ef02e94 x",
    ]);
    prop_oneof![3 => known.prop_map(<[u8]>::to_vec), 1 => prop::collection::vec(any::<u8>(), 0..40)]
}

proptest! {
    /// Going on from the position that the assembler's answers give must give the rest of the events.
    #[test]
    fn resuming_at_a_position_gives_the_events_that_were_not_handed_on(
        format in any_format(),
        lines in prop::collection::vec(any_line(), 1..30),
    ) {
        let run = |lines: &[Vec<u8>]| {
            let mut assembler = new_assembler(format);
            let (mut events, mut resumes) = (Vec::new(), Vec::new());
            let mut position = 0;
            for (number, line) in lines.iter().enumerate() {
                let held = assembler.line(line, &mut |event| events.push(event.to_vec()));
                prop_assert_eq!(held != Held::Nothing, assembler.is_holding());
                match held {
                    Held::Nothing => position = number + 1,
                    Held::FromThisLine => position = number,
                    Held::FromEarlier => {}
                }
                resumes.push((position, events.len()));
            }
            assembler.flush(&mut |event| events.push(event.to_vec()));
            Ok((events, resumes))
        };
        // What a MySQL line without a time gets depends on lines before, by design.
        prop_assume!(format != LogFormat::Mysql);
        let (all, resumes) = run(&lines)?;
        for (position, handed_on) in resumes {
            let (rest, _) = run(&lines[position..])?;
            prop_assert_eq!(&rest, &all[handed_on..]);
        }
    }
}
