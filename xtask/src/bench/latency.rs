//! From a line being appended to its address being in the kernel's set.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use hids_tests::{Hids, Host, Running};

use super::{configuration, corpus, figure, milliseconds};

const LOG: &str = "/var/log/secure";
const PATIENCE: Duration = Duration::from_secs(10);

/// Appends `count` lines, each naming another address, each after the one before was blocked.
pub(super) fn measure(programs: &Path, count: u32) -> Result<()> {
    let host = Host::new("www1")?;
    host.write(LOG, "")?;
    let start = Instant::now();
    let hids = Hids::start(&host, programs, &configuration())?;
    figure("start until hidsctl is answered", &milliseconds(start.elapsed()), "< 200 ms", "");

    let monitor = Monitor::start(&host)?;
    monitor.wait_until_it_listens(&hids)?;
    let mut log = OpenOptions::new().append(true).open(host.path(LOG)).context("cannot open the log")?;
    let mut times = Vec::new();
    for number in 0..count {
        times.push(monitor.time_to_block(&mut log, number)?);
    }
    times.sort();
    let script = nft_process(&host)?;
    let beside = |time: Duration| format!("{:.2} x one run of nft(8)", time.as_secs_f64() / script.as_secs_f64());
    let (median, p99) = (percentile(&times, 50), percentile(&times, 99));
    figure("line appended until blocked, median", &milliseconds(median), "< 2 ms", &beside(median));
    figure("line appended until blocked, 99 %", &milliseconds(p99), "< 20 ms", &beside(p99));
    Ok(())
}

/// `nft monitor`: tells of each new element when the kernel tells.
struct Monitor {
    _running: Running,
    lines: Receiver<(Instant, String)>,
}

impl Monitor {
    fn start(host: &Host) -> Result<Self> {
        let mut command = host.command("nft");
        command.args(["--numeric", "monitor", "new", "elements"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut running = host.start("nft monitor", command)?;
        let output = BufReader::new(running.child().stdout.take().context("nft monitor has no output")?);
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send((Instant::now(), line)))
        });
        Ok(Self { _running: running, lines })
    }

    /// It does not say when it has begun to listen, so blocks are made until it tells of one.
    fn wait_until_it_listens(&self, hids: &Hids<'_>) -> Result<()> {
        for number in 1..100 {
            hids.ctl(&["blocks", "add", &format!("192.0.2.{number}"), "--timeout", "60"])?;
            if self.lines.recv_timeout(Duration::from_millis(100)).is_ok() {
                return Ok(());
            }
        }
        bail!("nft monitor tells nothing")
    }

    fn time_to_block(&self, log: &mut File, number: u32) -> Result<Duration> {
        let address = corpus::address(number);
        let line = corpus::wrong_password(&address);
        let appended = Instant::now();
        log.write_all(line.as_bytes()).context("cannot append to the log")?;
        loop {
            let waited = PATIENCE.saturating_sub(appended.elapsed());
            let (seen, line) = self.lines.recv_timeout(waited).with_context(|| format!("{address} was not blocked"))?;
            if line.contains(&format!("{address} ")) {
                return Ok(seen.duration_since(appended));
            }
        }
    }
}

/// What a response script costs at least: one run of `nft`.
fn nft_process(host: &Host) -> Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        host.output("nft", ["list", "tables"])?;
        times.push(start.elapsed());
    }
    times.sort();
    Ok(percentile(&times, 50))
}

/// The value below which `percent` of the sorted values are.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}
