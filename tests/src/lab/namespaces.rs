//! The namespaces of one machine, by their first process: runs programs in them, reads and writes files.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::running::output;
use crate::wait;

/// Namespaces that somebody else holds.
#[derive(Debug)]
pub struct Namespaces {
    name: String,
    pid: u32,
}

impl Namespaces {
    /// Those of the process `pid`.
    pub(super) fn of(name: &str, pid: u32) -> Self {
        Self { name: name.to_owned(), pid }
    }

    /// Its host name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id of its first process, as the caller sees it.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What the kernel calls its network; no process has it once the machine is gone.
    ///
    /// # Errors
    /// When the machine is gone.
    pub fn network_id(&self) -> Result<PathBuf> {
        fs::read_link(format!("/proc/{}/ns/net", self.pid())).context("the machine is gone")
    }

    /// A command that will run on this machine. For a program that stays, use `Host::start`.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.enter(&["--net", "--mount", "--uts", "--ipc", "--pid"]);
        command.arg("--").arg(program);
        command
    }

    /// A command that sees only this machine's network, and everything else of the caller.
    pub fn network_command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.enter(&["--net"]);
        command.arg("--").arg(program);
        command
    }

    /// Runs a program on this machine to its end and returns what it printed.
    ///
    /// # Errors
    /// When it cannot be started or ends with another status than 0.
    pub fn output<I: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = I>,
    ) -> Result<String> {
        output(self.command(program).args(arguments)).with_context(|| format!("on {}", self.name))
    }

    /// Where the caller finds a file of this machine.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        PathBuf::from(format!("/proc/{}/root", self.pid())).join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Writes a file of this machine, making its directories.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> Result<()> {
        let place = self.path(&path);
        if let Some(directory) = place.parent() {
            fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        }
        fs::write(&place, text).with_context(|| format!("cannot write {} of {}", path.as_ref().display(), self.name))
    }

    /// The text of a file of this machine; empty if there is none.
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        fs::read(self.path(path)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Waits until a program of this machine listens on a TCP port.
    ///
    /// # Errors
    /// When none does in time.
    pub fn wait_for_port(&self, port: u16) -> Result<()> {
        let listens = |table: &str| {
            let text = fs::read_to_string(format!("/proc/{}/net/{table}", self.pid())).unwrap_or_default();
            text.lines().any(|line| is_listener(line, port))
        };
        wait::until(&format!("port {port} of {}", self.name), wait::PATIENCE, || listens("tcp") || listens("tcp6"))
    }

    fn enter(&self, namespaces: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.pid().to_string()).args(namespaces);
        command
    }
}

/// Whether a line of `/proc/net/tcp` is a socket in state LISTEN (0A) on `port` (`proc_pid_net(5)`).
fn is_listener(line: &str, port: u16) -> bool {
    let mut fields = line.split_whitespace().skip(1);
    let local = fields.next().and_then(|address| address.rsplit_once(':'));
    let state = fields.nth(1);
    local.is_some_and(|(_, hex)| u16::from_str_radix(hex, 16) == Ok(port)) && state == Some("0A")
}
