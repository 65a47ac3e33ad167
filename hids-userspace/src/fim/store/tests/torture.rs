//! A child that writes numbered batches is killed at random moments, many times.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hids_core::model::{FimEvent, Protection};

use super::*;

const ROOT: &str = "HIDS_STORE_TORTURE_ROOT";
const END: &str = "HIDS_STORE_TORTURE_END";
/// Notices that are written after the last kill.
const AFTER: u64 = 1000;
const RUNS: u32 = 15;
const FILES: u64 = 200;

/// After `n` notices: which number each file has. Each notice n wrote number n to file n % FILES, and
/// took out file (n * 7) % FILES if n is a multiple of 5.
fn wanted(notices: u64) -> std::collections::BTreeMap<Vec<u8>, Entry> {
    let mut files = std::collections::BTreeMap::new();
    for number in 1..=notices {
        files.insert(file(number % FILES), entry(number));
        if number.is_multiple_of(5) {
            files.remove(&file(number * 7 % FILES));
        }
    }
    files
}

fn file(number: u64) -> Vec<u8> {
    format!("/d{}/f{number}", number % 9).into_bytes()
}

fn write(update: &mut WriteTxn<'_>, number: u64) {
    update.put(&file(number % FILES), &entry(number)).expect("put");
    if number.is_multiple_of(5) {
        update.remove(&file(number * 7 % FILES)).expect("removed");
    }
    let protection = Protection { enforced: true, reason: "x".repeat(number as usize % 500), uid: None };
    let sequence = update.notice(Timestamp::from_unix_seconds(1), true, FimEvent::Protection(protection));
    assert_eq!(sequence.expect("noticed"), number);
}

/// Not a test: what the killed child runs.
#[test]
fn torture_child() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let store = open(Path::new(&root));
    let mut next = store.view().counts().expect("readable").last_sequence + 1;
    // One that is to be killed must not come to an end before, however fast the disk is.
    let last = std::env::var(END).ok().and_then(|number| number.parse().ok()).unwrap_or(u64::MAX);
    while next <= last {
        let mut update = store.begin().expect("begins");
        let end = (next + 1 + next % 11).min(last.saturating_add(1));
        for number in next..end {
            write(&mut update, number);
        }
        next = end;
        let durability = if next.is_multiple_of(3) { Durability::Deferred } else { Durability::Synced };
        update.commit(durability).expect("committed");
    }
    store.begin().expect("begins").commit(Durability::Synced).expect("committed");
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn child(root: &Path, last: Option<u64>) -> Killed {
    let mut command = Command::new(std::env::current_exe().expect("own path"));
    command.args(["--exact", "fim::store::tests::torture::torture_child", "-q"]).env(ROOT, root);
    command.envs(last.map(|last| (END, last.to_string())));
    Killed(command.stdout(Stdio::null()).spawn().expect("child starts"))
}

/// Whole batches, in order, nothing altered: what is there is exactly what some number of notices left.
fn check(root: &Path) -> u64 {
    let store = open(root);
    let notices = store.view().notices_after(0, usize::MAX).expect("readable").len() as u64;
    assert_eq!(store.view().counts().expect("readable").last_sequence, notices);
    let entries: std::collections::BTreeMap<_, _> = store.view().entries().collect::<Result<_, _>>().expect("readable");
    assert_eq!(entries, wanted(notices));
    let report = store.verify(&mut |_| {}).expect("verified");
    assert!(report.is_sound(), "{report:?}");
    notices
}

#[test]
fn kill_9_at_any_moment_leaves_whole_commits_and_no_damage() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut reached, mut least) = (0, 20_000);
    for _ in 0..RUNS {
        let mut running = child(root.path(), None);
        let random = std::hash::RandomState::new();
        let number = std::hash::BuildHasher::hash_one(&random, 1);
        // A moment, not a wait for something: this is what the test is about.
        std::thread::sleep(Duration::from_micros(least + number % 120_000));
        assert!(running.0.try_wait().expect("wait").is_none(), "the child ended by itself");
        drop(running);
        let now = check(root.path());
        assert!(now >= reached, "{now} notices where {reached} were synced before");
        // A machine that others use needs longer until there is something to be killed in.
        least = if now == 0 { (least * 2).min(2_000_000) } else { least };
        reached = now;
    }
    assert!(reached > 0, "no child got far enough to be tortured");
    let end = reached + AFTER;
    let mut last = child(root.path(), Some(end));
    let deadline = Instant::now() + hids_tests::wait::scaled(Duration::from_secs(120));
    let status = loop {
        if let Some(status) = last.0.try_wait().expect("wait") {
            break status;
        }
        assert!(Instant::now() < deadline, "the last child does not end");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(status.success());
    assert_eq!(check(root.path()), end);
}
