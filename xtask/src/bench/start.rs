//! How long systemd waits for the daemon: from its start to `READY=1`, with every shipped rule.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use hids_tests::hids::{CONFIGURATION, GUIDE, ROOT};
use hids_tests::{Hids, Host};

use super::{figure, milliseconds};

/// How often.
#[derive(Args)]
pub(crate) struct Options {
    /// Starts to measure
    #[arg(long, default_value_t = STARTS)]
    starts: u32,
    /// Measure the hidsd (with its hidsctl) in this directory instead of building them
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { starts: STARTS, programs: None }
    }
}

const STARTS: u32 = 11;
/// Where the daemon notifies this program instead of systemd.
const SOCKET: &str = "/run/lab/notify";
const PATIENCE: Duration = Duration::from_secs(30);

impl Options {
    /// The directory of programs that are built already.
    pub(super) fn programs(&self) -> Option<&Path> {
        self.programs.as_deref()
    }
}

/// Starts the daemon of `programs` again and again on the state that it has left; prints the fastest, the middle and the
/// slowest start.
///
/// # Errors
/// When it does not start.
pub(super) fn measure(programs: &Path, options: &Options) -> Result<()> {
    let host = Host::new("www1")?;
    for log in ["/var/log/secure", "/var/log/messages"] {
        host.write(log, "")?;
    }
    // Lays out configuration and rules, and makes the state.
    let mut hids = Hids::start(&host, programs, GUIDE)?;
    hids.process().stop()?;
    let socket = UnixDatagram::bind(host.path(SOCKET)).context("cannot make a socket for the daemon's notices")?;
    socket.set_read_timeout(Some(PATIENCE)).context("cannot limit the waiting")?;
    let mut took = Vec::new();
    for _ in 0..options.starts.max(1) {
        took.push(one_start(&host, programs, &socket)?);
    }
    took.sort();
    let (first, middle, last) = (took[0], took[took.len() / 2], took[took.len() - 1]);
    let beside = format!("{} .. {} of {} starts", milliseconds(first), milliseconds(last), took.len());
    figure("start until READY=1", &milliseconds(middle), "<= 300 ms", &beside);
    Ok(())
}

fn one_start(host: &Host, programs: &Path, socket: &UnixDatagram) -> Result<Duration> {
    let mut command = host.command(programs.join("hidsd"));
    command.args(["-c", CONFIGURATION, "--root", ROOT]).env("NOTIFY_SOCKET", SOCKET);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let mut daemon = host.start("hidsd", command)?;
    let took = until_ready(socket).map(|()| start.elapsed());
    daemon.stop()?;
    took
}

fn until_ready(socket: &UnixDatagram) -> Result<()> {
    let start = Instant::now();
    let mut notice = [0; 256];
    while start.elapsed() < PATIENCE {
        let length = socket.recv(&mut notice).context("the daemon says nothing")?;
        if notice.get(..length) == Some(b"READY=1".as_slice()) {
            return Ok(());
        }
    }
    bail!("the daemon is not ready after {} s", PATIENCE.as_secs())
}
