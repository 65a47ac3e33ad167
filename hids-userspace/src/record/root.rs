//! Directories and files under `logs` and `state`, opened so that no symbolic link is followed.
//!
//! The base directory itself may be a link (an administrator's choice); everything below it is made
//! by us and must be what we made.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};

use super::error::RecordError;

/// Whether missing directories are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    Create,
    Fail,
}

/// A base directory.
#[derive(Debug)]
pub(super) struct Root {
    base: OwnedFd,
    /// Its path, for messages.
    pub path: PathBuf,
}

impl Root {
    /// Opens `path`, making it and its parents if missing.
    pub(super) fn open(path: &Path) -> Result<Self, RecordError> {
        let fail = |source: io::Error| RecordError::Directory { path: path.to_owned(), source };
        make_directories(path).map_err(fail)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let base = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| fail(error.into()))?;
        Ok(Self { base, path: path.to_owned() })
    }

    /// Opens the directory `relative` (plain names only).
    pub(super) fn directory(&self, relative: &Path, missing: Missing) -> Result<OwnedFd, RecordError> {
        let fail = |source: io::Error| RecordError::Directory { path: self.path.join(relative), source };
        let mut current = self.base.try_clone().map_err(fail)?;
        for part in relative.components() {
            let Component::Normal(name) = part else {
                return Err(fail(io::Error::from(io::ErrorKind::InvalidInput)));
            };
            if missing == Missing::Create {
                match rustix::fs::mkdirat(&current, name, Mode::from_raw_mode(0o750)) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(error) => return Err(fail(error.into())),
                }
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            current = rustix::fs::openat(&current, name, flags, Mode::empty()).map_err(|error| fail(error.into()))?;
        }
        Ok(current)
    }

    /// Opens the regular file `relative` for reading and appending.
    pub(super) fn append(&self, relative: &Path, missing: Missing) -> Result<File, RecordError> {
        let directory = self.directory(relative.parent().unwrap_or(Path::new("")), missing)?;
        let fail = |source: io::Error| RecordError::Open { path: self.path.join(relative), source };
        let name = relative.file_name().ok_or_else(|| fail(io::Error::from(io::ErrorKind::InvalidInput)))?;
        // NONBLOCK: a FIFO somebody put there must not hang us.
        let mut flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        if missing == Missing::Create {
            flags |= OFlags::CREATE;
        }
        let file = rustix::fs::openat(&directory, name, flags, Mode::from_raw_mode(0o640))
            .map_err(|error| fail(error.into()))?;
        let stat = rustix::fs::fstat(&file).map_err(|error| fail(error.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(fail(io::Error::other("not a regular file")));
        }
        Ok(File::from(file))
    }

    /// Opens the regular file `relative` for writing over what it holds, made if missing.
    pub(super) fn update(&self, relative: &Path) -> Result<File, RecordError> {
        let directory = self.directory(relative.parent().unwrap_or(Path::new("")), Missing::Fail)?;
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::CREATE;
        let name = relative.file_name().unwrap_or_default();
        let file = rustix::fs::openat(&directory, name, flags, Mode::from_raw_mode(0o640))
            .map_err(|error| RecordError::Open { path: self.path.join(relative), source: error.into() })?;
        Ok(File::from(file))
    }

    /// Bytes of the filesystem that ordinary users may still take, and its size.
    pub(super) fn space(&self) -> io::Result<(u64, u64)> {
        let stat = rustix::fs::fstatvfs(&self.base)?;
        Ok((stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize)))
    }

    /// Device and inode of `relative`, without following a link.
    pub(super) fn identity(&self, relative: &Path) -> io::Result<(u64, u64)> {
        let parent = relative.parent().unwrap_or(Path::new(""));
        let directory = self.directory(parent, Missing::Fail).map_err(io::Error::other)?;
        let name = relative.file_name().unwrap_or_default();
        let stat = rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// Opens the regular file `relative` for reading.
    pub(super) fn read(&self, relative: &Path) -> io::Result<File> {
        let parent = relative.parent().unwrap_or(Path::new(""));
        let directory = self.directory(parent, Missing::Fail).map_err(io::Error::other)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = rustix::fs::openat(&directory, relative.file_name().unwrap_or_default(), flags, Mode::empty())?;
        Ok(File::from(file))
    }

    /// Makes the file `relative` in one step: `fill` writes it under another name first.
    pub(super) fn replace(&self, relative: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let parent = relative.parent().unwrap_or(Path::new(""));
        let directory = self.directory(parent, Missing::Fail).map_err(io::Error::other)?;
        let name = relative.file_name().unwrap_or_default();
        let mut temporary = std::ffi::OsString::from(".new-");
        temporary.push(name);
        let _ = rustix::fs::unlinkat(&directory, &temporary, AtFlags::empty());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(&directory, &temporary, flags, Mode::from_raw_mode(0o640))?);
        let filled = fill(&mut file).and_then(|()| file.sync_data());
        if let Err(error) = filled {
            let _ = rustix::fs::unlinkat(&directory, &temporary, AtFlags::empty());
            return Err(error);
        }
        rustix::fs::renameat(&directory, &temporary, &directory, name)?;
        Ok(rustix::fs::fsync(&directory)?)
    }

    /// Removes a file.
    pub(super) fn remove(&self, relative: &Path) -> io::Result<()> {
        let parent = relative.parent().unwrap_or(Path::new(""));
        let directory = self.directory(parent, Missing::Fail).map_err(io::Error::other)?;
        rustix::fs::unlinkat(&directory, relative.file_name().unwrap_or_default(), AtFlags::empty())?;
        Ok(())
    }

    /// Makes `link` a hard link to `target`, in one step for whoever reads it.
    pub(super) fn relink(&self, target: &Path, link: &Path) -> io::Result<()> {
        let from = self.directory(target.parent().unwrap_or(Path::new("")), Missing::Fail).map_err(io::Error::other)?;
        let to = self.directory(link.parent().unwrap_or(Path::new("")), Missing::Create).map_err(io::Error::other)?;
        let (from_name, to_name) = (target.file_name().unwrap_or_default(), link.file_name().unwrap_or_default());
        if self.identity(target).ok() == self.identity(link).ok() {
            return Ok(());
        }
        let mut temporary = std::ffi::OsString::from(".new-");
        temporary.push(to_name);
        let _ = rustix::fs::unlinkat(&to, &temporary, AtFlags::empty());
        rustix::fs::linkat(&from, from_name, &to, &temporary, AtFlags::empty())?;
        rustix::fs::renameat(&to, &temporary, &to, to_name)?;
        Ok(())
    }

    /// Makes the entries of the base directory durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(self.base.as_fd())?)
    }

    /// Makes the entries of the directory of `relative`, and of those above it, durable.
    pub(super) fn sync_parent(&self, relative: &Path) -> Result<(), RecordError> {
        for directory in relative.ancestors().skip(1) {
            let opened = self.directory(directory, Missing::Fail)?;
            rustix::fs::fsync(&opened)
                .map_err(|error| RecordError::Directory { path: self.path.join(directory), source: error.into() })?;
        }
        Ok(())
    }

    /// Puts `from` in the place of `to`, both directly under the base directory.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.base, from, &self.base, to)?)
    }
}

/// `mkdir -p` with mode 0750 for what is missing.
fn make_directories(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o750).create(path)
}
