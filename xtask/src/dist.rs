//! `cargo xtask dist`: a tar archive of what an administrator installs.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::build::{Profile, build_all};
use crate::exec::{command, run as run_command, say};
use crate::paths;

/// How to pack.
#[derive(Args)]
pub(crate) struct Options {
    /// Name of the archive without `.tar.gz`
    #[arg(long, default_value_t = format!("hids-{}-{}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH))]
    name: String,
}

/// What goes where; the second part is below the root of the file system. Nothing of it belongs to the administrator:
/// `hidsctl setup` makes what does, where it is missing.
const FILES: &[(&str, &str)] = &[
    ("target/release/hidsd", "usr/sbin/hidsd"),
    ("target/release/hidsctl", "usr/sbin/hidsctl"),
    ("config/ossec.conf", "usr/share/hids/ossec.conf"),
    ("config/local/local_rules.xml", "usr/share/hids/local_rules.xml"),
    ("config/local/local_decoder.xml", "usr/share/hids/local_decoder.xml"),
    ("config/systemd/hidsd.service", "usr/lib/systemd/system/hidsd.service"),
    ("config/logrotate/hids", "etc/logrotate.d/hids"),
    ("hids-userspace/man/hidsd.8", "usr/share/man/man8/hidsd.8"),
    ("hids-userspace/man/hidsctl.8", "usr/share/man/man8/hidsctl.8"),
    ("hids-userspace/man/ossec.conf.5", "usr/share/man/man5/ossec.conf.5"),
    ("README.md", "usr/share/doc/hids/README.md"),
    ("CHANGELOG.md", "usr/share/doc/hids/CHANGELOG.md"),
    ("LICENSE-MIT", "usr/share/doc/hids/LICENSE-MIT"),
    ("LICENSE-APACHE", "usr/share/doc/hids/LICENSE-APACHE"),
];

/// The shipped decoders, rules and their tests (for `hidsctl rules test`), as whole directories.
const RULESET: &[(&str, &str)] = &[
    ("config/ruleset/decoders", "usr/share/hids/ruleset/decoders"),
    ("config/ruleset/rules", "usr/share/hids/ruleset/rules"),
    ("config/ruleset/tests", "usr/share/hids/ruleset/tests"),
];

/// Builds with the BPF object (a package without it would be a lesser program) and packs.
pub(crate) fn run(options: &Options) -> Result<()> {
    build_all(Profile::Release)?;
    let stage = paths::target().join("dist").join(&options.name);
    if stage.exists() {
        fs::remove_dir_all(&stage).with_context(|| format!("cannot clear {}", stage.display()))?;
    }
    for (from, to) in FILES {
        copy(&source(from), &stage.join(to))?;
    }
    for (from, to) in RULESET {
        for entry in fs::read_dir(paths::root().join(from)).with_context(|| format!("cannot read {from}"))? {
            let path = entry.with_context(|| format!("cannot read {from}"))?.path();
            let name = path.file_name().context("a rule file has no name")?;
            copy(&path, &stage.join(to).join(name))?;
        }
    }
    let archive = paths::target().join("dist").join(format!("{}.tar.gz", options.name));
    pack(&stage, &archive)?;
    say(&format!("{} is ready: unpack it at / as root, then run `hidsctl setup`", archive.display()));
    Ok(())
}

/// Packs the files below `stage`, owned by root.
fn pack(stage: &Path, archive: &Path) -> Result<()> {
    let list = archive.with_extension("files");
    fs::write(&list, files_below(stage)?.join("\n")).with_context(|| format!("cannot write {}", list.display()))?;
    let mut tar = command("tar");
    tar.args(["--create", "--gzip", "--owner=0", "--group=0", "--numeric-owner", "--file"]).arg(archive);
    run_command(tar.arg("--directory").arg(stage).arg("--files-from").arg(&list))
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

fn source(path: &str) -> std::path::PathBuf {
    match path.strip_prefix("target/") {
        Some(built) => paths::target().join(built),
        None => paths::root().join(path),
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_file() {
        bail!("{} is missing: the package would not be whole", from.display());
    }
    let directory = to.parent().context("a packed file has no directory")?;
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    fs::copy(from, to).map(|_| ()).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, content: &str) {
        fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        fs::write(path, content).expect("a file");
    }

    fn unpack(archive: &Path, root: &Path) {
        let mut tar = command("tar");
        run_command(tar.arg("-C").arg(root).arg("-xzf").arg(archive)).expect("it unpacks");
    }

    // O-B3: Fedora 42 and Arch have one directory of programs.
    #[test]
    fn unpacking_leaves_linked_directories_and_what_the_administrator_edited_alone() {
        let place = tempfile::tempdir().expect("a directory");
        let (stage, root) = (place.path().join("stage"), place.path().join("root"));
        for (_, to) in FILES {
            put(&stage.join(to), "shipped");
        }
        fs::create_dir_all(root.join("usr/bin")).expect("directories");
        std::os::unix::fs::symlink("bin", root.join("usr/sbin")).expect("a link");
        put(&root.join("usr/bin/sshd"), "sshd");
        put(&root.join("etc/hids/ossec.conf"), "mine");
        let before = root.join("usr").metadata().and_then(|data| data.modified()).expect("a time");
        let archive = place.path().join("hids.tar.gz");
        pack(&stage, &archive).expect("packed");
        for _ in 0..2 {
            unpack(&archive, &root);
            assert!(root.join("usr/sbin").is_symlink() && root.join("usr/sbin/sshd").is_file());
            assert_eq!(fs::read_to_string(root.join("usr/bin/hidsd")).expect("unpacked"), "shipped");
            assert_eq!(fs::read_to_string(root.join("etc/hids/ossec.conf")).expect("there"), "mine");
        }
        let listed = crate::exec::output(command("tar").arg("-tzf").arg(&archive)).expect("a list");
        assert!(listed.lines().all(|name| !name.ends_with('/')), "{listed}");
        assert!(before <= root.join("usr").metadata().and_then(|data| data.modified()).expect("a time"));
    }

    // What the tests on whole machines install is what the archive has.
    #[test]
    fn machines_of_the_tests_have_the_places_of_the_archive() {
        assert!(hids_tests::machine::FILES.iter().all(|file| FILES.contains(file)));
        assert!(hids_tests::machine::RULESET.iter().all(|directory| RULESET.contains(directory)));
        for program in ["hidsd", "hidsctl"] {
            assert!(FILES.iter().any(|(_, to)| *to == format!("usr/sbin/{program}")));
        }
    }

    // O-B2: what belongs to the administrator is in no archive.
    #[test]
    fn nothing_of_the_administrators_is_packed() {
        let all = FILES.iter().chain(RULESET).map(|(_, to)| *to);
        let below_etc: Vec<&str> = all.filter(|to| to.starts_with("etc/")).collect();
        assert_eq!(below_etc, ["etc/logrotate.d/hids"]);
    }
}
