//! The responder's directory and files: root's own, whatever the umask and whatever stood there before.
//!
//! Owns nothing. Log lines may hold secrets, and the ledger decides who is blocked.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

use crate::trust;

/// Makes `path` if it is missing; it is readable by its owner only afterwards.
///
/// # Errors
/// When it is a link or no directory, or belongs to somebody else.
pub(super) fn directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    if !path.symlink_metadata()?.is_dir() {
        return Err(io::Error::other("is a symbolic link"));
    }
    let mode = path.metadata()?.permissions().mode();
    match trust::directory(path) {
        Err(distrust @ (trust::Distrust::Owner { .. } | trust::Distrust::Kind { .. })) => {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, distrust.to_string()))
        }
        Err(trust::Distrust::Open { source, .. }) => Err(source),
        // Made by an earlier version under a careless umask: what others may have put there is not followed.
        _ if mode & 0o077 != 0 => std::fs::set_permissions(path, Permissions::from_mode(0o700)),
        _ => Ok(()),
    }
}

/// Opens a file for appending, made if it is missing; not through a link, and only a regular one.
pub(super) fn append(path: &Path) -> io::Result<File> {
    // A FIFO that somebody put there must not make us wait.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).custom_flags(flags.bits().cast_signed());
    regular(options.open(path)?)
}

/// Opens a file for reading; not through a link, and only a regular one.
pub(super) fn read(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    regular(OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?)
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_link_is_not_followed_and_a_fifo_makes_nobody_wait() {
        // M6
        let place = tempfile::tempdir().expect("a directory");
        let (log, victim) = (place.path().join("blocks.log"), place.path().join("victim"));
        std::fs::write(&victim, "precious").expect("written");
        std::os::unix::fs::symlink(&victim, &log).expect("a link");
        assert!(append(&log).is_err() && read(&log).is_err());
        assert_eq!(std::fs::read(&victim).expect("readable"), b"precious");
        std::fs::remove_file(&log).expect("removed");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &log, rustix::fs::FileType::Fifo, mode, 0).expect("a FIFO");
        assert!(append(&log).is_err() && read(&log).is_err());
    }

    #[test]
    fn the_directory_is_its_owners_own_whatever_the_umask_was() {
        // M6
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("state/respond");
        let mode = || path.metadata().expect("there").permissions().mode() & 0o777;
        directory(&path).expect("made");
        assert_eq!(mode(), 0o700);
        std::fs::set_permissions(&path, Permissions::from_mode(0o777)).expect("a mode");
        directory(&path).expect("mended");
        assert_eq!(mode(), 0o700);
        let link = place.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        assert!(directory(&link).is_err());
    }
}
