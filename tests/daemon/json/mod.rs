//! What commands print with `--json` is what docs/schema/ says, no more and no less.

mod schemas;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use hids_tests::daemon::{Daemon, wait_for};
use hids_tests::{network, require};
use serde_json::Value;

use self::schemas::Schemas;
use crate::common::failed_login;
use crate::import::{host_after_ossec, host_with_fail2ban};

/// Commands without JSON of their own.
const WITHOUT: [&str; 2] = [
    // A script for a shell.
    "completions",
    // A screen that people use; with `--json` it refers to `hidsctl status --json`.
    "top",
];

/// Commands that act on the whole machine: `tests/install` and `tests/vm` run them.
const NOT_RUN: [&str; 3] = ["fim-protect", "fim-unlock", "teardown"];

/// Blocks, sources of all kinds, monitored files, a mail server and a syslog server that are not there.
const SECTIONS: &str = r#"<global><email_notification>yes</email_notification><email_to>root@example.com</email_to>
<email_from>hids@example.com</email_from><smtp_server>127.0.0.1</smtp_server><white_list>192.0.2.53</white_list></global>
<rules><decoder_dir>ruleset/decoders</decoder_dir><rule_dir>ruleset/rules</rule_dir><rule_dir>rules</rule_dir></rules>
<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>
<localfile><log_format>syslog</log_format><location>@TOP@/missing.log</location></localfile>
<localfile><log_format>syslog</log_format><location>@TOP@/link.log</location></localfile>
<localfile><log_format>syslog</log_format><location>@TOP@/tree</location></localfile>
<syslog_output><server>127.0.0.1</server><port>5140</port></syslog_output>
<syscheck><directories check_all="yes" realtime="yes" report_changes="yes">@TOP@/tree</directories></syscheck>
<rootcheck><disabled>yes</disabled></rootcheck>
<command><name>firewall-drop</name><executable>firewall-drop.sh</executable><expect>srcip</expect></command>
<active-response><command>firewall-drop</command><location>local</location><level>7</level><timeout>1200</timeout>
</active-response>"#;

/// A host with a daemon to be; all paths are without symbolic links.
struct Host {
    daemon: Daemon,
    top: PathBuf,
}

impl Host {
    fn new() -> Self {
        let daemon = Daemon::new("").acting();
        let top = daemon.path("").canonicalize().expect("a real path");
        fs::create_dir_all(top.join("tree")).expect("a directory");
        fs::create_dir_all(top.join("rules")).expect("a directory");
        fs::write(top.join("rules/local_rules.xml"), "<!-- ours -->\n").expect("written");
        std::os::unix::fs::symlink(daemon.log(), top.join("link.log")).expect("a link");
        for name in ["changed", "deleted", "other"] {
            fs::write(top.join("tree").join(name), "one\n").expect("a file");
        }
        daemon.configure(&SECTIONS.replace("@TOP@", &top.to_string_lossy()));
        Self { daemon, top }
    }

    fn path(&self, name: &str) -> String {
        self.top.join(name).to_string_lossy().into_owned()
    }

    /// Attacks and changes files, and waits until that is known.
    fn suffer(&self) {
        for address in ["203.0.113.5", "192.0.2.53"] {
            for _ in 0..8 {
                self.daemon.log_line(&format!(
                    "Nov 24 10:00:00 web1 sshd[5]: Failed password for root from {address} port 22 ssh2"
                ));
            }
        }
        fs::write(self.top.join("tree/changed"), "two\n").expect("a change");
        fs::remove_file(self.top.join("tree/deleted")).expect("a deletion");
        std::os::unix::fs::symlink("changed", self.top.join("tree/new")).expect("a link");
        [550, 553, 554].into_iter().for_each(|rule| drop(self.daemon.wait_for_alert(rule)));
        wait_for("the block", || (self.daemon.status()?["respond"]["active"] == 1).then_some(()));
        wait_for("the refused block", || (self.daemon.status()?["respond"]["rejected"] != 0).then_some(()));
    }
}

#[test]
fn every_answer_is_as_its_schema_says() {
    if !require::root() {
        return;
    }
    network::alone(|| {
        let schemas = Schemas::load();
        let mut host = Host::new();
        host.daemon.start();
        host.suffer();
        of_the_daemon(&schemas, &host);
        of_windows(&schemas, &host);
        of_files(&schemas, &mut host);
        of_texts(&schemas, &host);
        of_rules(&schemas, &host);
        of_configuration(&schemas, &host);
        of_adoption(&schemas);
        assert_eq!(schemas.unseen(), NOT_RUN, "no answer was held against these schemas");
    });
}

fn of_the_daemon(schemas: &Schemas, host: &Host) {
    let daemon = &host.daemon;
    let status = schemas.run(daemon, "status", &["status"]);
    let states: BTreeSet<_> = status[0]["collect"]["sources"]
        .as_array()
        .expect("sources")
        .iter()
        .map(|one| one["state"].to_string())
        .collect();
    assert!(
        ["reading", "missing", "unreadable", "duplicate"].iter().all(|state| states.contains(&format!("{state:?}")))
    );
    assert!(status[0]["mail"].is_object() && status[0]["syslog"].is_array(), "{status:#?}");
    assert!(schemas.run(daemon, "alerts", &["alerts"]).len() >= 5);
    schemas.run(daemon, "alerts-top", &["alerts", "top"]);
    schemas.run(daemon, "alerts-top", &["alerts", "top", "--by", "rule", "--since", "1h"]);
    schemas.run(daemon, "blocks-add", &["blocks", "add", "198.51.100.1", "--timeout", "4h"]);
    let again = schemas.run(daemon, "blocks-add", &["blocks", "add", "198.51.100.1", "--timeout", "1h"]);
    assert_eq!(again[0]["unchanged"], true);
    schemas.run(daemon, "blocks-add", &["blocks", "add", "2001:db8::1"]);
    schemas.fail(daemon, 1, &["blocks", "add", "127.0.0.1"]);
    schemas.fail(daemon, 2, &["blocks", "add", "nonsense"]);
    let blocks = schemas.run(daemon, "blocks-list", &["blocks"]);
    assert_eq!(blocks[0]["total"], 3);
    let events = ["203.0.113.5", "192.0.2.53", "198.51.100.1", "192.0.2.77"]
        .map(|address| schemas.run(daemon, "why", &["why", address])[0]["history"][0]["event"].clone());
    assert_eq!(events, [Value::from("blocked"), "refused".into(), "blocked".into(), Value::Null]);
    schemas.run(daemon, "blocks-remove", &["blocks", "remove", "198.51.100.1", "192.0.2.77"]);
    schemas.run(daemon, "blocks-remove", &["unblock", "203.0.113.5"]);
    schemas.run(daemon, "why", &["why", "203.0.113.5"]);
    schemas.run(daemon, "blocks-flush", &["blocks", "flush"]);
    schemas.run(daemon, "allow-add", &["allow", "add", "203.0.113.0/24", "2001:db8::7", "--comment", "office"]);
    schemas.run(daemon, "allow-list", &["allow"]);
    schemas.run(daemon, "allow-remove", &["allow", "remove", "203.0.113.0/24", "198.51.100.1"]);
    schemas.fail(daemon, 1, &["allow", "add", "0.0.0.0/0"]);
    schemas.run(daemon, "support", &["support", &host.path("support.tar.gz")]);
    schemas.fail(daemon, 4, &["support", &host.path("support.tar.gz")]);
    schemas.fail(daemon, 2, &["top"]);
    schemas.run(daemon, "reload", &["reload"]);
}

/// Change windows and maintenance mode, and the alerts that they raise.
fn of_windows(schemas: &Schemas, host: &Host) {
    let daemon = &host.daemon;
    let none = schemas.run(daemon, "fim-window-list", &["fim", "window", "list"]);
    assert_eq!(none[0]["windows"], Value::Array(Vec::new()));
    schemas.fail(daemon, 1, &["fim", "window", "close"]);
    schemas.fail(daemon, 1, &["fim", "maintenance", "off"]);
    schemas.fail(daemon, 1, &["fim", "window", "open", "--pid", "4194305"]);
    let tree = host.path("tree");
    let open =
        ["fim", "window", "open", "--for", "10m", "--reason", "an upgrade", "--path", &tree, "--by", "/bin/true"];
    schemas.run(daemon, "fim-window-open", &open);
    schemas.run(daemon, "fim-maintenance", &["fim", "maintenance", "on"]);
    for (name, command) in [
        ("fim-window-list", &["fim", "window", "list"][..]),
        ("fim-status", &["fim", "status"]),
        ("status", &["status"]),
    ] {
        let answer = schemas.run(daemon, name, command);
        let windows = if name == "status" { &answer[0]["fim"]["windows"] } else { &answer[0]["windows"] };
        assert_eq!(windows.as_array().map(Vec::len), Some(2), "{answer:?}");
    }
    let closed = schemas.run(daemon, "fim-window-close", &["fim", "window", "close"]);
    assert_eq!(closed[0]["closed"].as_array().map(Vec::len), Some(1), "{closed:?}");
    assert_eq!(closed[0]["closed"][0]["closing"], true, "{closed:?}");
    schemas.run(daemon, "fim-maintenance-off", &["fim", "maintenance", "off"]);
    schemas.run(daemon, "fim-maintenance", &["fim", "maintenance", "on"]);
    schemas.run(daemon, "fim-maintenance-off", &["fim", "maintenance", "end"]);
    let told = |alerts: &[Value], event: &str| alerts.iter().any(|alert| alert["SyscheckFile"]["event"] == event);
    wait_for("the end of maintenance mode", || {
        (daemon.status()?["fim"]["windows"].is_null() && told(&daemon.alerts(), "maintenance-off")).then_some(())
    });
    let alerts = schemas.run(daemon, "alerts", &["alerts"]);
    for event in ["window-opened", "window-closed", "maintenance-on", "maintenance-off"] {
        assert!(told(&alerts, event), "no alert of {event}: {alerts:#?}");
    }
}

fn of_files(schemas: &Schemas, host: &mut Host) {
    let (tree, export) = (host.path("tree"), host.path("export"));
    let changed = host.path("tree/changed");
    let daemon = &host.daemon;
    schemas.run(daemon, "fim-scan", &["fim", "scan", &tree, "--no-wait"]);
    schemas.run(daemon, "fim-scan", &["fim", "scan", "--stop"]);
    // After the other, which may have ended or not.
    schemas.run(daemon, "fim-scan", &["fim", "scan", &tree, "--full"]);
    let status = schemas.run(daemon, "fim-status", &["fim", "status"]);
    assert_eq!(status[0]["last_scan"]["complete"], true, "{status:?}");
    assert!(schemas.run(daemon, "fim-list", &["fim", "list", &tree]).len() >= 4);
    assert_eq!(schemas.run(daemon, "fim-diff", &["fim", "diff", &tree]).len(), 3);
    for path in [&changed, &host.path("tree/deleted"), &host.path("tree/new"), "/nonexistent"] {
        schemas.run(daemon, "fim-why", &["fim", "why", path]);
    }
    let check = schemas.run(daemon, "fim-check", &["fim", "check", &tree]);
    assert_eq!(check[0]["exit_status"], 7, "{check:#?}");
    schemas.run(daemon, "fim-export", &["fim", "export", &export]);
    schemas.run(daemon, "fim-verify", &["fim", "verify"]);
    schemas.run(daemon, "fim-verify-file", &["fim", "verify", &export]);
    let mut damaged = fs::read(&export).expect("an export");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(host.path("damaged"), damaged).expect("written");
    schemas.run(daemon, "fim-verify-file", &["fim", "verify", &host.path("damaged")]);
    schemas.run(daemon, "fim-accept", &["fim", "accept", "--packages", &tree]);
    schemas.run(daemon, "fim-accept", &["fim", "accept", &tree]);
    fs::write(&changed, "three\n").expect("a change");
    schemas.run(daemon, "fim-scan", &["fim", "scan", &tree]);
    let compared = schemas.run(daemon, "fim-diff-export", &["fim", "diff", &tree, "--export", &export]);
    assert_ne!(compared[0]["differences"], Value::Array(Vec::new()), "{compared:?}");
    host.daemon.stop();
    let offline = schemas.run(&host.daemon, "fim-status", &["fim", "status"]);
    assert_eq!(offline[0]["offline"], true);
    schemas.fail(&host.daemon, 3, &["status"]);
    schemas.fail(&host.daemon, 3, &["fim", "maintenance", "on"]);
    schemas.run(&host.daemon, "fim-window-list", &["fim", "window", "list"]);
    schemas.fail(&host.daemon, 1, &["fim", "init"]);
    let other = Host::new();
    schemas.run(&other.daemon, "fim-init", &["fim", "init"]);
}

/// Alerts that only alerts.log has, as of a host where OSSEC ran.
fn of_texts(schemas: &Schemas, host: &Host) {
    let mut directories = vec![host.top.join("logs/alerts")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|end| end == "json") {
                fs::remove_file(path).expect("removed");
            }
        }
    }
    let alerts = schemas.run(&host.daemon, "alerts", &["alerts"]);
    assert!(alerts.iter().any(|alert| alert["srcip"].is_null() && alert["evidence"].is_array()), "{alerts:#?}");
}

fn of_rules(schemas: &Schemas, host: &Host) {
    let daemon = &host.daemon;
    let lines = format!("{}\nnothing known\n\n", failed_login(5));
    let plain = schemas.run_with(daemon, "logtest", &["logtest"], lines.as_bytes());
    assert_eq!((&plain[0]["rule"]["id"], &plain[1]["decoder"]), (&5716.into(), &Value::Null));
    schemas.run_with(daemon, "logtest", &["logtest", "--verbose"], lines.as_bytes());
    let allowed = failed_login(6).replace("203.0.113.6", "192.0.2.53");
    let many = format!("{}\n{allowed}\nnothing known\n", failed_login(5)).repeat(9);
    let tested = schemas.run_with(daemon, "logtest", &["logtest"], many.as_bytes());
    let next = tested.iter().flat_map(|line| line["next"].as_array().into_iter().flatten());
    let kinds: BTreeSet<_> = next.filter_map(|next| next["kind"].as_str()).collect();
    assert!(["no_alert", "never_blocked", "block"].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    schemas.run_with(daemon, "logtest", &["logtest", "--strict-ossec"], lines.as_bytes());
    fs::write(host.path("old.log"), format!("{}\n", failed_login(5)).repeat(9)).expect("written");
    let replayed = schemas.run(daemon, "replay", &["replay", &host.path("old.log")]);
    assert_eq!(replayed[0]["would_block"].as_array().map(Vec::len), Some(1), "{replayed:?}");
    schemas.run(daemon, "rules-list", &["rules", "list", "--level", "10"]);
    schemas.run(daemon, "rules-list", &["rules", "list", "--level", "99"]);
    ["5700", "5716", "5720"].iter().for_each(|id| drop(schemas.run(daemon, "rules-show", &["rules", "show", id])));
    schemas.fail(daemon, 1, &["rules", "show", "999999"]);
    schemas.run(daemon, "rules-graph", &["rules", "graph", "5716"]);
    let tests = host.path("cases.ini");
    let case = format!("[a case]\nrule = 1002\nalert = 2\ndecoder = sshd\nlog 1 pass = {}\n", failed_login(5));
    fs::write(&tests, format!("{case}\nnonsense\n")).expect("written");
    let tested = schemas.run(daemon, "rules-test", &["rules", "test", &tests]);
    assert!(!tested[0]["failed"][0]["differences"].is_null() && !tested[0]["problems"][0].is_null(), "{tested:?}");
    schemas.run(daemon, "rules-silence", &["rules", "silence", "5716", "--srcip", "203.0.113.5"]);
    schemas.run(daemon, "rules-silence", &["rules", "silence", "5715", "--dry-run"]);
    schemas.fail(daemon, 1, &["rules", "silence", "999999"]);
}

fn of_configuration(schemas: &Schemas, host: &Host) {
    let daemon = &host.daemon;
    schemas.run(daemon, "check", &["check"]);
    schemas.run(daemon, "config-show", &["config", "show"]);
    schemas.run(daemon, "config-get", &["config", "get", "syscheck.frequency"]);
    schemas.run(daemon, "config-explain", &["config", "explain", "frequency"]);
    schemas.run(daemon, "config-explain-section", &["config", "explain", "syscheck"]);
    schemas.fail(daemon, 1, &["config", "explain", "nonsense"]);
    schemas.run(daemon, "explain", &["explain", "C014"]);
    schemas.run(daemon, "explain-list", &["explain"]);
    schemas.fail(daemon, 1, &["explain", "X999"]);
    let broken = Daemon::new("<syscheck><frequency>2h</frequency></syscheck><nonsense/>");
    let check = schemas.run(&broken, "check", &["check"]);
    assert_eq!(check[0]["ok"], false, "{check:?}");
    broken.configure("<syscheck");
    schemas.fail(&broken, 1, &["config", "show"]);
}

fn of_adoption(schemas: &Schemas) {
    let (host, jails) = host_with_fail2ban();
    let jails = jails.to_string_lossy().into_owned();
    schemas.run(&host, "import", &["import", "fail2ban", &jails]);
    schemas.run(&host, "import", &["import", "fail2ban", &jails, "--yes"]);
    let (host, home) = host_after_ossec();
    schemas.run(&host, "import", &["import", "ossec", &home.to_string_lossy()]);
    let aide = host.path("aide.conf");
    fs::write(&aide, "/etc p+u+sha256\n/srv/.*x p\n").expect("written");
    schemas.run(&host, "import", &["import", "aide", &aide.to_string_lossy()]);
    let image = host.path("image");
    crate::setup::share(&image);
    fs::create_dir_all(image.join("var/log")).expect("a directory");
    fs::write(image.join("var/log/auth.log"), "").expect("a log");
    let destdir = |path: &Path| path.to_string_lossy().into_owned();
    schemas.run(&host, "setup-quiet", &["setup", "--quiet", "--destdir", &destdir(&image)]);
    std::os::unix::fs::symlink(host.path("ruleset"), image.join("etc/hids/ruleset")).expect("a link");
    schemas.run(&host, "setup", &["setup", "--destdir", &destdir(&image)]);
    schemas.run(&host, "setup", &["setup", "--yes", "--destdir", &destdir(&image)]);
}

#[test]
fn every_command_has_a_schema() {
    let schemas = Schemas::load();
    let described = schemas.commands();
    let mut known = BTreeSet::new();
    commands(&Daemon::new(""), &mut Vec::new(), &mut known);
    assert!(known.len() > 30, "only {known:?} were found");
    for command in &known {
        let listed = format!("{command} list");
        let has = |name: &str| described.contains(name) || WITHOUT.contains(&name);
        assert!(has(command) || has(&listed), "{command} has no schema below docs/schema/");
    }
    let gone: Vec<_> = described.iter().filter(|name| !known.contains(**name)).collect();
    assert!(gone.is_empty(), "there are no such commands: {gone:?}");
}

/// Every command that `--help` names and that can be run as it is.
fn commands(host: &Daemon, path: &mut Vec<String>, found: &mut BTreeSet<String>) {
    let arguments: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
    let help = String::from_utf8(host.hidsctl(&arguments).stdout).expect("text");
    let list = help.split("\nCommands:").nth(1).and_then(|rest| rest.split("\nOptions:").next()).unwrap_or_default();
    let names: Vec<&str> = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    let usage = help.lines().find(|line| line.starts_with("Usage:")).unwrap_or_default();
    if !path.is_empty() && !usage.contains("<COMMAND>") {
        found.insert(path.join(" "));
    }
    for name in names {
        path.push(name.to_owned());
        commands(host, path, found);
        path.pop();
    }
}

#[test]
fn examples_are_as_their_schemas_say() {
    Schemas::load().check_examples();
}
