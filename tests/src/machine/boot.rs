//! A booted machine.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::Value;

use super::Tree;
use super::groups::Groups;
use super::tree::ROOT;
use crate::running::{child_of, output};
use crate::{Host, Running, wait};

/// What the machine calls itself.
pub const HOSTNAME: &str = "www1";

/// What the machine writes to its console.
const CONSOLE: &str = "/run/lab/machine/console";

/// A boot takes a second or two on an idle machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Enters each control group up to `--`, then becomes the program behind it.
const ENTER: &str = r#"while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@""#;

/// A running machine; dropping it is like pulling the plug.
// The order of the fields is the order in which they are dropped: control groups can be removed when nothing runs.
#[derive(Debug)]
pub struct Machine<'host> {
    power: Power,
    groups: Groups,
    tree: Tree<'host>,
}

/// A machine that is switched on.
#[derive(Debug)]
struct Power {
    nspawn: Running,
    init: Pid,
    /// Names the machine's first process for ever, also after its number has been given to another.
    handle: OwnedFd,
}

impl Power {
    /// Boots what is mounted at [`ROOT`]; systemd has begun when this returns.
    fn on(host: &Host, groups: &Groups) -> Result<Self> {
        let console = File::create(host.path(CONSOLE)).context("cannot make a file for the console")?;
        let mut nspawn = host.command("sh");
        nspawn.args(["-c", ENTER, "sh"]).args(groups.paths()).args(["--", "systemd-nspawn"]);
        // There is no systemd on the outside that would have to know of it.
        nspawn.args(["--quiet", "--boot", "--register=no", "--keep-unit", "--directory", ROOT]);
        nspawn.args(["--machine", HOSTNAME, "--capability=CAP_NET_ADMIN", "--console=pipe"]);
        // Allowed on a real machine: file integrity wants them.
        nspawn.arg("--system-call-filter=fanotify_init fanotify_mark");
        nspawn.args(["--resolv-conf=off", "--timezone=off", "--link-journal=no"]);
        nspawn.stdin(Stdio::null()).stdout(console.try_clone().context("cannot share the console")?).stderr(console);
        let mut nspawn = host.start("systemd-nspawn", nspawn)?;
        let parent = Pid::from_raw(nspawn.pid().cast_signed()).context("systemd-nspawn has no process id")?;
        let systemd = || child_of(parent).filter(|pid| name_of(*pid) == "systemd");
        let found =
            wait::value("systemd", PATIENCE, || systemd().map(Some).or((!nspawn.is_running()).then_some(None)))?;
        let Some(init) = found else { anyhow::bail!("systemd-nspawn ended:\n{}", host.read(CONSOLE)) };
        let handle = pidfd_open(init, PidfdFlags::empty()).context("cannot hold on to systemd")?;
        Ok(Self { nspawn, init, handle })
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        // The kernel then ends every other process of the machine, and systemd-nspawn ends by itself. Killing that one
        // would leave the machine running. An error means that it has ended already.
        let _ = pidfd_send_signal(&self.power.handle, Signal::KILL);
        let _ = self.power.nspawn.wait(wait::PATIENCE);
    }
}

impl<'host> Machine<'host> {
    /// Boots a file system and waits until every unit has started. It uses the network of the host as its own and may
    /// change it (packet filter, addresses).
    pub(super) fn boot(tree: Tree<'host>) -> Result<Self> {
        let host = tree.host();
        tree.write("/etc/hostname", format!("{HOSTNAME}\n"))?;
        tree.write("/etc/hosts", format!("127.0.0.1 localhost {HOSTNAME}\n::1 localhost\n"))?;
        // nspawn has a mount point there that is left when it is killed.
        host.output("mount", ["-t", "tmpfs", "tmpfs", "/tmp"])?;
        let groups = Groups::new()?;
        let machine = Self { power: Power::on(host, &groups)?, groups, tree };
        machine.until_running()?;
        Ok(machine)
    }

    /// Shuts it down in good order. What is on its disk stays, what is in `/run` is gone.
    ///
    /// # Errors
    /// When it does not end.
    pub fn power_off(&mut self) -> Result<()> {
        // It answers, or ends before it has.
        let _ = self.command("systemctl").arg("poweroff").stdin(Stdio::null()).output();
        self.power.nspawn.wait(PATIENCE).map(drop)
    }

    /// Boots it once more after [`power_off`](Self::power_off).
    ///
    /// # Errors
    /// When it does not come up.
    pub fn boot_again(&mut self) -> Result<()> {
        self.power = Power::on(self.tree.host(), &self.groups)?;
        self.until_running()
    }

    fn until_running(&self) -> Result<()> {
        let state = wait::value("the end of the boot", PATIENCE, || self.state())?;
        anyhow::ensure!(state == "running", "it is {state}: {}", self.output("systemctl", ["--failed"])?);
        Ok(())
    }

    /// The host whose network it has.
    pub fn host(&self) -> &'host Host {
        self.tree.host()
    }

    /// Its file system.
    pub fn tree(&self) -> &Tree<'host> {
        &self.tree
    }

    /// A command that will run on it, as root and outside every unit.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg("--target")
            .arg(self.power.init.as_raw_nonzero().get().to_string())
            .args(["--all", "--"])
            .arg(program);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs a program on it to its end and returns what it printed.
    ///
    /// # Errors
    /// When it cannot be started or ends with another status than 0.
    pub fn output<I: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = I>,
    ) -> Result<String> {
        output(self.command(program).args(arguments)).with_context(|| format!("on {}", self.tree.release().name()))
    }

    /// Runs a program as a unit of its own with the rights of a user, as a service of that user.
    ///
    /// # Errors
    /// When it cannot be started or fails.
    pub fn run_as(&self, user: &str, program: &[&str]) -> Result<String> {
        let arguments = ["--quiet", "--wait", "--collect", "--pipe", "--uid", user, "--"];
        self.output("systemd-run", arguments.iter().chain(program))
    }

    /// What `hidsctl --json` answers; `None` when it fails.
    pub fn hidsctl(&self, arguments: &[&str]) -> Option<Value> {
        let text = self.output("hidsctl", ["--json"].iter().chain(arguments)).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// The alerts in alerts.json so far.
    pub fn alerts(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.tree.path("/var/log/hids/alerts/alerts.json")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The messages of the journal whose program calls itself one of `identifiers`, oldest first.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn journal(&self, identifiers: &[&str]) -> Result<Vec<String>> {
        let mut arguments = vec!["--quiet", "--output=cat", "--no-pager"];
        for identifier in identifiers {
            arguments.extend(["--identifier", identifier]);
        }
        Ok(self.output("journalctl", arguments)?.lines().map(str::to_owned).collect())
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.power.nspawn.is_running()
    }

    /// How far systemd is, once every job of the boot has ended.
    fn state(&self) -> Option<String> {
        // It fails in every state but "running", and while there is no bus yet.
        let output = self.command("systemctl").arg("is-system-running").stdin(Stdio::null()).output().ok()?;
        let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        ["running", "degraded", "maintenance", "stopping"].contains(&state.as_str()).then_some(state)
    }
}

fn name_of(pid: Pid) -> String {
    let name = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).unwrap_or_default();
    name.trim_end().to_owned()
}
