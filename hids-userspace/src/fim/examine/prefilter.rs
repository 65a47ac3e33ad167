//! `<prefilter_cmd>`: a program whose output stands for a file's content.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::trust::{Distrust, Program};

/// The program with its arguments; the file's path is appended. Never a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prefilter {
    /// Absolute path of the program.
    pub program: Vec<u8>,
    /// Its arguments before the path.
    pub arguments: Vec<Vec<u8>>,
    /// A program that runs longer is killed.
    pub time_limit: Duration,
    /// A program that writes more is killed.
    pub output_limit_bytes: u64,
}

impl Prefilter {
    /// From the words of the option, with the usual limits; `None` when there are none.
    pub(crate) fn from_words(mut words: impl Iterator<Item = Vec<u8>>) -> Option<Self> {
        Some(Self {
            program: words.next()?,
            arguments: words.collect(),
            time_limit: Duration::from_secs(30),
            output_limit_bytes: 256 * 1024 * 1024,
        })
    }

    /// Runs it on `path` and hands its output on, part by part. An output that did not come to its end is an
    /// error: sums of a part would look like a change.
    pub(crate) fn run(&self, path: &[u8], mut take: impl FnMut(&[u8])) -> io::Result<()> {
        if !self.program.starts_with(b"/") {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the program path is not absolute"));
        }
        let program = Program::open(Path::new(OsStr::from_bytes(&self.program))).map_err(Distrust::into_io)?;
        let mut child = program
            .command()
            .args(self.arguments.iter().cloned().map(OsString::from_vec))
            .arg(OsString::from_vec(path.to_vec()))
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let deadline = Instant::now() + self.time_limit;
        let result = match child.stdout.take() {
            Some(output) => self.collect(output, deadline, &mut take).and_then(|()| ended(&child, deadline)),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        finish(&mut child, result)
    }

    fn collect(&self, mut output: ChildStdout, deadline: Instant, take: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        let mut total = 0;
        loop {
            wait_for(output.as_fd(), deadline)?;
            let count = output.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            total += count as u64;
            if total > self.output_limit_bytes {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "output limit exceeded"));
            }
            take(&buffer[..count]);
        }
    }
}

/// Waits until there is something to read.
fn wait_for(descriptor: BorrowedFd<'_>, deadline: Instant) -> io::Result<()> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left =
            Timespec { tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::TimedOut, "timed out")),
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits for the end of a program that has closed its output.
fn ended(child: &Child, deadline: Instant) -> io::Result<()> {
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return Ok(()) };
    wait_for(pidfd_open(pid, PidfdFlags::empty())?.as_fd(), deadline)
}

/// Ends the program, and all that it started, if it did not end by itself.
fn finish(child: &mut Child, result: io::Result<()>) -> io::Result<()> {
    if result.is_err()
        && let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
    {
        // It may be gone already; then there is nobody to end.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = child.wait()?;
    result?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("exited with {status}"))) }
}
