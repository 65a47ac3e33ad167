//! `hidsctl import`.

use std::fs;
use std::path::{Path, PathBuf};

use hids_tests::daemon::Daemon;

use crate::common::WATCH_ONE_LOG;

const LOCAL_RULES: &str = "<!-- mine -->\n<group name=\"local,\"><rule id=\"100001\" level=\"3\"><if_sid>5716</if_sid>\
                           <user>carol</user><description>Mine.</description></rule></group>\n";

/// A host with rules of its own and a fail2ban that bans after three failures.
pub(crate) fn host_with_fail2ban() -> (Daemon, PathBuf) {
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

/// Sums of "abc".
const ABC: &str = "900150983cd24fb0d6963f7d28e17f72:a9993e364706816aba3e25717850c26c9cd0d89d";

/// A host that monitors a tree, and an OSSEC that knew each of its files as "abc".
pub(crate) fn host_after_ossec() -> (Daemon, PathBuf) {
    use std::os::unix::fs::MetadataExt as _;
    let host = Daemon::new("");
    let tree = host.path("tree").canonicalize().unwrap_or_else(|_| {
        fs::create_dir_all(host.path("tree")).expect("a directory");
        host.path("tree").canonicalize().expect("a directory")
    });
    let log = host.path("log");
    fs::write(&log, "").expect("a log");
    let config = format!(
        "<ossec_config><localfile><log_format>syslog</log_format><location>{}</location></localfile>\
         <syscheck><directories check_all=\"yes\">{}</directories></syscheck></ossec_config>",
        log.display(),
        tree.display()
    );
    fs::write(host.path("ossec.conf"), config).expect("a configuration");
    let mut database = String::new();
    for (name, content) in [("same", "abc"), ("other", "abd"), ("gone", "abc")] {
        let path = tree.join(name);
        fs::write(&path, content).expect("a file");
        let data = path.metadata().expect("there");
        let (mode, uid, gid) = (data.mode(), data.uid(), data.gid());
        database.push_str(&format!("+++3:{mode}:{uid}:{gid}:{ABC}:xxx !1700000000 {}\n", path.display()));
    }
    fs::remove_file(tree.join("gone")).expect("removed");
    fs::write(tree.join("new"), "abc").expect("a file that OSSEC did not know");
    let home = host.path("var-ossec");
    for folder in ["queue/syscheck", "queue/fts"] {
        fs::create_dir_all(home.join(folder)).expect("a directory");
    }
    fs::write(home.join("queue/syscheck/syscheck"), database).expect("a database");
    fs::write(home.join("queue/fts/fts-queue"), format!("sshd  alice      {}\n", log.display())).expect("a queue");
    (host, home)
}

#[test]
fn a_file_that_changed_after_ossecs_last_scan_is_alerted_by_the_first_scan() {
    let (mut host, home) = host_after_ossec();
    let home = home.to_string_lossy().into_owned();
    let shown = host.hidsctl(&["import", "ossec", &home, "--dry-run"]);
    let said = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success() && said.contains("1 unchanged, 2 changed"), "{shown:?}");
    assert!(said.contains("/other (content)") && said.contains("/gone (deleted)"), "{said}");
    assert!(!host.path("state").join("fim.redb").exists(), "--dry-run writes nothing");
    let answer = host.hidsctl_json(&["import", "ossec", &home, "--yes"]).expect("it works");
    assert!(answer["translated"].to_string().contains("the first scan will report 2 changed files"), "{answer}");

    host.start();
    let path = |alert: &serde_json::Value| alert["SyscheckFile"]["path"].as_str().unwrap_or_default().to_owned();
    assert!(path(&host.wait_for_alert(550)).ends_with("/tree/other"));
    assert!(path(&host.wait_for_alert(553)).ends_with("/tree/gone"));
    let running = host.hidsctl(&["import", "ossec", &home, "--yes"]);
    assert!(String::from_utf8_lossy(&running.stderr).contains("stop it first"), "{running:?}");
    let login = |user: &str| {
        let line =
            format!("Nov 24 10:00:00 web1 sshd[5]: Accepted password for {user} from 203.0.113.5 port 22 ssh2\n");
        hids_tests::daemon::append(&host.path("log"), line.as_bytes());
    };
    login("alice");
    login("bob");
    let first = host.wait_for_alert(10_100);
    assert!(first["full_log"].as_str().is_some_and(|log| log.contains("bob")), "OSSEC knew alice: {first}");
    let told = host.alerts().iter().map(path).filter(|path| path.ends_with("/same") || path.ends_with("/new")).count();
    assert_eq!(told, 0, "what did not change is baseline, as before");
    host.stop();
    let verified = host.hidsctl(&["fim", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn a_directory_that_aide_selects_is_monitored() {
    let mut host = Daemon::new(WATCH_ONE_LOG);
    let tree = host.path("tree");
    fs::create_dir_all(tree.join("cache")).expect("directories");
    let tree = tree.canonicalize().expect("there");
    let shown = tree.to_str().expect("text");
    let file = host.path("aide.conf");
    let selections = format!("@@define T {shown}\nC = p+u+g+s+sha256\n@@{{T}} C\n!@@{{T}}/cache\n{shown}/.*x C\n");
    fs::write(&file, selections).expect("a configuration");
    let name = file.to_string_lossy().into_owned();
    let answer = host.hidsctl_json(&["import", "aide", &name, "--yes"]).expect("it works");
    assert_eq!(answer["written"], true, "{answer}");
    assert!(answer["not_translated"].to_string().contains("/.*x"), "{answer}");
    host.start();
    hids_tests::daemon::wait_for("the first scan", || {
        let status = host.hidsctl_json(&["fim", "list", shown])?;
        (!status.to_string().is_empty() && host.status()?["fim"]["caught_up"] == true).then_some(())
    });
    fs::write(tree.join("new"), "x").expect("a file");
    fs::write(tree.join("cache/new"), "x").expect("a file");
    let scanned = host.hidsctl(&["fim", "scan"]);
    assert!(scanned.status.success(), "{scanned:?}");
    let alert = host.wait_for_alert(554);
    assert_eq!(alert["SyscheckFile"]["path"], format!("{shown}/new"), "{alert}");
    assert!(host.alerts().iter().all(|alert| !alert.to_string().contains("cache/new")));
    host.stop();
}
