//! Figures, not tests: `cargo test --release -p hids-userspace --lib fim::store::tests::speed -- --ignored
//! --nocapture`.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use hids_core::model::{ChangeKind, FileChange, FimEvent, Operations, Who};

use super::*;

const FILES: u64 = 1_000_000;

fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("readable");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
}

fn measure<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let done = work();
    println!(
        "{what}: {:.2} s, {:.2} CPU-s, peak {} MiB",
        began.elapsed().as_secs_f64(),
        cpu_seconds() - cpu,
        peak_mib()
    );
    done
}

fn path(number: u64) -> Vec<u8> {
    format!("/usr/share/some-package-{:04}/locale/file-number-{number:07}.txt", number / 100).into_bytes()
}

#[test]
#[ignore = "a measurement; takes a minute"]
fn a_million_entries() {
    let directory = tempfile::tempdir().expect("tempdir");
    let store = open(directory.path());
    measure("first scan, batches of 512, a sync each 64 batches", || {
        for (batch, numbers) in (0..FILES).collect::<Vec<_>>().chunks(512).enumerate() {
            let entries: Vec<_> = numbers.iter().map(|&number| (path(number), entry(number))).collect();
            let mut update = store.begin().expect("begins");
            update.put_all(entries.iter().map(|(path, entry)| (path.as_slice(), entry))).expect("put");
            let durability = if batch % 64 == 63 { Durability::Synced } else { Durability::Deferred };
            update.commit(durability).expect("committed");
        }
        store.begin().expect("begins").commit(Durability::Synced).expect("committed");
    });
    let size = fs::metadata(directory.path().join("fim.redb")).expect("there").len();
    println!("file: {} MiB, {} bytes an entry", size >> 20, size / FILES);
    let view = store.view();
    measure("children of 10,000 directories, 2 threads", || {
        std::thread::scope(|scope| {
            for half in 0..2 {
                let view = view.clone();
                scope.spawn(move || {
                    for directory in (half..FILES / 100).step_by(2) {
                        let directory = format!("/usr/share/some-package-{directory:04}/locale");
                        let children = view.children(directory.as_bytes(), None, 1000).expect("readable");
                        assert_eq!(children.len(), 100);
                    }
                });
            }
        });
    });
    measure("a million single entries in a random order", || {
        for number in 0..FILES {
            let number = number * 7_919 % FILES;
            assert!(view.entry(&path(number)).expect("readable").is_some());
        }
    });
    measure("verify", || assert!(store.verify(&mut |_| {}).expect("verified").is_sound()));
    measure("10,000 changes of random files, each synced with its notice", || {
        let who = std::sync::Arc::new(Who { pid: 7, executable: vec![b'x'; 40], ..Who::default() });
        for number in 0..10_000_u64 {
            let path = path(number * 7_919 % FILES);
            let mut update = store.begin().expect("begins");
            update.put(&path, &entry(number)).expect("put");
            let news = FimEvent::Change(Box::new(FileChange {
                path,
                kind: ChangeKind::Modified,
                old: entry(1).state.map(Box::new),
                new: entry(number).state.map(Box::new),
                count: 1,
                who: vec![Arc::clone(&who)],
                operations: Operations::NONE,
                diff: None,
            }));
            update.notice(Timestamp::from_unix_seconds(1), true, news).expect("noticed");
            update.commit(Durability::Synced).expect("committed");
        }
    });
    measure("close", || drop((view, store)));
    measure("open", || drop(open(directory.path())));
}
