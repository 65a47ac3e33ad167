//! A program that was started and ends with its guard.

use std::fs;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::wait;

/// A running program; dropping it kills the program and waits for its end.
///
/// A program in a [`Host`](crate::Host) is started by `nsenter`, which stays its parent; signals go
/// to the program itself.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    pid: Pid,
    /// Names the program for ever, also after its number has been given to another.
    handle: OwnedFd,
}

impl Running {
    /// Starts a program directly.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Result<Self> {
        let name = command.get_program().display().to_string();
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let pid = Pid::from_child(&child);
        Self::new(name, child, pid)
    }

    /// Starts a command whose only child is the program meant (`nsenter`, `unshare`).
    ///
    /// # Errors
    /// When it cannot be started, or ends before the program is there.
    pub(crate) fn start_below(name: &str, mut command: Command) -> Result<Self> {
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let parent = Pid::from_child(&child);
        let found = wait::value(&format!("the process of {name}"), wait::PATIENCE, || match child_of(parent) {
            Some(pid) => Some(Ok(pid)),
            None => child.try_wait().ok().flatten().map(Err),
        })?;
        match found {
            Ok(pid) => Self::new(name.to_owned(), child, pid),
            Err(status) => {
                let mut why = String::new();
                if let Some(mut stderr) = child.stderr.take() {
                    // What it said is only an addition to the error.
                    let _ = stderr.read_to_string(&mut why);
                }
                bail!("{name} ended at once with {status} {}", why.trim())
            }
        }
    }

    fn new(name: String, child: Child, pid: Pid) -> Result<Self> {
        let handle = pidfd_open(pid, PidfdFlags::empty()).with_context(|| format!("cannot hold on to {name}"))?;
        Ok(Self { name, child, pid, handle })
    }

    /// The program's process id as the caller sees it.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// The pipes that the command was given.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Sends a signal to the program.
    ///
    /// # Errors
    /// When it has already ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        pidfd_send_signal(&self.handle, signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// `kill -9`, and waits for the end.
    ///
    /// # Errors
    /// When it has already ended, or does not end.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        self.wait(wait::PATIENCE)
    }

    /// Asks for an orderly end (`SIGTERM`) and waits for it.
    ///
    /// # Errors
    /// When it has already ended, or does not end.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait(wait::PATIENCE)
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the end, at most `patience`.
    ///
    /// # Errors
    /// When the time is over.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        wait::value(&format!("the end of {}", self.name), patience, || self.child.try_wait().ok().flatten())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_running() {
            let _ = pidfd_send_signal(&self.handle, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// Runs a command to its end and returns what it printed.
///
/// # Errors
/// When it cannot be started or ends with another status than 0.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first process whose parent is `parent`.
pub(crate) fn child_of(parent: Pid) -> Option<Pid> {
    let parent = parent.as_raw_nonzero().get();
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // "pid (comm) state ppid …"; comm may hold spaces and parentheses (proc_pid_stat(5)).
        let ppid: i32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        if ppid == parent { Pid::from_raw(pid) } else { None }
    })
}
