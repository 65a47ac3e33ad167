//! Programs that a test makes and then runs.
//!
//! While a file is open for writing anywhere, `execve(2)` of it fails with ETXTBSY. Other threads of a test program
//! fork all the time, and their children hold every descriptor until they run another program; so a file that the
//! test itself wrote may be busy at any moment after that. A process of its own writes it here.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Copies a program to `path`.
///
/// # Panics
/// When it cannot be copied.
pub fn copy(program: impl AsRef<Path>, path: &Path) {
    let copied = Command::new("cp").arg("--").arg(program.as_ref()).arg(path).status();
    assert!(copied.as_ref().is_ok_and(std::process::ExitStatus::success), "cannot make {}: {copied:?}", path.display());
}

/// Makes `path` a program with this text, which begins with `#!`.
///
/// # Panics
/// When it cannot be made.
pub fn script(path: &Path, text: &str) {
    let mut command = Command::new("tee");
    let writer = command.arg("--").arg(path).stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let mut writer = writer.expect("tee is installed");
    // The pipe is closed at the end of the statement.
    writer.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("tee reads");
    let written = writer.wait().expect("tee ends");
    assert!(written.success(), "cannot make {}: {written}", path.display());
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("made executable");
}
