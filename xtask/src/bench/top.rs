//! What `hidsctl top` takes while nothing happens.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hids_tests::hids::{CONFIGURATION, GUIDE, ROOT};
use hids_tests::{Hids, Host, terminal};

use super::figure;

/// Watches the screen beside an idle daemon for `period`.
pub(super) fn measure(programs: &Path, period: Duration) -> Result<()> {
    let host = Host::new("www1")?;
    host.write("/var/log/secure", "")?;
    host.write("/var/log/messages", "")?;
    let _hids = Hids::start(&host, programs, GUIDE)?;
    let (mut user, program) = terminal::pair(80, 24)?;
    let mut command = host.command(programs.join("hidsctl"));
    command.args(["-c", CONFIGURATION, "--root", ROOT, "top"]).env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
    let end = || program.try_clone().context("cannot share the terminal");
    command.stdin(end()?).stdout(end()?).stderr(end()?);
    let running = host.start("top", command)?;
    drop(program);
    // Its output has to go somewhere; ends with the program.
    thread::spawn(move || while user.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {});
    // What was recorded has been read after this.
    thread::sleep(Duration::from_secs(3));
    let before = cpu(running.pid())?;
    thread::sleep(period);
    let used = cpu(running.pid())?.saturating_sub(before);
    let share = 100.0 * used.as_secs_f64() / period.as_secs_f64();
    figure("hidsctl top, CPU time while idle", &format!("{share:.2} %"), "< 0.5 %", "");
    Ok(())
}

/// Time on a processor of all threads (`schedstat` of `proc(5)`, nanoseconds); `stat` counts in hundredths of seconds.
fn cpu(pid: u32) -> Result<Duration> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).context("hidsctl top has ended")?;
    let of_thread = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        stat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
    };
    Ok(threads.flatten().filter_map(of_thread).sum())
}
