//! Runs a pipeline of programs and takes its output.

use std::io::{self, PipeReader, PipeWriter, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::config::command_line::{Pipeline, Stage, Stream};
use crate::trust::Program;

/// Most output of one run that is kept; a program that writes more is ended.
pub(super) const MAX_OUTPUT_BYTES: usize = 1024 * 1024;

/// What programs find in their environment, and nothing else.
const ENVIRONMENT: [(&str, &str); 2] = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("LC_ALL", "C")];

/// What a run gave.
#[derive(Debug)]
pub(super) struct Output {
    pub bytes: Vec<u8>,
    /// There was more.
    pub cut: bool,
}

/// A run gave nothing that can be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error("cannot start {program}")]
    Start {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("cannot create a pipe")]
    Pipe(#[source] io::Error),
    #[error("timed out after {} s and was terminated", .0.as_secs())]
    TimedOut(Duration),
    #[error("collector shutting down")]
    Stopped,
}

/// Programs that were started; ended with all they started when this is dropped.
#[derive(Debug, Default)]
struct Running {
    children: Vec<Child>,
}

impl Running {
    fn group(&self) -> Option<Pid> {
        Pid::from_raw(i32::try_from(self.children.first()?.id()).ok()?)
    }

    /// Waits for the programs, which have closed their output; returns whether they ended in time.
    fn wait_until(&mut self, limit: Instant) -> bool {
        loop {
            // The leader is waited for last: the group is named after it.
            let all = self.children.iter_mut().skip(1).all(|child| matches!(child.try_wait(), Ok(Some(_))));
            if all && self.children.first_mut().is_none_or(|child| matches!(child.try_wait(), Ok(Some(_)))) {
                self.children.clear();
                return true;
            }
            if Instant::now() >= limit {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = self.group() {
            // Fails when all have ended.
            let _ = kill_process_group(group, Signal::KILL);
        }
        for child in self.children.iter_mut().rev() {
            let _ = child.wait();
        }
    }
}

/// Runs `pipeline` for at most `timeout`; ends it early when `stop` is closed at its other end.
pub(super) fn run(pipeline: &Pipeline, timeout: Duration, stop: &PipeReader) -> Result<Output, RunError> {
    let limit = Instant::now() + timeout;
    let mut running = Running::default();
    let reader = start(pipeline, &mut running)?;
    let output = take_output(reader, limit, timeout, stop)?;
    if !output.cut && !running.wait_until(limit) {
        return Err(RunError::TimedOut(timeout));
    }
    Ok(output)
}

fn start(pipeline: &Pipeline, running: &mut Running) -> Result<PipeReader, RunError> {
    let mut input: Option<PipeReader> = None;
    for stage in &pipeline.stages {
        let (reader, writer) = io::pipe().map_err(RunError::Pipe)?;
        let child = start_stage(stage, input.take(), writer, running.group())?;
        running.children.push(child);
        input = Some(reader);
    }
    input.ok_or_else(|| RunError::Pipe(io::ErrorKind::InvalidInput.into()))
}

fn start_stage(
    stage: &Stage,
    input: Option<PipeReader>,
    writer: PipeWriter,
    group: Option<Pid>,
) -> Result<Child, RunError> {
    let stream = |kind| match kind {
        Stream::Kept => writer.try_clone().map(Stdio::from).map_err(RunError::Pipe),
        Stream::Discarded => Ok(Stdio::null()),
    };
    let failed = |source| RunError::Start { program: stage.program.clone(), source };
    let program = Program::open(&find(&stage.program)).map_err(|distrust| failed(distrust.into_io()))?;
    program
        .command()
        .args(&stage.arguments)
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir("/")
        .stdin(input.map_or_else(Stdio::null, Stdio::from))
        .stdout(stream(stage.output)?)
        .stderr(stream(stage.errors)?)
        .process_group(group.map_or(0, |group| group.as_raw_nonzero().get()))
        .spawn()
        .map_err(failed)
}

/// Where a program is, as the kernel and `execvp` find it: a path is taken from `/`, where it will
/// run; a name is looked for in the directories of [`ENVIRONMENT`].
fn find(program: &str) -> PathBuf {
    if program.contains('/') {
        return Path::new("/").join(program);
    }
    let directories = ENVIRONMENT[0].1.split(':').map(Path::new);
    let is_there = |path: &PathBuf| access(path, Access::EXEC_OK).is_ok() && path.is_file();
    directories.map(|directory| directory.join(program)).find(is_there).unwrap_or_else(|| PathBuf::from(program))
}

fn take_output(
    mut reader: PipeReader,
    limit: Instant,
    timeout: Duration,
    stop: &PipeReader,
) -> Result<Output, RunError> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let left = limit.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(RunError::TimedOut(timeout));
        }
        match wait(&[reader.as_fd(), stop.as_fd()], left).as_slice() {
            [_, true] => return Err(RunError::Stopped),
            [true, _] => {}
            _ => continue,
        }
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(Output { bytes, cut: false }),
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Ok(Output { bytes, cut: false }),
        }
        if bytes.len() > MAX_OUTPUT_BYTES {
            bytes.truncate(MAX_OUTPUT_BYTES);
            return Ok(Output { bytes, cut: true });
        }
    }
}

/// Waits until one of `fds` has something or was closed; returns which.
pub(super) fn wait(fds: &[std::os::fd::BorrowedFd<'_>], pause: Duration) -> Vec<bool> {
    let timeout = Timespec { tv_sec: pause.as_secs().try_into().unwrap_or(3600), tv_nsec: pause.subsec_nanos().into() };
    let mut polled: Vec<PollFd<'_>> = fds.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    match poll(&mut polled, Some(&timeout)) {
        Ok(_) => polled.iter().map(|fd| !fd.revents().is_empty()).collect(),
        // Interrupted: the caller looks at its clock and asks again.
        Err(_) => vec![false; fds.len()],
    }
}
