//! Creates the administrator's own files, where there are none.
//!
//! What an update replaces lies in /usr/share/hids; what belongs to the administrator is copied from there once
//! and not overwritten. Packages need none of this: they know which files are configuration.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::platform::atomic_file;

/// What an update replaces.
const SHARE: &str = "usr/share/hids";
/// A kept OSSEC configuration, which is found first: a second one would only confuse.
const KEPT: &str = "var/ossec/etc/ossec.conf";
/// Below [`SHARE`], and where it belongs.
const FILES: [(&str, &str); 3] = [
    ("ossec.conf", "etc/hids/ossec.conf"),
    ("local_rules.xml", "etc/hids/rules/local_rules.xml"),
    ("local_decoder.xml", "etc/hids/decoders/local_decoder.xml"),
];
/// Mails' passwords may be in it.
const FILE_MODE: u32 = 0o640;
const DIRECTORY_MODE: u32 = 0o750;

/// The files, by what became of them.
#[derive(Debug, Default)]
pub(super) struct Created {
    pub created: Vec<PathBuf>,
    pub unchanged: Vec<PathBuf>,
}

/// Copies what is missing below `destdir`.
pub(super) fn missing_files(destdir: &Path) -> anyhow::Result<Created> {
    let kept = destdir.join(KEPT);
    let mut files = Created::default();
    if kept.symlink_metadata().is_ok() {
        files.unchanged.push(kept);
        return Ok(files);
    }
    for (from, to) in FILES {
        let (from, to) = (destdir.join(SHARE).join(from), destdir.join(to));
        if copy_if_missing(&from, &to)? { files.created.push(to) } else { files.unchanged.push(to) }
    }
    Ok(files)
}

/// False when something has that name already, whatever it is.
fn copy_if_missing(from: &Path, to: &Path) -> anyhow::Result<bool> {
    if to.symlink_metadata().is_ok() {
        return Ok(false);
    }
    let content = fs::read(from).with_context(|| format!("cannot read {}: incomplete installation", from.display()))?;
    let directory = to.parent().context("invalid path")?;
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    create_whole(directory, to, &content).with_context(|| format!("cannot create {}", to.display()))
}

/// All of it or nothing, and never in place of another file: a name is given to it only when it is on the disk.
fn create_whole(directory: &Path, to: &Path, content: &[u8]) -> io::Result<bool> {
    let hidden = directory.join(format!(".hidsctl-setup.{}", std::process::id()));
    let written = write(&hidden, content).and_then(|()| fs::hard_link(&hidden, to));
    fs::remove_file(&hidden)?;
    match written {
        Ok(()) => atomic_file::sync_directory_of(to).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn installed() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(root.path().join(SHARE)).expect("directories");
        for (from, _) in FILES {
            fs::write(root.path().join(SHARE).join(from), from).expect("a file");
        }
        root
    }

    fn set_up(root: &Path) -> anyhow::Result<Created> {
        missing_files(root)
    }

    // O-B2, O-B13
    #[test]
    fn files_are_created_for_root_and_its_group_and_never_replaced() {
        let root = installed();
        set_up(root.path()).expect("it works");
        let config = root.path().join("etc/hids/ossec.conf");
        assert_eq!(fs::read_to_string(&config).expect("created"), "ossec.conf");
        assert_eq!(config.metadata().expect("there").permissions().mode() & 0o777, 0o640);
        fs::write(&config, "mine").expect("edited");
        fs::remove_file(root.path().join("etc/hids/rules/local_rules.xml")).expect("removed");
        set_up(root.path()).expect("it works again");
        assert_eq!(fs::read_to_string(&config).expect("there"), "mine");
        assert!(root.path().join("etc/hids/rules/local_rules.xml").is_file());
        assert_eq!(fs::read_dir(root.path().join("etc/hids")).expect("readable").count(), 3, "nothing else is left");
    }

    #[test]
    fn a_link_is_kept_although_it_leads_nowhere() {
        let root = installed();
        fs::create_dir_all(root.path().join("etc/hids")).expect("a directory");
        std::os::unix::fs::symlink("/nowhere/ossec.conf", root.path().join("etc/hids/ossec.conf")).expect("a link");
        set_up(root.path()).expect("it works");
        assert!(root.path().join("etc/hids/ossec.conf").is_symlink());
    }

    #[test]
    fn beside_a_kept_ossec_configuration_nothing_is_created() {
        let root = installed();
        let kept = root.path().join(KEPT);
        fs::create_dir_all(kept.parent().expect("a directory")).expect("directories");
        fs::write(kept, "<ossec_config/>").expect("a file");
        set_up(root.path()).expect("it works");
        assert!(!root.path().join("etc").exists());
    }
}
