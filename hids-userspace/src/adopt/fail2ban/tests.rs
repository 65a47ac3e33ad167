use std::fs;

use proptest::prelude::*;

use super::ini::Ini;
use super::jail::{self, BanTime};
use super::*;
use crate::adopt::draft::Draft;
use crate::adopt::system::System;
use crate::adopt::thresholds::Threshold;
use crate::adopt::translated::Translated;

fn jails(files: &[(&str, &str)]) -> (tempfile::TempDir, System, Jails) {
    let root = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = root.path().join("etc/fail2ban").join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        fs::write(path, text).expect("a file");
    }
    let system = System::new(root.path()).expect("a system");
    let jails = read(&system, "/etc/fail2ban").expect("a configuration");
    (root, system, jails)
}

const CONF: &str = "[INCLUDES]\nbefore = paths-x.conf\n[DEFAULT]\nignoreip = 127.0.0.1/8 ::1\nbantime = 10m\nfindtime = 10m\n\
                    maxretry = 5\naction_mwl = x\naction = %(action_)s\n[sshd]\nlogpath = %(sshd_log)s\n\
                    [nginx-http-auth]\nenabled = false\n[shop]\nfilter = my-shop[mode=x]\n";
const LOCAL: &str = "# mine\n[DEFAULT]\nignoreip = 127.0.0.1/8 198.51.100.0/24,\n   office.example.com 192.0.2.7\nbantime.increment \
                     = true\nbantime.maxtime = 1h\naction = %(action_mwl)s\ndestemail = ops@example.com\nsender = \
                     f2b@example.com\n[sshd]\nenabled = true\nmaxretry = 4 ; few\nbantime = 1d 12h\n[shop]\nenabled = yes\n\
                     ignoreip = 203.0.113.1\n[recidive]\nenabled = 1\n";

#[test]
fn later_files_win_and_values_are_interpolated() {
    let (_root, _, jails) = jails(&[
        ("jail.conf", CONF),
        ("paths-x.conf", "[DEFAULT]\nsshd_log = /var/log/x.log\n"),
        ("jail.d/a.local", LOCAL),
    ]);
    assert_eq!(jails.ignore, ["127.0.0.1/8", "198.51.100.0/24", "office.example.com", "192.0.2.7"]);
    let names: Vec<&str> = jails.enabled.iter().map(|jail| jail.name.as_str()).collect();
    assert_eq!(names, ["sshd", "shop", "recidive"]);
    let sshd = &jails.enabled[0];
    assert_eq!((sshd.retries, sshd.find_time), (Some(4), Some(600)));
    assert_eq!(sshd.ban_time, Some(BanTime::Seconds(129_600)));
    assert_eq!(sshd.logs, ["/var/log/x.log"]);
    assert_eq!(jails.enabled[1].filter, "my-shop");
    assert_eq!(jails.increment, Some(vec![20, 40, 60, 60, 60]));
    assert_eq!(jails.mail_to.as_deref(), Some("ops@example.com"));
}

#[test]
fn jails_become_responses_and_thresholds_and_the_rest_is_listed() {
    let (_root, system, jails) = jails(&[("jail.conf", CONF), ("jail.local", LOCAL)]);
    let mut draft = Draft::new(include_bytes!("../../../../config/ossec.conf").to_vec()).expect("the configuration");
    let mut report = Translated::default();
    let wanted = translate(&jails, &system, &mut draft, &mut report).expect("translated");
    assert!(wanted.iter().any(|one| one.rule == 5720 && one.threshold == Threshold { events: 4, seconds: 600 }));
    assert_eq!(draft.values("global", "white_list"), ["127.0.0.1", "::1", "198.51.100.0/24", "192.0.2.7"]);
    assert_eq!(draft.values("active-response", "rules_id"), ["5712,5720,5551,99026,99023"]);
    assert_eq!(draft.values("active-response", "timeout"), ["1200", "129600"]);
    assert_eq!(draft.values("global", "email_from"), ["f2b@example.com"]);
    let not: Vec<&str> = report.not.iter().map(|(what, _)| what.as_str()).collect();
    let expected = [
        "ignoreip office.example.com",
        "[shop] ignoreip = 203.0.113.1",
        "[shop] filter my-shop",
        "bantime.increment (20,40,60,60,60 minutes)",
    ];
    assert_eq!(not, expected);
    let before = draft.text().to_vec();
    let mut again = Translated::default();
    translate(&jails, &system, &mut draft, &mut again).expect("translated");
    assert_eq!(draft.text(), before, "a second run has nothing to do");
}

#[test]
fn times_have_units() {
    let times = ["600", "10m", "1h 30m", "1d12h", "2 weeks", "", "x", "10q", "99999999999999999999"].map(jail::seconds);
    assert_eq!(times, [Some(600), Some(600), Some(5400), Some(129_600), Some(1_209_600), None, None, None, None]);
}

#[test]
fn an_interpolation_of_itself_ends() {
    let mut ini = Ini::default();
    ini.read("[DEFAULT]\na = %(b)s%(b)s\nb = %(a)s%(a)s\nc = 50%% %(no)s\nd = %(a/b)s\n");
    assert_eq!((ini.value("DEFAULT", "a"), ini.value("DEFAULT", "c"), ini.value("x", "d")), (None, None, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_files_are_translated_without_panic(text in "([a-z.= %()\\[\\]0-9;:/\n,<>-]|\\[DEFAULT\\]\n|\nignoreip = |%\\(a\\)s|\nenabled=1\n|\\[sshd\\]\n){0,60}") {
        let (_root, system, jails) = jails(&[("jail.conf", CONF), ("jail.local", &text)]);
        let mut draft = Draft::new(b"<ossec_config></ossec_config>".to_vec()).expect("well-formed");
        let _ = translate(&jails, &system, &mut draft, &mut Translated::default());
    }

    #[test]
    fn any_time_is_read_without_panic(text in any::<String>()) {
        jail::seconds(&text);
    }
}
