use super::*;

const SHELL: [(u32, &str); 4] = [(90, "/bin/bash"), (80, "/usr/sbin/sshd"), (70, "/usr/sbin/sshd"), (1, "/sbin/init")];

fn below(first: &[(u32, &'static str)]) -> Vec<(u32, &'static str)> {
    first.iter().copied().chain(SHELL).collect()
}

// O-B11: 400 files of one removed package.
#[test]
fn files_of_one_command_are_one_text_at_the_highest_level() {
    let mut joiner = joiner();
    let deleted = |number: u64, level| {
        let rm = who(1000 + number as u32, "/usr/bin/rm", &below(&[(500, "/usr/local/bin/cleanup")]));
        file(number, level, &format!("/usr/bin/tool{number}"), vec![rm])
    };
    for number in 1..=400 {
        let level = if number == 77 { 9 } else { 7 };
        let placed = joiner.offer(&deleted(number, level), Duration::from_millis(number * 5));
        assert_eq!(placed, Placement::Joined(AlertId { epoch_seconds: EVENING, sequence: 1 }));
    }
    assert!(joiner.take_due(seconds(6)).is_empty(), "it is still within five quiet seconds");
    let done = joiner.take_due(seconds(8));
    assert_eq!((done.len(), done[0].count), (1, 400));
    let alert = done[0].to_alert();
    assert_eq!((alert.rule.level, alert.id.sequence), (Level(9), 1));
    let text = text(&done[0]);
    assert!(text.contains("rule 559 (400 alerts with the same cause)'"), "{text}");
    assert!(text.contains("File '/usr/bin/tool77' was deleted."), "{text}");
    assert!(text.contains("  399 of rule 557 (level 7): rule 557\n"), "{text}");
    assert!(text.contains("  deleted '/usr/bin/tool1'\n") && text.contains("  ... and 379 more\n"), "{text}");
    assert!(text.len() < 4096, "the text is bounded: {}", text.len());
    assert!(joiner.is_empty());
}

#[test]
fn no_text_waits_longer_than_ten_seconds() {
    let mut joiner = joiner();
    let vim = || vec![who(500, "/usr/bin/vim", &SHELL)];
    for second in 0..=9 {
        joiner.offer(&file(second + 1, 7, "/etc/a", vim()), seconds(second));
        assert!(joiner.take_due(seconds(second)).is_empty());
    }
    assert_eq!(joiner.next_due(), Some(seconds(10)));
    assert_eq!(joiner.take_due(seconds(10))[0].count, 10);
    let placed = joiner.offer(&file(11, 7, "/etc/a", vim()), seconds(10));
    assert_eq!(placed, Placement::Joined(AlertId { epoch_seconds: EVENING, sequence: 11 }));
}

#[test]
fn other_users_sessions_commands_and_containers_stay_apart() {
    let mut joiner = joiner();
    let mine = who(500, "/usr/bin/vim", &SHELL);
    let others = [
        Who { uid: Some(33), ..mine.clone() },
        Who { euid: Some(33), ..mine.clone() },
        Who { login_uid: Some(1001), ..mine.clone() },
        Who { session: Some(4), ..mine.clone() },
        Who { container: Some("0123456789ab".into()), ..mine.clone() },
        Who { pid: 501, ..mine.clone() },
    ];
    joiner.offer(&file(1, 7, "/etc/a", vec![mine.clone()]), seconds(0));
    for (number, other) in (2..).zip(&others) {
        let placed = joiner.offer(&file(number, 7, "/etc/a", vec![other.clone()]), seconds(0));
        assert_eq!(placed, Placement::Joined(AlertId { epoch_seconds: EVENING, sequence: number }), "{other:?}");
    }
    let both = file(20, 7, "/etc/a", vec![mine, others[0].clone()]);
    assert_eq!(joiner.offer(&both, seconds(0)), Placement::Now, "two causes of one change");
    assert_eq!(joiner.offer(&file(21, 7, "/etc/a", vec![]), seconds(0)), Placement::Now, "found by a scan");
}

#[test]
fn serious_alerts_and_large_texts_do_not_wait() {
    let mut joiner = joiner();
    let vim = || vec![who(500, "/usr/bin/vim", &SHELL)];
    joiner.offer(&file(1, 7, "/etc/a", vim()), seconds(0));
    assert_eq!(joiner.offer(&file(2, 10, "/etc/shadow", vim()), seconds(0)), Placement::Now);
    assert_eq!(joiner.offer(&file(3, 7, &"x".repeat(20_000), vim()), seconds(0)), Placement::Now);
    assert_eq!(joiner.take_due(seconds(10))[0].count, 1);
}

#[test]
fn a_single_alert_comes_out_as_it_went_in() {
    let mut joiner = joiner();
    let alert = file(1, 7, "/etc/a", vec![who(500, "/usr/bin/vim", &SHELL)]);
    joiner.offer(&alert, seconds(0));
    let done = joiner.take_due(seconds(5));
    let mut plain = Vec::new();
    render::alert_log(&mut plain, &alert, &jiff::tz::TimeZone::UTC);
    assert_eq!(text(&done[0]).as_bytes(), plain);
}

// O-B11, O-B12: dpkg, its maintainer scripts and its log.
#[test]
fn what_a_package_manager_starts_is_joined_with_its_log() {
    let mut joiner = joiner();
    let of_apt = |pid, path| who(pid, path, &below(&[(600, "/bin/sh"), (550, "/usr/bin/dpkg"), (500, "/usr/bin/apt")]));
    let line = |number, text: &str| log(number, rule(2902, 7, "syslog,dpkg,config_changed,"), "", text, &[]);
    let first = Placement::Joined(AlertId { epoch_seconds: EVENING, sequence: 1 });
    joiner.offer(&line(1, "2026-11-29 16:00:00 status installed man-db:amd64 2.11.2-2"), seconds(0));
    let link = file(2, 7, "/etc/rc2.d/S01x", vec![of_apt(700, "/usr/sbin/update-rc.d")]);
    assert_eq!(joiner.offer(&link, seconds(1)), first);
    assert_eq!(joiner.offer(&line(3, "2026-11-29 16:00:01 remove big:all 1 <none>"), seconds(1)), first);
    // Somebody else who only calls himself so, in a session of his own.
    let forged = Who { session: Some(9), ..of_apt(900, "/usr/bin/dpkg") };
    let placed = joiner.offer(&file(4, 7, "/etc/evil", vec![forged]), seconds(2));
    assert_eq!(placed, Placement::Joined(AlertId { epoch_seconds: EVENING, sequence: 4 }));
    let user = Who { uid: Some(1000), euid: Some(1000), ..of_apt(901, "/home/u/dpkg") };
    let placed = joiner.offer(&file(5, 7, "/home/u/x", vec![user]), seconds(2));
    assert_eq!(placed, Placement::Joined(AlertId { epoch_seconds: EVENING, sequence: 5 }));
    assert_eq!(joiner.take_all().iter().map(|held| held.count).collect::<Vec<_>>(), [3, 1, 1]);
}

fn refused(number: u64, id: u32, pid: u32, message: &str, address: &str, user: Option<&str>) -> Arc<Alert> {
    let mut fields = vec![(FieldName::SrcIp, address)];
    fields.extend(user.map(|user| (FieldName::DstUser, user)));
    let header = format!("Nov 29 16:00:00 h sshd[{pid}]: ");
    log(number, rule(id, 5, "syslog,sshd,authentication_failed,"), &header, message, &fields)
}

// Item 18: three alerts for one wrong password.
#[test]
fn what_pam_and_sshd_say_of_one_password_is_one_text() {
    let mut joiner = joiner();
    let first = Placement::Joined(AlertId { epoch_seconds: EVENING, sequence: 1 });
    let pam = refused(1, 5503, 44, "pam_unix(sshd:auth): authentication failure", "203.0.113.9", None);
    assert_eq!(joiner.offer(&pam, seconds(0)), first);
    let sshd = refused(2, 5716, 44, "Failed password for root from 203.0.113.9", "203.0.113.9", Some("root"));
    assert_eq!(joiner.offer(&sshd, seconds(3)), first);
    let others = [
        refused(3, 5716, 45, "Failed password for root", "203.0.113.9", Some("root")),
        refused(4, 5716, 44, "Failed password for root", "203.0.113.8", Some("root")),
        refused(5, 5716, 44, "Failed password for eve", "203.0.113.9", Some("eve")),
    ];
    for (number, other) in (3..).zip(others) {
        let own = AlertId { epoch_seconds: EVENING, sequence: number };
        assert_eq!(joiner.offer(&other, seconds(3)), Placement::Joined(own), "{number}");
    }
    let done = joiner.take_all();
    let text = text(&done[0]);
    assert!(text.contains("rule 5503 (2 alerts with the same cause)'"), "{text}");
    assert!(text.contains("\nNov 29 16:00:00 h sshd[44]: Failed password for root from 203.0.113.9\n"), "{text}");
}

#[test]
fn names_of_files_cannot_forge_a_record() {
    let mut joiner = joiner();
    for (number, path) in
        [(1, "/etc/a"), (2, "/etc/\n\n** Alert 1.1: mail - x\nRule: 1 (level 15) -> 'x'"), (3, "/\u{1b}[2J")]
    {
        joiner.offer(&file(number, 7, path, vec![who(500, "/usr/bin/vim", &SHELL)]), seconds(0));
    }
    let text = text(&joiner.take_all()[0]);
    assert_eq!(text.matches("** Alert").count(), 2, "one at the start of a line, one escaped: {text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("** Alert") || line.is_empty()).count(), 2, "{text}");
    assert!(!text.contains('\u{1b}'));
}
