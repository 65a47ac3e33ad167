//! One machine: its own network, mounts, processes, IPC and host name.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::mounts;
use crate::running::{Running, output};
use crate::wait;

/// The namespaces of one machine.
///
/// They are held by a `cat` that is their first process and reads from a pipe of ours. When the
/// guard drops, or this process ends in whatever way, `cat` ends; the kernel then ends every process
/// of the machine and removes its network and mounts.
#[derive(Debug)]
pub struct Host {
    name: String,
    holder: Running,
}

impl Host {
    /// Makes a machine with only a loopback interface, private `/run`, `/var/log`, `/dev`
    /// and users. Everything else is the caller's; what a program writes belongs below `/run/lab`.
    ///
    /// # Errors
    /// When not root, or the kernel lacks namespaces.
    pub fn new(name: &str) -> Result<Self> {
        let mut unshare = Command::new("unshare");
        unshare
            .args(["--net", "--mount", "--uts", "--ipc", "--pid", "--fork"])
            .args(["--propagation", "private", "--mount-proc", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // Kept for the error; util-linux 2.38 also writes a needless complaint at the end.
            .stderr(Stdio::piped());
        let holder = Running::start_below(&format!("the namespaces of {name}"), unshare)?;
        let host = Self { name: name.to_owned(), holder };
        // `unshare` has done everything when its child has become `cat`.
        let comm = format!("/proc/{}/comm", host.holder.pid());
        wait::until("the namespaces", wait::PATIENCE, || fs::read_to_string(&comm).is_ok_and(|comm| comm == "cat\n"))?;
        host.output("hostname", [name])?;
        host.output("ip", ["link", "set", "lo", "up"])?;
        mounts::prepare(&host).with_context(|| format!("cannot prepare the file systems of {name}"))?;
        Ok(host)
    }

    /// Its host name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id of its first process, as the caller sees it.
    pub fn pid(&self) -> u32 {
        self.holder.pid()
    }

    /// What the kernel calls its network; no process has it once the machine is gone.
    ///
    /// # Errors
    /// When the machine is gone.
    pub fn network_id(&self) -> Result<PathBuf> {
        fs::read_link(format!("/proc/{}/ns/net", self.pid())).context("the machine is gone")
    }

    /// A command that will run on this machine. For a program that stays, use [`Host::start`].
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

    /// Starts a program on this machine, made with [`Host::command`].
    ///
    /// # Errors
    /// When it cannot be started or ends at once.
    pub fn start(&self, name: &str, command: Command) -> Result<Running> {
        Running::start_below(name, command)
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
