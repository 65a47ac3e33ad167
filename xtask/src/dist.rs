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
pub struct Options {
    /// Name of the archive without `.tar.gz`
    #[arg(long, default_value_t = format!("hids-{}-{}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH))]
    name: String,
}

/// What goes where; the second part is below the root of the file system.
const FILES: &[(&str, &str)] = &[
    ("target/release/hidsd", "usr/sbin/hidsd"),
    ("target/release/hidsctl", "usr/sbin/hidsctl"),
    ("config/ossec.conf", "etc/hids/ossec.conf"),
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
    ("config/ruleset/decoders", "etc/hids/ruleset/decoders"),
    ("config/ruleset/rules", "etc/hids/ruleset/rules"),
    ("config/ruleset/tests", "etc/hids/ruleset/tests"),
];

/// Builds with the BPF object (a package without it would be a lesser program) and packs.
pub fn run(options: &Options) -> Result<()> {
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
    let mut tar = command("tar");
    tar.args(["--create", "--gzip", "--owner=0", "--group=0", "--sort=name", "--file"]).arg(&archive);
    run_command(tar.arg("--directory").arg(&stage).arg("."))?;
    say(&format!("{} is ready: unpack it at / as root", archive.display()));
    Ok(())
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
