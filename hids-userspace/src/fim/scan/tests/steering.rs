//! Stopping, pausing, going on after a restart, and the speed.

use std::fs;
use std::time::{Duration, Instant};

use crate::fim::scan::control::ScanProgress;

use super::*;

/// Directories with files of 64 KiB.
fn tree(directories: usize, files: usize) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for directory in 0..directories {
        let path = root.path().join(format!("{directory:03}"));
        fs::create_dir(&path).unwrap();
        for file in 0..files {
            fs::write(path.join(format!("{file}")), vec![directory as u8; 64 * 1024]).unwrap();
        }
    }
    root
}

fn begin_with(root: &Path, options: ScanOptions, capacity: usize) -> (ScanHandle, Receiver<Found>) {
    let (sender, receiver) = bounded(capacity);
    let policy = Arc::new(Policy::compile(watching(&[root])));
    let handle = start(asking(ScanDepth::Full), policy, Arc::new(Baseline::default()), options, sender).unwrap();
    (handle, receiver)
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + hids_tests::wait::scaled(Duration::from_secs(10));
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn rate_limit_is_kept_and_a_stop_is_quick() {
    let root = tree(10, 10);
    let slow = ScanOptions { rate_bytes_per_second: Some(1 << 20), ..quick() };
    let (handle, receiver) = begin_with(root.path(), slow, 100);
    wait_until("it reads", || handle.control().progress().totals.bytes > 512 * 1024);
    let progress = handle.control().progress();
    let allowed = (progress.elapsed.as_secs_f64() + 0.3) * f64::from(1 << 20) + 2.0 * 64.0 * 1024.0;
    assert!((progress.totals.bytes as f64) < allowed, "{progress:?}");
    let asked = Instant::now();
    handle.control().stop();
    handle.wait();
    // 100 ms is the promise; a machine that is busy with other tests gets more.
    assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
    let told = Told::by(&receiver);
    assert!(!told.report.unwrap().complete);
    assert!(!told.done.contains(&bytes(root.path())), "what was stopped is not done");
}

#[test]
fn share_of_the_processor_is_kept() {
    let control = ScanControl::new(None);
    let options = ScanOptions { processor_percent: 10, ..quick() };
    let pacer = pace::Pacer::new(&control, None, &options);
    let time = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).tv_nsec;
    let begun = time();
    while (time() - begun).rem_euclid(1_000_000_000) < 10_000_000 {}
    let rest = Instant::now();
    pacer.rest();
    // Ten milliseconds of work are followed by ninety of rest.
    assert!(rest.elapsed() >= Duration::from_millis(85), "{:?}", rest.elapsed());
}

#[test]
fn scan_stops_although_nobody_takes_what_it_finds() {
    let root = tree(40, 20);
    let (handle, receiver) = begin_with(root.path(), quick(), 0);
    wait_until("it finds", || handle.control().progress().differences > 0);
    drop(handle);
    assert!(receiver.try_iter().count() <= 1);
    let (handle, receiver) = begin_with(root.path(), quick(), 0);
    drop(receiver);
    handle.wait();
}

#[test]
fn interrupted_scan_goes_on_where_it_was() {
    let root = tree(60, 10);
    let baseline: Arc<Baseline> = Arc::default();
    let slow = ScanOptions { rate_bytes_per_second: Some(100 << 20), ..quick() };
    let (sender, receiver) = bounded(1);
    let policy = Arc::new(Policy::compile(watching(&[root.path()])));
    let handle = start(asking(ScanDepth::Full), policy, Arc::<Baseline>::clone(&baseline), slow, sender).unwrap();
    let mut resume = ResumePoint::default();
    let mut first = BTreeSet::new();
    // Takes until some is done, as a daemon that is killed then.
    for found in &receiver {
        match found {
            Found::Differences(some) => {
                baseline.take_over(&some);
                first.extend(some.into_iter().map(|difference| difference.path));
            }
            Found::Done { directory } => resume.add(directory),
            _ => {}
        }
        if !resume.is_empty() {
            break;
        }
    }
    drop(receiver);
    handle.wait();
    assert!(!resume.covers(&bytes(root.path())));
    let done: Vec<_> = (0..60)
        .map(|number| root.path().join(format!("{number:03}")))
        .filter(|path| resume.covers(&bytes(path)))
        .collect();
    for directory in &done {
        for file in 0..10 {
            assert!(first.contains(&bytes(&directory.join(format!("{file}")))), "done before it was told");
        }
    }
    let request = ScanRequest { resume, ..ScanRequest::default() };
    let told = scan(watching(&[root.path()]), &baseline, request);
    assert_eq!(told.report.unwrap().totals.files, 600 - 10 * done.len() as u64);
    baseline.take_over(&told.differences);
    assert_eq!(baseline.paths().len(), 661);
}

#[test]
fn marks_come_from_below_and_after_what_they_stand_for() {
    let root = tree(5, 3);
    fs::create_dir_all(root.path().join("000/deep/deeper")).unwrap();
    let told = scan(watching(&[root.path()]), &Arc::default(), asking(ScanDepth::Full));
    assert_eq!(told.done.last(), Some(&bytes(root.path())));
    assert_eq!(told.done.len(), 7, "the root and two levels below it: {:?}", told.done);
    let place = |path: &str| told.done.iter().position(|done| *done == bytes(&root.path().join(path))).unwrap();
    assert!(place("000/deep") < place("000"));
}

#[test]
fn resume_point_covers_what_is_below_and_forgets_the_deepest() {
    let mut point = ResumePoint::default();
    for path in [&b"/a/b"[..], b"/a/b/c", b"/a/bc", b"/d"] {
        point.add(path.to_vec());
    }
    assert!(point.covers(b"/a/b") && point.covers(b"/a/b/x/y") && point.covers(b"/d/e"));
    assert!(!point.covers(b"/a") && !point.covers(b"/a/bcd") && !point.covers(b"/"));
    point.add(b"/a".to_vec());
    assert!(point.covers(b"/a/q"));
    for number in 0..ResumePoint::MOST + 10 {
        point.add(format!("/x/y/{number}").into_bytes());
    }
    assert!(point.covers(b"/a") && point.covers(b"/d"));
    point.add(b"/".to_vec());
    assert!(point.covers(b"/anything"));
    assert_eq!(point, {
        let mut whole = ResumePoint::default();
        whole.add(b"/".to_vec());
        whole
    });
}

#[test]
fn progress_tells_the_time_left() {
    let totals = |files, bytes| Totals { files, bytes, directories: 1 };
    let mut progress = ScanProgress {
        totals: totals(50, 250),
        expected: Some(totals(100, 1000)),
        differences: 0,
        elapsed: Duration::from_secs(3),
    };
    assert_eq!(progress.fraction(), Some(0.375));
    assert_eq!(progress.remaining(), Some(Duration::from_secs(5)));
    progress.totals = totals(1000, 5000);
    assert_eq!(progress.remaining(), Some(Duration::ZERO));
    progress.expected = None;
    assert_eq!(progress.remaining(), None);
}
