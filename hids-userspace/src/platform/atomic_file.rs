//! Files that are replaced in one step: whoever reads them, and whatever happens to the machine, finds the old content
//! or the new one.
//!
//! The new content is written beside the old one, reaches the disk, takes the name, and then the directory reaches the
//! disk: without the last step a power loss can bring the old file back, or none where there was none.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Neither a link that somebody put there nor a descriptor that programs inherit.
const FLAGS: i32 = libc::O_NOFOLLOW | libc::O_CLOEXEC;

/// A new content that does not have its name yet; dropping it leaves the old one.
#[derive(Debug)]
pub(crate) struct Replacement {
    path: PathBuf,
    beside: Beside,
    file: File,
}

/// The name of the new file until it has its own; removed on drop.
#[derive(Debug)]
struct Beside {
    path: PathBuf,
    is_used: bool,
}

impl Replacement {
    /// Begins an empty file with these permissions, for the place of `path`.
    ///
    /// # Errors
    /// When it cannot be made beside `path`.
    pub(crate) fn begin(path: &Path, mode: u32) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(".new");
        let beside = path.with_file_name(hidden);
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().append(true).create_new(true).mode(mode).custom_flags(FLAGS).open(&beside)?;
        Ok(Self { path: path.to_owned(), beside: Beside { path: beside, is_used: true }, file })
    }

    /// Where to write: always to the end.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Puts it in the place of the old file; returns it, open for appending.
    ///
    /// # Errors
    /// When the disk refuses. Then the old file is still there, unless it was the directory that was not written.
    pub(crate) fn commit(mut self) -> io::Result<File> {
        self.file.sync_all()?;
        fs::rename(&self.beside.path, &self.path)?;
        self.beside.is_used = false;
        sync_directory_of(&self.path)?;
        Ok(self.file)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if self.is_used {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Replaces the file at `path` by one with this content and these permissions.
///
/// # Errors
/// As [`Replacement`].
pub(crate) fn replace(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let new = Replacement::begin(path, mode)?;
    let mut file = new.file();
    file.write_all(content)?;
    new.commit().map(drop)
}

/// The same, but a file that is there keeps its owner, group and permissions, and a link what it leads to.
///
/// # Errors
/// As [`Replacement`], and when the new file cannot be given to the owner of the old one.
pub(crate) fn replace_content(path: &Path, mode_if_new: u32, content: &[u8]) -> io::Result<()> {
    let old = match fs::metadata(path) {
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return replace(path, mode_if_new, content),
        Err(error) => return Err(error),
    };
    let path = fs::canonicalize(path)?;
    let new = Replacement::begin(&path, 0o600)?;
    let mut file = new.file();
    file.write_all(content)?;
    // The owner first: a change of it may clear bits of the mode.
    std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()))?;
    file.set_permissions(old.permissions())?;
    new.commit().map(drop)
}

/// Makes the names in the directory of `path` durable.
///
/// # Errors
/// When the directory cannot be read or the disk refuses.
pub(crate) fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_old_content_stays_until_the_new_one_is_whole() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("state");
        replace(&path, 0o640, b"old").expect("written");
        let new = Replacement::begin(&path, 0o600).expect("begun");
        new.file().write_all(b"half").expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"old");
        drop(new);
        assert_eq!(fs::read(&path).expect("there"), b"old");
        assert_eq!(fs::read_dir(place.path()).expect("there").count(), 1, "nothing stays beside it");
        replace(&path, 0o600, b"new").expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"new");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_a_crash_or_an_attacker_left_beside_it_is_not_written_to() {
        let place = tempfile::tempdir().expect("a directory");
        let (path, victim) = (place.path().join("state"), place.path().join("victim"));
        fs::write(&victim, "precious").expect("written");
        std::os::unix::fs::symlink(&victim, place.path().join(".state.new")).expect("a link");
        replace(&path, 0o600, b"new").expect("written");
        assert_eq!(fs::read(&victim).expect("there"), b"precious");
        assert_eq!(fs::read(&path).expect("there"), b"new");
    }

    #[test]
    fn new_content_keeps_the_mode_and_a_link() {
        let place = tempfile::tempdir().expect("a directory");
        let (path, link) = (place.path().join("rules"), place.path().join("link"));
        replace_content(&path, 0o640, b"old").expect("made");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).expect("chmod");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        replace_content(&link, 0o640, b"new").expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"new");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o604);
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
    }

    #[test]
    fn the_file_can_be_written_on_after_it_has_its_name() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("log");
        let mut file = Replacement::begin(&path, 0o600).expect("begun").commit().expect("named");
        file.write_all(b"more").expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"more");
    }
}
