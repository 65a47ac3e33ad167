//! Common parts of the tests.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hids_tests::daemon::Daemon;
use hids_tests::programs::hidsctl;
use hids_tests::terminal;
use serde_json::Value;

/// One log, the shipped rules, a record of each alert.
pub(crate) const WATCH_ONE_LOG: &str = "<global><alert_fold_above>0</alert_fold_above></global>\
    <localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>";

/// One log, and a block of 20 minutes from level 7 on.
pub(crate) const BLOCKING: &str = "<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>
<command><name>firewall-drop</name><executable>firewall-drop.sh</executable><expect>srcip</expect></command>
<active-response><command>firewall-drop</command><location>local</location><level>7</level><timeout>1200</timeout>
</active-response>";

/// A line of sshd whose process id is `n`.
pub(crate) fn failed_login(n: u32) -> String {
    format!(
        "Nov 24 10:00:00 web1 sshd[{n}]: Failed password for root from 203.0.113.{} port {} ssh2",
        n % 250,
        1024 + n % 60000
    )
}

/// The port is the number of the line: each must be recorded once.
pub(crate) fn recorded_numbers(daemon: &Daemon) -> Vec<u64> {
    let number = |log: &str| log.split("sshd[").nth(1)?.split(']').next()?.parse().ok();
    daemon.alerts().iter().filter_map(|alert| number(alert["full_log"].as_str()?)).collect()
}

/// `hidsctl` on `root` with the given input, to its end.
pub(crate) fn with_input(root: impl AsRef<Path>, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(hidsctl())
        .args(arguments)
        .arg("--root")
        .arg(root.as_ref())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("hidsctl can be run");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // On a thread of its own: both pipes may fill up.
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("hidsctl ends");
    // A refused configuration ends it before it has read anything.
    let _ = writer.join().expect("the writer ends");
    output
}

/// The standard output.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// `hidsctl logtest --json` on these lines: one answer a line.
pub(crate) fn logtest(host: &Daemon, more: &[&str], lines: &[u8]) -> Vec<Value> {
    let config = host.path("ossec.conf");
    let config = config.to_string_lossy();
    let arguments = [&["-c", &config, "logtest", "--json"], more].concat();
    let output = with_input(host.path(""), &arguments, lines);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
}

/// What a terminal of this width receives.
pub(crate) fn on_terminal(mut command: Command, columns: u16) -> String {
    let (master, screen) = terminal::pair(columns, 24).expect("a terminal");
    let mut child = command.stdout(screen).stdin(Stdio::null()).spawn().expect("hidsctl can be run");
    // The command holds the screen, too.
    drop(command);
    let mut seen = Vec::new();
    // Ends with an error when the last holder of the screen is gone.
    let _ = (&master).read_to_end(&mut seen);
    assert!(child.wait().expect("it ends").success(), "{}", String::from_utf8_lossy(&seen));
    String::from_utf8(seen).expect("text").replace("\r\n", "\n")
}
