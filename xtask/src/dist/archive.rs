//! The archive for systems without a package manager that is known here: files only.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::exec::{command, run};

/// Packs the files below `stage`, owned by root.
///
/// # Errors
/// When they cannot be read or the archive cannot be written.
pub(super) fn pack(stage: &Path, archive: &Path) -> Result<()> {
    let list = archive.with_extension("files");
    fs::write(&list, files_below(stage)?.join("\n")).with_context(|| format!("cannot write {}", list.display()))?;
    let mut tar = command("tar");
    tar.args(["--create", "--auto-compress", "--owner=0", "--group=0", "--numeric-owner", "--file"]).arg(archive);
    run(tar.arg("--directory").arg(stage).arg("--files-from").arg(&list))?;
    fs::remove_file(&list).with_context(|| format!("cannot remove {}", list.display()))
}

/// Files only: an entry for a directory would replace a symbolic link of that name (`/usr/sbin` where it is one with
/// `/usr/bin`), and set times and modes of directories that belong to others.
fn files_below(stage: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut waiting = vec![stage.to_path_buf()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).with_context(|| format!("cannot read {}", directory.display()))? {
            let path = entry.with_context(|| format!("cannot read {}", directory.display()))?.path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                files.push(path.strip_prefix(stage)?.to_string_lossy().into_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, content: &str) {
        fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        fs::write(path, content).expect("a file");
    }

    // O-B2, O-B3: Fedora 42 and Arch have one directory of programs.
    #[test]
    fn unpacking_leaves_linked_directories_and_what_the_administrator_edited_alone() {
        let place = tempfile::tempdir().expect("a directory");
        let (stage, root) = (place.path().join("stage"), place.path().join("root"));
        for to in ["usr/sbin/hidsd", "usr/share/hids/ossec.conf"] {
            put(&stage.join(to), "shipped");
        }
        fs::create_dir_all(root.join("usr/bin")).expect("directories");
        std::os::unix::fs::symlink("bin", root.join("usr/sbin")).expect("a link");
        put(&root.join("usr/bin/sshd"), "sshd");
        put(&root.join("etc/hids/ossec.conf"), "mine");
        let archive = place.path().join("hids.tar.gz");
        pack(&stage, &archive).expect("packed");
        for _ in 0..2 {
            run(command("tar").arg("-C").arg(&root).arg("-xzf").arg(&archive)).expect("it unpacks");
            assert!(root.join("usr/sbin").is_symlink() && root.join("usr/sbin/sshd").is_file());
            assert_eq!(fs::read_to_string(root.join("usr/bin/hidsd")).expect("unpacked"), "shipped");
            assert_eq!(fs::read_to_string(root.join("etc/hids/ossec.conf")).expect("there"), "mine");
        }
        let listed = crate::exec::output(command("tar").arg("-tzf").arg(&archive)).expect("a list");
        assert!(listed.lines().all(|name| !name.ends_with('/')), "{listed}");
    }
}
