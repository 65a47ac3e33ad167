//! What only one kind of filesystem has: subvolumes of btrfs, xfs' own ways to change a file.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use hids_core::model::Operation;
use hids_tests::image::Kind;
use hids_userspace::sensors::guard::GuardMode;

use super::attempts::write_to;
use super::fixture::{Base, Locked, is_possible, run, text};
use crate::{raw, results};

const SECTION: &str = "Guard: mode enforce, subvolumes of btrfs";

/// Whether `btrfs` did what it was told.
fn does(arguments: &[&str]) -> bool {
    let output = Command::new("btrfs").args(arguments).output().expect("btrfs starts");
    println!("btrfs {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    output.status.success()
}

fn cell(name: &str, refused: bool) {
    results::cell(SECTION, name, if refused { "refused, told" } else { "happens" });
}

#[test]
fn subvolumes_in_a_locked_tree_are_locked_and_none_is_made_or_removed_there() {
    if !is_possible() {
        return;
    }
    let base = Base::new(Kind::Btrfs);
    let (tree, whole) = (base.tree(), base.path().join("whole"));
    let outside = base.path().join("outside");
    for directory in [&tree, &whole, &outside] {
        fs::create_dir(directory).expect("a directory");
    }
    let top = base.mounted().again(Kind::Btrfs, &whole, "subvolid=5");
    for subvolume in [tree.join("inner"), outside.join("free"), outside.join("other")] {
        run("btrfs", &["subvolume", "create", &text(&subvolume)]);
    }
    for file in [tree.join("inner/file"), outside.join("free/file"), outside.join("other/file")] {
        fs::write(file, "content").expect("a file");
    }
    let number = |path: &Path| fs::metadata(path).expect("it is there").ino();
    // Each subvolume counts its own inodes: soon one file has the number of the tree itself.
    let twin = (0..1000).map(|count| outside.join(format!("free/{count}"))).find(|file| {
        fs::write(file, "content").expect("a file");
        number(file) == number(&tree)
    });
    let twin = twin.expect("a file with the same number");
    let id = subvolume_id(&tree.join("inner"));
    let locked = Locked::new(GuardMode::Enforce, std::slice::from_ref(&tree), Vec::new());
    assert_eq!(locked.report().problems, [] as [&str; 0]);
    assert!(write_to(&tree.join("inner/file")).is_err(), "an inner subvolume is locked");
    let through = write_to(&whole.join("@/parent/tree/inner/file"));
    assert_eq!(through.map_err(|why| why.raw_os_error()), Err(Some(libc::EPERM)), "also through another mount");
    assert!(locked.told(|told| told.path == tree.join("inner/file").as_os_str().as_encoded_bytes()).is_some());
    cell("write in a subvolume inside", true);
    // What has the same number elsewhere is nobody's concern.
    write_to(&twin).expect("another subvolume is not locked");
    cell("write to the same inode number of another subvolume", false);
    let refused = |name: &str, arguments: &[&str]| {
        assert!(!does(arguments), "{name}: {arguments:?}");
        assert!(locked.told(|told| told.refused && told.who.executable.ends_with(b"/btrfs")).is_some(), "{name}");
        cell(name, true);
    };
    let at = |path: &Path| text(path);
    refused("subvolume create", &["subvolume", "create", &at(&tree.join("new"))]);
    refused("snapshot into the tree", &["subvolume", "snapshot", &at(&outside.join("free")), &at(&tree.join("new"))]);
    refused("subvolume delete", &["subvolume", "delete", &at(&tree.join("inner"))]);
    delete_by_number(&outside, id).expect_err("it is refused");
    let told = locked.told(|told| told.refused && told.operation == Operation::Attributes);
    assert!(told.is_some(), "subvolume delete by number");
    delete_by_number(&whole, id).expect_err("it is refused on any directory");
    cell("subvolume delete by number", true);
    refused("subvolume set read-only", &["property", "set", "-t", "subvol", &at(&tree.join("inner")), "ro", "true"]);
    refused("subvolume delete of that which holds the tree", &["subvolume", "delete", &at(&whole.join("@"))]);
    let renamed = fs::rename(whole.join("@"), whole.join("@gone"));
    assert_eq!(renamed.map_err(|why| why.raw_os_error()), Err(Some(libc::EPERM)));
    cell("rename of the subvolume that holds the tree", true);
    assert!(does(&["subvolume", "snapshot", &at(&tree.join("inner")), &at(&outside.join("copy"))]));
    cell("snapshot of the tree to elsewhere", false);
    assert!(does(&["subvolume", "delete", &at(&outside.join("other"))]));
    cell("subvolume delete elsewhere", false);
    assert_eq!(fs::read(tree.join("inner/file")).expect("content"), b"content");
    assert!(!tree.join("new").exists());
    drop(locked);
    drop(top);
}

fn subvolume_id(path: &Path) -> u64 {
    let output = Command::new("btrfs").args(["inspect-internal", "rootid"]).arg(path).output().expect("btrfs starts");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// `BTRFS_IOC_SNAP_DESTROY_V2` on any directory: only the number says which one is meant.
fn delete_by_number(directory: &Path, id: u64) -> std::io::Result<()> {
    // `struct btrfs_ioctl_vol_args_v2`: flags (`BTRFS_SUBVOL_SPEC_BY_ID`) behind two numbers, four more, the id.
    let mut argument = vec![0_u8; 4096];
    argument[16..24].copy_from_slice(&(1_u64 << 4).to_ne_bytes());
    argument[56..64].copy_from_slice(&id.to_ne_bytes());
    raw::ioctl_with(&File::open(directory)?, 0x5000_943f, &mut argument)
}

#[test]
fn ways_of_xfs_to_change_a_file_that_only_an_argument_names_are_refused() {
    if !is_possible() {
        return;
    }
    let base = Base::new(Kind::Xfs);
    fs::create_dir(base.tree()).expect("a tree");
    fs::write(base.path().join("file"), "content").expect("a file");
    let ways = [("XFS_IOC_ATTRMULTI_BY_HANDLE", 0x4048_587b), ("XFS_IOC_SWAPEXT", 0xc0c0_586d)];
    let file = File::options().read(true).write(true).open(base.path().join("file")).expect("a file beside the tree");
    for (name, command) in ways {
        let asked = raw::ioctl_without_argument(&file, command).expect_err("there is no argument");
        assert_ne!(asked.raw_os_error(), Some(libc::EPERM), "{name} without a guard");
    }
    let locked = Locked::new(GuardMode::Enforce, &[base.tree()], Vec::new());
    for (name, command) in ways {
        let asked = raw::ioctl_without_argument(&file, command).expect_err("there is no argument");
        assert_eq!(asked.raw_os_error(), Some(libc::EPERM), "{name}");
        assert!(locked.told(|told| told.refused && told.who.pid == std::process::id()).is_some(), "{name}");
        results::cell("Guard: mode enforce, xfs", name, "refused, told");
    }
    drop(locked);
}
