//! `hidsctl setup`: the administrator's own files, where there are none.
//!
//! What an update replaces lies in /usr/share/hids; what belongs to the administrator is copied from there once
//! and never touched again. Packages need none of this: they know which files are configuration.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::{Common, output};
use crate::platform::atomic_file;

/// Arguments of `hidsctl setup`.
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// Use DIR instead of / (for images and packages)
    #[arg(long, value_name = "DIR", default_value = "/")]
    destdir: PathBuf,
    /// Print only what was created
    #[arg(short, long)]
    quiet: bool,
}

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

/// Copies what is missing.
pub(super) fn run(common: &Common, args: &SetupArgs) -> anyhow::Result<Exit> {
    let kept = args.destdir.join(KEPT);
    let (mut created, mut unchanged) = (Vec::new(), Vec::new());
    if kept.symlink_metadata().is_ok() {
        unchanged.push(kept);
    } else {
        for (from, to) in FILES {
            let (from, to) = (args.destdir.join(SHARE).join(from), args.destdir.join(to));
            if copy_if_missing(&from, &to)? { created.push(to) } else { unchanged.push(to) }
        }
    }
    if common.json {
        output::print_json(&json!({ "created": created, "unchanged": unchanged }))?;
        return Ok(Exit::Success);
    }
    let lines = |word: &str, paths: &[PathBuf]| -> String {
        paths.iter().map(|path| format!("{word} {}\n", path.display())).collect()
    };
    output::print(&lines("created", &created))?;
    if !args.quiet {
        output::print(&lines("unchanged", &unchanged))?;
    }
    Ok(Exit::Success)
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

    fn set_up(root: &Path) -> anyhow::Result<Exit> {
        let common = Common { config: None, root: None, json: true };
        run(&common, &SetupArgs { destdir: root.to_path_buf(), quiet: false })
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
