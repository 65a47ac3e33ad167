//! Through a sendmail-like program, run directly and fed on standard input. No shell.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::fs::MemfdFlags;

use super::smtp::SendError;
use crate::config::MailProgram;
use crate::trust::Program;

/// Longest run of the program.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `program` on `mail`.
pub(super) fn send(program: &MailProgram, mail: &[u8]) -> Result<(), SendError> {
    let MailProgram { path, arguments } = program;
    let fail = |what: &str, error: std::io::Error| SendError::Later(format!("{what} {}: {error}", path.display()));
    // A file in memory: a program that does not read cannot block us.
    let input = memory_file(&unix_lines(mail)).map_err(|error| fail("cannot prepare the mail for", error))?;
    let mut complaints = memory_file(b"").map_err(|error| fail("cannot prepare the output of", error))?;
    let stderr = complaints.try_clone().map_err(|error| fail("cannot prepare the output of", error))?;
    let trusted = Program::open(path).map_err(|distrust| fail("cannot run", distrust.into_io()))?;
    let mut child = trusted
        .command()
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir("/")
        .stdin(Stdio::from(input))
        .stdout(Stdio::null())
        .stderr(Stdio::from(stderr))
        .spawn()
        .map_err(|error| fail("cannot run", error))?;
    let until = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().map_err(|error| fail("cannot wait for", error))? {
            Some(status) => break status,
            None if Instant::now() >= until => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(SendError::Later(format!("{} did not finish within one minute", path.display())));
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    if status.success() {
        return Ok(());
    }
    let mut text = Vec::new();
    let _ = complaints.rewind();
    let _ = (&mut complaints).take(1024).read_to_end(&mut text);
    let text = hids_core::render::visible_string(text.trim_ascii());
    Err(SendError::Later(format!("{} ended with {status}: {text}", path.display())))
}

fn memory_file(bytes: &[u8]) -> std::io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create("hids-mail", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// Programs take lines as Unix writes them.
fn unix_lines(mail: &[u8]) -> Vec<u8> {
    let is_kept = |at: usize| mail[at] != b'\r' || mail.get(at + 1) != Some(&b'\n');
    (0..mail.len()).filter(|&at| is_kept(at)).map(|at| mail[at]).collect()
}
