//! Entries as journalctl prints them.

use hids_core::model::Doubt;
use hids_core::sender::TrustedBy;
use serde_json::{Value, json};

use super::super::entry::Entry;
use super::{Judge, Own, own_unit};
use crate::config::{FieldCondition, FieldTest, JournalSelection, TrustedConfig};

fn entry(fields: &Value) -> Entry {
    let mut whole = json!({"__CURSOR": "s=1;i=1", "__REALTIME_TIMESTAMP": "1795558167000000", "MESSAGE": "x"});
    whole.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    Entry::parse(whole.to_string().as_bytes()).expect("an entry")
}

fn everything() -> Judge {
    Judge::new(&[JournalSelection::default()], &[], Own::default())
}

fn doubt(judge: &mut Judge, fields: &Value) -> Option<Doubt> {
    judge.doubt(entry(fields).sender()).map(|sender| sender.doubt)
}

// H5
#[test]
fn sshd_is_believed_and_logger_is_not_and_the_alert_can_say_who_it_was() {
    let mut judge = everything();
    let sshd = json!({"SYSLOG_IDENTIFIER": "sshd", "_UID": "0", "_EXE": "/usr/sbin/sshd",
        "_SYSTEMD_UNIT": "ssh.service", "_TRANSPORT": "syslog", "_SYSTEMD_CGROUP": "/system.slice/ssh.service"});
    assert_eq!(doubt(&mut judge, &sshd), None);
    let logger = json!({"SYSLOG_IDENTIFIER": "sshd", "_UID": "65534", "_EXE": "/usr/bin/logger",
        "_SYSTEMD_UNIT": "session-3.scope", "_TRANSPORT": "syslog"});
    let sender = judge.doubt(entry(&logger).sender()).expect("a doubt");
    assert_eq!((sender.doubt, sender.uid), (Doubt::OtherUser, Some(65534)));
    assert_eq!(sender.executable.as_deref(), Some(&b"/usr/bin/logger"[..]));
    assert_eq!(sender.unit.as_deref(), Some(&b"session-3.scope"[..]));
    // Whoever sends fields of his own cannot send these: their names would begin with `_`.
    let lying = json!({"SYSLOG_IDENTIFIER": "sshd", "_UID": "33", "UID": "0", "EXE": "/usr/sbin/sshd"});
    assert_eq!(doubt(&mut judge, &lying), Some(Doubt::OtherUser));
    let kernel = json!({"SYSLOG_IDENTIFIER": "kernel", "_TRANSPORT": "kernel"});
    assert_eq!(doubt(&mut judge, &kernel), None);
}

// H5
#[test]
fn a_service_of_an_administrator_s_own_is_believed_when_it_is_named() {
    let app = json!({"SYSLOG_IDENTIFIER": "app", "_UID": "0", "_EXE": "/opt/app", "_SYSTEMD_UNIT": "app.service"});
    assert_eq!(doubt(&mut everything(), &app), Some(Doubt::UnknownIdentifier));
    let named = TrustedConfig {
        identifier: Some("app".into()),
        user: "root".into(),
        by: TrustedBy::Unit("app.service".into()),
    };
    let mut judge = Judge::new(&[JournalSelection::default()], &[named], Own::default());
    assert_eq!(doubt(&mut judge, &app), None);
}

// C19
#[test]
fn filters_select_entries_by_their_fields() {
    let condition =
        |field: &str, ignore_if_missing, test| FieldCondition { field: field.into(), ignore_if_missing, test };
    let select = |conditions| JournalSelection { identifier: None, conditions };
    let of_ssh = select(vec![
        condition("_SYSTEMD_UNIT", false, FieldTest::Pattern("^sshd?\\.service$".into())),
        condition("PRIORITY", true, FieldTest::Pattern("^[0-5]$".into())),
    ]);
    let of_nginx = select(vec![condition("_SYSTEMD_UNIT", false, FieldTest::OneOf(vec!["nginx.service".into()]))]);
    let of_su = JournalSelection { identifier: Some("su".into()), conditions: Vec::new() };
    let judge = Judge::new(&[of_ssh, of_nginx, of_su], &[], Own::default());
    for (fields, wanted) in [
        (json!({"_SYSTEMD_UNIT": "ssh.service"}), true),
        (json!({"_SYSTEMD_UNIT": "ssh.service", "PRIORITY": "5"}), true),
        (json!({"_SYSTEMD_UNIT": "ssh.service", "PRIORITY": "6"}), false),
        (json!({"_SYSTEMD_UNIT": "ssh.service.d"}), false),
        (json!({"_SYSTEMD_UNIT": "nginx.service"}), true),
        (json!({"SYSLOG_IDENTIFIER": "su"}), true),
        (json!({"SYSLOG_IDENTIFIER": "sshd", "PRIORITY": "3"}), false),
    ] {
        assert_eq!(judge.wants(&entry(&fields)), wanted, "{fields}");
    }
}

// O-B5
#[test]
fn this_program_s_own_entries_are_known_by_what_cannot_be_forged() {
    let own = Own { uid: 0, pid: 700, executable: b"/usr/sbin/hidsd".to_vec(), unit: b"hidsd.service".to_vec() };
    let judge = Judge::new(&[JournalSelection::default()], &[], own);
    for (fields, is_own) in [
        (json!({"_UID": "0", "_PID": "700", "_EXE": "/usr/sbin/hidsd", "_SYSTEMD_UNIT": "hidsd.service"}), true),
        // The run before this one, also of a version that an update has replaced.
        (json!({"_UID": "0", "_PID": "600", "_EXE": "/usr/sbin/hidsd (deleted)"}), true),
        (json!({"_UID": "0", "_PID": "600", "_SYSTEMD_UNIT": "hidsd.service"}), true),
        (json!({"_UID": "0", "_PID": "700"}), true),
        // The name alone, the service manager's words about it, a program that it runs, a user who runs it.
        (json!({"_UID": "1000", "_PID": "9", "SYSLOG_IDENTIFIER": "hidsd", "_EXE": "/usr/bin/logger"}), false),
        (
            json!({"_UID": "0", "_PID": "1", "SYSLOG_IDENTIFIER": "systemd", "_EXE": "/usr/lib/systemd/systemd", "UNIT": "hidsd.service"}),
            false,
        ),
        (json!({"_UID": "0", "_PID": "9", "_EXE": "/usr/bin/logger", "_SYSTEMD_UNIT": "hidsd.service"}), false),
        (json!({"_UID": "1000", "_PID": "9", "_EXE": "/usr/sbin/hidsd"}), false),
        (json!({"_UID": "1000", "_PID": "700"}), false),
        (json!({"SYSLOG_IDENTIFIER": "hidsd"}), false),
    ] {
        assert_eq!(judge.is_own(&entry(&fields).sender()), is_own, "{fields}");
    }
    let control_groups: [(&[u8], &[u8]); 4] = [
        (b"0::/system.slice/hidsd.service\n", b"hidsd.service"),
        (b"12:cpu:/\n1:name=systemd:/system.slice/hidsd.service\n", b"hidsd.service"),
        (b"0::/user.slice/user-0.slice/session-1.scope\n", b""),
        (b"", b""),
    ];
    for (text, unit) in control_groups {
        assert_eq!(own_unit(text), unit);
    }
}
