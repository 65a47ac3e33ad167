//! A package repository for apt and dnf: a directory that any web server can serve, signed with the user's key.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::packages::Packages;
use crate::exec::{command, find, output, run, say};
use crate::system::{REPOSITORY, ensure};

/// The distribution's name in `sources.list`.
const SUITE: &str = "stable";

/// Where it is written, and who signs.
pub(super) struct Repository<'a> {
    /// Its root: `deb` and `rpm` are made below it.
    pub directory: &'a Path,
    /// Fingerprint or address of a key in the user's keyring.
    pub key: &'a str,
}

impl Repository<'_> {
    /// Adds the packages to what is there already, and signs the lists anew.
    ///
    /// # Errors
    /// When a tool is missing or fails, or the key cannot sign.
    pub(super) fn write(&self, packages: &Packages) -> Result<()> {
        ensure(&[&REPOSITORY])?;
        self.apt(packages)?;
        self.dnf(&packages.rpm)?;
        let key = self.directory.join("hids.asc");
        run(self.gpg().args(["--armor", "--yes", "--output"]).arg(&key).args(["--export", self.key]))?;
        say(&format!("{} holds the repository; serve it, and give users {}", self.directory.display(), key.display()));
        Ok(())
    }

    fn apt(&self, packages: &Packages) -> Result<()> {
        let root = self.directory.join("deb");
        let pool = root.join("pool/main/h/hids");
        let lists = root.join("dists").join(SUITE).join("main").join(format!("binary-{}", packages.architecture.deb()));
        add(&packages.deb, &pool)?;
        fs::create_dir_all(&lists).with_context(|| format!("cannot make {}", lists.display()))?;
        let list = output(command("apt-ftparchive").current_dir(&root).args([
            "--arch",
            packages.architecture.deb(),
            "packages",
            "pool",
        ]))?;
        fs::write(lists.join("Packages"), list).with_context(|| format!("cannot write {}", lists.display()))?;
        run(command("gzip").args(["--keep", "--force", "--no-name"]).arg(lists.join("Packages")))?;
        let suite = root.join("dists").join(SUITE);
        let mut release = command("apt-ftparchive");
        for (key, value) in [
            ("Origin", "hids"),
            ("Label", "hids"),
            ("Suite", SUITE),
            ("Codename", SUITE),
            ("Components", "main"),
            ("Architectures", packages.architecture.deb()),
        ] {
            release.arg("-o").arg(format!("APT::FTPArchive::Release::{key}={value}"));
        }
        // The old list must not be in the new one.
        for name in ["Release", "Release.gpg", "InRelease"] {
            let _ = fs::remove_file(suite.join(name));
        }
        let text = output(release.arg("release").arg(&suite))?;
        let path = suite.join("Release");
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        run(self.sign().args(["--clearsign", "--output"]).arg(suite.join("InRelease")).arg(&path))?;
        run(self.sign().args(["--armor", "--detach-sign", "--output"]).arg(suite.join("Release.gpg")).arg(&path))
    }

    fn dnf(&self, rpm: &Path) -> Result<()> {
        let root = self.directory.join("rpm");
        let place = add(rpm, &root)?;
        // Debian's rpm looks for it elsewhere.
        let gpg = find("gpg").context("gpg is not installed")?;
        let mut sign = command("rpmsign");
        sign.arg("--define").arg(format!("__gpg {}", gpg.display()));
        sign.arg("--define").arg(format!("_gpg_name {}", self.key)).arg("--addsign");
        run(sign.arg(&place))?;
        run(command("createrepo_c").args(["--quiet", "--update"]).arg(&root))?;
        let list = root.join("repodata/repomd.xml");
        run(self
            .sign()
            .args(["--armor", "--detach-sign", "--output"])
            .arg(root.join("repodata/repomd.xml.asc"))
            .arg(&list))
    }

    fn gpg(&self) -> std::process::Command {
        let mut gpg = command("gpg");
        gpg.args(["--batch", "--no-tty"]);
        gpg
    }

    fn sign(&self) -> std::process::Command {
        let mut gpg = self.gpg();
        gpg.args(["--yes", "--local-user", self.key]);
        gpg
    }
}

/// Copies a package there; its path.
fn add(package: &Path, directory: &Path) -> Result<std::path::PathBuf> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let to = directory.join(package.file_name().context("a package has no name")?);
    fs::copy(package, &to).with_context(|| format!("cannot copy {}", package.display()))?;
    Ok(to)
}
