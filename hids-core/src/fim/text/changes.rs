//! Changes of files in OSSEC's words (`src/analysisd/decoders/syscheck.c`).

use std::collections::BTreeMap;

use super::super::diff::TRUNCATED;
use super::super::{Checks, compare};
use super::{Text, TextStyle, path, quoted, who};
use crate::escape::visible_string;
use crate::model::{ChangeKind, FileChange, FileKind, FileState, Timestamp};

/// Most extended attributes that a text names.
const XATTRS_SHOWN: usize = 8;
/// Most of a diff, which its maker has bounded already.
const DIFF_LINES: usize = 1000;

pub(super) fn change(change: &FileChange, style: TextStyle) -> Vec<u8> {
    let mut text = Text::default();
    let name = path(&change.path);
    match change.kind {
        ChangeKind::Modified => {
            text.line(format_args!("Integrity checksum changed for: '{name}'"));
            if let (Some(old), Some(new)) = (&change.old, &change.new) {
                modified(&mut text, old, new, style);
            }
        }
        ChangeKind::Added => {
            text.line(format_args!("New file '{name}' added to the file system."));
            if let Some(new) = &change.new {
                added(&mut text, new, style);
            }
        }
        ChangeKind::Deleted => text.line(format_args!("File '{name}' was deleted. Unable to retrieve checksum.")),
        ChangeKind::Readded => {
            text.line(format_args!("File '{name}' was re-added."));
            if let (false, Some(new)) = (style.strict, &change.new) {
                added(&mut text, new, style);
            }
        }
    }
    if !style.strict {
        if change.count > 1 {
            text.line(format_args!("Change number {} since the file was first seen or accepted.", change.count));
        }
        who::all(&mut text, &change.who, change.operations);
    }
    if let Some(diff) = &change.diff {
        text.line(format_args!("What changed:"));
        for line in diff.lines().take(DIFF_LINES) {
            let marked = line.starts_with([' ', '+', '-', '@', '\\', '<']) || line == TRUNCATED;
            text.line(format_args!("{}{}", if marked { "" } else { " " }, visible_string(line.as_bytes())));
        }
    }
    // OSSEC's texts with lines of their own end in a newline, so that an empty line follows.
    if style.strict && matches!(change.kind, ChangeKind::Modified | ChangeKind::Added) {
        return text.0.into_bytes();
    }
    text.finish()
}

fn modified(text: &mut Text, old: &FileState, new: &FileState, style: TextStyle) {
    let differs = compare(old, new, style.checks);
    let extended = !style.strict;
    if differs.kind && extended {
        text.line(format_args!("Kind changed from '{}' to '{}'", old.kind.name(), new.kind.name()));
    }
    if differs.size {
        text.line(format_args!("Size changed from '{}' to '{}'", old.size_bytes, new.size_bytes));
    }
    if differs.permissions {
        text.line(format_args!("Permissions changed from '{}' to '{}'", letters(old.mode), letters(new.mode)));
    }
    if differs.owner {
        text.line(format_args!("Ownership was '{}', now it is '{}'", old.uid, new.uid));
    }
    if differs.group {
        text.line(format_args!("Group ownership was '{}', now it is '{}'", old.gid, new.gid));
    }
    sums(text, old, new, style.checks);
    if !extended {
        return;
    }
    if differs.link_target {
        let target = |state: &FileState| quoted(state.link_target.as_deref().unwrap_or_default());
        text.line(format_args!("Link target changed from '{}' to '{}'", target(old), target(new)));
    }
    if differs.xattrs {
        xattrs(text, &old.xattrs, &new.xattrs);
    }
    if differs.inode {
        text.line(format_args!("Inode changed from '{}' to '{}'", old.inode, new.inode));
    }
    if differs.modified {
        text.line(format_args!("Modification time changed from '{}' to '{}'", time(old.modified), time(new.modified)));
    }
}

/// A sum that is not known on one side reads `xxx`, as OSSEC's does; when both are the same nothing is said.
fn sums(text: &mut Text, old: &FileState, new: &FileState, checks: Checks) {
    let (old, new) = (&old.digests, &new.digests);
    let mut pair = |name: &str, asked: bool, old: Option<String>, new: Option<String>| {
        if asked && old != new {
            text.line(format_args!("Old {name} was: '{}'", old.as_deref().unwrap_or("xxx")));
            text.line(format_args!("New {name} is : '{}'", new.as_deref().unwrap_or("xxx")));
        }
    };
    pair("md5sum", checks.md5, old.md5.map(hex), new.md5.map(hex));
    pair("sha1sum", checks.sha1, old.sha1.map(hex), new.sha1.map(hex));
    pair("sha256sum", checks.sha256, old.sha256.map(hex), new.sha256.map(hex));
    pair("blake3sum", checks.blake3, old.blake3.map(hex), new.blake3.map(hex));
}

/// OSSEC's order is SHA-1, MD5, SHA-256.
fn added(text: &mut Text, new: &FileState, style: TextStyle) {
    let (sums, checks) = (&new.digests, style.checks);
    for (name, asked, sum) in [
        ("sha1sum", checks.sha1, sums.sha1.map(hex)),
        ("md5sum", checks.md5, sums.md5.map(hex)),
        ("sha256sum", checks.sha256, sums.sha256.map(hex)),
        ("blake3sum", checks.blake3, sums.blake3.map(hex)),
    ] {
        // OSSEC writes the line also for a sum that was not made; that tells nothing.
        if let (true, Some(sum)) = (asked, sum) {
            text.line(format_args!("New {name} is : '{sum}'"));
        }
    }
    if style.strict {
        return;
    }
    match (&new.link_target, new.kind) {
        (Some(target), _) => text.line(format_args!("Kind: symbolic link to '{}'", quoted(target))),
        (None, FileKind::Regular) => {}
        (None, kind) => text.line(format_args!("Kind: {}", kind.name())),
    }
    text.line(format_args!(
        "Permissions '{}', owner '{}', group '{}', size '{}'",
        letters(new.mode),
        new.uid,
        new.gid,
        new.size_bytes
    ));
}

fn xattrs(text: &mut Text, old: &BTreeMap<Vec<u8>, Vec<u8>>, new: &BTreeMap<Vec<u8>, Vec<u8>>) {
    let gone = old.keys().filter(|name| !new.contains_key(*name)).map(|name| (name, "removed"));
    let other = new.iter().filter_map(|(name, value)| match old.get(name) {
        None => Some((name, "added")),
        Some(known) if known != value => Some((name, "changed")),
        Some(_) => None,
    });
    let mut news = gone.chain(other);
    for (name, what) in news.by_ref().take(XATTRS_SHOWN) {
        text.line(format_args!("Extended attribute {what}: '{}'", quoted(name)));
    }
    let rest = news.count();
    if rest > 0 {
        text.line(format_args!("And {rest} more extended attributes."));
    }
}

/// The nine letters of `ls`, with set-id and sticky bits.
pub(super) fn letters(mode: u32) -> String {
    let mut out = String::with_capacity(9);
    for (shift, special, set, unset) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        let bits = mode >> shift;
        out.push(if bits & 4 != 0 { 'r' } else { '-' });
        out.push(if bits & 2 != 0 { 'w' } else { '-' });
        out.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => set,
            (false, true) => unset,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    out
}

/// Lower-case hexadecimal digits.
fn hex<const N: usize>(bytes: [u8; N]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * N), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn time(time: Timestamp) -> String {
    time.civil_in(&jiff::tz::TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
