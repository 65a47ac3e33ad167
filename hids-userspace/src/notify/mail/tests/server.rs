//! A real SMTP server: python3-aiosmtpd with a handler that writes what it gets as JSON lines.

use std::io::BufRead as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("server.py");

/// Whether python3-aiosmtpd is installed; if not, says so (or fails under `HIDS_REQUIRE=smtp`).
pub(super) fn available() -> bool {
    let found = Command::new("/usr/bin/python3").args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return true;
    }
    hids_tests::require::skip("smtp", "python3-aiosmtpd is not installed");
    false
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// A mail as the server got it.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Received {
    pub from: String,
    pub recipients: Vec<String>,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub encrypted: bool,
    pub user: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        let value = found.next().map_or("", |(_, value)| value);
        assert!(found.next().is_none(), "{name} stands there twice");
        value
    }
}

pub(super) struct SmtpServer {
    pub port: u16,
    child: Child,
    directory: tempfile::TempDir,
}

impl SmtpServer {
    /// Starts it; it answers when this returns.
    pub(super) fn start(mode: &str, port: u16) -> Self {
        let directory = tempfile::tempdir().expect("tempdir");
        let script = directory.path().join("server.py");
        std::fs::write(&script, SCRIPT).expect("write");
        if matches!(mode, "starttls" | "login") {
            let made = Command::new("openssl")
                .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
                .args(["-keyout", "key.pem", "-out", "cert.pem"])
                .current_dir(directory.path())
                .output()
                .expect("openssl runs");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        let mut child = Command::new("/usr/bin/python3")
            .arg(&script)
            .args([mode, &port.to_string()])
            .current_dir(directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let out = child.stdout.take().expect("piped");
        let mut line = String::new();
        std::io::BufReader::new(out).read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        Self { port, child, directory }
    }

    /// All mails, once there are at least `count`.
    pub(super) fn mails(&self, count: usize) -> Vec<Received> {
        let path: PathBuf = self.directory.path().join("mails");
        let deadline = Instant::now() + hids_tests::wait::scaled(Duration::from_secs(20));
        loop {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            let mails: Vec<Received> = whole.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            if mails.len() >= count {
                return mails;
            }
            assert!(Instant::now() < deadline, "{} of {count} mails arrived", mails.len());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
