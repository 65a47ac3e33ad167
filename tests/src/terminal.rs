//! A pair of terminal ends: the one that a program holds, and the one that its user would see.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::{Context as _, Result};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// The user's end and the program's end of a new terminal.
///
/// # Errors
/// When the kernel gives none.
pub fn pair(columns: u16, rows: u16) -> Result<(File, File)> {
    let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).context("no terminal")?;
    grantpt(&user).and_then(|()| unlockpt(&user)).context("the terminal cannot be used")?;
    let name = ptsname(&user, Vec::new()).context("the terminal has no name")?;
    let name = name.into_string().context("the terminal's name is no text")?;
    let program = File::options().read(true).write(true).custom_flags(libc::O_NOCTTY).open(name);
    let user = File::from(user);
    resize(&user, columns, rows).context("the terminal takes no size")?;
    Ok((user, program.context("the terminal cannot be opened")?))
}

/// Gives a terminal another size.
///
/// # Errors
/// When it is none.
pub fn resize(user: &File, columns: u16, rows: u16) -> io::Result<()> {
    Ok(tcsetwinsize(user, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 })?)
}
