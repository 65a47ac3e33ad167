//! Boots a guest, shows what its suite says and decides whether it passed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::kernels::Kernel;
use crate::exec::{command, print};
use crate::paths;
use crate::test::suite::{Outcome, Skip, Tally, skip_in};

/// A guest that is silent for so long hangs: its slowest test takes some 20 s of it, and on a busy machine ten times that.
const PATIENCE: Duration = Duration::from_secs(400);

/// What the first script says when the suite has ended, followed by its exit status.
const END: &str = "hids-vm: exit ";

/// What a kernel says when it is broken.
const BROKEN: &[&str] = &["Kernel panic", "BUG: ", "Oops: ", "WARNING: CPU", "general protection fault"];

/// A guest; dropping it ends it.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        // It has mostly ended by itself; then both fail, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Boots `kernel` with `initramfs`; how the suite ended, and the lines that it wrote for the table.
pub(super) fn run(kernel: &Kernel, initramfs: &Path) -> (Outcome, Vec<String>) {
    let start = Instant::now();
    let results = paths::target().join("vm").join(format!("results-{}", kernel.release));
    let mut seen = Console::default();
    let ended = boot(kernel, initramfs, &results, &mut seen);
    let name = format!("vm {}", kernel.release);
    seen.tally.passed = seen.tally.passed.saturating_sub(seen.skipped.len());
    let (broken, lines) = match ended {
        Ok(lines) => (None, lines),
        Err(_) if seen.tally.failures() > 0 => (None, Vec::new()),
        Err(error) => (Some(format!("{error:#}")), Vec::new()),
    };
    (
        Outcome { name, tally: seen.tally, skipped: seen.skipped, broken, took: start.elapsed(), again: Vec::new() },
        lines,
    )
}

/// What the guest's console showed.
#[derive(Default)]
struct Console {
    tally: Tally,
    skipped: Vec<Skip>,
}

/// # Errors
/// When the suite failed or the guest hung, or the kernel complained.
fn boot(kernel: &Kernel, initramfs: &Path, results: &Path, seen: &mut Console) -> Result<Vec<String>> {
    let mut guest = qemu(kernel, initramfs, results);
    print(&guest);
    let child = guest.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start qemu-system-x86_64")?;
    let mut guest = Guest(child);
    let console = guest.0.stdout.take().context("qemu has no output")?;
    let (sender, lines) = mpsc::channel();
    // Ends with the guest, which ends its output.
    thread::spawn(move || {
        for line in BufReader::new(console).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let ended = follow(&lines, &kernel.release, seen)?;
    drop(guest);
    match ended {
        Some(0) => {}
        Some(status) => bail!("the suite ended with status {status} in {}", kernel.release),
        None => bail!("the guest {} ended without reporting how the suite ended", kernel.release),
    }
    let text = fs::read_to_string(results).with_context(|| format!("cannot read {}", results.display()))?;
    Ok(text.lines().map(|line| line.trim_end().to_owned()).collect())
}

/// Shows the guest's lines until it has ended; the suite's exit status, if the guest reported it.
fn follow(lines: &mpsc::Receiver<String>, release: &str, seen: &mut Console) -> Result<Option<i32>> {
    let mut status = None;
    let mut broken = None;
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                println!("    {line}");
                seen.tally.line(&line);
                seen.skipped.extend(skip_in(&line));
                if let Some(number) = line.strip_prefix(END) {
                    status = number.parse().ok();
                }
                if BROKEN.iter().any(|word| line.contains(word)) {
                    broken.get_or_insert(line);
                }
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => bail!("{release} printed nothing for {} s", PATIENCE.as_secs()),
        }
    }
    match broken {
        Some(line) => bail!("the kernel {release} complained: {line}"),
        None => Ok(status),
    }
}

/// Without `/dev/kvm`: it is missing or broken on many build machines, and the suite is short.
fn qemu(kernel: &Kernel, initramfs: &Path, results: &Path) -> Command {
    let mut qemu = command("qemu-system-x86_64");
    // One thread for both processors: with two, one may still run into the breakpoint by which the kernel
    // changes its own code on the other (seen as "Oops: int3" where a program was being attached).
    qemu.args(["-accel", "tcg,thread=single", "-cpu", "max", "-m", "1024", "-smp", "2"]);
    qemu.arg("-kernel").arg(kernel.image()).arg("-initrd").arg(initramfs);
    qemu.args(["-append", "console=ttyS0 quiet panic=-1 audit=0"]);
    qemu.args(["-display", "none", "-monitor", "none", "-no-reboot", "-nic", "none", "-serial", "stdio"]);
    // The second serial line carries what the suite found, undisturbed by the kernel's messages.
    qemu.arg("-serial").arg(format!("file:{}", results.display()));
    qemu
}
