//! What is found where.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use hids_core::fim::PathPattern;
use hids_core::model::FileKind;

use super::*;

fn paths(root: &Path, names: &[&str]) -> BTreeSet<Vec<u8>> {
    names.iter().map(|name| if name.is_empty() { bytes(root) } else { bytes(&root.join(name)) }).collect()
}

#[test]
fn first_scan_tells_everything_and_the_next_nothing() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("a/b")).unwrap();
    fs::write(root.path().join("a/b/file"), b"content").unwrap();
    fs::write(root.path().join("top"), b"").unwrap();
    symlink("top", root.path().join("link")).unwrap();
    let baseline = Arc::default();
    let first = scan_and_keep(watching(&[root.path()]), &baseline, ScanDepth::Full);
    let everything = paths(root.path(), &["", "a", "a/b", "a/b/file", "top", "link"]);
    assert_eq!(first.sorted(), [everything, BTreeSet::new(), BTreeSet::new()]);
    let totals = first.report.unwrap().totals;
    assert_eq!((totals.files, totals.directories), (3, 3));
    for depth in [ScanDepth::Full, ScanDepth::Changed, ScanDepth::Changed] {
        let again = scan_and_keep(watching(&[root.path()]), &baseline, depth);
        // Read so soon after the change, the first scan by time renews the entries.
        assert!(depth == ScanDepth::Changed || again.differences.is_empty(), "{:?}", again.differences);
        assert!(again.differences.iter().all(|same| same.old.as_ref().unwrap().state == same.new));
    }
}

#[test]
fn directories_that_are_gone_or_replaced_take_everything_below_with_them() {
    let root = tempfile::tempdir().unwrap();
    for directory in ["gone/deep", "replaced/deep"] {
        fs::create_dir_all(root.path().join(directory)).unwrap();
        fs::write(root.path().join(directory).join("file"), b"x").unwrap();
    }
    let baseline = Arc::default();
    scan_and_keep(watching(&[root.path()]), &baseline, ScanDepth::Full);
    fs::remove_dir_all(root.path().join("gone")).unwrap();
    fs::remove_dir_all(root.path().join("replaced")).unwrap();
    fs::write(root.path().join("replaced"), b"a file").unwrap();
    let [new, changed, gone] = scan_and_keep(watching(&[root.path()]), &baseline, ScanDepth::Changed).sorted();
    assert_eq!(new, BTreeSet::new());
    assert_eq!(changed, paths(root.path(), &["", "replaced"]));
    assert_eq!(
        gone,
        paths(root.path(), &["gone", "gone/deep", "gone/deep/file", "replaced/deep", "replaced/deep/file"])
    );
    fs::create_dir_all(root.path().join("gone/deep")).unwrap();
    let [new, ..] = scan_and_keep(watching(&[root.path()]), &baseline, ScanDepth::Changed).sorted();
    assert_eq!(new, paths(root.path(), &["gone", "gone/deep"]));
}

#[test]
fn root_that_is_gone_is_told_with_everything_below() {
    let above = tempfile::tempdir().unwrap();
    let root = above.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("file"), b"x").unwrap();
    let baseline = Arc::default();
    scan_and_keep(watching(&[&root]), &baseline, ScanDepth::Full);
    fs::rename(&root, above.path().join("moved")).unwrap();
    let [_, _, gone] = scan_and_keep(watching(&[&root]), &baseline, ScanDepth::Full).sorted();
    assert_eq!(gone, paths(&root, &["", "file"]));
    assert!(scan(watching(&[&root]), &baseline, asking(ScanDepth::Full)).differences.is_empty());
}

#[test]
fn what_is_not_watched_is_neither_looked_at_nor_gone() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("ignored/deep")).unwrap();
    fs::write(root.path().join("ignored/deep/file"), b"x").unwrap();
    fs::write(root.path().join("kept"), b"x").unwrap();
    let baseline = Arc::default();
    let everything = scan_and_keep(watching(&[root.path()]), &baseline, ScanDepth::Full);
    assert_eq!(everything.differences.len(), 5);
    let ignore = vec![PathPattern::Prefix(bytes(&root.path().join("ignored")))];
    let policy = || PolicyDef { ignore: ignore.clone(), ..watching(&[root.path()]) };
    assert!(scan(policy(), &baseline, asking(ScanDepth::Full)).differences.is_empty());
    fs::remove_dir_all(root.path().join("ignored")).unwrap();
    let [new, changed, gone] = scan(policy(), &baseline, asking(ScanDepth::Full)).sorted();
    assert_eq!([new, changed, gone], [BTreeSet::new(), paths(root.path(), &[""]), BTreeSet::new()]);
}

#[test]
fn nested_roots_are_scanned_once_and_subtrees_only_where_asked() {
    let root = tempfile::tempdir().unwrap();
    let nested = root.path().join("a/nested");
    fs::create_dir_all(&nested).unwrap();
    fs::create_dir(root.path().join("b")).unwrap();
    for file in ["a/nested/file", "a/file", "b/file"] {
        fs::write(root.path().join(file), b"x").unwrap();
    }
    let baseline = Arc::default();
    let policy = || watching(&[root.path(), &nested]);
    let [new, ..] = scan(policy(), &baseline, asking(ScanDepth::Full)).sorted();
    let everything = ["", "a", "a/nested", "a/nested/file", "a/file", "b", "b/file"];
    assert_eq!(new, paths(root.path(), &everything));
    let subtrees = |subtrees: &[&str]| {
        let subtrees = subtrees.iter().map(|path| bytes(&root.path().join(path))).collect();
        let told = scan(policy(), &baseline, ScanRequest { subtrees, ..ScanRequest::default() });
        told.sorted()[0].clone()
    };
    assert_eq!(subtrees(&["b"]), paths(root.path(), &["b", "b/file"]));
    assert_eq!(subtrees(&["a/nested/file"]), paths(root.path(), &["a/nested/file"]));
    // The walk from `a` comes to the nested root as well, and to what is asked for twice.
    assert_eq!(subtrees(&["a", "a/nested/file", "a/file"]), paths(root.path(), &everything[1..5]));
    let above = vec![bytes(root.path().parent().unwrap())];
    let told = scan(policy(), &baseline, ScanRequest { subtrees: above, ..ScanRequest::default() });
    assert_eq!(told.sorted()[0], paths(root.path(), &everything));
}

#[test]
fn changes_that_only_the_change_time_shows_are_found_by_time() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("file");
    fs::write(&path, b"before").unwrap();
    let baseline = Arc::default();
    scan_and_keep(watching(&[root.path()]), &baseline, ScanDepth::Full);
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, b"behind").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    let told = scan_and_keep(watching(&[root.path()]), &baseline, ScanDepth::Changed);
    let [_, changed, _] = told.sorted();
    assert_eq!(changed, paths(root.path(), &["file"]));
    let difference = &told.differences[0];
    let old = difference.old.as_ref().unwrap().state.as_ref().unwrap();
    assert_ne!(old.digests, difference.new.as_ref().unwrap().digests);
}

/// A scan by time does not open what has not changed: a content swapped behind the times shows whether it did.
#[test]
fn scan_by_time_reads_only_what_has_changed() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), b"before").unwrap();
    let baseline: Arc<Baseline> = Arc::default();
    scan_and_keep(watching(&[root.path()]), &baseline, ScanDepth::Full);
    for entry in baseline.0.lock().unwrap().values_mut() {
        // As if it had been read long after the change.
        entry.read = entry.read.plus(std::time::Duration::from_secs(60));
        if let Some(sum) = entry.state.as_mut().and_then(|state| state.digests.sha256.as_mut()) {
            sum[0] ^= 1;
        }
    }
    let told = scan(watching(&[root.path()]), &baseline, asking(ScanDepth::Changed));
    assert!(told.differences.is_empty(), "{:?}", told.differences);
    assert_eq!(told.report.unwrap().totals.bytes, 0);
    let full = scan(watching(&[root.path()]), &baseline, asking(ScanDepth::Full));
    assert_eq!(full.sorted()[1], paths(root.path(), &["file"]));
}

#[test]
fn hostile_names_and_kinds_are_told_as_they_are() {
    let root = tempfile::tempdir().unwrap();
    let names = [&b"new\nline"[..], b"\x1b]0;x\x07", b"\xff\xfe", b"-rf", &[b'n'; 255]];
    for name in names {
        fs::write(root.path().join(OsStr::from_bytes(name)), b"x").unwrap();
    }
    let pipe = root.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
    let baseline = Arc::default();
    let told = scan_and_keep(watching(&[root.path()]), &baseline, ScanDepth::Full);
    assert_eq!(told.sorted()[0].len(), names.len() + 3);
    let kind = |name: &str| {
        let path = bytes(&root.path().join(name));
        let found = told.differences.iter().find(|difference| difference.path == path);
        found.unwrap().new.as_ref().unwrap().kind
    };
    assert_eq!((kind("pipe"), kind("socket")), (FileKind::Fifo, FileKind::Socket));
}

#[test]
fn directory_that_cannot_be_listed_is_told_and_nothing_in_it_is_gone() {
    let root = tempfile::tempdir().unwrap();
    let closed = root.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::write(closed.join("file"), b"x").unwrap();
    let baseline: Arc<Baseline> = Arc::default();
    scan_and_keep(watching(&[root.path()]), &baseline, ScanDepth::Full);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    // Root may list everything: the threads of the scan inherit the rights of the thread that starts it.
    let told = std::thread::spawn({
        let (baseline, root) = (Arc::clone(&baseline), root.path().to_path_buf());
        move || {
            let none = rustix::thread::CapabilitySets {
                effective: rustix::thread::CapabilitySet::empty(),
                permitted: rustix::thread::CapabilitySet::empty(),
                inheritable: rustix::thread::CapabilitySet::empty(),
            };
            rustix::thread::set_capabilities(None, none).unwrap();
            scan(watching(&[&root]), &baseline, asking(ScanDepth::Full))
        }
    });
    let told = told.join().unwrap();
    assert_eq!(told.not_scanned.len(), 1);
    assert!(matches!(&told.not_scanned[0], (path, NotScanned::Refused { .. }) if *path == bytes(&closed)));
    assert_eq!(told.report.as_ref().unwrap().not_scanned, 1);
    let [_, changed, gone] = told.sorted();
    assert_eq!((changed, gone), (paths(root.path(), &["closed"]), BTreeSet::new()));
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn filesystems_made_up_by_the_kernel_are_scanned_only_when_they_are_the_root() {
    let baseline = Arc::default();
    let subtree = |path: &str, root: &str| {
        let request = ScanRequest { subtrees: vec![path.into()], ..ScanRequest::default() };
        let policy =
            PolicyDef { watches: vec![Watch { root: root.into(), ..Watch::default() }], ..PolicyDef::default() };
        scan(policy, &baseline, request)
    };
    let told = subtree("/proc/sys/kernel", "/");
    assert!(matches!(told.not_scanned[..], [(_, NotScanned::PseudoFilesystem("proc"))]), "{:?}", told.not_scanned);
    let told = subtree("/proc/sys/kernel/random", "/proc/sys/kernel/random");
    assert!(told.differences.iter().any(|found| found.path == b"/proc/sys/kernel/random/uuid"));
}
