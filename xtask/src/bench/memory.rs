//! What the daemon takes while nothing happens.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hids_tests::hids::GUIDE;
use hids_tests::{Hids, Host};

use super::figure;

/// Watches an idle daemon for `period`.
pub(super) fn measure(programs: &Path, period: Duration) -> Result<()> {
    let host = Host::new("www1")?;
    host.write("/var/log/secure", "")?;
    host.write("/var/log/messages", "")?;
    let mut hids = Hids::start(&host, programs, GUIDE)?;
    let pid = hids.process().pid();
    // What starts up beside the daemon (sensors) has settled after this.
    std::thread::sleep(Duration::from_secs(2));
    let before = wakeups(pid)?;
    std::thread::sleep(period);
    // Thread by thread: one that has ended in between takes its count with it.
    let woken = |(thread, count): (u32, u64)| count - before.get(&thread).copied().unwrap_or(0).min(count);
    let rate = wakeups(pid)?.into_iter().map(woken).sum::<u64>() as f64 / period.as_secs_f64();
    let resident = resident_kib(pid)? as f64 / 1024.0;
    // The machine's first process is a cat.
    let cat = resident_kib(host.pid())? as f64 / 1024.0;
    figure(
        "resident memory, idle",
        &format!("{resident:.1} MiB"),
        "< 30 MiB",
        &format!("{:.0} x cat(1)", resident / cat),
    );
    figure("wake-ups, idle", &format!("{rate:.1} /s"), "timers only", "");
    Ok(())
}

/// How often each thread of the process has begun to run after waiting (`proc_pid_status(5)`).
fn wakeups(pid: u32) -> Result<HashMap<u32, u64>> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).context("the daemon is gone")?;
    let count = |thread: fs::DirEntry| {
        let status = fs::read_to_string(thread.path().join("status")).ok()?;
        Some((thread.file_name().to_str()?.parse().ok()?, number(&status, "voluntary_ctxt_switches:")))
    };
    Ok(threads.flatten().filter_map(count).collect())
}

fn resident_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the process is gone")?;
    Ok(number(&status, "VmRSS:"))
}

fn number(status: &str, key: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(key));
    value.and_then(|rest| rest.split_whitespace().next()).and_then(|number| number.parse().ok()).unwrap_or(0)
}
