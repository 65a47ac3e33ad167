//! One machine: its own network, mounts, processes, IPC and host name.

use std::fs;
use std::ops::Deref;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::mounts;
use super::namespaces::Namespaces;
use crate::running::{Running, output};
use crate::wait;

/// The namespaces of one machine.
///
/// They are held by a `cat` that is their first process and reads from a pipe of ours. When the
/// guard drops, or this process ends in whatever way, `cat` ends; the kernel then ends every process
/// of the machine and removes its network and mounts.
#[derive(Debug)]
pub struct Host {
    namespaces: Namespaces,
    _holder: Running,
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
        let namespaces = Namespaces::of(name, holder.pid());
        let host = Self { namespaces, _holder: holder };
        // `unshare` has done everything when its child has become `cat`.
        let comm = format!("/proc/{}/comm", host.pid());
        wait::until("the namespaces", wait::PATIENCE, || fs::read_to_string(&comm).is_ok_and(|comm| comm == "cat\n"))?;
        host.output("hostname", [name])?;
        host.output("ip", ["link", "set", "lo", "up"])?;
        mounts::prepare(&host).with_context(|| format!("cannot prepare the file systems of {name}"))?;
        Ok(host)
    }

    /// Starts a program on this machine, made with [`Namespaces::command`].
    ///
    /// # Errors
    /// When it cannot be started or ends at once.
    pub fn start(&self, name: &str, command: Command) -> Result<Running> {
        Running::start_below(name, command)
    }

    /// Gives an interface one more address, usable at once.
    ///
    /// # Errors
    /// When `ip` refuses it.
    pub fn add_address(&self, interface: &str, address: &str) -> Result<()> {
        let mut ip = self.network_command("ip");
        ip.args(["address", "add", address, "dev", interface]);
        if address.contains(':') {
            ip.arg("nodad");
        }
        output(&mut ip).map(|_| ())
    }
}

impl Deref for Host {
    type Target = Namespaces;

    fn deref(&self) -> &Namespaces {
        &self.namespaces
    }
}
