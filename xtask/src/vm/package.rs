//! A small Debian package for the guest, made by dpkg-deb, and what dpkg needs to install it there.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::cpio::Archive;
use crate::exec::{command, run};
use crate::paths;

/// dpkg and what it starts, beside busybox' programs. Its own path counts: the daemon allows it by that.
pub(super) const PROGRAMS: &[&str] = &["dpkg", "dpkg-deb", "dpkg-split", "tar"];

/// Files of the package: path, permissions, content.
const FILES: &[(&str, u32, &str)] = &[
    (
        "DEBIAN/control",
        0o644,
        "Package: hids-demo\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\n\
         Description: a file and a script for a test\n",
    ),
    // A script's own writes count as the package's.
    ("DEBIAN/postinst", 0o755, "#!/bin/sh\nset -e\necho made by postinst > /srv/locked/made\n"),
    ("DEBIAN/prerm", 0o755, "#!/bin/sh\nset -e\nrm /srv/locked/made\n"),
    ("srv/locked/tool", 0o755, "of the package\n"),
];

/// Makes the package and adds it to the archive, with the programs that dpkg insists on.
pub(super) fn add<W: Write>(archive: &mut Archive<W>) -> Result<()> {
    let (tree, package) = (paths::target().join("vm/package"), paths::target().join("vm/demo.deb"));
    for (name, permissions, content) in FILES {
        let path = tree.join(name);
        let parent = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(*permissions))?;
    }
    run(command("dpkg-deb").args(["--build", "--root-owner-group"]).arg(&tree).arg(&package))?;
    let content = fs::read(&package).with_context(|| format!("cannot read {}", package.display()))?;
    archive.file("packages/demo.deb", 0o644, &content)?;
    // dpkg looks whether they are there; this package needs neither.
    for missing in ["ldconfig", "start-stop-daemon"] {
        archive.file(&format!("bin/{missing}"), 0o755, b"#!/bin/sh\n")?;
    }
    Ok(())
}
