//! Exports are checked without the store, and tell what became of the baseline.

use std::path::Path;

use hids_core::model::FileState;

use super::write::write;
use super::*;
use crate::fim::Entry;
use crate::fim::store::Durability;
use crate::fim::store::{Store, StoreKey, StoreLimits};

fn store(directory: &Path) -> Store {
    let key = StoreKey::from_bytes([3; 32]);
    Store::open(&directory.join("fim.redb"), &key, StoreLimits::default()).expect("store opens").0
}

fn entry(size_bytes: u64) -> Entry {
    Entry { state: Some(FileState { size_bytes, ..FileState::default() }), ..Entry::default() }
}

fn put(store: &Store, entries: &[(&[u8], Entry)]) {
    let mut update = store.begin().expect("begins");
    update.put_all(entries.iter().map(|(path, entry)| (*path, entry))).expect("put");
    update.commit(Durability::Deferred).expect("committed");
}

fn exported(store: &Store, key: &ExportKey) -> Vec<u8> {
    let mut out = Vec::new();
    write(&store.view(), &mut out, key, b"host\xff", Timestamp::from_unix_seconds(5), States::LastSeen)
        .expect("exported");
    out
}

fn sample(directory: &Path) -> (Store, ExportKey) {
    let store = store(directory);
    put(&store, &[(b"/etc/a", entry(1)), (b"/etc/a/b", entry(2)), (b"/etc/new\nline\xff", entry(3)), (b"/", entry(4))]);
    (store, ExportKey::from_bytes(&[9; 32]))
}

#[test]
fn an_export_is_checked_without_the_store() {
    let directory = tempfile::tempdir().expect("tempdir");
    let (store, key) = sample(directory.path());
    let bytes = exported(&store, &key);
    drop(store);
    let report = check(bytes.as_slice(), &key.public()).expect("sound");
    assert_eq!(report.entries, 4);
    assert_eq!((report.header.host.as_slice(), report.header.created.unix_seconds()), (b"host\xff".as_slice(), 5));
}

#[test]
fn every_flipped_byte_and_every_cut_of_an_export_is_found() {
    let directory = tempfile::tempdir().expect("tempdir");
    let (store, key) = sample(directory.path());
    let bytes = exported(&store, &key);
    for at in 0..bytes.len() {
        for flip in [1, 0x80] {
            let mut altered = bytes.clone();
            altered[at] ^= flip;
            assert!(check(altered.as_slice(), &key.public()).is_err(), "byte {at}");
        }
        assert!(check(&bytes[..at], &key.public()).is_err(), "cut at {at}");
    }
    assert!(check([bytes.as_slice(), b"x"].concat().as_slice(), &key.public()).is_err());
}

#[test]
fn an_export_by_another_key_is_not_believed() {
    let directory = tempfile::tempdir().expect("tempdir");
    let (store, key) = sample(directory.path());
    let bytes = exported(&store, &ExportKey::from_bytes(&[1; 32]));
    let error = check(bytes.as_slice(), &key.public());
    assert!(matches!(error, Err(ExportError::OtherKey { .. })), "{error:?}");
}

#[test]
fn what_became_of_the_baseline_since_an_export_is_told() {
    let directory = tempfile::tempdir().expect("tempdir");
    let (store, key) = sample(directory.path());
    let path = directory.path().join("export");
    let time = Timestamp::from_unix_seconds(5);
    let summary = write_file(&store.view(), &path, &key, b"host", time, States::LastSeen).expect("exported");
    assert_eq!(summary.entries, 4);
    let differences = || {
        let mut found = Vec::new();
        compare(&path, &key.public(), &store.view(), |difference| found.push(difference)).expect("compared");
        found
    };
    assert_eq!(differences(), []);
    put(&store, &[(b"/etc/a/b", entry(20)), (b"/etc/c", entry(5)), (b"/zzz", entry(6))]);
    let mut update = store.begin().expect("begins");
    update.remove(b"/").expect("removed");
    update.commit(Durability::Deferred).expect("committed");
    let size =
        |entry: &Option<Entry>| entry.as_ref().and_then(|entry| entry.state.as_ref()).map(|state| state.size_bytes);
    let told: Vec<_> =
        differences().iter().map(|it| (it.path.clone(), size(&it.exported), size(&it.baseline))).collect();
    let wanted = [
        (b"/".to_vec(), Some(4), None),
        (b"/zzz".to_vec(), None, Some(6)),
        (b"/etc/c".to_vec(), None, Some(5)),
        (b"/etc/a/b".to_vec(), Some(2), Some(20)),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn a_failed_export_leaves_no_file_behind() {
    let directory = tempfile::tempdir().expect("tempdir");
    let (store, key) = sample(directory.path());
    let target = directory.path().join("is-a-directory");
    std::fs::create_dir_all(target.join("full")).expect("made");
    write_file(&store.view(), &target, &key, b"h", Timestamp::default(), States::LastSeen).expect_err("refused");
    let left: Vec<_> = std::fs::read_dir(directory.path()).expect("readable").filter_map(Result::ok).collect();
    assert!(!left.iter().any(|entry| entry.file_name().to_string_lossy().contains(".new-")), "{left:?}");
}

#[test]
fn the_key_is_made_with_the_first_export_and_kept() {
    let directory = tempfile::tempdir().expect("tempdir");
    let path = directory.path().join("fim-sign.key");
    let turn = Turn::wait(directory.path()).expect("a turn");
    let (first, is_new) = ExportKey::load_or_create(&path, &turn).expect("made");
    assert!(is_new);
    let (second, is_new) = ExportKey::load_or_create(&path, &turn).expect("loaded");
    assert!(!is_new);
    assert_eq!(first.public(), second.public());
    let text = first.public().to_string();
    assert_eq!(text.parse::<PublicKey>().expect("parses"), first.public());
    assert!("12".parse::<PublicKey>().is_err());
}

#[test]
fn exports_that_begin_at_once_share_one_key() {
    for _ in 0..50 {
        let directory = tempfile::tempdir().expect("tempdir");
        let start = std::sync::Barrier::new(4);
        let key = || {
            start.wait();
            let turn = Turn::wait(directory.path()).expect("a turn");
            ExportKey::load_or_create(&directory.path().join("fim-sign.key"), &turn).expect("a key")
        };
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(key)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(keys.iter().filter(|(_, is_new)| *is_new).count(), 1, "{keys:?}");
        assert!(keys.iter().all(|(key, _)| key.public() == keys[0].0.public()), "{keys:?}");
    }
}
