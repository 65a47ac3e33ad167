//! `hidsctl` of the packages: starts `hidsd`, which is beside it and holds both programs, under its own name.
//!
//! A symbolic link would do the same, but the tool that makes the .rpm knows none.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Where the packages put it.
const INSTALLED: &str = "/usr/sbin/hidsd";

fn main() -> ExitCode {
    let program = beside().unwrap_or_else(|| PathBuf::from(INSTALLED));
    let error = Command::new(&program).arg0("hidsctl").args(std::env::args_os().skip(1)).exec();
    eprintln!("hidsctl: cannot start {}: {error}", program.display());
    // As for every failure that has no code of its own.
    ExitCode::from(4)
}

/// `hidsd` in the directory of this program.
fn beside() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let program = own.parent().unwrap_or(Path::new("/")).join("hidsd");
    program.is_file().then_some(program)
}
