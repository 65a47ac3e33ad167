//! `hidsctl top` on a real terminal: what it shows and does, and that it leaves nothing behind.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use hids_tests::daemon::{Daemon, wait_for};
use hids_tests::programs::hidsctl;
use rustix::process::Signal;

use crate::terminal::Terminal;

const BLOCKING: &str = "<global><alert_fold_above>0</alert_fold_above></global>
<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>
<command><name>firewall-drop</name><executable>firewall-drop.sh</executable><expect>srcip</expect></command>
<active-response><command>firewall-drop</command><location>local</location><level>7</level><timeout>1200</timeout>
</active-response>";

const USUAL: (u16, u16) = (80, 24);

/// `hidsctl top` of this host.
fn top(host: &Daemon, more: &[&str]) -> Command {
    let mut command = Command::new(hidsctl());
    command.arg("-c").arg(host.path("ossec.conf")).arg("--root").arg(host.path("")).arg("top").args(more);
    command.env("TZ", "UTC").env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM"] {
        command.env_remove(name);
    }
    command
}

fn attack(host: &Daemon) {
    for _ in 0..8 {
        host.log_line("Nov 24 10:00:00 web1 sshd[5]: Failed password for root from 203.0.113.5 port 22 ssh2");
    }
}

#[test]
fn an_attack_is_seen_and_its_block_is_lifted_by_keys() {
    let mut host = Daemon::new(BLOCKING);
    host.start();
    let mut terminal = Terminal::start(&top(&host, &[]), USUAL);
    terminal.wait_for(&["1 Overview", "running for", "Alerts per minute: 0 in the last hour", "1 of 1 read"]);
    attack(&host);
    terminal.keys("2");
    terminal.wait_for(&["5720", "203.0.113.5", "root"]);
    terminal.keys("/level>=10 ip:203.0.113.0/24\r");
    terminal.wait_for(&["1 of 8 alerts fit"]);
    terminal.keys("\r");
    terminal.wait_for(&["rule 5720 (level 10)", "decoder    sshd", "earlier lines", "Failed password for root"]);
    terminal.keys("\x1b");
    terminal.wait_for(&["LV RULE"]);
    terminal.keys("3");
    terminal.wait_for(&["1 blocked address", "203.0.113.5", "5720"]);
    terminal.keys("w");
    terminal.wait_for(&["203.0.113.5 is blocked for", "rule 5716 (level 5)"]);
    terminal.keys("\x1b");
    terminal.wait_for(&["REMAINING"]);
    // Anything but y leaves the block.
    terminal.keys("u");
    terminal.wait_for(&["unblock 203.0.113.5? y/n"]);
    terminal.keys("n");
    terminal.wait_for(&["q quit"]);
    assert_eq!(host.hidsctl_json(&["blocks"]).expect("a list")["total"], 1);
    terminal.keys("u");
    terminal.wait_for(&["unblock 203.0.113.5? y/n"]);
    terminal.keys("y");
    terminal.wait_for(&["203.0.113.5 unblocked", "no blocked addresses"]);
    assert_eq!(host.hidsctl_json(&["blocks"]).expect("a list")["total"], 0);
    // And one by hand.
    terminal.keys("+203.0.113.9 4h\r");
    terminal.wait_for(&["block 203.0.113.9 for 4h 0m?"]);
    terminal.keys("y");
    terminal.wait_for(&["203.0.113.9 blocked", "blocked manually"]);
    assert_eq!(host.hidsctl_json(&["blocks"]).expect("a list")["blocks"][0]["address"], "203.0.113.9");
    // An address that is allowed is not blocked any more.
    terminal.keys("a");
    terminal.wait_for(&["never block 203.0.113.9?"]);
    terminal.keys("y");
    terminal.wait_for(&["203.0.113.9 is never blocked", "no blocked addresses"]);
    assert_eq!(host.hidsctl_json(&["allow", "list"]).expect("a list")["entries"][0]["network"], "203.0.113.9");
    terminal.keys("q");
    assert!(terminal.end().success());
    wait_for("the terminal to be restored", || terminal.is_restored().then_some(()));
}

#[test]
fn changed_files_are_shown_with_their_history_and_accepted() {
    let mut host = Daemon::new("");
    let watched = host.path("watched");
    std::fs::create_dir(&watched).expect("a directory");
    std::fs::write(watched.join("hosts"), "one\n").expect("written");
    let place = watched.to_string_lossy();
    host.configure(&format!(
        "<syscheck><frequency>3600</frequency><directories realtime=\"yes\" check_all=\"yes\" \
         report_changes=\"yes\">{place}</directories></syscheck>"
    ));
    host.start();
    let mut terminal = Terminal::start(&top(&host, &[]), (120, 24));
    terminal.keys("4");
    terminal.wait_for(&["no unaccepted changes"]);
    std::fs::write(watched.join("hosts"), "one\ntwo\n").expect("written");
    std::fs::write(watched.join("new\x1b]0;x\x07"), "x").expect("written");
    terminal.wait_for(&["2 unaccepted changes", "modified", "size, content", "new\\x1b]0;x\\x07"]);
    terminal.keys("/hosts\r");
    terminal.wait_for(&["2 unaccepted changes; 1 fit /hosts"]);
    terminal.keys("\r");
    terminal.wait_for(&["History of", "Size changed from '4' to '8'", "Changed by:"]);
    terminal.keys("G");
    terminal.wait_for(&["+two"]);
    terminal.keys("\x1b");
    terminal.wait_for(&["TIMES"]);
    terminal.keys("A");
    terminal.wait_for(&["accept the changes of"]);
    terminal.keys("y");
    terminal.wait_for(&["1 changed path", "1 unaccepted change;"]);
    let output = host.hidsctl(&["fim", "diff"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("x1b") && !text.contains("hosts"), "{text}");
    terminal.keys("q");
    assert!(terminal.end().success());
    wait_for("the terminal to be restored", || terminal.is_restored().then_some(()));
}

#[test]
fn lines_are_tried_and_rules_and_sources_are_shown() {
    let mut host = Daemon::new(BLOCKING);
    host.start();
    attack(&host);
    host.wait_for_alert(5720);
    let mut terminal = Terminal::start(&top(&host, &[]), USUAL);
    terminal.keys("5");
    terminal.wait_for(&["1 of 1 log source read", "reading", "auth.log"]);
    terminal.keys("6");
    terminal.wait_for(&["2 rules with alerts", "5716", "5720"]);
    terminal.keys("\r");
    terminal.wait_for(&["rule 5716 (level 5)", "conditions (all must match)"]);
    terminal.keys("\x1b");
    terminal.wait_for(&["DESCRIPTION"]);
    terminal.keys("s");
    terminal.wait_for(&["silence rule 5716?"]);
    terminal.keys("y");
    // This configuration has no file for rules of one's own.
    terminal.wait_for(&["loads no local_rules.xml"]);
    terminal.keys("7");
    terminal.wait_for(&["Type or paste a log line"]);
    // A pasted text may have several lines.
    let line = "Nov 24 10:00:00 web1 sshd[5]: Failed password for bin from 203.0.113.6 port 22 ssh2";
    terminal.keys(&format!("\x1b[200~{line}\nq\n\x1b[201~"));
    terminal.wait_for(&["decoder: 'sshd'", "Rule id: '5716'", "No decoder matched."]);
    terminal.keys("\t?");
    terminal.wait_for(&["hidsctl unblock ADDRESS"]);
    terminal.keys("G");
    terminal.wait_for(&["hidsctl rules silence ID --reload", "hidsctl logtest"]);
    terminal.keys("q");
    terminal.wait_for(&["Alerts per minute"]);
    // Ctrl-C.
    terminal.keys("\x03");
    assert!(terminal.end().success());
    wait_for("the terminal to be restored", || terminal.is_restored().then_some(()));
}

#[test]
fn signals_end_it_and_the_terminal_is_as_before() {
    let host = Daemon::new(BLOCKING);
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        let mut terminal = Terminal::start(&top(&host, &[]), USUAL);
        terminal.wait_for(&["hidsd is not running"]);
        terminal.signal(signal);
        assert_eq!(terminal.end().signal(), Some(signal.as_raw()));
        wait_for("the terminal to be restored", || terminal.is_restored().then_some(()));
    }
}

#[test]
fn stopped_it_leaves_the_terminal_to_the_shell_and_continued_it_is_back() {
    let host = Daemon::new(BLOCKING);
    let mut terminal = Terminal::start(&top(&host, &[]), USUAL);
    for stop in ["signal", "key"] {
        terminal.wait_for(&["hidsd is not running"]);
        match stop {
            "signal" => terminal.signal(Signal::TSTP),
            _ => terminal.keys("\x1a"),
        }
        wait_for("it to stop", || (terminal.state() == Some('T')).then_some(()));
        wait_for("the terminal to be restored", || terminal.is_restored().then_some(()));
        terminal.resize(100, 30);
        terminal.signal(Signal::CONT);
        wait_for("the screen to be back", || (!terminal.is_restored()).then_some(()));
    }
    terminal.wait_for(&["hidsd is not running", "q quit"]);
    terminal.keys("q");
    assert!(terminal.end().success());
    wait_for("the terminal to be restored", || terminal.is_restored().then_some(()));
}

#[test]
fn it_ends_with_its_terminal() {
    let host = Daemon::new(BLOCKING);
    let mut terminal = Terminal::start(&top(&host, &[]), USUAL);
    terminal.wait_for(&["hidsd is not running"]);
    terminal.close();
    assert!(!terminal.end().success());
}

#[test]
fn without_a_daemon_recorded_alerts_are_shown_and_it_reconnects() {
    let mut host = Daemon::new(BLOCKING);
    host.start();
    attack(&host);
    host.wait_for_alert(5720);
    host.stop();
    let mut terminal = Terminal::start(&top(&host, &[]), USUAL);
    terminal.wait_for(&["hidsd is not running; start it with `systemctl start hidsd`", "8 in the last hour"]);
    terminal.keys("2");
    terminal.wait_for(&["hidsd is not running", "5720"]);
    host.start();
    terminal.wait_for(&["8 alerts", "5720"]);
    terminal.keys("1");
    terminal.wait_for(&["running for", "1 of 1 read"]);
    host.kill();
    terminal.wait_for(&["hidsd is not running"]);
    terminal.keys("q");
    assert!(terminal.end().success());
}

#[test]
fn a_narrow_terminal_without_utf8_and_colours_gets_plain_ascii() {
    let mut host = Daemon::new(BLOCKING);
    host.start();
    attack(&host);
    host.log_line("Nov 24 10:00:00 web1 sshd[5]: Failed password for rööt\x1b]0;x\x07 from 203.0.113.5 port 22 ssh2");
    host.wait_for_alert(5720);
    let mut command = top(&host, &["--color", "never"]);
    command.env("LC_ALL", "C");
    let mut terminal = Terminal::start(&command, (20, 10));
    terminal.wait_for(&["1 Overview"]);
    for (key, shown) in
        [("2", "5720"), ("3", "203.0.113.5"), ("4", "4 Files"), ("5", "reading"), ("6", "5716"), ("7", "7 Try")]
    {
        terminal.keys(key);
        terminal.wait_for(&[shown]);
    }
    terminal.keys("\x1b");
    terminal.wait_for(&["press i"]);
    terminal.keys("?");
    terminal.wait_for(&["Help"]);
    terminal.resize(80, 24);
    terminal.wait_for(&["hidsctl unblock ADDRESS"]);
    terminal.resize(1, 1);
    terminal.keys("\x03");
    assert!(terminal.end().success());
    let bytes = terminal.bytes();
    assert!(bytes.is_ascii(), "{}", String::from_utf8_lossy(&bytes));
    let text = String::from_utf8(bytes).expect("ASCII");
    assert!(!text.contains("\x1b]"), "no title of a window is set");
    let colours = regex::Regex::new("\x1b\\[[0-9;]*(3[0-7]|38;[0-9;]*)m").expect("a pattern");
    assert!(!colours.is_match(&text), "{:?}", colours.find(&text));
}

#[test]
fn without_a_terminal_other_commands_are_named() {
    let host = Daemon::new(BLOCKING);
    for arguments in [&["top"][..], &["top", "--json"]] {
        let output = host.hidsctl(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(2), true), "{text}");
        assert!(text.contains("hidsctl status"), "{text}");
    }
}
