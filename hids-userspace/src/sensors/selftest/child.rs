//! A process of its own for each operation, so that it has ended before anybody asks who it was.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use super::operation::{OperationUnderTest, Place};

/// The argument that makes `hidsd` do one operation instead of being a daemon.
pub const ACT_ARGUMENT: &str = "--act-for-self-test";

/// What a child may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Exit codes of the child.
const DONE: u8 = 0;
const FAILED: u8 = 1;
const NOT_HERE: u8 = 2;

/// A program that does an operation when it is given two more arguments: its name and the directory.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The program.
    pub program: OsString,
    /// The arguments before those two.
    pub arguments: Vec<OsString>,
}

impl Actor {
    /// This very program, also after it has been replaced on disk; it must be `hidsd` or `hidsctl`.
    pub fn this_program() -> Self {
        Self { program: "/proc/self/exe".into(), arguments: vec![ACT_ARGUMENT.into()] }
    }
}

/// What became of a child.
pub(super) enum Acted {
    /// It did what it should, and has ended.
    Done {
        /// Its number.
        pid: u32,
    },
    /// The kernel or the filesystem cannot do this.
    NotHere(String),
}

/// Lets a child do an operation and waits for its end.
pub(super) fn act_in_child(actor: &Actor, operation: OperationUnderTest, directory: &Path) -> io::Result<Acted> {
    let mut child = Command::new(&actor.program)
        .args(&actor.arguments)
        .arg(operation.name())
        .arg(directory)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let pid = child.id();
    let code = wait(&mut child)?;
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        // A few words; a child that has ended writes no more.
        let _ = stderr.take(4096).read_to_string(&mut said);
    }
    match code {
        Some(code) if code == i32::from(DONE) => Ok(Acted::Done { pid }),
        Some(code) if code == i32::from(NOT_HERE) => Ok(Acted::NotHere(said.trim().to_owned())),
        _ => Err(io::Error::other(format!("the operation itself failed: {}", said.trim()))),
    }
}

/// The exit code; `None` when it was ended by a signal.
fn wait(child: &mut Child) -> io::Result<Option<i32>> {
    let limit = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code());
        }
        if Instant::now() >= limit {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the child did not exit"));
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Does the operation that the arguments ask for: this process is such a child. `None` when they ask for
/// nothing of that kind. Meant for the first lines of `main`.
pub fn act_if_asked(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let _program = arguments.next();
    if arguments.next()? != OsStr::new(ACT_ARGUMENT) {
        return None;
    }
    let (name, directory) = (arguments.next()?, arguments.next()?);
    Some(ExitCode::from(act(&name, Path::new(&directory))))
}

/// Does an operation as such a child; gives the exit code.
pub fn act(name: &OsStr, directory: &Path) -> u8 {
    let Some(operation) = name.to_str().and_then(OperationUnderTest::named) else {
        eprintln!("unsupported operation");
        return FAILED;
    };
    match operation.act(&Place::of(operation, directory)) {
        Ok(()) => DONE,
        Err(error) => {
            eprintln!("{error}");
            if error.kind() == io::ErrorKind::Unsupported { NOT_HERE } else { FAILED }
        }
    }
}
