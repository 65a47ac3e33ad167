//! What the sshd of OpenSSH 8.4, 9.2 and 10.0 (Debian 11, 12 and 13) really writes about what a client can do, and what
//! the shipped ruleset makes of each line (C39).

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use hids_core::engine::{Engine, EngineOptions, RulesetSources};
use hids_core::model::{Channel, EventRef, LogSource, Timestamp};
use hids_tests::lab::{ATTACKER, PASSWORD, SERVER_OUTSIDE, USER};
use hids_tests::machine::{self, Release, Tree};
use hids_tests::{Host, Lab, Running, wait};
use regex::Regex;

use crate::files;
use crate::openssh_forms::{FORMS, Form, HOSTILE};
use crate::support::lab;

/// Options of the servers, which listen on port 2200 and upwards.
const SERVERS: &[&[&str]] = &[
    &["LogLevel=INFO", "MaxStartups=200", "DenyUsers=daemon", "PermitRootLogin=no"],
    &["LogLevel=VERBOSE", "MaxStartups=200", "PasswordAuthentication=no"],
    &["LogLevel=VERBOSE", "MaxStartups=200"],
    // One client that does not log in, and no further one.
    &["LogLevel=INFO", "MaxStartups=1:100:1"],
    &["LogLevel=INFO", "MaxStartups=200", "AllowUsers=nobody-else"],
    &["LogLevel=INFO", "MaxStartups=200", "LoginGraceTime=1"],
];
const PLAIN: u16 = 2200;
const INTERACTIVE: u16 = 2201;
const VERBOSE: u16 = 2202;
const CLOSED: u16 = 2204;

/// Accounts besides [`USER`]: name, shell, password field, day of expiry.
const ACCOUNTS: &[(&str, &str, &str, &str)] =
    &[("locked", "/bin/sh", "!", ""), ("expired", "/bin/sh", "", "1"), ("noshell", "/bin/nosuch", "", "")];

/// What is sent instead of SSH; then the connection is closed.
const BYTES: &[&[u8]] = &[
    b"",
    b"GET / HTTP/1.0\r\n\r\n",
    b"a\0b\r\n",
    b"SSH-1.5-scanner\r\n",
    // A packet whose length is "AAAA".
    b"SSH-2.0-x\r\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
];

#[test]
fn every_line_of_openssh_8_4_is_understood() {
    every_line_is_understood(Release::Debian11);
}

#[test]
fn every_line_of_openssh_9_2_is_understood() {
    every_line_is_understood(Release::Debian12);
}

#[test]
fn every_line_of_openssh_10_0_is_understood() {
    every_line_is_understood(Release::Debian13);
}

fn every_line_is_understood(release: Release) {
    let Some(lab) = lab() else { return };
    let Some(tree) = machine::tree(&lab.server, release) else { return };
    tree.lend_devices().expect("devices");
    accounts(&tree);
    let log = Log::open(&lab.server);
    let servers = start(&tree, release);
    let required: Vec<&Form> = FORMS.iter().filter(|form| form.releases.contains(&release)).collect();
    attack(&lab);
    // A line may come after its client has gone.
    let seen = wait::until("every form", wait::PATIENCE, || {
        let seen = log.forms();
        required.iter().all(|form| seen.contains(form.text))
    });
    drop(servers);
    let lines = log.close();
    let forms: BTreeSet<String> = lines.iter().filter_map(|line| form_of(line)).collect();
    let missing: Vec<&str> = required.iter().map(|form| form.text).filter(|text| !forms.contains(*text)).collect();
    assert!(seen.is_ok(), "{} did not write {missing:#?}\nbut wrote {forms:#?}", release.name());
    let mut engine = engine();
    let wrong: Vec<String> = lines.iter().filter_map(|line| wrong(&mut engine, line)).collect();
    assert!(wrong.is_empty(), "{}:\n{}", release.name(), wrong.join("\n"));
}

/// The rule about words of trouble in any line: it is what is left for a line that no rule is about.
const ONLY_A_WORD: u32 = 1002;

/// What is wrong with the answer to a line as syslog gets it.
fn wrong(engine: &mut Engine, line: &str) -> Option<String> {
    let text = form_of(line)?;
    let form = FORMS.iter().find(|form| form.text == text);
    // As a file of syslog has it: without priority, with a host.
    let (time, rest) = line.split_once('>').and_then(|(_, line)| line.split_at_checked(16)).unwrap_or_default();
    let line = format!("{time}www1 {rest}");
    let now = Timestamp::from_unix_seconds(0);
    let source = Arc::new(LogSource { location: "test".to_owned(), channel: Channel::Log });
    engine.reset();
    let outcome = engine.process(EventRef { source: &source, received: now, line: line.as_bytes(), notice: None }, now);
    let mut fields = outcome.fields();
    let srcip = fields.find(|(name, _)| name.as_str() == "srcip").map(|(_, value)| String::from_utf8_lossy(value));
    let rule = outcome.rule().map_or(0, |rule| rule.id.0);
    let peer = text.contains("PEER").then_some(ATTACKER);
    // Some come only if one is faster than another: a rule must be about them all the same.
    let is_its_rule = form.map_or(rule != 0 && rule != ONLY_A_WORD, |form| rule == form.rule);
    let is_right = is_its_rule && srcip.as_deref() == peer && outcome.decoder().is_some();
    let wanted = form.map_or("one for a form that is not listed".to_owned(), |form| form.rule.to_string());
    (!is_right).then(|| format!("rule {rule} instead of {wanted}, srcip {srcip:?}: {line}"))
}

/// What differs from one run to the next, and the word for it.
static VARYING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let words = [
        (r"\bport \d+", "port N"),
        (r"\]:\d+", "]:N"),
        (r"SHA256:\S+", "HASH"),
        (r"pid(=| =|) \d+", "pid N"),
        (r"uid=\d\d+", "uid=N"),
        (r"connection #\d+", "connection #N"),
        (r"Their offer: \S+", "Their offer: X"),
        (ATTACKER, "PEER"),
        (SERVER_OUTSIDE, "SERVER"),
    ];
    words.map(|(pattern, word)| (Regex::new(pattern).expect("a pattern"), word)).into()
});

/// A line without what differs from one run to the next; `None` for lines about neither clients nor users.
fn form_of(line: &str) -> Option<String> {
    let (program, message) = line.split_once('>')?.1.get(16..)?.split_once(": ")?;
    let is_noise = ["Server listening", "Received signal", "pam_env(", "pam_systemd("];
    if is_noise.iter().any(|start| message.starts_with(start)) {
        return None;
    }
    let mut text = message.to_owned();
    for (pattern, word) in VARYING.iter() {
        text = pattern.replace_all(&text, *word).into_owned();
    }
    let program = program.split('[').next().unwrap_or(program);
    let is_sshd = ["sshd", "sshd-session", "sshd-auth"].contains(&program);
    Some(if is_sshd { text } else { format!("{program}: {text}") }.trim_end().to_owned())
}

fn engine() -> Engine {
    let sources =
        RulesetSources { decoders: files::sources("decoders"), rules: files::sources("rules"), lists: Vec::new() };
    Engine::compile(&sources, EngineOptions::default()).0.expect("the shipped ruleset loads")
}

/// The socket to which programs of a host log.
struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
    reader: JoinHandle<()>,
}

impl Log {
    fn open(host: &Host) -> Self {
        let place = host.path("/dev/log");
        let socket = UnixDatagram::bind(&place).expect("a log socket");
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o666)).expect("a socket for all");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a limit");
        let (lines, is_over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let reader = std::thread::spawn({
            let (lines, is_over) = (Arc::clone(&lines), Arc::clone(&is_over));
            move || read(&socket, &lines, &is_over)
        });
        Self { lines, is_over, reader }
    }

    fn forms(&self) -> BTreeSet<String> {
        self.lines.lock().expect("lines").iter().filter_map(|line| form_of(line)).collect()
    }

    /// Everything that was logged.
    fn close(self) -> Vec<String> {
        self.is_over.store(true, Ordering::Relaxed);
        self.reader.join().expect("the reader ends");
        std::mem::take(&mut self.lines.lock().expect("lines"))
    }
}

/// Reads until it is over and nothing is left.
fn read(socket: &UnixDatagram, lines: &Mutex<Vec<String>>, is_over: &AtomicBool) {
    let mut buffer = [0; 8192];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                let line = String::from_utf8_lossy(&buffer[..length]).trim_end_matches(['\n', '\0']).to_owned();
                lines.lock().expect("lines").push(line);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock && !is_over.load(Ordering::Relaxed) => {}
            Err(_) => return,
        }
    }
}

/// Adds [`ACCOUNTS`], whose passwords nobody knows.
fn accounts(tree: &Tree<'_>) {
    let read = |file: &str| std::fs::read_to_string(tree.path(file)).expect("a file of users");
    let (mut passwd, mut shadow) = (read("/etc/passwd"), read("/etc/shadow"));
    let known =
        shadow.lines().find_map(|line| line.strip_prefix(&format!("{USER}:"))?.split(':').next().map(str::to_owned));
    let known = known.expect("the user has a password");
    for (number, (name, shell, lock, expiry)) in ACCOUNTS.iter().enumerate() {
        passwd += &format!("{name}:x:{}:{}::/:{shell}\n", 2001 + number, 2001 + number);
        shadow += &format!("{name}:{lock}{known}:19000:0:99999:7::{expiry}:\n");
    }
    tree.write("/etc/passwd", passwd).expect("users");
    tree.write("/etc/shadow", shadow).expect("passwords");
}

/// Starts [`SERVERS`].
fn start(tree: &Tree<'_>, release: Release) -> Vec<Running> {
    std::fs::create_dir_all(tree.path("/run/sshd")).expect("a directory of sshd");
    let mut servers = Vec::new();
    for (options, port) in SERVERS.iter().zip(PLAIN..) {
        let mut sshd = tree.command("/usr/sbin/sshd");
        sshd.args(["-D", "-p", &port.to_string(), "-o", "PidFile=none", "-o", "UseDNS=no"]).stdin(Stdio::null());
        for option in *options {
            sshd.args(["-o", option]);
        }
        if port == INTERACTIVE {
            // Its name changed with OpenSSH 8.7.
            let is_old = release == Release::Debian11;
            let option = if is_old { "ChallengeResponseAuthentication" } else { "KbdInteractiveAuthentication" };
            sshd.args(["-o", &format!("{option}=yes")]);
        }
        if release == Release::Debian13 {
            // A penalty for one guess would hide what is written about the next one.
            sshd.args(["-o", "PerSourcePenalties=no"]);
        }
        servers.push(tree.start("sshd", sshd).expect("sshd starts"));
        tree.host().wait_for_port(port).expect("sshd listens");
    }
    servers
}

// Ways to log in.
const PASSWORDS: &[&str] = &["PreferredAuthentications=password", "PubkeyAuthentication=no"];
const INTERACTIVELY: &[&str] = &["PreferredAuthentications=keyboard-interactive"];
const KEYS: &[&str] = &["PreferredAuthentications=publickey,password", "NumberOfPasswordPrompts=9"];

/// Does everything that a client can do, side by side, since each wrong password takes two seconds or more.
fn attack(lab: &Lab) {
    let from = &lab.attacker;
    keys(from);
    let mut clients = Vec::new();
    let mut ssh = |port: u16, user: &str, password: &str, options: &[&str], command: &[&str]| {
        clients.push(client(from, port, user, password, options, command));
    };
    for (port, user) in
        [(PLAIN, "root"), (PLAIN, "nobody-here"), (PLAIN, HOSTILE), (PLAIN, "daemon"), (VERBOSE, "root")]
    {
        ssh(port, user, "guess", PASSWORDS, &[]);
    }
    ssh(CLOSED, USER, "guess", PASSWORDS, &[]);
    for (user, password) in [("locked", "guess"), ("expired", PASSWORD), ("noshell", "guess")] {
        ssh(PLAIN, user, password, PASSWORDS, &[]);
    }
    for user in ["root", "nobody-here"] {
        ssh(INTERACTIVE, user, "guess", INTERACTIVELY, &[]);
        ssh(PLAIN, user, "guess", KEYS, &[]);
    }
    ssh(VERBOSE, USER, "guess", &["PreferredAuthentications=publickey"], &[]);
    ssh(PLAIN, "nobody-here", "guess", &["PreferredAuthentications=none"], &[]);
    ssh(VERBOSE, USER, PASSWORD, PASSWORDS, &["true"]);
    ssh(PLAIN, USER, PASSWORD, PASSWORDS, &["-s", "no-such-subsystem"]);
    for algorithms in [
        &["KexAlgorithms=diffie-hellman-group1-sha1"][..],
        &["HostKeyAlgorithms=ssh-dss"],
        &["Ciphers=3des-cbc"],
        &["MACs=hmac-md5", "Ciphers=aes128-ctr"],
    ] {
        ssh(PLAIN, "root", "guess", algorithms, &[]);
    }
    clients.extend(BYTES.iter().map(|bytes| raw(from, bytes)));
    clients.push(python(from, RESET, &[]));
    clients.push(python(from, CROWD, &[]));
    clients.push(python(from, SLOW, &[]));
    for client in clients {
        // Nearly all of them fail; what counts is what the server writes.
        client.wait_with_output().expect("a client ends");
    }
}

/// Closes without a word, so that the server's answer meets a closed port.
const RESET: &str = "
import socket, struct, sys
connection = socket.create_connection((sys.argv[1], 2200), 5)
connection.recv(100)
connection.sendall(b'SSH-2.0-x\\r\\n')
connection.recv(2000)
connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
connection.close()";

/// Two connections to a server that wants one.
const CROWD: &str = "
import socket, sys
first = socket.create_connection((sys.argv[1], 2203), 5)
first.recv(100)
second = socket.create_connection((sys.argv[1], 2203), 5)
second.recv(100)";

/// Waits until the server has had enough.
const SLOW: &str = "
import socket, sys
connection = socket.create_connection((sys.argv[1], 2205), 20)
while connection.recv(100): pass";

/// Sends bytes and waits for the server's last word.
const RAW: &str = "
import socket, sys
connection = socket.create_connection((sys.argv[1], 2200), 20)
connection.recv(100)
connection.sendall(bytes.fromhex(sys.argv[2]))
connection.shutdown(socket.SHUT_WR)
while connection.recv(1000): pass";

fn python(from: &Host, script: &str, arguments: &[&str]) -> Child {
    let mut python = from.command("/usr/bin/python3");
    spawn(python.args(["-c", script, SERVER_OUTSIDE]).args(arguments))
}

fn raw(from: &Host, bytes: &[u8]) -> Child {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    python(from, RAW, &[&hex])
}

/// Keys that no server knows, one of them with a certificate that names another address.
fn keys(from: &Host) {
    for name in ["authority", "key0", "key1", "key2", "key3"] {
        let file = format!("/run/lab/{name}");
        from.output("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", &file]).expect("a key");
    }
    let identity = format!("{HOSTILE} ssh2");
    let sign = ["-q", "-s", "/run/lab/authority", "-I", &identity, "-n", USER, "/run/lab/key0.pub"];
    from.output("ssh-keygen", sign).expect("a certificate");
}

fn client(from: &Host, port: u16, user: &str, password: &str, options: &[&str], command: &[&str]) -> Child {
    let mut ssh = from.command("timeout");
    ssh.args(["25", "sshpass", "-p", password, "ssh", "-F", "/dev/null", "-T", "-p", &port.to_string()]);
    for option in [
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "IdentitiesOnly=yes",
        "IdentityFile=/run/lab/key0",
        "IdentityFile=/run/lab/key1",
        "IdentityFile=/run/lab/key2",
        "IdentityFile=/run/lab/key3",
    ]
    .iter()
    .chain(options)
    .chain(&["NumberOfPasswordPrompts=1"])
    {
        ssh.args(["-o", option]);
    }
    spawn(ssh.args(["-l", user, SERVER_OUTSIDE]).args(command))
}

fn spawn(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a client starts")
}
