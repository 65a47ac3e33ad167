//! Somebody else touches the files.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use hids_core::model::{FimEvent, Protection};
use proptest::prelude::Rng as _;
use proptest::test_runner::{Config, TestRunner};

use super::*;

fn filled(directory: &Path, entries: u64) {
    let store = open(directory);
    let mut update = store.begin().expect("begins");
    for number in 0..entries {
        let path = format!("/etc/d{}/f{number}", number % 7);
        update.put(path.as_bytes(), &entry(number)).expect("put");
    }
    let protection = Protection { enforced: true, reason: "test".to_owned(), uid: None };
    update.notice(Timestamp::from_unix_seconds(9), true, FimEvent::Protection(protection)).expect("noticed");
    update.commit(Durability::Synced).expect("committed");
}

fn database(directory: &Path) -> PathBuf {
    directory.join("fim.redb")
}

type Entries = Vec<(Vec<u8>, Entry)>;

/// Everything that can be read back.
fn contents(store: &Store) -> Result<(Entries, usize), StoreError> {
    let entries = store.view().entries().collect::<Result<_, _>>()?;
    Ok((entries, store.view().notices_after(0, 100)?.len()))
}

fn verify(store: &Store) -> VerifyReport {
    store.verify(&mut |_| {}).expect("verified")
}

#[test]
fn an_untouched_store_is_sound_whatever_was_done_to_it() {
    let directory = tempfile::tempdir().expect("tempdir");
    filled(directory.path(), 300);
    let store = open(directory.path());
    let mut update = store.begin().expect("begins");
    update.put(b"/etc/d1/f1", &entry(77)).expect("put");
    update.remove(b"/etc/d2/f2").expect("removed");
    for number in (3..300).step_by(7) {
        update.remove(format!("/etc/d3/f{number}").as_bytes()).expect("removed");
    }
    update.set_text(b"/etc/d1/f1", b"text").expect("kept");
    update.commit(Durability::Deferred).expect("committed");
    let mut rows = Vec::new();
    let report = store.verify(&mut |progress| rows.push(progress)).expect("verified");
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.entries, report.notices), (300 - 1 - 43, 1));
    assert!(rows.last().is_some_and(|last| last.rows == last.of && last.rows > 0));
    drop(store);
    assert!(verify(&open(directory.path())).is_sound());
}

/// Random flips in the closed file: each is told, or changes nothing of what is read. `HIDS_FLIPS`
/// says how many.
#[test]
fn a_flipped_byte_is_told_or_was_in_no_use() {
    let original = tempfile::tempdir().expect("tempdir");
    filled(original.path(), 60);
    let bytes = fs::read(database(original.path())).expect("readable");
    let anchor = fs::read(original.path().join("fim.head")).expect("readable");
    let truth = {
        let copy = tempfile::tempdir().expect("tempdir");
        fs::write(database(copy.path()), &bytes).expect("written");
        fs::write(copy.path().join("fim.head"), &anchor).expect("written");
        contents(&open(copy.path())).expect("readable")
    };
    let mut runner = TestRunner::new(Config::default());
    // Every part that is in use lies where something is not zero.
    let used: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
    let (mut told, mut unseen) = (0, 0);
    let rounds = std::env::var("HIDS_FLIPS").ok().and_then(|count| count.parse().ok()).unwrap_or(250);
    for round in 0..rounds {
        let random = runner.rng();
        let at = if round % 4 == 0 {
            random.next_u64() as usize % bytes.len()
        } else {
            used[random.next_u64() as usize % used.len()]
        };
        let flip = 1_u8 << (random.next_u32() % 8);
        let copy = tempfile::tempdir().expect("tempdir");
        let mut altered = bytes.clone();
        altered[at] ^= flip;
        fs::write(database(copy.path()), &altered).expect("written");
        fs::write(copy.path().join("fim.head"), &anchor).expect("written");
        let (store, damage) = Store::open(&database(copy.path()), &key(), StoreLimits::default()).expect("store opens");
        if damage.is_empty() && verify(&store).is_sound() {
            assert_eq!(contents(&store).expect("readable"), truth, "a flip at {at} is not told");
            unseen += 1;
        } else {
            told += 1;
        }
    }
    assert!(told > rounds / 4 && unseen > 0, "{told} told, {unseen} in no use");
}

#[test]
fn a_byte_flipped_while_the_store_is_open_is_found() {
    let directory = tempfile::tempdir().expect("tempdir");
    filled(directory.path(), 60);
    let store = open(directory.path());
    assert!(verify(&store).is_sound());
    let file = fs::OpenOptions::new().read(true).write(true).open(database(directory.path())).expect("opens");
    let bytes = fs::read(database(directory.path())).expect("readable");
    let name = b"/etc/d3\0f3";
    let at = bytes.windows(name.len()).position(|window| window == name).expect("an entry") as u64;
    file.write_all_at(b"/etc/d3\0f4", at).expect("written");
    assert!(!verify(&store).is_sound());
    file.write_all_at(name, at).expect("written");
    assert!(verify(&store).is_sound());
}

#[test]
fn a_store_of_a_later_format_is_refused_and_left_where_it_is() {
    let directory = tempfile::tempdir().expect("tempdir");
    filled(directory.path(), 6);
    let path = database(directory.path());
    let mut bytes = fs::read(&path).expect("readable");
    for slot in [0, 4096] {
        assert_eq!(&bytes[slot..slot + 8], b"HIDSFIM1");
        bytes[slot + 7] = b'2';
    }
    fs::write(&path, &bytes).expect("as a later version would");
    let refused = Store::open(&path, &key(), StoreLimits::default()).expect_err("it is newer");
    assert!(matches!(refused, StoreError::Newer { .. }), "{refused:?}");
    assert_eq!(fs::read(&path).expect("readable"), bytes);
    assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 2, "something was set aside");
}

#[test]
fn a_store_that_cannot_be_used_is_kept_aside() {
    let directory = tempfile::tempdir().expect("tempdir");
    filled(directory.path(), 60);
    let length = fs::metadata(database(directory.path())).expect("there").len();
    let file = fs::OpenOptions::new().write(true).open(database(directory.path())).expect("opens");
    file.set_len(length / 2).expect("cut");
    let (store, damage) =
        Store::open(&database(directory.path()), &key(), StoreLimits::default()).expect("store opens");
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert!(damage[0].what.contains("truncated"), "{damage:?}");
    assert_eq!(store.view().counts().expect("readable").entries, 0);
    let aside = fs::read_dir(directory.path()).expect("readable").filter_map(Result::ok).find(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("fim.redb.damaged-") && !name.to_string_lossy().ends_with(".head")
    });
    assert_eq!(aside.expect("kept aside").metadata().expect("there").len(), length / 2);
    drop(store);
    assert!(verify(&open(directory.path())).is_sound());
}

#[test]
fn damage_in_the_middle_of_work_is_an_error_and_a_new_store_can_be_begun() {
    let directory = tempfile::tempdir().expect("tempdir");
    filled(directory.path(), 20_000);
    let limits = StoreLimits { cache_bytes: 0, ..StoreLimits::default() };
    let (store, damage) = Store::open(&database(directory.path()), &key(), limits).expect("store opens");
    assert_eq!(damage, []);
    let file = fs::OpenOptions::new().write(true).open(database(directory.path())).expect("opens");
    let length = file.metadata().expect("there").len();
    for block in 3..length / 4096 {
        file.write_all_at(&[0xaa; 64], block * 4096 + 500).expect("written");
    }
    let error = contents(&store).expect_err("damaged");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(!verify(&store).is_sound());
    let damage = store.recreate("test").expect("begun");
    assert!(damage.what.contains("damaged-"), "{damage:?}");
    let mut update = store.begin().expect("begins");
    update.put(b"/a", &entry(1)).expect("put");
    update.commit(Durability::Synced).expect("committed");
    assert!(verify(&store).is_sound());
}

#[test]
fn an_older_copy_put_back_is_told() {
    let directory = tempfile::tempdir().expect("tempdir");
    filled(directory.path(), 60);
    let older = fs::read(database(directory.path())).expect("readable");
    {
        let store = open(directory.path());
        let mut update = store.begin().expect("begins");
        update.put(b"/etc/d1/f1", &entry(99)).expect("put");
        update.commit(Durability::Synced).expect("committed");
    }
    fs::write(database(directory.path()), older).expect("written");
    let (_, damage) = Store::open(&database(directory.path()), &key(), StoreLimits::default()).expect("store opens");
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert!(damage[0].what.contains("older copy"), "{damage:?}");
}

#[test]
fn a_store_that_is_gone_or_lost_its_head_is_told() {
    for (name, words) in [("fim.redb", "baseline missing"), ("fim.head", "fim.head is missing")] {
        let directory = tempfile::tempdir().expect("tempdir");
        filled(directory.path(), 6);
        fs::remove_file(directory.path().join(name)).expect("removed");
        let (store, damage) =
            Store::open(&database(directory.path()), &key(), StoreLimits::default()).expect("store opens");
        assert!(damage.len() == 1 && damage[0].what.contains(words), "{damage:?}");
        assert!(verify(&store).is_sound());
    }
}

#[test]
fn a_store_with_another_key_is_not_believed() {
    let directory = tempfile::tempdir().expect("tempdir");
    filled(directory.path(), 6);
    let other = StoreKey::from_bytes([8; 32]);
    let (store, damage) =
        Store::open(&database(directory.path()), &other, StoreLimits::default()).expect("store opens");
    assert_eq!(damage.len(), 1);
    assert_eq!(store.view().counts().expect("readable").entries, 0);
}

#[test]
fn the_store_is_for_one_process_at_a_time() {
    let directory = tempfile::tempdir().expect("tempdir");
    let _store = open(directory.path());
    let second = Store::open(&database(directory.path()), &key(), StoreLimits::default());
    assert!(matches!(second, Err(StoreError::InUse { .. })), "{second:?}");
}

#[test]
fn a_key_is_made_once_and_must_be_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().expect("tempdir");
    let path = directory.path().join("fim.key");
    let first = StoreKey::load_or_create(&path).expect("made");
    let second = StoreKey::load_or_create(&path).expect("loaded");
    assert_eq!(first.derive("test"), second.derive("test"));
    let metadata = fs::metadata(&path).expect("there");
    assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (32, 0o600));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
    assert!(matches!(StoreKey::load_or_create(&path), Err(StoreError::Key { .. })));
}
