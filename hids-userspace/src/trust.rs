//! Checks that only root and the user of this process can modify a file, program or directory.
//!
//! What runs as root, or decides what does, must not be somebody else's: neither the file nor any
//! directory or link on the way to it. Every part of the way is opened without following a link and
//! looked at through its descriptor, so that what was looked at is what is used.
//!
//! Owns nothing and changes nothing. Used by every stage that starts programs or reads what decides.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, open, openat, readlinkat};

/// Links on the way that are followed, as many as the kernel follows.
const MOST_LINKS: usize = 40;
/// The first line of a script is read this far, as by the kernel (`BINPRM_BUF_SIZE`).
const SCRIPT_LINE_BYTES: u64 = 256;

/// Why something is not trusted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Distrust {
    /// It belongs to somebody else.
    #[error("{} is owned by user {owner}, who could modify it", path.display())]
    Owner {
        /// What: the file itself, or a directory or link on the way.
        path: PathBuf,
        /// Whose.
        owner: u32,
    },
    /// A group may write to it.
    #[error("{} is writable by group {group}", path.display())]
    Group {
        /// What.
        path: PathBuf,
        /// Which.
        group: u32,
    },
    /// Everybody may write to it.
    #[error("{} is world-writable", path.display())]
    Everybody {
        /// What.
        path: PathBuf,
    },
    /// It is a device, a socket, a directory.
    #[error("{} is not a {wanted}", path.display())]
    Kind {
        /// What.
        path: PathBuf,
        /// What it should be.
        wanted: &'static str,
    },
    /// It cannot be looked at.
    #[error("cannot open {}", path.display())]
    Open {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Distrust {
    /// The part of the way that is at fault.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Owner { path, .. }
            | Self::Group { path, .. }
            | Self::Everybody { path }
            | Self::Kind { path, .. }
            | Self::Open { path, .. } => path,
        }
    }

    /// What to do; `None` when it is there but cannot be judged.
    pub(crate) fn remedy(&self) -> Option<String> {
        let path = self.path().display();
        match self {
            Self::Owner { .. } => Some(format!("chown -h root {path}")),
            Self::Group { .. } => Some(format!("chmod g-w {path}")),
            Self::Everybody { .. } => Some(format!("chmod o-w {path}")),
            Self::Kind { .. } | Self::Open { .. } => None,
        }
    }

    /// Whether others can change it, rather than that it is missing or something else.
    pub(crate) fn is_of_rights(&self) -> bool {
        self.remedy().is_some()
    }

    /// The error for whoever could not start a program.
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Open { source, .. } => source,
            other => {
                let remedy = other.remedy().map(|remedy| format!(" ({remedy})")).unwrap_or_default();
                io::Error::new(io::ErrorKind::PermissionDenied, format!("not run: {other}{remedy}"))
            }
        }
    }
}

/// A program that only root can change, open.
#[derive(Debug)]
pub(crate) struct Program {
    path: PathBuf,
    file: OwnedFd,
    is_script: bool,
}

impl Program {
    /// Opens the program at `path`, with the interpreter that its first line names, if it does.
    ///
    /// # Errors
    /// When it is no regular file, or others could change what would run.
    pub(crate) fn open(path: &Path) -> Result<Self, Distrust> {
        let path = absolute(path);
        let file = regular_file(&path)?;
        let mut is_script = false;
        if let Some(interpreter) = interpreter(&file) {
            regular_file(&absolute(&interpreter))?;
            is_script = true;
        }
        Ok(Self { path, file, is_script })
    }

    /// A command that runs what was looked at. The result must not outlive `self`.
    ///
    /// A binary is executed by its descriptor. A script must keep its name, since scripts find their
    /// directory by `$0` (OSSEC's do): it is executed by its path, on which only root can put another
    /// file.
    pub(crate) fn command(&self) -> Command {
        let by_descriptor = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        if self.is_script || !Path::new(&by_descriptor).exists() {
            return Command::new(&self.path);
        }
        let mut command = Command::new(by_descriptor);
        command.arg0(&self.path);
        command
    }
}

/// Whether a regular file and the way to it can be changed by nobody else.
///
/// # Errors
/// Says what is at fault.
pub(crate) fn file(path: &Path) -> Result<(), Distrust> {
    regular_file(&absolute(path)).map(drop)
}

/// Whether a directory belongs to root or this process's user and no other may write to it. The way
/// to it is not looked at; a link at its end is followed.
///
/// # Errors
/// Says what is at fault.
pub(crate) fn directory(path: &Path) -> Result<(), Distrust> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fault = |source: rustix::io::Errno| Distrust::Open { path: path.to_owned(), source: source.into() };
    let opened = open(path, flags, Mode::empty()).map_err(fault)?;
    let stat = fstat(&opened).map_err(fault)?;
    judge(path, &stat, Sticky::Counts)
}

/// Whether nobody else can put another directory in the place of `path`.
///
/// # Errors
/// Says what is at fault.
pub(crate) fn way_to(path: &Path) -> Result<(), Distrust> {
    walk(&absolute(path), FileType::Directory).map(drop)
}

fn regular_file(path: &Path) -> Result<OwnedFd, Distrust> {
    walk(path, FileType::RegularFile)
}

/// Whether the sticky bit of a directory, which keeps others from replacing what is in it, excuses
/// that they may write to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sticky {
    Excuses,
    Counts,
}

fn judge(path: &Path, stat: &Stat, sticky: Sticky) -> Result<(), Distrust> {
    let (path, mode) = (path.to_owned(), stat.st_mode);
    judge_owner(&path, stat)?;
    if sticky == Sticky::Excuses && mode & 0o1000 != 0 {
        Ok(())
    } else if mode & 0o002 != 0 {
        Err(Distrust::Everybody { path })
    } else if mode & 0o020 != 0 && !is_of_local_staff(&path, stat) {
        Err(Distrust::Group { path, group: stat.st_gid })
    } else {
        Ok(())
    }
}

/// Debian gives the directories below `/usr/local` to a group whose members may install programs there
/// for all, root included (Debian policy 9.1.2); by default it has none.
fn is_of_local_staff(path: &Path, stat: &Stat) -> bool {
    const STAFF: u32 = 50;
    path.starts_with("/usr/local")
        && stat.st_gid == STAFF
        && FileType::from_raw_mode(stat.st_mode) == FileType::Directory
        && Path::new("/etc/debian_version").exists()
}

fn judge_owner(path: &Path, stat: &Stat) -> Result<(), Distrust> {
    if stat.st_uid == 0 || stat.st_uid == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(Distrust::Owner { path: path.to_owned(), owner: stat.st_uid })
}

/// Goes from the root directory to `path` (absolute), and opens what is there.
fn walk(path: &Path, wanted: FileType) -> Result<OwnedFd, Distrust> {
    let here = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let at_root = || open("/", here | OFlags::DIRECTORY, Mode::empty());
    let fault =
        |path: &Path, source: rustix::io::Errno| Distrust::Open { path: path.to_owned(), source: source.into() };
    let mut ahead: VecDeque<OsString> = parts(path);
    // The directories that were entered, for `..`.
    let mut entered = vec![at_root().map_err(|error| fault(path, error))?];
    let mut shown = PathBuf::from("/");
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        let Some(current) = entered.last() else { break };
        if name == ".." {
            if entered.len() > 1 {
                entered.pop();
                shown.pop();
            }
            continue;
        }
        let place = shown.join(&name);
        let next = openat(current, &name, here, Mode::empty()).map_err(|error| fault(&place, error))?;
        let stat = fstat(&next).map_err(|error| fault(&place, error))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => {
                links += 1;
                judge_owner(&place, &stat)?;
                if links > MOST_LINKS {
                    return Err(fault(&place, rustix::io::Errno::LOOP));
                }
                let target = readlinkat(&next, "", Vec::new()).map_err(|error| fault(&place, error))?;
                let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                if target.is_absolute() {
                    entered.truncate(1);
                    shown = PathBuf::from("/");
                }
                for part in parts(&target).into_iter().rev() {
                    ahead.push_front(part);
                }
            }
            FileType::Directory => {
                judge(&place, &stat, Sticky::Excuses)?;
                entered.push(next);
                shown = place;
            }
            FileType::RegularFile if ahead.is_empty() && wanted == FileType::RegularFile => {
                judge(&place, &stat, Sticky::Counts)?;
                return Ok(next);
            }
            _ => return Err(Distrust::Kind { path: place, wanted: name_of(wanted) }),
        }
    }
    match entered.pop() {
        Some(directory) if wanted == FileType::Directory => Ok(directory),
        _ => Err(Distrust::Kind { path: path.to_owned(), wanted: name_of(wanted) }),
    }
}

fn name_of(wanted: FileType) -> &'static str {
    if wanted == FileType::Directory { "directory" } else { "regular file" }
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

fn absolute(path: &Path) -> PathBuf {
    // Fails only for an empty path or without a current directory.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What the first line of a script names. A file that cannot be read is taken for a binary.
fn interpreter(file: impl AsFd) -> Option<PathBuf> {
    let file = std::fs::File::open(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd())).ok()?;
    let mut head = Vec::new();
    file.take(SCRIPT_LINE_BYTES).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let path = line.trim_ascii().split(|byte| byte.is_ascii_whitespace()).next()?;
    Some(PathBuf::from(OsString::from_vec(path.to_vec())))
}

#[cfg(test)]
mod tests;
