//! Long answers on a terminal go through a pager, as those of systemctl(1) and git(1) do.
//!
//! Standard output itself becomes the pager's input, so that no command has to know. What fits on one screen is
//! printed as ever: less(1) with these options ends at once.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{color, screen};

/// Where a pager is looked for that is named without a directory: not in `PATH`, which is another user's under some
/// settings of sudo(8).
const PLACES: [&str; 3] = ["/usr/bin", "/bin", "/usr/local/bin"];

/// Quit if it fits, keep colours, chop no lines, leave the screen as it is, quit on an interrupt: systemd's choice.
const LESS: &str = "FRXMK";

/// A running pager; dropped, it waits until its user has read enough.
#[derive(Debug)]
pub(super) struct Pager {
    child: Child,
}

/// Starts the pager if standard output is a terminal that can show one, and there is one.
pub(super) fn start() -> Option<Pager> {
    let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    if is_dumb || !io::stdout().is_terminal() {
        return None;
    }
    let (program, args) = chosen(env::var_os("HIDS_PAGER").or_else(|| env::var_os("PAGER")))?;
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped()).env("LESS", LESS).env("LESSCHARSET", "utf-8");
    // Run by root through sudo(8), a pager must not start programs or open other files for its user.
    command.env("LESSSECURE", "1");
    let mut child = command.spawn().ok()?;
    color::keep();
    screen::keep();
    let input = child.stdin.take()?;
    rustix::stdio::dup2_stdout(&input).ok()?;
    Some(Pager { child })
}

impl Drop for Pager {
    fn drop(&mut self) {
        let _ = io::stdout().flush();
        // The pager sees the end of its input only when its last writer is gone.
        if rustix::stdio::dup2_stdout(io::stderr()).is_ok() {
            let _ = self.child.wait();
        }
    }
}

/// The program and its arguments: `wanted`, or else less(1); none for an empty text and for `cat`.
fn chosen(wanted: Option<OsString>) -> Option<(PathBuf, Vec<String>)> {
    let wanted = wanted.unwrap_or_else(|| "less".into());
    let mut words = wanted.to_str()?.split_whitespace().map(str::to_owned);
    let name = words.next().filter(|name| name != "cat")?;
    Some((find(OsStr::new(&name))?, words.collect()))
}

fn find(name: &OsStr) -> Option<PathBuf> {
    let path = PathBuf::from(name);
    if path.is_absolute() {
        return path.is_file().then_some(path);
    }
    // Another relative path would depend on the directory that one happens to be in.
    if path.components().count() != 1 {
        return None;
    }
    PLACES.iter().map(|place| PathBuf::from(place).join(&path)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pager_is_a_program_with_arguments_and_never_one_of_the_current_directory() {
        let of = |text: &str| chosen(Some(text.into()));
        assert_eq!(of(""), None);
        assert_eq!(of("  "), None);
        assert_eq!(of("cat"), None);
        assert_eq!(of("./less"), None);
        assert_eq!(of("bin/../less"), None);
        assert_eq!(of("/nonexistent/less"), None);
        assert_eq!(of("less; reboot"), None, "no shell reads it");
        let (program, args) = of("/bin/sh -c  true").expect("a pager");
        assert_eq!((program, args), (PathBuf::from("/bin/sh"), vec!["-c".to_owned(), "true".to_owned()]));
    }
}
