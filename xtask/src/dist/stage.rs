//! The files of a package below a directory, as they will be below `/`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::contents::{Item, Owner, PROGRAMS, is_program};
use super::elf;
use super::manifest::MAINTAINER;
use crate::exec::{command, output};
use crate::paths;

/// Licences and changes in Debian's forms, which `cargo-deb` reads beside the manifest.
const COPYRIGHT: &str = "\
The hids authors

hids is licensed under either of the Apache License, Version 2.0
(/usr/share/common-licenses/Apache-2.0 on Debian) or the MIT licence, at your option:

";

/// Copies every file to `package/root`, and what Debian wants in a form of its own beside it.
///
/// # Errors
/// When a file is missing or cannot be copied.
pub(super) fn fill(package: &Path, items: &[Item], programs: &Path) -> Result<()> {
    for item in items {
        let from = if is_program(&item.from) { programs.join(&item.from) } else { paths::root().join(&item.from) };
        copy(&from, &package.join("root").join(&item.to), item.mode)?;
    }
    let licence = paths::root().join("LICENSE-MIT");
    let licence = fs::read_to_string(&licence).with_context(|| format!("cannot read {}", licence.display()))?;
    write(&package.join("copyright"), &format!("{COPYRIGHT}{licence}"))?;
    write(&package.join("debian-changelog"), &debian_changelog()?)
}

/// Debian's form of the changelog names the release; the text is in CHANGELOG.md.
fn debian_changelog() -> Result<String> {
    // The time of the commit: two builds of one state are the same.
    let time = output(command("git").args(["log", "-1", "--format=%cd", "--date=rfc2822"]))?;
    Ok(format!(
        "hids ({}) stable; urgency=medium\n\n  * See /usr/share/doc/hids/CHANGELOG.md.\n\n -- {MAINTAINER}  {}\n",
        env!("CARGO_PKG_VERSION"),
        time.trim()
    ))
}

/// The same without what belongs to the administrator, who may have edited it: an archive overwrites.
///
/// # Errors
/// As [`fill`].
pub(super) fn without_configuration(package: &Path, to: &Path, items: &[Item]) -> Result<()> {
    // The rotation of a log is no decision of anybody's, and nothing else would make that file.
    let is_packed = |item: &&Item| item.owner != Owner::Administrator || item.to.starts_with("etc/logrotate.d/");
    for item in items.iter().filter(is_packed) {
        copy(&package.join("root").join(&item.to), &to.join(&item.to), item.mode)?;
    }
    Ok(())
}

/// The debug information where debuggers look for that of a program or a core: by the number of its build.
///
/// # Errors
/// As [`fill`], and when a program has no such number.
pub(super) fn debug(from: &Path, to: &Path) -> Result<()> {
    for (name, _) in PROGRAMS {
        let file = from.join(format!("{name}.debug"));
        let id = elf::build_id(&file)?;
        let (directory, rest) = id.split_at_checked(2).context("a build has a number of two digits at least")?;
        let place = to.join("usr/lib/debug/.build-id").join(directory);
        copy(&file, &place.join(format!("{rest}.debug")), 0o644)?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    if !from.is_file() {
        bail!("{} is missing: the package would not be whole", from.display());
    }
    let directory = to.parent().context("a packed file has no directory")?;
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).with_context(|| format!("cannot change {}", to.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // O-B2: what belongs to the administrator is in no archive.
    #[test]
    fn nothing_of_the_administrators_is_in_the_archive() {
        let place = tempfile::tempdir().expect("a directory");
        let (package, programs, to) = (place.path().join("p"), place.path().join("programs"), place.path().join("to"));
        for (name, _) in PROGRAMS {
            fs::create_dir_all(&programs).and_then(|()| fs::write(programs.join(name), name)).expect("a program");
        }
        let items = super::super::contents::contents().expect("the source tree");
        fill(&package, &items, &programs).expect("filled");
        without_configuration(&package, &to, &items).expect("copied");
        let below_etc: Vec<_> = fs::read_dir(to.join("etc")).expect("there").filter_map(Result::ok).collect();
        assert_eq!(below_etc.iter().map(fs::DirEntry::file_name).collect::<Vec<_>>(), ["logrotate.d"]);
        assert!(to.join("usr/sbin/hidsd").is_file() && package.join("root/etc/hids/ossec.conf").is_file());
    }
}
