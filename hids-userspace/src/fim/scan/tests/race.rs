//! Whoever changes the tree under a scan does not lead it astray.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use md5::Digest as _;

use super::*;

#[test]
fn directory_swapped_for_a_link_does_not_lead_out_of_the_tree() {
    let above = tempfile::tempdir().unwrap();
    let (root, secret) = (above.path().join("root"), above.path().join("secret"));
    for directory in [&root.join("swapped/deep"), &secret.join("deep")] {
        fs::create_dir_all(directory).unwrap();
    }
    for number in 0..20 {
        fs::write(root.join(format!("swapped/deep/{number}")), b"open").unwrap();
        fs::write(secret.join(format!("deep/{number}")), b"secret").unwrap();
    }
    symlink(&secret, root.join("link")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let swaps = Arc::new(AtomicU64::new(0));
    let attacker = std::thread::spawn({
        let (root, stop, swaps) = (root.clone(), Arc::clone(&stop), Arc::clone(&swaps));
        move || {
            let flags = rustix::fs::RenameFlags::EXCHANGE;
            let cwd = rustix::fs::CWD;
            while !stop.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(cwd, root.join("swapped"), cwd, root.join("link"), flags).unwrap();
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let secret_sum: [u8; 32] = sha2::Sha256::digest(b"secret").into();
    let (least, deadline) = (Instant::now() + Duration::from_secs(1), Instant::now() + Duration::from_secs(60));
    let mut found = 0;
    while Instant::now() < least || swaps.load(Ordering::Relaxed) < 100 || found < 100 {
        assert!(Instant::now() < deadline, "the race does not take place");
        let told = scan(watching(&[&root]), &Arc::default(), asking(ScanDepth::Full));
        for difference in told.differences {
            let state = difference.new.unwrap();
            assert_ne!(state.digests.sha256, Some(secret_sum), "{:?}", String::from_utf8_lossy(&difference.path));
            found += usize::from(state.digests.sha256.is_some());
        }
    }
    stop.store(true, Ordering::Relaxed);
    attacker.join().unwrap();
}

#[test]
fn scan_of_a_tree_that_is_built_and_removed_all_the_time_ends() {
    let root = tempfile::tempdir().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let builder = std::thread::spawn({
        let (root, stop) = (root.path().to_path_buf(), Arc::clone(&stop));
        move || {
            while !stop.load(Ordering::Relaxed) {
                fs::create_dir_all(root.join("a/b/c")).unwrap();
                for name in ["a/1", "a/b/2", "a/b/c/3"] {
                    fs::write(root.join(name), b"x").unwrap();
                }
                fs::remove_dir_all(root.join("a")).unwrap();
            }
        }
    });
    let baseline = Arc::default();
    let deadline = Instant::now() + hids_tests::wait::scaled(Duration::from_secs(1));
    while Instant::now() < deadline {
        let told = scan_and_keep(watching(&[root.path()]), &baseline, ScanDepth::Changed);
        assert!(told.not_scanned.is_empty(), "{:?}", told.not_scanned);
    }
    stop.store(true, Ordering::Relaxed);
    builder.join().unwrap();
    scan_and_keep(watching(&[root.path()]), &baseline, ScanDepth::Changed);
    assert_eq!(baseline.paths(), [bytes(root.path())].into());
}
