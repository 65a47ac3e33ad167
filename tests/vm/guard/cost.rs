//! What the guard costs: the time of its programs in the kernel for one round of file operations.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use hids_tests::image::Kind;
use hids_userspace::sensors::guard::{self, GuardMode};

use super::fixture::{Base, Locked, PINS, is_possible};
use crate::raw;

/// Rounds of one measurement.
const ROUNDS: u32 = 2000;

#[test]
fn time_of_the_programs_for_each_operation_is_told() {
    if !is_possible() {
        return;
    }
    // Pins of an earlier test would cost as well.
    guard::unlock(Path::new(PINS)).expect("no guard");
    let base = Base::new(Kind::Ext4);
    let beside = base.path().join("a/b/c");
    fs::create_dir_all(&beside).expect("directories");
    fs::create_dir(base.tree()).expect("a tree");
    round(&beside);
    let without = rounds(&beside);
    let locked = Locked::new(GuardMode::Enforce, &[base.tree()], Vec::new());
    fs::write("/proc/sys/kernel/bpf_stats_enabled", "1").expect("the kernel counts");
    let before = raw::lsm_programs_time().expect("the kernel tells");
    let with = rounds(&beside);
    let after = raw::lsm_programs_time().expect("the kernel tells");
    fs::write("/proc/sys/kernel/bpf_stats_enabled", "0").expect("the kernel stops counting");
    let (time, runs) = (after.0 - before.0, after.1 - before.1);
    let each = |time: Duration| time.as_nanos() / u128::from(ROUNDS);
    // Not kept back, as what a test that passes prints is.
    let _ = writeln!(
        std::io::stdout(),
        "guard's cost: one round of create, write, write, close, rename, unlink beside a locked tree of ext4: {} ns without a guard, \
         {} ns with it and counting; of these {} ns in {} runs of its programs, {} ns each ({:.1} % of the round)",
        each(without),
        each(with),
        time / u64::from(ROUNDS),
        runs / u64::from(ROUNDS),
        time / runs.max(1),
        100.0 * time as f64 / with.as_nanos() as f64
    );
    // Create, open, two writes, rename, unlink: each of them was judged.
    assert!(runs >= u64::from(ROUNDS) * 6, "{runs} runs");
    assert_eq!(locked.report().judged.values().sum::<u64>(), 0, "nothing of it concerns the tree");
    drop(locked);
}

fn rounds(directory: &Path) -> Duration {
    let start = Instant::now();
    (0..ROUNDS).for_each(|_| round(directory));
    start.elapsed()
}

fn round(directory: &Path) {
    let (one, other) = (directory.join("one"), directory.join("other"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&one).expect("a file");
    file.write_all(b"first").and_then(|()| file.write_all(b"second")).expect("written");
    drop(file);
    fs::rename(&one, &other).expect("renamed");
    fs::remove_file(&other).expect("removed");
}
