//! What attackers do, with the programs they use: `ssh` and `curl`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

pub use crate::lab::{PASSWORD, USER};
use crate::{Host, Running, wait};

/// How many guesses run side by side; PAM answers each only after some seconds.
const PARALLEL: usize = 8;

/// How long a guess waits for its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What web scanners ask for: known holes first, then pages that some servers have. Every one is
/// answered with 403 or 404 here.
pub const WEB_HOLES: &[&str] = &[
    "/index.php?page=../../../../etc/passwd",
    "/cgi-bin/test.cgi?cmd=;cat%20/etc/passwd",
    "/product.php?id=1%20union%20select%20password%20from%20users",
    "/product.php?id=1'%20or%20'1'='1",
    "/search?q=<script>alert(1)</script>",
    "/search?q=%3Cscript%3Ealert(1)%3C/script%3E",
    "/scripts/..%255c../winnt/system32/cmd.exe?/c+dir",
    "/cgi-bin/phf?Qalias=x%0a/bin/cat%20/etc/passwd",
    "/shell.php?cmd=id",
    "/download.php?file=../../../etc/shadow",
    "/.git/config",
    "/.env",
    "/admin.php",
    "/adminer.php",
    "/backup.sql",
    "/backup.zip",
    "/boaform/admin/formLogin",
    "/config.php.bak",
    "/console/",
    "/db/",
    "/manager/html",
    "/myadmin/",
    "/mysql/",
    "/old/",
    "/owa/",
    "/phpinfo.php",
    "/phpmyadmin/index.php",
    "/pma/",
    "/private/",
    "/remote/login",
    "/server-status",
    "/setup.php",
    "/solr/admin/info/system",
    "/test.php",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    "/webdav/",
    "/wp-admin/",
    "/wp-config.php.bak",
    "/wp-login.php",
    "/xmlrpc.php",
];

/// Tries `count` wrong passwords for `user` over ssh, several at a time; returns how many of them the
/// server answered (a blocked attacker gets no answers).
///
/// # Errors
/// When ssh or sshpass cannot be started.
pub fn guess_passwords(from: &Host, server: &str, user: &str, count: usize) -> Result<usize> {
    let mut answered = 0;
    for start in (0..count).step_by(PARALLEL) {
        let mut guesses = Vec::new();
        for number in start..count.min(start + PARALLEL) {
            // A block in the middle of a log-in leaves ssh waiting until the server gives up.
            let mut command = from.command("timeout");
            let patience = wait::scaled(ANSWER_WITHIN).as_secs().to_string();
            command.args([&patience, "sshpass"]).args(ssh_arguments(server, user, &format!("guess{number}")));
            command.arg("true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            guesses.push(command.spawn().context("cannot start sshpass")?);
        }
        for guess in guesses {
            let output = guess.wait_with_output().context("cannot wait for sshpass")?;
            // ssh ends with 255 whether the server refuses or does not answer.
            answered += usize::from(String::from_utf8_lossy(&output.stderr).contains("Permission denied"));
        }
    }
    Ok(answered)
}

/// Asks a web server for every one of [`WEB_HOLES`], from one of the host's addresses; returns how many
/// it answered before it stopped answering.
///
/// # Errors
/// When curl cannot be started.
pub fn scan_web(from: &Host, source: &str, server: &str) -> Result<usize> {
    let mut answered = 0;
    for hole in WEB_HOLES {
        let host = if server.contains(':') { format!("[{server}]") } else { server.to_owned() };
        let mut curl = from.command("curl");
        curl.args(["--interface", source]);
        curl.args(["--silent", "--globoff", "--path-as-is", "--max-time", "2", "--output", "/dev/null"]);
        let status =
            curl.arg(format!("http://{host}{hole}")).stdin(Stdio::null()).status().context("cannot start curl")?;
        if !status.success() {
            break;
        }
        answered += 1;
    }
    Ok(answered)
}

/// Sends requests as they are, one after the other on connections of their own, from one of the host's addresses;
/// returns how many were answered.
///
/// # Errors
/// When python cannot be started.
pub fn send_requests(from: &Host, source: &str, server: &str, requests: &[String]) -> Result<usize> {
    let script = "\
import socket, sys
answered = 0
for request in sys.argv[3:]:
    try:
        with socket.create_connection((sys.argv[2], 80), 2, (sys.argv[1], 0)) as connection:
            connection.sendall(request.encode())
            answered += bool(connection.recv(1))
    except OSError:
        break
print(answered)";
    let arguments = ["-c", script, source, server].into_iter().chain(requests.iter().map(String::as_str));
    let printed = from.output("/usr/bin/python3", arguments)?;
    printed.trim().parse().context("no number of answers")
}

/// Asks an ssh server to let a user in without any proof, as a scanner for names does.
///
/// # Errors
/// When ssh cannot be started.
pub fn try_name(from: &Host, server: &str, user: &str) -> Result<()> {
    let mut command = from.command("timeout");
    command.args(["10", "ssh", "-F", "/dev/null", "-T"]);
    for option in [
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "LogLevel=ERROR",
        "PreferredAuthentications=none",
        "ConnectTimeout=3",
    ] {
        command.args(["-o", option]);
    }
    command.args(["-l", user, server, "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().context("cannot start ssh")?;
    Ok(())
}

/// Whether a fresh TCP connection to a port is accepted within a second.
pub fn can_connect(from: &Host, server: &str, port: u16) -> bool {
    let script = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)";
    let mut python = from.command("/usr/bin/python3");
    python.args(["-c", script, server, &port.to_string()]).stdin(Stdio::null()).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

/// A log-in with the right password that stays open and repeats what it is told.
#[derive(Debug)]
pub struct Session {
    _running: Running,
    input: ChildStdin,
    answers: mpsc::Receiver<String>,
}

impl Session {
    /// Logs in.
    ///
    /// # Errors
    /// When the server does not let the right password in.
    pub fn open(from: &Host, server: &str) -> Result<Self> {
        let mut command = login(from, server, "cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut running = from.start("ssh", command)?;
        let input = running.child().stdin.take().context("ssh has no input")?;
        let output = BufReader::new(running.child().stdout.take().context("ssh has no output")?);
        let (sender, answers) = mpsc::channel();
        // Ends with the pipe, which ends with the program.
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut session = Self { _running: running, input, answers };
        anyhow::ensure!(session.echoes("hello", Duration::from_secs(20)), "{server} does not let {USER} in");
        Ok(session)
    }

    /// Whether the other side repeats `word` within `patience`.
    pub fn echoes(&mut self, word: &str, patience: Duration) -> bool {
        writeln!(self.input, "{word}").is_ok() && self.answers.recv_timeout(patience).is_ok_and(|answer| answer == word)
    }
}

/// A log-in of [`USER`] with the right password that will run a line of the shell.
pub fn login(from: &Host, server: &str, line: &str) -> Command {
    let mut command = from.command("sshpass");
    command.args(ssh_arguments(server, USER, PASSWORD)).arg(line);
    command
}

/// What sshpass is given: the password, and an ssh that knows nothing of the caller's settings.
fn ssh_arguments(server: &str, user: &str, password: &str) -> Vec<String> {
    let mut arguments = vec!["-p", password, "ssh", "-F", "/dev/null", "-T"];
    for option in [
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "LogLevel=ERROR",
        "PreferredAuthentications=password",
        "PubkeyAuthentication=no",
        "NumberOfPasswordPrompts=1",
        "ConnectTimeout=3",
        "ServerAliveInterval=0",
    ] {
        arguments.extend(["-o", option]);
    }
    arguments.extend(["-l", user, server]);
    arguments.into_iter().map(str::to_owned).collect()
}
