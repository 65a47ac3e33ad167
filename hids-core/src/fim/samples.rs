//! News with hostile bytes everywhere, for the tests of all that shows them.

use std::sync::Arc;

use proptest::prelude::*;

use crate::model::*;

/// Names that try to be lines, fields or JSON.
pub(crate) fn name() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"/etc/passwd".to_vec()),
        Just(b"\n** Alert 1.1: mail  - x,\n".to_vec()),
        Just(b"\nRule: 1 (level 1) -> 'x'".to_vec()),
        Just(b"\nUser: root".to_vec()),
        Just(b"\r\nOld md5sum was: 'x'".to_vec()),
        Just(b"' was deleted. Unable to retrieve checksum.".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"\x1b[2J\x07".to_vec()),
        Just("\u{2028}\u{202e}\u{85}\u{e9}".as_bytes().to_vec()),
        Just(b"\xff\xfe".to_vec()),
        Just(b"\",}{\\".to_vec()),
        Just(vec![b'x'; 900]),
        proptest::collection::vec(1u8.., 0..20),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0i64..4_000_000_000).prop_map(Timestamp::from_unix_seconds)
}

fn who() -> impl Strategy<Value = Arc<Who>> {
    let ids = proptest::array::uniform5(proptest::option::of(any::<u32>()));
    let ancestor = (any::<u32>(), name(), name());
    let parents = proptest::collection::vec(ancestor, 0..3);
    (any::<u32>(), name(), name(), ids, name(), proptest::option::of("[0-9a-f]{12}"), parents).prop_map(
        |(pid, executable, command, [uid, euid, gid, login_uid, session], cgroup, container, parents)| {
            let parents =
                parents.into_iter().map(|(pid, executable, command)| Ancestor { pid, executable, command }).collect();
            let source = WhoSource::Tracepoint;
            let executable_notes = ExecutableNote::ALL
                .into_iter()
                .take(pid as usize % 3)
                .fold(ExecutableNotes::NONE, ExecutableNotes::with);
            Arc::new(Who {
                pid,
                executable,
                executable_notes,
                command,
                uid,
                euid,
                gid,
                login_uid,
                session,
                cgroup,
                container,
                parents,
                source,
            })
        },
    )
}

fn state() -> impl Strategy<Value = Box<FileState>> {
    let kind = prop_oneof![Just(FileKind::Regular), Just(FileKind::Symlink), Just(FileKind::Fifo)];
    let digests = (any::<Option<[u8; 16]>>(), any::<Option<[u8; 20]>>(), any::<Option<[u8; 32]>>());
    let xattrs = proptest::collection::btree_map(name(), name(), 0..3);
    (kind, any::<[u32; 3]>(), 0u64..10, digests, proptest::option::of(name()), xattrs, time()).prop_map(
        |(kind, [mode, uid, gid], size_bytes, (md5, sha1, sha256), link_target, xattrs, modified)| {
            let digests = Digests { md5, sha1, sha256, blake3: sha256 };
            let inode = u64::from(uid);
            let state = FileState {
                kind,
                mode,
                uid,
                gid,
                size_bytes,
                inode,
                digests,
                link_target,
                xattrs,
                modified,
                ..FileState::default()
            };
            Box::new(state)
        },
    )
}

fn operations() -> impl Strategy<Value = Operations> {
    proptest::collection::vec(prop::sample::select(&Operation::ALL[..]), 0..4)
        .prop_map(|operations| operations.into_iter().collect())
}

fn change() -> impl Strategy<Value = FimEvent> {
    const KINDS: [ChangeKind; 4] = [ChangeKind::Added, ChangeKind::Modified, ChangeKind::Deleted, ChangeKind::Readded];
    let states = (proptest::option::of(state()), proptest::option::of(state()));
    let whos = proptest::collection::vec(who(), 0..3);
    let diff = proptest::option::of(name().prop_map(|text| String::from_utf8_lossy(&text).into_owned()));
    (name(), prop::sample::select(&KINDS[..]), states, 0u32..5, whos, operations(), diff).prop_map(
        |(path, kind, (old, new), count, who, operations, diff)| {
            FimEvent::Change(Box::new(FileChange { path, kind, old, new, count, who, operations, diff }))
        },
    )
}

pub(crate) fn news() -> impl Strategy<Value = FimEvent> {
    let text = || name().prop_map(|text| String::from_utf8_lossy(&text).into_owned());
    let names = || proptest::collection::vec(name(), 0..3);
    let gap =
        (name(), time(), proptest::option::of(time()), any::<u64>()).prop_map(|(subtree, opened, closed, found)| {
            FimEvent::Gap(Gap { subtree, cause: GapCause::QueueOverflow, opened, closed, found })
        });
    let refusal = (name(), any::<bool>(), who(), any::<u32>()).prop_map(|(path, refused, who, count)| {
        FimEvent::Refusal(Box::new(Refusal { path, operation: Operation::Write, refused, who, count }))
    });
    let acceptance = (proptest::collection::vec(text(), 0..3), any::<u64>(), names())
        .prop_map(|(reasons, files, examples)| FimEvent::Acceptance(Acceptance { reasons, files, examples }));
    let protection = (any::<bool>(), text(), any::<Option<u32>>())
        .prop_map(|(enforced, reason, uid)| FimEvent::Protection(Protection { enforced, reason, uid }));
    let damage = (text(), names()).prop_map(|(what, paths)| FimEvent::Damage(Damage { what, paths }));
    let aside = (text(), text(), name()).prop_map(|(location, position, line)| {
        let (part, cause) = ("analysis".to_owned(), "SIGSEGV".to_owned());
        FimEvent::SetAside(Box::new(SetAside { location, position, part, cause, line }))
    });
    let restored = (text(), any::<u64>(), any::<u64>())
        .prop_map(|(reason, times, blocked)| FimEvent::Restored(Restored { reason, times, blocked }));
    let end = (time(), any::<u64>(), names()).prop_map(|(time, changes, examples)| WindowEnd {
        time,
        cause: WindowEndCause::Expired,
        changes,
        examples,
    });
    let words = (text(), proptest::collection::vec(text(), 0..3), names());
    let window = (any::<u64>(), any::<bool>(), words, who(), time(), proptest::option::of(end)).prop_map(
        |(id, everything, (reason, members, paths), opener, opened, end)| {
            let ends = opened;
            let news = WindowNews { id, everything, reason, members, paths, opener, opened, ends, end };
            FimEvent::Window(Box::new(news))
        },
    );
    prop_oneof![1 => window, 6 => change(), 1 => restored, 1 => gap, 1 => refusal, 1 => acceptance, 1 => protection, 1 => damage, 1 => aside]
}

pub(crate) fn notice() -> impl Strategy<Value = Arc<FileNotice>> {
    (any::<u64>(), time(), news())
        .prop_map(|(sequence, time, news)| Arc::new(FileNotice { sequence, time, alerted: true, news }))
}
