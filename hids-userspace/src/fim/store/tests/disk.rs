//! The disk is full: an error, and the same again succeeds when there is room.

use std::io::Write as _;

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::thread::UnshareFlags;

use super::*;

/// Runs `test` in a thread with mounts of its own, on a small file system that is gone with it.
#[expect(deprecated, reason = "unsound for the table of descriptors, which stays shared")]
fn on_small_disk(test: impl Fn(&Path) + Send + Sync) {
    if !hids_tests::require::root() {
        return;
    }
    let place = tempfile::tempdir().expect("tempdir");
    std::thread::scope(|scope| {
        let run = || {
            rustix::thread::unshare(UnshareFlags::FS | UnshareFlags::NEWNS).expect("a mount namespace");
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).expect("private mounts");
            mount("tmpfs", place.path(), "tmpfs", MountFlags::empty(), Some(c"size=12m")).expect("a tmpfs");
            test(place.path());
        };
        if let Err(panic) = scope.spawn(run).join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Until nothing more goes in.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).expect("made");
    while file.write_all(&[1; 4096]).is_ok() {}
}

fn write_many(store: &Store) -> Result<(), StoreError> {
    let mut update = store.begin()?;
    for number in 0..6000 {
        update.put(format!("/many/{number}").as_bytes(), &entry(number))?;
    }
    update.commit(Durability::Synced).map(drop)
}

#[test]
fn a_full_disk_is_an_error_and_the_store_goes_on_when_there_is_room() {
    on_small_disk(|disk| {
        let store = open(disk);
        let mut update = store.begin().expect("begins");
        update.put(b"/kept", &entry(1)).expect("put");
        update.commit(Durability::Synced).expect("committed");
        let ballast = disk.join("ballast");
        fill(&ballast);
        let before = store.view().counts().expect("readable");
        for _ in 0..3 {
            let error = write_many(&store).expect_err("there is no room");
            assert!(error.is_full(), "{}", error.chain());
            assert!(error.chain().starts_with("cannot write the baseline"), "{}", error.chain());
            assert_eq!(store.view().entry(b"/kept").expect("still readable"), Some(entry(1)));
            assert_eq!(store.view().counts().expect("readable"), before, "nothing of it happened");
        }
        std::fs::remove_file(&ballast).expect("removed");
        write_many(&store).expect("there is room now");
        assert_eq!(store.view().counts().expect("readable").entries, 6001);
        let report = store.verify(&mut |_| {}).expect("verified");
        assert!(report.is_sound(), "{report:?}");
        drop(store);
        assert_eq!(open(disk).view().entry(b"/kept").expect("readable"), Some(entry(1)));
    });
}

#[test]
fn a_view_can_still_be_asked_while_a_failed_update_is_held() {
    on_small_disk(|disk| {
        let store = open(disk);
        fill(&disk.join("ballast"));
        let mut update = store.begin().expect("begins");
        let mut number = 0;
        while update.put(format!("/many/{number}").as_bytes(), &entry(number)).is_ok() {
            number += 1;
            if number == 60_000 {
                break;
            }
        }
        // An answer or an error, but an answer to nobody: never a wait for the update in this thread.
        let _ = store.view().entry(b"/many/1");
        drop(update);
        assert_eq!(store.view().entry(b"/many/1").expect("readable again"), None);
    });
}

#[test]
fn damage_is_told_also_when_the_new_baseline_can_only_be_made_later() {
    on_small_disk(|disk| {
        let file = disk.join("fim.redb");
        write_many(&open(disk)).expect("there is room");
        std::fs::write(&file, vec![7; 1 << 20]).expect("overwritten");
        let ballast = disk.join("ballast");
        fill(&ballast);
        let mut damages = Vec::new();
        let error = Store::open_noting(&file, &key(), StoreLimits::default(), &mut damages).expect_err("no room");
        assert!(error.is_full(), "{}", error.chain());
        assert_eq!(damages.len(), 1, "{damages:?}");
        std::fs::remove_file(&ballast).expect("removed");
        let store = Store::open_noting(&file, &key(), StoreLimits::default(), &mut damages).expect("there is room");
        assert!(damages[0].what.contains("creating a new baseline"), "{damages:?}");
        assert_eq!(store.view().counts().expect("readable").entries, 0);
    });
}
