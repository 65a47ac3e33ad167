use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::sensors::files::MarkKind;

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
}

/// Runs `test` with a btrfs of which the subvolume `@` is mounted; nothing where btrfs cannot be had.
fn on_btrfs(test: impl FnOnce(&Path) + Send) {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !known.contains("btrfs") || Command::new("mkfs.btrfs").arg("--version").output().is_err() {
        return hids_tests::require::skip("filesystems", "there is no btrfs (btrfs-progs is not installed)");
    }
    on_tmpfs(|base| {
        let (image, point) = (base.join("image"), base.join("point"));
        fs::create_dir(&point).unwrap();
        fs::File::create(&image).and_then(|file| file.set_len(256 << 20)).unwrap();
        run(Command::new("mkfs.btrfs").arg("-q").arg(&image));
        run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&point));
        subvolume(&point.join("@"));
        run(Command::new("umount").arg(&point));
        run(Command::new("mount").args(["-o", "loop,subvol=@"]).arg(&image).arg(&point));
        test(&point);
        run(Command::new("umount").args(["--lazy"]).arg(&point));
    });
}

fn subvolume(path: &Path) {
    run(Command::new("btrfs").args(["subvolume", "create"]).arg(path));
}

#[test]
fn one_mark_covers_all_subvolumes_of_which_another_one_is_mounted() {
    on_btrfs(|base| {
        let tree = base.join("tree");
        fs::create_dir(&tree).unwrap();
        subvolume(&tree.join("inner"));
        let mut bench = Bench::watch(&[&tree], MarkChoice::Best);
        let report = bench.sensor.report();
        assert!(report.roots.iter().all(|root| root.marks == MarkKind::Filesystem && root.reason.is_none()));
        fs::write(tree.join("inner/file"), "x").unwrap();
        bench.seen().has(tree.join("inner/file"), Operation::Create);
        subvolume(&tree.join("later"));
        bench.seen().has(tree.join("later"), Operation::Mount);
        fs::create_dir(tree.join("directory")).unwrap();
        assert!(!bench.seen().on(tree.join("directory")).contains(&Operation::Mount), "it is empty for certain");
    });
}

#[test]
fn where_directories_are_marked_a_subvolume_that_cannot_be_is_a_gap_and_is_named() {
    on_btrfs(|base| {
        let tree = base.join("tree");
        fs::create_dir(&tree).unwrap();
        subvolume(&tree.join("inner"));
        let mut bench = Bench::watch(&[&tree], MarkChoice::Directories);
        fs::write(tree.join("file"), "x").unwrap();
        let seen = bench.seen();
        seen.has(tree.join("file"), Operation::Create);
        assert!(seen.covers(&tree.join("inner/file")), "{seen:#?}");
        subvolume(&tree.join("later"));
        let seen = bench.seen();
        assert!(seen.gaps.iter().any(|(gap, _)| gap == tree.join("later").as_os_str().as_bytes()), "{seen:#?}");
        let report = bench.sensor.report();
        assert_eq!(report.unmarked, 2, "{report:#?}");
        let reason = report.roots[0].reason.clone().unwrap_or_default();
        assert!(reason.contains("tree/inner could not be marked") && reason.contains("subvolume"), "{reason}");
    });
}
