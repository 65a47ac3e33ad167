//! `hidsctl import`.

use std::fs;
use std::path::{Path, PathBuf};

use hids_tests::daemon::Daemon;

use crate::common::WATCH_ONE_LOG;

const LOCAL_RULES: &str = "<!-- mine -->\n<group name=\"local,\"><rule id=\"100001\" level=\"3\"><if_sid>5716</if_sid>\
                           <user>carol</user><description>Mine.</description></rule></group>\n";

/// A host with rules of its own and a fail2ban that bans after three failures.
fn host_with_fail2ban() -> (Daemon, PathBuf) {
    let host = Daemon::new(WATCH_ONE_LOG);
    fs::create_dir_all(host.path("rules")).expect("a directory");
    fs::write(host.path("rules/local_rules.xml"), LOCAL_RULES).expect("rules");
    let directory = host.path("fail2ban");
    fs::create_dir_all(&directory).expect("a directory");
    let jails = "[DEFAULT]\nignoreip = 127.0.0.1/8 198.51.100.0/24 office.example.com\nmaxretry = 5\nfindtime = 10m\n\
                 [sshd]\nenabled = true\nmaxretry = 3\nbantime = 2h\n[shop]\nenabled = true\n[dovecot]\nenabled = false\n";
    fs::write(directory.join("jail.local"), jails).expect("jails");
    (host, directory)
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).expect("readable")
}

#[test]
fn a_jail_of_fail2ban_becomes_a_threshold_and_a_block_that_act() {
    let (mut host, directory) = host_with_fail2ban();
    let directory = directory.to_string_lossy().into_owned();
    let config = host.path("ossec.conf");
    let before = text(&config);
    let shown = host.hidsctl(&["import", "fail2ban", &directory, "--dry-run"]);
    let said = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success() && said.contains("ignoreip office.example.com: not an address"), "{shown:?}");
    assert!(
        said.contains("[shop] filter shop: no rules")
            && said.contains("+      <white_list>") | said.contains("white_list")
    );
    assert_eq!((text(&config), text(host.path("rules/local_rules.xml"))), (before, LOCAL_RULES.to_owned()));

    let answer = host.hidsctl_json(&["import", "fail2ban", &directory, "--yes"]).expect("it works");
    assert_eq!((&answer["written"], &answer["errors"]), (&true.into(), &serde_json::json!([])), "{answer}");
    let rules = text(host.path("rules/local_rules.xml"));
    assert!(rules.starts_with(LOCAL_RULES) && rules.contains("id=\"5720\""), "{rules}");
    assert!(text(&config).contains("<timeout>7200</timeout>"), "{}", text(&config));
    let again = host.hidsctl_json(&["import", "fail2ban", &directory, "--yes"]).expect("it works");
    assert_eq!((&again["written"], &again["translated"]), (&false.into(), &serde_json::json!([])), "{again}");

    host.start();
    for number in 0..3 {
        host.log_line(&format!(
            "Nov 24 10:00:0{number} web1 sshd[7]: Failed password for root from 203.0.113.9 port 99 ssh2"
        ));
    }
    let alert = host.wait_for_alert(5720);
    assert_eq!(alert["srcip"], "203.0.113.9", "{alert}");
    host.stop();
}

#[test]
fn an_import_without_a_source_says_so_and_changes_nothing() {
    let (host, _) = host_with_fail2ban();
    let before = text(host.path("ossec.conf"));
    let refused = host.hidsctl(&["import", "fail2ban", "/nowhere", "--yes"]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("jail.conf"), "{refused:?}");
    assert_eq!(text(host.path("ossec.conf")), before);
}
