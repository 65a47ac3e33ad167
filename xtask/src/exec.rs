//! Runs other programs: always by argument list, always printed first.

use std::ffi::OsStr;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// A command that runs in the root of the workspace unless told otherwise.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(crate::paths::root());
    command
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Prints the command, runs it and waits for it.
///
/// # Errors
/// When it cannot be started or does not end with status 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    print(command);
    let status = command.status().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{} ended with {status}", command.get_program().display());
    }
    Ok(())
}

/// Runs a command quietly and returns what it wrote to its standard output.
///
/// # Errors
/// When it cannot be started or does not end with status 0.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!("{} ended with {}: {}", command.get_program().display(), output.status, text.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Says what follows, above the commands that do it.
pub(crate) fn say(text: &str) {
    let (bold, plain) = if std::io::stdout().is_terminal() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    println!("{bold}xtask: {text}{plain}");
    flush();
}

/// The file that a program name stands for, looked up in `PATH` and cargo's own bin directory.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let cargo_bin = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .map(|home| home.join("bin"));
    std::env::split_paths(&path).chain(cargo_bin).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Prints a command as one could type it.
pub(crate) fn print(command: &Command) {
    let mut line = String::from("$");
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            line += &format!(" {}={}", name.display(), quoted(value));
        }
    }
    line += &format!(" {}", quoted(command.get_program()));
    for argument in command.get_args() {
        line += &format!(" {}", quoted(argument));
    }
    println!("{line}");
    flush();
}

/// Quotes what a reader could not paste as one word.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./,:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Keeps our lines in order with those of the programs; a closed output must not stop the work.
fn flush() {
    let _ = std::io::stdout().flush();
}
