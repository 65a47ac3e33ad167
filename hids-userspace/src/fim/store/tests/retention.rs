//! History does not grow without bound, and nothing is forgotten before it was alerted.

use std::sync::Arc;
use std::time::Duration;

use hids_core::model::{ChangeKind, FileChange, FimEvent, Operations, Who};

use super::*;

fn change(path: &[u8], who: &Arc<Who>) -> FimEvent {
    FimEvent::Change(Box::new(FileChange {
        path: path.to_vec(),
        kind: ChangeKind::Modified,
        old: None,
        new: None,
        count: 1,
        who: vec![Arc::clone(who)],
        operations: Operations::NONE,
        diff: None,
    }))
}

fn limited(directory: &Path) -> Store {
    let limits = StoreLimits { history_notices: 100, history_age: Duration::from_secs(1000), ..StoreLimits::default() };
    Store::open(&directory.join("fim.redb"), &key(), limits).expect("store opens").0
}

fn pruned(store: &Store, committed: u64, now: i64) -> u64 {
    let mut update = store.begin().expect("begins");
    let count = update.prune(committed, Timestamp::from_unix_seconds(now), 50).expect("pruned");
    update.commit(Durability::Deferred).expect("committed");
    count
}

#[test]
fn the_oldest_go_in_batches_but_none_that_is_not_alerted_yet() {
    let directory = tempfile::tempdir().expect("tempdir");
    let store = limited(directory.path());
    let who = Arc::new(Who { pid: 7, ..Who::default() });
    let mut update = store.begin().expect("begins");
    for number in 0..220 {
        let path = format!("/d/{}", number % 2);
        update.notice(Timestamp::from_unix_seconds(number), true, change(path.as_bytes(), &who)).expect("noticed");
    }
    update.commit(Durability::Synced).expect("committed");
    let first = |store: &Store| store.view().notices_after(0, 1).expect("readable")[0].sequence;
    assert_eq!(pruned(&store, 30, 300), 30, "those after the committed position stay");
    assert_eq!(first(&store), 31);
    assert_eq!(pruned(&store, 220, 300), 50);
    assert_eq!(pruned(&store, 220, 300), 40, "a hundred are kept");
    assert_eq!(pruned(&store, 220, 300), 0);
    assert_eq!(first(&store), 121);
    assert_eq!(store.view().history(b"/d/0", 1000).expect("readable").len(), 50);
    assert_eq!(pruned(&store, 220, 1150), 30, "those older than 1000 s go as well");
    assert_eq!(first(&store), 151);
    assert!(store.verify(&mut |_| {}).expect("verified").is_sound());
}

#[test]
fn processes_are_stored_once_and_forgotten_with_their_last_notice() {
    let directory = tempfile::tempdir().expect("tempdir");
    let store = limited(directory.path());
    let mut update = store.begin().expect("begins");
    let processes: Vec<_> = (0..20).map(|pid| Arc::new(Who { pid, ..Who::default() })).collect();
    // The first process only at the beginning, the second all the time, the others in the end.
    for number in 0..20_000_usize {
        let who = match number {
            0..100 => &processes[0],
            100..19_900 => &processes[1],
            _ => &processes[2 + number % 18],
        };
        update.notice(Timestamp::from_unix_seconds(1), true, change(b"/a", who)).expect("noticed");
    }
    update.commit(Durability::Synced).expect("committed");
    assert_eq!(stored_processes(&store), 20);
    let mut update = store.begin().expect("begins");
    while update.prune(20_000, Timestamp::from_unix_seconds(2), 5000).expect("pruned") > 0 {}
    update.commit(Durability::Synced).expect("committed");
    let left = store.view().notices_after(0, 1000).expect("readable");
    assert_eq!(left.len(), 100);
    assert!(left.iter().all(|notice| matches!(&notice.news, FimEvent::Change(change) if change.who[0].pid >= 2)));
    assert_eq!(stored_processes(&store), 19, "the first one is named by no notice");
}

fn stored_processes(store: &Store) -> u64 {
    store.view().counts().expect("readable").processes
}
