//! OpenSSH's server with password logins through PAM, logging to syslog.

use std::fs;
use std::process::Stdio;

use anyhow::{Context as _, Result};

use crate::{Host, Running};

const CONFIGURATION: &str = "
Port 22
HostKey /run/lab/ssh/host_key
PidFile none
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin yes
SyslogFacility AUTHPRIV
LogLevel INFO
UseDNS no
MaxStartups 200
PrintMotd no
";

/// A running sshd.
#[derive(Debug)]
pub struct Sshd {
    _running: Running,
}

impl Sshd {
    /// Makes a host key, starts the server and waits for port 22.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(host: &Host) -> Result<Self> {
        host.write("/run/lab/ssh/sshd_config", CONFIGURATION)?;
        fs::create_dir_all(host.path("/run/sshd")).context("cannot make /run/sshd")?;
        host.output("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", "/run/lab/ssh/host_key"])?;
        let mut command = host.command("/usr/sbin/sshd");
        command.args(["-D", "-f", "/run/lab/ssh/sshd_config"]).stdin(Stdio::null());
        let running = host.start("sshd", command)?;
        host.wait_for_port(22)?;
        Ok(Self { _running: running })
    }
}
