//! rsyslog, writing as on the guide's system: `/var/log/secure` and `/var/log/messages`.

use std::fs;

use anyhow::Result;

use crate::wait;
use crate::{Host, Running};

const CONFIGURATION: &str = r#"
module(load="imuxsock" SysSock.Name="/dev/log" SysSock.RateLimit.Interval="0")
module(load="builtin:omfile" template="RSYSLOG_TraditionalFileFormat")
auth,authpriv.*  /var/log/secure
*.*;auth,authpriv.none  /var/log/messages
"#;

/// A running rsyslog.
#[derive(Debug)]
pub struct Syslog {
    _running: Running,
}

impl Syslog {
    /// Starts it and waits for `/dev/log`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(host: &Host) -> Result<Self> {
        host.write("/run/lab/rsyslog.conf", CONFIGURATION)?;
        fs::create_dir_all(host.path("/run/lab/rsyslog"))?;
        let mut command = host.command("/usr/sbin/rsyslogd");
        command.args(["-n", "-f", "/run/lab/rsyslog.conf", "-i", "/run/lab/rsyslog/pid"]);
        let running = host.start("rsyslogd", command)?;
        wait::until("/dev/log", wait::PATIENCE, || host.path("/dev/log").exists())?;
        Ok(Self { _running: running })
    }
}
