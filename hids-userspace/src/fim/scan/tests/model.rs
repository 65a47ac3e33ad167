//! Random changes between scans: what is told is what was done.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use hids_core::model::FileKind;
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Operation {
    Write(PathBuf, Vec<u8>),
    MakeDirectory(PathBuf),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
    Link(PathBuf),
    Symlink(PathBuf),
    Mode(PathBuf, u32),
}

fn path() -> impl Strategy<Value = PathBuf> {
    let name = prop::sample::select(vec!["a", "b", "c\n", "d d", "é"]);
    prop::collection::vec(name, 1..4).prop_map(|names| names.into_iter().collect())
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (path(), prop::collection::vec(any::<u8>(), 0..9)).prop_map(|(path, content)| Operation::Write(path, content)),
        3 => path().prop_map(Operation::MakeDirectory),
        2 => path().prop_map(Operation::Remove),
        2 => (path(), path()).prop_map(|(from, to)| Operation::Rename(from, to)),
        1 => path().prop_map(Operation::Link),
        1 => path().prop_map(Operation::Symlink),
        1 => (path(), prop::sample::select(vec![0o600, 0o755, 0o4755])).prop_map(|(path, mode)| Operation::Mode(path, mode)),
    ]
}

/// Does it where it can be done.
fn carry_out(root: &Path, operation: &Operation) {
    let _ = match operation {
        Operation::Write(path, content) => {
            let path = root.join(path);
            // Never through a link: the model is about the tree.
            if path.is_symlink() { Ok(()) } else { fs::write(path, content) }
        }
        Operation::MakeDirectory(path) => fs::create_dir_all(root.join(path)),
        Operation::Remove(path) => {
            let path = root.join(path);
            if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
        }
        Operation::Rename(from, to) => fs::rename(root.join(from), root.join(to)),
        Operation::Link(path) => fs::hard_link(root.join("a"), root.join(path)),
        Operation::Symlink(path) => symlink("a", root.join(path)),
        Operation::Mode(path, mode) => {
            let path = root.join(path);
            // The owner of a directory keeps his rights, or it could not be looked into.
            let mode = if path.is_dir() { mode | 0o700 } else { *mode };
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
        }
    };
}

/// Everything in the tree, as another walk and std see it.
fn truth(directory: &Path, all: &mut BTreeMap<Vec<u8>, (u32, Option<Vec<u8>>)>) {
    let metadata = fs::symlink_metadata(directory).unwrap();
    let content = if metadata.is_file() { fs::read(directory).ok() } else { None };
    all.insert(bytes(directory), (metadata.permissions().mode(), content));
    if metadata.is_dir() {
        for entry in fs::read_dir(directory).unwrap() {
            truth(&entry.unwrap().path(), all);
        }
    }
}

fn snapshot(root: &Path) -> BTreeMap<Vec<u8>, (u32, Option<Vec<u8>>)> {
    let mut all = BTreeMap::new();
    truth(root, &mut all);
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn differences_are_what_was_done(
        rounds in prop::collection::vec((prop::collection::vec(operation(), 0..14), any::<bool>()), 1..5)
    ) {
        let root = tempfile::tempdir().unwrap();
        let baseline: Arc<Baseline> = Arc::default();
        let mut before = BTreeMap::new();
        for (operations, by_time) in rounds {
            for operation in &operations {
                carry_out(root.path(), operation);
            }
            let after = snapshot(root.path());
            let depth = if by_time { ScanDepth::Changed } else { ScanDepth::Full };
            let told = scan(watching(&[root.path()]), &baseline, asking(depth));
            prop_assert!(told.not_scanned.is_empty(), "{:?}", told.not_scanned);
            let [new, changed, gone] = told.sorted();
            let missing = |of: &BTreeMap<_, _>, from: &BTreeMap<Vec<u8>, _>| -> BTreeSet<Vec<u8>> {
                from.keys().filter(|path| !of.contains_key(*path)).cloned().collect()
            };
            prop_assert_eq!(&new, &missing(&before, &after));
            prop_assert_eq!(&gone, &missing(&after, &before));
            for (path, state) in &after {
                if before.get(path).is_some_and(|earlier| earlier != state) {
                    prop_assert!(changed.contains(path), "{:?}", String::from_utf8_lossy(path));
                }
            }
            baseline.take_over(&told.differences);
            check_states(&baseline, &after);
            before = after;
        }
    }
}

/// The baseline is the truth: the sums too.
fn check_states(baseline: &Baseline, truth: &BTreeMap<Vec<u8>, (u32, Option<Vec<u8>>)>) {
    use md5::Digest as _;
    assert_eq!(baseline.paths(), truth.keys().cloned().collect());
    for (path, (mode, content)) in truth {
        let state = baseline.entry(path).unwrap().unwrap().state.unwrap();
        assert_eq!(state.mode, *mode);
        if state.kind == FileKind::Regular {
            let sum: [u8; 32] = sha2::Sha256::digest(content.as_ref().unwrap()).into();
            assert_eq!(state.digests.sha256, Some(sum));
        }
    }
}
