//! Many entries, in little memory.

use std::fs;

use hids_tests::alone::in_own_process;

use super::*;

/// Peak resident memory of this process in KiB.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn directory_with_200000_entries_is_scanned_in_little_memory() {
    // The peak is the process's.
    if !in_own_process("fim::scan::tests::load::directory_with_200000_entries_is_scanned_in_little_memory", &[]) {
        return;
    }
    // In memory where that can be: so many files on a disk take minutes to make.
    let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let directory = fs::File::open(root.path()).unwrap();
    for number in 0..200_000 {
        let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
        rustix::fs::openat(&directory, format!("file-{number}"), flags, 0o600.into()).unwrap();
    }
    let (handle, receiver) = begin(watching(&[root.path()]), &Arc::default(), asking(ScanDepth::Full));
    // Writing 5 there sets the peak back (proc(5)).
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak_kib();
    let mut count = 0;
    for found in &receiver {
        if let Found::Differences(some) = found {
            count += some.len();
        }
    }
    handle.wait();
    let grown = peak_kib().saturating_sub(before);
    assert_eq!(count, 200_001);
    // Names and their places take 5 MB; the differences under way are bounded.
    assert!(grown < 24 * 1024, "{grown} KiB");
}

#[test]
fn tree_deeper_than_any_path_that_the_kernel_takes_is_scanned_to_the_bound() {
    let root = tempfile::tempdir().unwrap();
    let name = [b'd'; 250];
    let mut at = rustix::fs::open(root.path(), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
    let levels = 300;
    for _ in 0..levels {
        rustix::fs::mkdirat(&at, &name[..], 0o700.into()).unwrap();
        at = rustix::fs::openat(&at, &name[..], rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
    }
    let baseline = Arc::default();
    let told = scan_and_keep(watching(&[root.path()]), &baseline, ScanDepth::Full);
    assert!(matches!(told.not_scanned[..], [(_, NotScanned::TooDeep { .. })]), "{:?}", told.not_scanned);
    assert!(told.differences.len() > 250 && told.differences.len() < levels);
    assert!(scan(watching(&[root.path()]), &baseline, asking(ScanDepth::Full)).differences.is_empty());
    // std cannot remove what is deeper than a path: level by level, by descriptor.
    remove_chain(root.path());
}

fn remove_chain(root: &Path) {
    let name = [b'd'; 250];
    let open = |at: &_| rustix::fs::openat(at, &name[..], rustix::fs::OFlags::PATH, rustix::fs::Mode::empty());
    let mut chain = vec![rustix::fs::open(root, rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap()];
    while let Ok(next) = open(chain.last().unwrap()) {
        chain.push(next);
    }
    while let Some(at) = chain.pop() {
        let _ = rustix::fs::unlinkat(&at, &name[..], rustix::fs::AtFlags::REMOVEDIR);
    }
}
