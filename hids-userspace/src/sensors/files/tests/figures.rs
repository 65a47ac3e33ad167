//! Figures, not judgements: `cargo test -p hids-userspace --lib figures -- --ignored --nocapture`.

use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool as Flag, Ordering};
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

use super::*;

fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// One write each to `files` files below `directory`, begun again and again until there are `writes`.
fn write_all(directory: &Path, files: usize, writes: usize) {
    for number in 0..writes {
        let path = directory.join(format!("{}/{}", number % 16, number % files));
        fs::OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(b"x").unwrap();
    }
}

fn make_directories(at: &Path) {
    for number in 0..16 {
        fs::create_dir_all(at.join(number.to_string())).unwrap();
    }
}

#[test]
#[ignore = "takes long and judges nothing"]
fn figures_of_one_reader() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let (tree, elsewhere) = (base.join("tree"), base.join("elsewhere"));
            make_directories(&tree);
            make_directories(&elsewhere);
            let mut bench = Bench::watch(&[&tree], marks);
            for (what, place) in [("watched", &tree), ("elsewhere", &elsewhere)] {
                let (mut cpu, mut events) = (Duration::ZERO, 0);
                for _ in 0..10 {
                    write_all(place, 7000, 7000);
                    let (before, counted) = (own_cpu(), bench.sensor.report().events);
                    bench.seen();
                    cpu += own_cpu() - before;
                    events += bench.sensor.report().events - counted;
                }
                let each = cpu.as_nanos() / u128::from(events.max(1));
                println!("{marks:?}, {what}: {events} events, {each} ns of CPU each");
            }
        });
    }
}

#[test]
#[ignore = "takes long and judges nothing"]
fn figures_of_two_writers_and_one_reader() {
    const WRITES: usize = 500_000;
    for marks in BOTH {
        on_tmpfs(|base| {
            let tree = base.join("tree");
            make_directories(&tree);
            let began = Instant::now();
            let both = |_: ()| {
                std::thread::scope(|scope| {
                    scope.spawn(|| write_all(&tree, 1000, WRITES));
                    scope.spawn(|| write_all(&tree, 1009, WRITES));
                });
            };
            both(());
            let unwatched = began.elapsed();
            let mut bench = Bench::watch(&[&tree], marks);
            let done = Flag::new(false);
            let (watched, cpu, told) = std::thread::scope(|scope| {
                let (done, both) = (&done, &both);
                let writers = scope.spawn(move || {
                    let began = Instant::now();
                    both(());
                    done.store(true, Ordering::SeqCst);
                    began.elapsed()
                });
                let (before, mut told) = (own_cpu(), 0);
                while !done.load(Ordering::SeqCst) {
                    told += bench.seen().events.len();
                }
                told += bench.seen().events.len();
                (writers.join().unwrap(), own_cpu() - before, told)
            });
            let report = bench.sensor.report();
            println!(
                "{marks:?}: {} writes in {watched:?} (unwatched {unwatched:?}); reader: {} events, {told} told, {} overflows, {cpu:?} of CPU",
                2 * WRITES,
                report.events,
                report.overflows
            );
        });
    }
}
