//! What goes into the archive.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use hids_core::diag::Diagnostic;

use super::super::reload::ask;
use super::super::{Common, check};
use super::Part;
use crate::config::{self, Overlay};
use crate::control::Request;

/// Most bytes of one part.
const MOST_BYTES: u64 = 4 << 20;
/// Bytes of alerts.json.
const ALERT_BYTES: u64 = 256 << 10;
/// Where systemd's program is.
const JOURNALCTL: &str = "/usr/bin/journalctl";
const LOG_LINES: &str = "500";
const PATIENCE: Duration = Duration::from_secs(20);
/// Facts of the system: what the kernel and the distribution say of themselves.
const SYSTEM: [&str; 7] = [
    "/proc/version",
    "/etc/os-release",
    "/proc/uptime",
    "/proc/loadavg",
    "/sys/kernel/security/lsm",
    "/sys/kernel/btf/vmlinux",
    "/proc/sys/kernel/unprivileged_bpf_disabled",
];
/// Lines of /proc/meminfo.
const MEMORY_LINES: usize = 5;

/// All parts; what cannot be had says why.
pub(super) fn parts(common: &Common, with_alerts: bool) -> Vec<Part> {
    let paths = config::locate(&common.load_options(false));
    let mut parts = vec![
        part("version.txt", "version of hidsctl", format!("hidsctl {}\n", env!("CARGO_PKG_VERSION")).into_bytes()),
        part("status.json", "hidsctl status --json: state and counters", status(common)),
        part("check.txt", "hidsctl check: problems of the configuration", checked(common)),
        part("ossec.conf", "configuration without passwords", head_of(&paths.config_file, MOST_BYTES)),
        part("system.txt", "kernel and distribution", system()),
        part("hidsd.log", "last log messages of the daemon, with addresses", log()),
    ];
    let folder = paths.config_file.parent().unwrap_or(Path::new("/"));
    for name in ["internal_options.conf", "local_internal_options.conf"] {
        let path = folder.join(name);
        if path.is_file() {
            parts.push(part(name, "internal options", head_of(&path, MOST_BYTES)));
        }
    }
    if with_alerts {
        let file = paths.logs.join("alerts/alerts.json");
        parts.push(part("alerts.json", "newest alerts, with log lines", end_of(&file, ALERT_BYTES)));
    }
    parts
}

fn part(name: &'static str, about: &'static str, content: Vec<u8>) -> Part {
    Part { name, about, content }
}

fn status(common: &Common) -> Vec<u8> {
    let text = match ask(common, &Request::Status) {
        Ok(status) => serde_json::to_string_pretty(&status).unwrap_or_default(),
        Err(error) => serde_json::json!({ "error": format!("{error:#}") }).to_string(),
    };
    (text + "\n").into_bytes()
}

fn checked(common: &Common) -> Vec<u8> {
    let (problems, rules) = check::problems(&common.load_options(false), &Overlay::new());
    let mut text: String = problems.iter().map(Diagnostic::render).collect();
    text.push_str(&format!("{} problems, {rules} rules\n", problems.len()));
    text.into_bytes()
}

fn system() -> Vec<u8> {
    let mut text = Vec::new();
    for file in SYSTEM {
        text.extend_from_slice(format!("== {file}\n").as_bytes());
        if file.ends_with("vmlinux") {
            let is_there = Path::new(file).exists();
            text.extend_from_slice(if is_there { b"there\n" } else { b"not there\n" });
        } else {
            text.extend(head_of(Path::new(file), 16 << 10));
        }
    }
    text.extend_from_slice(b"\n== /proc/meminfo\n");
    let memory = head_of(Path::new("/proc/meminfo"), 16 << 10);
    memory.split_inclusive(|&byte| byte == b'\n').take(MEMORY_LINES).for_each(|line| text.extend_from_slice(line));
    text
}

/// The first bytes of a file, or why it cannot be read.
fn head_of(path: &Path, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)) {
        Ok(_) => bytes,
        Err(error) => format!("cannot read {}: {error}\n", path.display()).into_bytes(),
    }
}

/// The whole lines in the last bytes of a file.
fn end_of(path: &Path, most: u64) -> Vec<u8> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let start = file.metadata()?.len().saturating_sub(most);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        let first = if start == 0 { 0 } else { bytes.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1) };
        Ok(bytes.split_off(first))
    };
    read().unwrap_or_else(|error| format!("cannot read {}: {error}\n", path.display()).into_bytes())
}

/// The daemon's messages in the journal; the program is ended if it takes too long.
fn log() -> Vec<u8> {
    let arguments = ["--no-pager", "-o", "short-iso", "-n", LOG_LINES, "-u", "hidsd.service"];
    let started = Command::new(JOURNALCTL)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return format!("cannot run {JOURNALCTL}: {error}\n").into_bytes(),
    };
    let Some(pipe) = child.stdout.take() else { return Vec::new() };
    let (sender, receiver) = sync_channel(1);
    let reader = thread::Builder::new().name("journal".into()).spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.take(MOST_BYTES).read_to_end(&mut bytes);
        // No one waits any more after the time.
        let _ = sender.send(bytes);
    });
    let read = reader.is_ok().then(|| receiver.recv_timeout(PATIENCE).ok()).flatten();
    // It has ended, or is to end.
    let _ = child.kill();
    let _ = child.wait();
    read.unwrap_or_else(|| format!("{JOURNALCTL} did not answer within {} s\n", PATIENCE.as_secs()).into_bytes())
}
