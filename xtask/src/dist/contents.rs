//! What an installed hids consists of: the one table from which every kind of package is made.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::paths;

/// To whom a file belongs after the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Replaced by each update.
    Package,
    /// Kept by updates: a file of configuration. Not part of the archive, where `hidsctl setup` makes it.
    Administrator,
    /// Documentation.
    Reader,
}

/// A file of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Below the root of the source tree, or one of [`PROGRAMS`] in the directory of the built programs.
    pub from: String,
    /// Below the root of the file system.
    pub to: String,
    /// Permissions, octal.
    pub mode: u32,
    /// To whom it belongs.
    pub owner: Owner,
}

/// What is built, and its name in `/usr/sbin`. `hidsd` holds the code of both programs; the launcher starts it under the
/// other name.
pub(super) const PROGRAMS: [(&str, &str); 2] = [("hidsd", "hidsd"), ("hidsctl-launcher", "hidsctl")];

/// What programs and administrators read; an update replaces it.
const SHIPPED: &[(&str, &str)] = &[
    ("config/ossec.conf", "usr/share/hids/ossec.conf"),
    ("config/local/local_rules.xml", "usr/share/hids/local_rules.xml"),
    ("config/local/local_decoder.xml", "usr/share/hids/local_decoder.xml"),
    ("config/systemd/hidsd.service", "usr/lib/systemd/system/hidsd.service"),
    ("config/systemd/ossec-hids.service", "usr/lib/systemd/system/ossec-hids.service"),
    ("config/systemd/90-hids.preset", "usr/lib/systemd/system-preset/90-hids.preset"),
    ("config/systemd/hids.sysusers", "usr/lib/sysusers.d/hids.conf"),
    ("config/systemd/hids.tmpfiles", "usr/lib/tmpfiles.d/hids.conf"),
    ("config/completions/hidsctl.bash", "usr/share/bash-completion/completions/hidsctl"),
    // Debian's zsh looks into the first, others into the second.
    ("config/completions/_hidsctl", "usr/share/zsh/vendor-completions/_hidsctl"),
    ("config/completions/_hidsctl", "usr/share/zsh/site-functions/_hidsctl"),
    ("config/completions/hidsctl.fish", "usr/share/fish/vendor_completions.d/hidsctl.fish"),
];

/// The shipped decoders, rules and their tests (for `hidsctl rules test`), as whole directories.
const RULESET: &[(&str, &str)] = &[
    ("config/ruleset/decoders", "usr/share/hids/ruleset/decoders"),
    ("config/ruleset/rules", "usr/share/hids/ruleset/rules"),
    ("config/ruleset/optional", "usr/share/hids/ruleset/optional"),
    ("config/ruleset/tests", "usr/share/hids/ruleset/tests"),
];

/// The schemas of what `hidsctl --json` prints.
const SCHEMAS: (&str, &str) = ("docs/schema", "usr/share/hids/schema");

/// The administrator's own.
const CONFIGURATION: &[(&str, &str, u32)] = &[
    ("config/ossec.conf", "etc/hids/ossec.conf", 0o640),
    ("config/local/local_rules.xml", "etc/hids/rules/local_rules.xml", 0o640),
    ("config/local/local_decoder.xml", "etc/hids/decoders/local_decoder.xml", 0o640),
    ("config/logrotate/hids", "etc/logrotate.d/hids", 0o644),
];

const DOCUMENTS: &[(&str, &str)] = &[
    ("hids-userspace/man/hidsd.8", "usr/share/man/man8/hidsd.8"),
    ("hids-userspace/man/hidsctl.8", "usr/share/man/man8/hidsctl.8"),
    ("hids-userspace/man/ossec.conf.5", "usr/share/man/man5/ossec.conf.5"),
    ("README.md", "usr/share/doc/hids/README.md"),
    ("CHANGELOG.md", "usr/share/doc/hids/CHANGELOG.md"),
    ("docs/json.md", "usr/share/doc/hids/json.md"),
    ("docs/ruleset.md", "usr/share/doc/hids/ruleset.md"),
    ("docs/tuning.md", "usr/share/doc/hids/tuning.md"),
    ("LICENSE-MIT", "usr/share/doc/hids/LICENSE-MIT"),
    ("LICENSE-APACHE", "usr/share/doc/hids/LICENSE-APACHE"),
];

/// Whether this is the name of a built program.
pub(super) fn is_program(from: &str) -> bool {
    PROGRAMS.iter().any(|(name, _)| *name == from)
}

/// Every file, in a fixed order.
///
/// # Errors
/// When a directory of the ruleset cannot be read.
pub(super) fn contents() -> Result<Vec<Item>> {
    let item = |from: &str, to: &str, mode, owner| Item { from: from.to_owned(), to: to.to_owned(), mode, owner };
    let mut items: Vec<Item> =
        PROGRAMS.iter().map(|(name, to)| item(name, &format!("usr/sbin/{to}"), 0o755, Owner::Package)).collect();
    items.extend(SHIPPED.iter().map(|(from, to)| item(from, to, 0o644, Owner::Package)));
    for (from, to) in RULESET.iter().chain([&SCHEMAS]) {
        for name in names_in(&paths::root().join(from))? {
            items.push(item(&format!("{from}/{name}"), &format!("{to}/{name}"), 0o644, Owner::Package));
        }
    }
    items.extend(CONFIGURATION.iter().map(|(from, to, mode)| item(from, to, *mode, Owner::Administrator)));
    items.extend(DOCUMENTS.iter().map(|(from, to)| item(from, to, 0o644, Owner::Reader)));
    Ok(items)
}

fn names_in(directory: &Path) -> Result<Vec<String>> {
    let read = || format!("cannot read {}", directory.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).with_context(read)? {
        names.push(entry.with_context(read)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    // What the tests on whole machines install is what the packages have.
    #[test]
    fn machines_of_the_tests_have_the_places_of_the_packages() {
        assert!(hids_tests::machine::FILES.iter().all(|file| SHIPPED.contains(file)));
        assert!(hids_tests::machine::RULESET.iter().all(|directory| RULESET.contains(directory)));
    }

    // O-B13: passwords of mail servers may be in it.
    #[test]
    fn configuration_is_the_administrators_and_not_readable_for_all() {
        let items = contents().expect("the source tree");
        for item in &items {
            let is_source = is_program(&item.from) || paths::root().join(&item.from).is_file();
            assert!(is_source, "{} is missing", item.from);
            assert_eq!(item.to.starts_with("etc/"), item.owner == Owner::Administrator, "{}", item.to);
            if item.to.starts_with("etc/hids/") {
                assert_eq!(item.mode, 0o640, "{}", item.to);
            }
        }
        for there in ["usr/share/hids/ruleset/rules/0030-sshd.xml", "usr/share/hids/schema/status.schema.json"] {
            assert!(items.iter().any(|item| item.to == there), "{there} is missing");
        }
    }
}
