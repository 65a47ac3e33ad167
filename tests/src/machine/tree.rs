//! A release's file system on a machine of namespaces.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::Release;
use crate::lab::{PASSWORD_HASH, USER};
use crate::running::output;
use crate::{Host, Running};

/// Where it is on its host.
pub(super) const ROOT: &str = "/run/lab/machine/root";

/// The user id of [`USER`].
const USER_ID: u32 = 2000;

/// A file system that can be written without changing the cached root; what is written lies in memory and is gone with
/// the [`Host`]. [`USER`] can log in.
#[derive(Debug)]
pub struct Tree<'host> {
    host: &'host Host,
    release: Release,
}

impl<'host> Tree<'host> {
    /// Mounts the file system of `release` on a host that has none yet.
    pub(super) fn new(host: &'host Host, release: Release) -> Result<Self> {
        let lower = release.root()?;
        for directory in ["upper", "work", "root"] {
            fs::create_dir_all(host.path("/run/lab/machine").join(directory)).context("cannot make a directory")?;
        }
        let options =
            format!("lowerdir={},upperdir=/run/lab/machine/upper,workdir=/run/lab/machine/work", lower.display());
        host.output("mount", ["-t", "overlay", "-o", &options, "machine", ROOT])?;
        let tree = Self { host, release };
        tree.add_user()?;
        Ok(tree)
    }

    /// The host on which it is.
    pub fn host(&self) -> &'host Host {
        self.host
    }

    /// Of which release it is.
    pub fn release(&self) -> Release {
        self.release
    }

    /// Where programs on its host find it.
    pub fn place(&self) -> &'static str {
        ROOT
    }

    /// Where the caller finds a file of it.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.host.path(ROOT).join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Writes a file of it, making its directories.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> Result<()> {
        let path = path.as_ref();
        self.host.write(Path::new(ROOT).join(path.strip_prefix("/").unwrap_or(path)), text)
    }

    /// A program of the release on the host, without systemd: it sees the host's `/dev` and `/proc` after
    /// [`Tree::lend_devices`].
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.host.command("chroot");
        command.arg(ROOT).arg(program);
        command
    }

    /// Starts such a program, made with [`Tree::command`].
    ///
    /// # Errors
    /// When it cannot be started or ends at once.
    pub fn start(&self, name: &str, command: Command) -> Result<Running> {
        self.host.start(name, command)
    }

    /// Runs such a program to its end and returns what it printed.
    ///
    /// # Errors
    /// When it cannot be started or ends with another status than 0.
    pub fn output<I: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = I>,
    ) -> Result<String> {
        output(self.command(program).args(arguments)).with_context(|| format!("on {}", self.release.name()))
    }

    /// Shows the host's `/dev`, with the log socket in it, and its `/proc` to programs of the release.
    ///
    /// # Errors
    /// When they cannot be mounted.
    pub fn lend_devices(&self) -> Result<()> {
        for directory in ["/dev", "/proc"] {
            self.host.output("mount", ["--rbind", directory, &format!("{ROOT}{directory}")])?;
        }
        Ok(())
    }

    fn add_user(&self) -> Result<()> {
        let add = |file: &str, line: String| {
            let place = self.path(file);
            let text = fs::read_to_string(&place).with_context(|| format!("cannot read {file}"))?;
            let mode = place.metadata().with_context(|| format!("cannot read {file}"))?.permissions();
            self.write(file, format!("{}\n{line}\n", text.trim_end()))?;
            fs::set_permissions(&place, mode).with_context(|| format!("cannot set the mode of {file}"))
        };
        let home = format!("/home/{USER}");
        add("/etc/passwd", format!("{USER}:x:{USER_ID}:{USER_ID}::{home}:/bin/sh"))?;
        add("/etc/group", format!("{USER}:x:{USER_ID}:"))?;
        add("/etc/shadow", format!("{USER}:{PASSWORD_HASH}:19000:0:99999:7:::"))?;
        fs::create_dir_all(self.path(&home)).context("cannot make a home")?;
        fs::set_permissions(self.path(&home), Permissions::from_mode(0o700))
            .context("cannot set the mode of a home")?;
        std::os::unix::fs::chown(self.path(&home), Some(USER_ID), Some(USER_ID)).context("cannot give the home away")
    }
}
