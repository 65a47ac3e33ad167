//! What a one-shot check finds: new, removed and changed paths, and what of them changed.

use super::compare::{Differences, compare};
use super::policy::{PathKind, Policy};
use crate::model::{FileKind, FileState};

/// What became of a path since it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// It is there and was not accepted.
    New,
    /// It was accepted and is not there.
    Removed,
    /// It is another one.
    Changed,
}

impl FindingKind {
    /// The word for people and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }

    /// Its bit in the exit status, as AIDE has it (aide(1)).
    pub const fn bit(self) -> u8 {
        match self {
            Self::New => 1,
            Self::Removed => 2,
            Self::Changed => 4,
        }
    }
}

/// What `new` is in comparison with the accepted state `old`, and what differs; `None` where nothing counts.
///
/// New and removed directories count like everything else: a check has no alert for what is in them besides.
pub fn judge(
    policy: &Policy,
    path: &[u8],
    old: Option<&FileState>,
    new: Option<&FileState>,
) -> Option<(FindingKind, Differences)> {
    let state = new.or(old)?;
    let watch = policy.watch_of(path, PathKind::from(state.kind))?;
    if [old, new].into_iter().flatten().all(|state| !policy.counts(state.kind)) {
        return None;
    }
    match (old, new) {
        (None, _) => Some((FindingKind::New, Differences::default())),
        (_, None) => Some((FindingKind::Removed, Differences::default())),
        (Some(old), Some(new)) => {
            let differences = compare(old, new, watch.checks);
            (!differences.is_empty()).then_some((FindingKind::Changed, differences))
        }
    }
}

/// Names of users and groups, as the file system that is checked has them.
pub trait Names {
    /// The name of a user.
    fn user(&self, uid: u32) -> Option<String>;
    /// The name of a group.
    fn group(&self, gid: u32) -> Option<String>;
}

/// One thing that differs, in words. Names hold the bytes that they have: whoever shows them escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// `size`, `mode`, `owner` …
    pub name: &'static str,
    /// As it was accepted.
    pub old: Vec<u8>,
    /// As it is.
    pub new: Vec<u8>,
}

/// What differs, in the order in which people ask for it.
pub fn properties(old: &FileState, new: &FileState, differences: Differences, names: &dyn Names) -> Vec<Property> {
    let mut found = Vec::new();
    let mut add = |differs: bool, name: &'static str, of: &dyn Fn(&FileState) -> Vec<u8>| {
        if differs {
            found.push(Property { name, old: of(old), new: of(new) });
        }
    };
    add(differences.kind, "type", &|state| state.kind.name().into());
    add(differences.size, "size", &|state| format!("{} bytes", state.size_bytes).into());
    add(differences.permissions, "mode", &|state| mode(state).into());
    add(differences.owner, "owner", &|state| named(names.user(state.uid), state.uid));
    add(differences.group, "group", &|state| named(names.group(state.gid), state.gid));
    add(differences.link_target, "link target", &|state| state.link_target.clone().unwrap_or_else(|| b"none".to_vec()));
    add(differences.modified, "modified", &|state| state.modified.rfc3339(&jiff::tz::TimeZone::UTC).into());
    add(differences.inode, "inode", &|state| state.inode.to_string().into());
    add(differences.md5, "md5", &|state| hex(state.digests.md5.as_ref()));
    add(differences.sha1, "sha1", &|state| hex(state.digests.sha1.as_ref()));
    add(differences.sha256, "sha256", &|state| hex(state.digests.sha256.as_ref()));
    add(differences.blake3, "blake3", &|state| hex(state.digests.blake3.as_ref()));
    if differences.xattrs {
        let all = old.xattrs.keys().chain(new.xattrs.keys().filter(|name| !old.xattrs.contains_key(*name)));
        for name in all.filter(|name| old.xattrs.get(*name) != new.xattrs.get(*name)) {
            let of = |state: &FileState| match state.xattrs.get(name) {
                Some(value) => [name, b" = ".as_slice(), value].concat(),
                None => [b"no ".as_slice(), name].concat(),
            };
            found.push(Property { name: "attribute", old: of(old), new: of(new) });
        }
    }
    found
}

/// `root (0)`, or the number alone.
pub fn named(name: Option<String>, id: u32) -> Vec<u8> {
    name.map_or_else(|| id.to_string(), |name| format!("{name} ({id})")).into()
}

/// `0644`, with what it means where that is not what it was: `rw-r--r-- (0644)`.
pub fn mode(state: &FileState) -> String {
    let bit = |mask: u32, letter: char| if state.mode & mask == 0 { '-' } else { letter };
    let execute = |mask: u32, special: u32, with: char, without: char| match (
        state.mode & special != 0,
        state.mode & mask != 0,
    ) {
        (true, true) => with,
        (true, false) => without,
        (false, true) => 'x',
        (false, false) => '-',
    };
    let letters: String = [
        bit(0o400, 'r'),
        bit(0o200, 'w'),
        execute(0o100, 0o4000, 's', 'S'),
        bit(0o040, 'r'),
        bit(0o020, 'w'),
        execute(0o010, 0o2000, 's', 'S'),
        bit(0o004, 'r'),
        bit(0o002, 'w'),
        execute(0o001, 0o1000, 't', 'T'),
    ]
    .into_iter()
    .collect();
    format!("{letters} ({:04o})", state.mode & 0o7777)
}

fn hex(sum: Option<&(impl AsRef<[u8]> + ?Sized)>) -> Vec<u8> {
    sum.map_or_else(
        || b"none".to_vec(),
        |sum| sum.as_ref().iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect(),
    )
}

/// Whether a state is one of content that could be read: without sums a change of content is not seen.
pub fn lacks_sums(policy: &Policy, path: &[u8], state: &FileState) -> bool {
    let sums = &state.digests;
    state.kind == FileKind::Regular
        && policy.watch_of(path, PathKind::Other).is_some_and(|watch| watch.checks.reads_content())
        && sums.md5.is_none()
        && sums.sha1.is_none()
        && sums.sha256.is_none()
        && sums.blake3.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fim::{Checks, PolicyDef, Watch};
    use crate::model::Digests;

    struct Root;

    impl Names for Root {
        fn user(&self, uid: u32) -> Option<String> {
            (uid == 0).then(|| "root".to_owned())
        }

        fn group(&self, _: u32) -> Option<String> {
            None
        }
    }

    fn policy(strict: bool) -> Policy {
        let watch = Watch { root: b"/etc".to_vec(), checks: Checks::all(true), ..Watch::default() };
        Policy::compile(PolicyDef { watches: vec![watch], strict, ..PolicyDef::default() })
    }

    fn file(sum: u8) -> FileState {
        let digests = Digests { sha256: Some([sum; 32]), ..Digests::default() };
        FileState { mode: 0o100_644, digests, ..FileState::default() }
    }

    #[test]
    fn each_kind_of_finding_has_its_bit_and_what_is_equal_is_none() {
        let policy = policy(false);
        let kind = |old: Option<FileState>, new: Option<FileState>| {
            judge(&policy, b"/etc/a", old.as_ref(), new.as_ref()).map(|(kind, _)| (kind, kind.bit()))
        };
        assert_eq!(kind(None, Some(file(1))), Some((FindingKind::New, 1)));
        assert_eq!(kind(Some(file(1)), None), Some((FindingKind::Removed, 2)));
        assert_eq!(kind(Some(file(1)), Some(file(2))), Some((FindingKind::Changed, 4)));
        assert_eq!(kind(Some(file(1)), Some(file(1))), None);
        assert_eq!(kind(None, None), None);
        assert!(judge(&policy, b"/usr/a", None, Some(&file(1))).is_none(), "not watched");
    }

    #[test]
    fn the_strict_mode_knows_files_and_links_only() {
        let pipe = FileState { kind: FileKind::Fifo, ..FileState::default() };
        assert!(judge(&policy(true), b"/etc/a", None, Some(&pipe)).is_none());
        assert!(judge(&policy(true), b"/etc/a", Some(&file(1)), Some(&pipe)).is_some());
        assert!(judge(&policy(false), b"/etc/a", None, Some(&pipe)).is_some());
    }

    #[test]
    fn what_changed_is_named_with_both_values() {
        let old = FileState { size_bytes: 3, ..file(1) };
        let xattrs = [(b"security.capability".to_vec(), b"\x01".to_vec())].into();
        let new = FileState { mode: 0o104_755, uid: 33, gid: 33, size_bytes: 4, xattrs, ..file(2) };
        let differences = compare(&old, &new, Checks::all(true));
        let found = properties(&old, &new, differences, &Root);
        let text: Vec<String> = found
            .iter()
            .map(|one| {
                let part = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(24)]).into_owned();
                format!("{}: {} -> {}", one.name, part(&one.old), part(&one.new))
            })
            .collect();
        assert_eq!(
            text,
            [
                "size: 3 bytes -> 4 bytes",
                "mode: rw-r--r-- (0644) -> rwsr-xr-x (4755)",
                "owner: root (0) -> 33",
                "group: 0 -> 33",
                "sha256: 010101010101010101010101 -> 020202020202020202020202",
                "attribute: no security.capability -> security.capability = \u{1}",
            ]
        );
    }
}
