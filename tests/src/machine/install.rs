//! Installs the programs under test as the archive does.

use std::fs;

use anyhow::{Context as _, Result};

use super::Tree;
use crate::{executable, programs};

/// What goes where: from the source tree, to below the root. `cargo xtask dist` has the same places and checks it.
pub const FILES: &[(&str, &str)] = &[
    ("config/ossec.conf", "usr/share/hids/ossec.conf"),
    ("config/local/local_rules.xml", "usr/share/hids/local_rules.xml"),
    ("config/local/local_decoder.xml", "usr/share/hids/local_decoder.xml"),
    ("config/systemd/hidsd.service", "usr/lib/systemd/system/hidsd.service"),
];

/// The same for whole directories.
pub const RULESET: &[(&str, &str)] = &[
    ("config/ruleset/decoders", "usr/share/hids/ruleset/decoders"),
    ("config/ruleset/rules", "usr/share/hids/ruleset/rules"),
];

/// Installs programs, unit and shipped files. What `hidsctl setup` makes is left to the unit.
///
/// # Errors
/// When something cannot be copied.
pub fn install(tree: &Tree<'_>) -> Result<()> {
    let source = programs::source_root();
    for (from, to) in FILES {
        let text = fs::read(source.join(from)).with_context(|| format!("cannot read {from}"))?;
        tree.write(to, text)?;
    }
    for (from, to) in RULESET {
        for entry in fs::read_dir(source.join(from)).with_context(|| format!("cannot read {from}"))? {
            let entry = entry.with_context(|| format!("cannot read {from}"))?;
            let text = fs::read(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))?;
            tree.write(format!("{to}/{}", entry.file_name().to_string_lossy()), text)?;
        }
    }
    for program in [programs::hidsd(), programs::hidsctl()] {
        let name = program.file_name().context("a program has no name")?;
        executable::copy(&program, &tree.path("usr/sbin").join(name));
    }
    Ok(())
}
