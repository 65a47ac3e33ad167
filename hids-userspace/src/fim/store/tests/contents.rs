//! What is put in comes out again.

use hids_core::model::{ChangeKind, FileChange, FimEvent, Gap, GapCause, Operations};

use super::*;
use crate::fim::store::view::Subtree;

fn change(path: &[u8]) -> FimEvent {
    FimEvent::Change(Box::new(FileChange {
        path: path.to_vec(),
        kind: ChangeKind::Modified,
        old: entry(1).state.map(Box::new),
        new: entry(2).state.map(Box::new),
        count: 1,
        who: Vec::new(),
        operations: Operations::NONE,
        diff: None,
    }))
}

fn paths(entries: Subtree) -> Vec<Vec<u8>> {
    entries.map(|entry| entry.expect("readable").0).collect()
}

#[test]
fn entries_are_there_after_the_store_is_opened_again() {
    let directory = tempfile::tempdir().expect("tempdir");
    {
        let store = open(directory.path());
        let mut update = store.begin().expect("begins");
        update.put(b"/etc/passwd", &entry(1)).expect("put");
        update.put(b"/etc/sp\xffecial\n", &entry(2)).expect("put");
        assert_eq!(update.entry(b"/etc/passwd").expect("readable"), Some(entry(1)));
        update.commit(Durability::Synced).expect("committed");
    }
    let view = open(directory.path()).view();
    assert_eq!(view.entry(b"/etc/passwd").expect("readable"), Some(entry(1)));
    assert_eq!(view.entry(b"/etc/sp\xffecial\n").expect("readable"), Some(entry(2)));
    assert_eq!(view.entry(b"/etc/shadow").expect("readable"), None);
    assert_eq!(view.counts().expect("readable").entries, 2);
}

#[test]
fn an_update_that_is_dropped_changes_nothing() {
    let directory = tempfile::tempdir().expect("tempdir");
    let store = open(directory.path());
    let mut update = store.begin().expect("begins");
    update.put(b"/a", &entry(1)).expect("put");
    drop(update);
    assert_eq!(store.view().entry(b"/a").expect("readable"), None);
    assert_eq!(store.view().counts().expect("readable").entries, 0);
}

#[test]
fn a_subtree_is_the_path_and_what_is_below_it_and_no_neighbour() {
    let directory = tempfile::tempdir().expect("tempdir");
    let store = open(directory.path());
    let mut update = store.begin().expect("begins");
    let all: [&[u8]; 9] =
        [b"/", b"/etc", b"/etc-old/a", b"/etc/\x01", b"/etc/a", b"/etc/a/b", b"/etc0", b"/etc\x01/x", b"/etc\xff"];
    update.put_all(all.iter().map(|path| (*path, &EMPTY))).expect("put");
    update.commit(Durability::Deferred).expect("committed");
    let below = paths(store.view().subtree(b"/etc").expect("whole"));
    assert_eq!(below, [b"/etc".as_slice(), b"/etc/\x01", b"/etc/a", b"/etc/a/b"]);
    assert_eq!(paths(store.view().subtree(b"/").expect("whole")).len(), all.len());
    let names = |after| store.view().children(b"/", after, 2).expect("readable").into_iter().map(|(name, _)| name);
    assert_eq!(names(None).collect::<Vec<_>>(), [b"etc".as_slice(), b"etc0"]);
    assert_eq!(names(Some(b"etc0")).collect::<Vec<_>>(), [b"etc\xff".as_slice()]);
    let mut txn = store.begin().expect("begins");
    assert!(txn.remove(b"/etc/a").expect("removed"));
    let mut below = |after: Option<&[u8]>, limit| -> Vec<Vec<u8>> {
        let entries = txn.entries_below(b"/etc", after, limit).expect("readable");
        entries.into_iter().map(|(path, _)| path).collect()
    };
    assert_eq!(below(None, 9), [b"/etc/\x01".as_slice(), b"/etc/a/b"], "without the directory itself");
    assert_eq!(below(None, 1), [b"/etc/\x01".as_slice()]);
    assert_eq!(below(Some(b"/etc/\x01"), 1), [b"/etc/a/b".as_slice()]);
    assert_eq!(below(Some(b"/etc/a/b"), 9), Vec::<Vec<u8>>::new());
}

static EMPTY: Entry =
    Entry { state: None, changes: 0, read: hids_core::model::Timestamp::from_unix_seconds(0), unaccepted: None };

#[test]
fn a_path_that_is_not_whole_is_refused() {
    let directory = tempfile::tempdir().expect("tempdir");
    let store = open(directory.path());
    for path in [b"".as_slice(), b"etc", b"/etc/", b"//etc", b"/a\0b"] {
        let error = store.begin().expect("begins").put(path, &entry(1));
        assert!(matches!(error, Err(StoreError::Path { .. })), "{path:?}: {error:?}");
    }
}

#[test]
fn notices_are_numbered_and_found_by_number_and_by_path() {
    let directory = tempfile::tempdir().expect("tempdir");
    let store = open(directory.path());
    let mut update = store.begin().expect("begins");
    let time = Timestamp::from_unix_seconds(1);
    for path in [b"/a".as_slice(), b"/b", b"/a"] {
        update.notice(time, true, change(path)).expect("noticed");
    }
    update.commit(Durability::Synced).expect("committed");
    drop(store);
    let store = open(directory.path());
    let numbers = |notices: Vec<hids_core::model::FileNotice>| -> Vec<u64> {
        notices.iter().map(|notice| notice.sequence).collect()
    };
    assert_eq!(numbers(store.view().notices_after(0, 10).expect("readable")), [1, 2, 3]);
    assert_eq!(numbers(store.view().notices_after(1, 1).expect("readable")), [2]);
    assert_eq!(numbers(store.view().history(b"/a", 10).expect("readable")), [3, 1]);
    let mut update = store.begin().expect("begins");
    assert_eq!(update.notice(time, true, change(b"/c")).expect("noticed"), 4);
}

#[test]
fn a_notice_is_handed_on_only_when_no_crash_can_take_it_back() {
    let directory = tempfile::tempdir().expect("tempdir");
    let store = open(directory.path());
    let mut update = store.begin().expect("begins");
    update.notice(Timestamp::from_unix_seconds(1), true, change(b"/a")).expect("noticed");
    update.commit(Durability::Deferred).expect("committed");
    assert_eq!(store.view().notices_after(0, 10).expect("readable"), []);
    store.begin().expect("begins").commit(Durability::Synced).expect("committed");
    assert_eq!(store.view().notices_after(0, 10).expect("readable").len(), 1);
    drop(store);
    assert_eq!(open(directory.path()).view().notices_after(0, 10).expect("readable").len(), 1);
}

#[test]
fn gaps_stay_open_until_they_are_closed() {
    let directory = tempfile::tempdir().expect("tempdir");
    let store = open(directory.path());
    let time = Timestamp::from_unix_seconds(5);
    let gap = Gap { subtree: b"/etc".to_vec(), cause: GapCause::QueueOverflow, opened: time, closed: None, found: 0 };
    let mut update = store.begin().expect("begins");
    let id = update.open_gap(&gap).expect("opened");
    update.commit(Durability::Synced).expect("committed");
    assert_eq!(store.view().open_gaps().expect("readable"), [(id, gap.clone())]);
    let mut update = store.begin().expect("begins");
    let closed = update.close_gap(id, time, 3).expect("closed").expect("was open");
    assert_eq!((closed.closed, closed.found), (Some(time), 3));
    assert_eq!(update.close_gap(id, time, 3).expect("readable"), None);
    update.commit(Durability::Synced).expect("committed");
    assert_eq!(store.view().open_gaps().expect("readable"), []);
}

#[test]
fn texts_within_the_limit_are_kept() {
    let directory = tempfile::tempdir().expect("tempdir");
    let limits = StoreLimits { text_bytes: 1000, ..StoreLimits::default() };
    let (store, _) = Store::open(&directory.path().join("fim.redb"), &key(), limits).expect("store opens");
    let mut update = store.begin().expect("begins");
    assert!(update.set_text(b"/a", &[b'x'; 1000]).expect("kept"));
    assert_eq!(update.text(b"/a").expect("readable"), Some(vec![b'x'; 1000]));
    assert!(!update.set_text(b"/a", &[b'x'; 1001]).expect("refused"));
    assert_eq!(update.text(b"/a").expect("readable"), None);
}

#[test]
fn a_value_is_kept_under_its_name() {
    let directory = tempfile::tempdir().expect("tempdir");
    let store = open(directory.path());
    let mut txn = store.begin().expect("begins");
    txn.set_metadata("totals", b"12").expect("set");
    txn.commit(Durability::Synced).expect("committed");
    assert_eq!(store.view().metadata("totals").expect("readable"), Some(b"12".to_vec()));
    assert_eq!(store.view().metadata("other").expect("readable"), None);
}

#[test]
fn updates_go_on_while_everything_is_verified() {
    let directory = tempfile::tempdir().expect("tempdir");
    let store = open(directory.path());
    let many: Vec<_> = (0..10_000).map(|number| (format!("/d{}/{number}", number % 50), entry(number))).collect();
    let mut update = store.begin().expect("begins");
    update.put_all(many.iter().map(|(path, entry)| (path.as_bytes(), entry))).expect("put");
    update.commit(Durability::Synced).expect("committed");
    let (asked, to_do) = std::sync::mpsc::channel::<()>();
    let (done, written) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for () in to_do {
                let mut update = store.begin().expect("begins");
                update.put(b"/new", &entry(1)).expect("put");
                update.notice(Timestamp::from_unix_seconds(1), true, change(b"/new")).expect("noticed");
                done.send(update.commit(Durability::Synced).expect("committed")).expect("somebody waits");
            }
        });
        let mut commits = Vec::new();
        let report = store.verify(&mut |_| {
            asked.send(()).expect("somebody writes");
            let patience = std::time::Duration::from_secs(20);
            commits.push(written.recv_timeout(patience).expect("an update that does not wait for the verification"));
        });
        drop(asked);
        let report = report.expect("readable");
        assert!(report.is_sound(), "{:?}", report.problems);
        assert!(commits.len() > 1 && commits.iter().all(|commit| *commit > report.commit), "{commits:?}");
        assert_eq!(report.entries, 10_000, "what was written meanwhile is not of that moment");
    });
    assert!(store.verify(&mut |_| {}).expect("readable").is_sound());
}
