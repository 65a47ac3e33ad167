//! Random batches against a map in memory, with reopening in between; and what is written is read back.

use std::collections::BTreeMap;

use hids_core::model::{Ancestor, ChangeKind, Digests, FileChange, FileNotice, FimEvent, Operation, Operations, Who};
use proptest::prelude::*;

use super::super::codec::{decode_entry, decode_notice, encode_entry, encode_notice};
use super::super::paths;
use super::*;
use crate::fim::Unaccepted;

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..most)
}

fn digests() -> impl Strategy<Value = Digests> {
    any::<(Option<[u8; 16]>, Option<[u8; 20]>, Option<[u8; 32]>, Option<[u8; 32]>)>()
        .prop_map(|(md5, sha1, sha256, blake3)| Digests { md5, sha1, sha256, blake3 })
}

fn state() -> impl Strategy<Value = FileState> {
    let kinds = [
        FileKind::Regular,
        FileKind::Directory,
        FileKind::Symlink,
        FileKind::Fifo,
        FileKind::Socket,
        FileKind::CharacterDevice,
        FileKind::BlockDevice,
    ];
    let numbers = any::<(u64, u32, u32, u32, u64, u64, u64)>();
    let times = any::<(i64, i64)>();
    let xattrs = proptest::collection::btree_map(bytes(12), bytes(30), 0..3);
    (proptest::sample::select(kinds.to_vec()), numbers, times, digests(), proptest::option::of(bytes(40)), xattrs)
        .prop_map(|(kind, numbers, times, digests, link_target, xattrs)| FileState {
            kind,
            size_bytes: numbers.0,
            mode: numbers.1,
            uid: numbers.2,
            gid: numbers.3,
            device: numbers.4,
            inode: numbers.5,
            links: numbers.6,
            modified: Timestamp::from_unix_nanos(times.0),
            changed: Timestamp::from_unix_nanos(times.1),
            digests,
            link_target,
            xattrs,
        })
}

fn entries() -> impl Strategy<Value = Entry> {
    let unaccepted = (any::<u64>(), proptest::option::of(any::<i64>()), any::<bool>());
    let unaccepted = unaccepted.prop_map(|(since, replaced, is_new)| Unaccepted {
        since,
        replaced_read: replaced.map(Timestamp::from_unix_nanos),
        is_new,
    });
    let parts = (proptest::option::of(state()), any::<u32>(), any::<i64>(), proptest::option::of(unaccepted));
    parts.prop_map(|(state, changes, read, unaccepted)| Entry {
        state,
        changes,
        read: Timestamp::from_unix_nanos(read),
        unaccepted,
    })
}

/// Few names, so that batches meet the same paths; some of them trouble for a careless order.
fn path() -> impl Strategy<Value = Vec<u8>> {
    let names = [b"a".as_slice(), b"a\x01", b"a-b", b"a0", b"\x01", b"\xff", b"b c", b"\n", b"a/a", b"a/b/c", b"a/a/a"];
    proptest::sample::select(names.to_vec()).prop_map(|name| [b"/", name].concat())
}

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>, u64),
    Remove(Vec<u8>),
    RemoveBelow(Vec<u8>),
    Commit,
    Abandon,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (path(), 0_u64..1000).prop_map(|(path, number)| Step::Put(path, number)),
        2 => path().prop_map(Step::Remove),
        1 => path().prop_map(Step::RemoveBelow),
        3 => Just(Step::Commit),
        1 => Just(Step::Abandon),
        1 => Just(Step::Reopen),
    ]
}

type Model = BTreeMap<Vec<u8>, Entry>;

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path == directory || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with(b"/"))
}

fn apply(txn: &mut WriteTxn<'_>, model: &mut Model, step: &Step) {
    match step {
        Step::Put(path, number) => {
            txn.put(path, &entry(*number)).expect("put");
            model.insert(path.clone(), entry(*number));
        }
        Step::Remove(path) => {
            assert_eq!(txn.remove(path).expect("removed"), model.remove(path).is_some());
        }
        Step::RemoveBelow(path) => {
            let mut after: Option<Vec<u8>> = None;
            let mut removed = Vec::new();
            loop {
                let entries = txn.entries_below(path, after.as_deref(), 2).expect("readable");
                let Some((last, _)) = entries.last() else { break };
                after = Some(last.clone());
                for (path, entry) in entries {
                    assert!(txn.remove(&path).expect("removed"));
                    removed.push((path, entry));
                }
            }
            removed.sort_by(|one, other| one.0.cmp(&other.0));
            let is_inside = |known: &[u8]| known != path && is_below(known, path);
            let wanted =
                model.iter().filter(|(known, _)| is_inside(known)).map(|(path, entry)| (path.clone(), entry.clone()));
            assert_eq!(removed, wanted.collect::<Vec<_>>());
            model.retain(|known, _| !is_inside(known));
        }
        Step::Commit | Step::Abandon | Step::Reopen => {}
    }
}

/// The store says what the model says, whichever way it is asked.
fn compare(store: &Store, model: &Model) {
    let view = store.view();
    let mut all: Vec<_> = view.entries().collect::<Result<_, _>>().expect("readable");
    all.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(all, model.clone().into_iter().collect::<Vec<_>>());
    for directory in [b"/".as_slice(), b"/a", b"/a/b", b"/b c"] {
        let wanted: Vec<_> = model
            .iter()
            .filter(|(path, _)| {
                let rest = path.strip_prefix(directory).unwrap_or_default();
                let name = if directory == b"/" { rest } else { rest.strip_prefix(b"/").unwrap_or_default() };
                !name.is_empty() && !name.contains(&b'/')
            })
            .map(|(path, entry)| (path.rsplit(|&byte| byte == b'/').next().unwrap_or_default().to_vec(), entry.clone()))
            .collect();
        let mut found: Vec<(Vec<u8>, Entry)> = Vec::new();
        loop {
            let after = found.last().map(|(name, _)| name.clone());
            let children = view.children(directory, after.as_deref(), 2).expect("readable");
            if children.is_empty() {
                break;
            }
            found.extend(children);
        }
        assert_eq!(found, wanted);
        let below = view.subtree(directory).expect("whole").filter(Result::is_ok).count();
        let wanted = model.keys().filter(|path| directory == b"/" || is_below(path, directory)).count();
        assert_eq!(below, wanted);
    }
    assert_eq!(view.counts().expect("readable").entries, model.len() as u64);
}

fn who() -> impl Strategy<Value = Who> {
    (any::<u32>(), bytes(20), proptest::option::of(any::<u32>())).prop_map(|(pid, executable, uid)| Who {
        pid,
        executable: executable.clone(),
        uid,
        parents: vec![Ancestor { pid, executable, command: b"sh".to_vec() }],
        ..Who::default()
    })
}

fn change() -> impl Strategy<Value = FileChange> {
    let states = (proptest::option::of(state()), proptest::option::of(state()));
    let whos = proptest::collection::vec(who(), 0..3);
    (path(), 0..4_usize, states, any::<u32>(), whos, proptest::option::of(".*")).prop_map(
        |(path, kind, (old, new), count, who, diff)| FileChange {
            path,
            kind: [ChangeKind::Added, ChangeKind::Modified, ChangeKind::Deleted, ChangeKind::Readded][kind],
            old: old.map(Box::new),
            new: new.map(Box::new),
            count,
            who: who.into_iter().map(std::sync::Arc::new).collect(),
            operations: Operations::NONE.with(Operation::Write).with(Operation::Mount),
            diff,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_store_does_what_a_map_does(steps in proptest::collection::vec(step(), 1..60)) {
        let directory = tempfile::tempdir().expect("tempdir");
        let mut store = open(directory.path());
        let mut committed = Model::new();
        for batch in steps.split_inclusive(|step| matches!(step, Step::Commit | Step::Abandon | Step::Reopen)) {
            let mut model = committed.clone();
            let mut update = store.begin().expect("begins");
            for step in batch {
                apply(&mut update, &mut model, step);
            }
            match batch.last() {
                Some(Step::Commit) => {
                    let durability = if batch.len() % 2 == 0 { Durability::Deferred } else { Durability::Synced };
                    update.commit(durability).expect("committed");
                    committed = model;
                }
                Some(Step::Reopen) => {
                    drop(update);
                    drop(store);
                    store = open(directory.path());
                }
                _ => drop(update),
            }
            compare(&store, &committed);
        }
        let report = store.verify(&mut |_| {}).expect("verified");
        prop_assert!(report.is_sound(), "{:?}", report);
    }
}

proptest! {
    #[test]
    fn entries_are_read_back_as_they_were_written(entry in entries()) {
        let bytes = encode_entry(&entry);
        prop_assert_eq!(decode_entry(&bytes).expect("readable"), entry);
        for length in 0..bytes.len() {
            prop_assert!(decode_entry(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn any_bytes_can_be_read_as_an_entry_or_a_notice(bytes in bytes(200)) {
        let _ = decode_entry(&bytes);
        let _ = decode_notice(&bytes, |_| Ok(None));
    }

    #[test]
    fn notices_are_read_back_with_their_processes(change in change(), sequence in 1..u64::MAX, alerted: bool) {
        let time = Timestamp::from_unix_nanos(sequence as i64);
        let notice = FileNotice { sequence, time, alerted, news: FimEvent::Change(Box::new(change)) };
        let mut known = Vec::new();
        let bytes = encode_notice(&notice, |who| {
            known.push(std::sync::Arc::clone(who));
            Ok::<_, StoreError>([known.len() as u8 - 1; 16])
        });
        let bytes = bytes.expect("encoded");
        let read = decode_notice(&bytes, |key| Ok(known.get(usize::from(key[0])).cloned()));
        prop_assert_eq!(read.expect("readable"), notice);
    }

    #[test]
    fn keys_lead_back_to_their_paths_and_keep_directories_together(one in path(), other in path()) {
        let keys = [&one, &other].map(|path| paths::key_of(path).expect("whole"));
        prop_assert_eq!(paths::path_of(&keys[0]), Some(one.clone()));
        prop_assert_eq!(keys[0] == keys[1], one == other);
        let [near, far] = paths::below(&one);
        let is_inside = [near, far].iter().any(|(from, to)| *from <= keys[1] && keys[1] < *to);
        prop_assert_eq!(is_inside, one != other && is_below(&other, &one));
    }
}
