//! One manifest for `cargo-deb` and `cargo-generate-rpm`, made from the table of contents.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::contents::{Item, Owner};
use super::programs::GLIBC;
use crate::paths;

/// Who answers for the packages. A distributor puts himself here.
pub(super) const MAINTAINER: &str = "The hids authors <hids@example.org>";
const SUMMARY: &str = "Host intrusion detection system that speaks OSSEC's language";
const DESCRIPTION: &str = "\
Reads an unmodified ossec.conf, watches logs and the journal, analyses them with OSSEC's decoders and rules, \
checks file integrity through the kernel (fanotify and BPF), blocks attackers natively in nftables sets with \
timeouts, and mails the administrators.";
/// Others that would read the same logs and block the same addresses.
const CONFLICTS: &[&str] =
    &["ossec-hids", "ossec-hids-agent", "ossec-hids-local", "ossec-hids-server", "wazuh-agent", "wazuh-manager"];
/// The oldest libmnl with what is used: that of Enterprise Linux 7.
const LIBMNL: &str = "1.0.3";
/// The files of `config/packaging` are read where they are.
const PACKAGING: &str = "config/packaging";

/// Writes `Cargo.toml`, and an empty library that cargo asks for, into `directory`, whose `root` holds the files.
///
/// # Errors
/// When a file cannot be read or written.
pub(super) fn write(directory: &Path, items: &[Item]) -> Result<()> {
    let text = text(items)?;
    for (name, content) in [("Cargo.toml", text.as_str()), ("src/lib.rs", "")] {
        let path = directory.join(name);
        let parent = path.parent().unwrap_or(directory);
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn text(items: &[Item]) -> Result<String> {
    let mut text = String::from("# Written by `cargo xtask dist`; do not edit.\n[workspace]\n\n[package]\n");
    let _ = writeln!(text, "name = \"hids\"\nversion = {}\nedition = \"2024\"", quoted(env!("CARGO_PKG_VERSION")));
    let _ = writeln!(text, "description = {}\nlicense = \"MIT OR Apache-2.0\"", quoted(SUMMARY));
    deb(&mut text, items);
    rpm(&mut text, items)?;
    Ok(text)
}

fn deb(text: &mut String, items: &[Item]) {
    let glibc = format!("{}.{}", GLIBC.0, GLIBC.1);
    text.push_str("\n[package.metadata.deb]\n");
    for (key, value) in [
        ("name", "hids"),
        ("maintainer", MAINTAINER),
        ("copyright", "The hids authors"),
        ("extended-description", DESCRIPTION),
        ("section", "admin"),
        ("priority", "optional"),
        ("depends", &format!("libc6 (>= {glibc}), libgcc-s1 | libgcc1, libmnl0 (>= {LIBMNL}), systemd")),
        ("suggests", "nftables"),
        ("conflicts", &CONFLICTS.join(", ")),
        ("maintainer-scripts", &paths::root().join(PACKAGING).join("deb").to_string_lossy()),
        ("changelog", "debian-changelog"),
        ("license-file", "copyright"),
    ] {
        let _ = writeln!(text, "{key} = {}", quoted(value));
    }
    let configuration: Vec<String> = items
        .iter()
        .filter(|item| item.owner == Owner::Administrator)
        .map(|item| quoted(&format!("/{}", item.to)))
        .collect();
    let _ = writeln!(text, "conf-files = [{}]\nassets = [", configuration.join(", "));
    // Debian has one file of licences, which is made from the above.
    for item in items.iter().filter(|item| !item.to.contains("/LICENSE")) {
        let _ = writeln!(
            text,
            "    [{}, {}, \"{:o}\"],",
            quoted(&format!("root/{}", item.to)),
            quoted(&item.to),
            item.mode
        );
    }
    text.push_str("]\n");
}

fn rpm(text: &mut String, items: &[Item]) -> Result<()> {
    let script = |name: &str| {
        let path = paths::root().join(PACKAGING).join("rpm").join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    text.push_str("\n[package.metadata.generate-rpm]\n");
    for (key, value) in [
        ("name", "hids"),
        ("license", "MIT OR Apache-2.0"),
        ("summary", SUMMARY),
        ("description", DESCRIPTION),
        ("pre_install_script", &script("pre")?),
        ("post_install_script", &script("post")?),
        ("pre_uninstall_script", &script("preun")?),
        ("post_uninstall_script", &script("postun")?),
    ] {
        let _ = writeln!(text, "{key} = {}", quoted(value));
    }
    text.push_str("assets = [\n");
    for item in items {
        let kind = match item.owner {
            Owner::Package => "",
            Owner::Administrator => ", config = \"noreplace\"",
            Owner::Reader => ", doc = true",
        };
        let (source, to) = (quoted(&format!("root/{}", item.to)), quoted(&format!("/{}", item.to)));
        let _ =
            writeln!(text, "    {{ source = {source}, dest = {to}, mode = \"{:o}\"{kind} }},", 0o100_000 | item.mode);
    }
    text.push_str("]\n\n[package.metadata.generate-rpm.requires]\n");
    let _ = writeln!(
        text,
        "glibc = \">= {}.{}\"\nlibmnl = \">= {LIBMNL}\"\nlogrotate = \"*\"\nsystemd = \"*\"",
        GLIBC.0, GLIBC.1
    );
    text.push_str("\n[package.metadata.generate-rpm.recommends]\nnftables = \"*\"\n");
    text.push_str("\n[package.metadata.generate-rpm.conflicts]\n");
    for name in CONFLICTS {
        let _ = writeln!(text, "{name} = \"*\"");
    }
    Ok(())
}

/// As a basic string of TOML.
fn quoted(text: &str) -> String {
    // JSON escapes what TOML does, in the same way.
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_packages_have_the_same_files_and_keep_the_administrators() {
        let items = super::super::contents::contents().expect("the source tree");
        let text = text(&items).expect("a manifest");
        for item in &items {
            let lines = text.lines().filter(|line| line.contains(&format!("\"root/{}\"", item.to)));
            let wanted = if item.to.contains("/LICENSE") { 1 } else { 2 };
            assert_eq!(lines.count(), wanted, "{}", item.to);
        }
        assert!(text.contains("conf-files = [\"/etc/hids/ossec.conf\""), "{text}");
        assert!(text.contains("dest = \"/etc/hids/ossec.conf\", mode = \"100640\", config = \"noreplace\""), "{text}");
        assert!(text.contains("\"usr/sbin/hidsd\", \"755\""), "{text}");
        assert_eq!(quoted("a\"b\\c\nd"), "\"a\\\"b\\\\c\\nd\"");
    }
}
