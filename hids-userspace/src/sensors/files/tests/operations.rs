use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use super::*;

fn bench_with_file(base: &Path, marks: MarkChoice) -> (PathBuf, Bench) {
    let tree = base.join("tree");
    fs::create_dir_all(tree.join("sub")).unwrap();
    fs::write(tree.join("file"), "old").unwrap();
    fs::write(base.join("outside"), "old").unwrap();
    let bench = Bench::watch(&[&tree], marks);
    (tree, bench)
}

#[test]
fn each_operation_is_seen_with_path_and_process() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let (tree, mut bench) = bench_with_file(base, marks);
            let file = tree.join("file");
            let mut check = |what: &str, path: &Path, operation: Operation, act: &dyn Fn()| {
                act();
                let seen = bench.seen();
                assert!(seen.on(path).contains(&operation), "{what} ({marks:?}): {seen:#?}");
                let event = seen.events.iter().find(|event| event.path == path.as_os_str().as_bytes()).unwrap();
                let who = event.who.as_ref().map(|who| (who.pid, who.command.clone()));
                assert_eq!(who, Some((std::process::id(), b"echo".to_vec())), "{what}");
                assert_eq!(seen.gaps, [], "{what}");
            };
            use Operation::{Attributes, CloseWrite, Create, Delete, RenamedFrom, RenamedTo, Write};
            let new = tree.join("new");
            check("create", &new, Create, &|| drop(fs::File::create(&new).unwrap()));
            check("write", &file, Write, &|| fs::write(&file, "new").unwrap());
            check("append", &file, CloseWrite, &|| {
                OpenOptions::new().append(true).open(&file).unwrap().write_all(b"x").unwrap();
            });
            check("truncate", &file, Write, &|| {
                OpenOptions::new().write(true).open(&file).unwrap().set_len(1).unwrap()
            });
            check("chmod", &file, Attributes, &|| fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap());
            check("chown", &file, Attributes, &|| chown(&file, Some(1), Some(1)).unwrap());
            check("setxattr", &file, Attributes, &|| {
                rustix::fs::setxattr(&file, "trusted.x", b"1", rustix::fs::XattrFlags::empty()).unwrap();
            });
            check("symlink", &tree.join("link"), Create, &|| symlink("file", tree.join("link")).unwrap());
            check("link in", &tree.join("in"), Create, &|| {
                fs::hard_link(base.join("outside"), tree.join("in")).unwrap()
            });
            check("rename in", &tree.join("moved"), RenamedTo, &|| {
                fs::rename(base.join("outside"), tree.join("moved")).unwrap();
            });
            check("rename within", &tree.join("sub/x"), RenamedTo, &|| fs::rename(&new, tree.join("sub/x")).unwrap());
            check("rename out", &tree.join("moved"), RenamedFrom, &|| {
                fs::rename(tree.join("moved"), base.join("out")).unwrap();
            });
            check("mkdir", &tree.join("dir"), Create, &|| fs::create_dir(tree.join("dir")).unwrap());
            check("chmod of a directory", &tree.join("dir"), Attributes, &|| {
                fs::set_permissions(tree.join("dir"), Permissions::from_mode(0o700)).unwrap();
            });
            check("rmdir", &tree.join("dir"), Delete, &|| fs::remove_dir(tree.join("dir")).unwrap());
            check("unlink", &file, Delete, &|| fs::remove_file(&file).unwrap());
        });
    }
}

#[test]
fn a_save_by_renaming_tells_the_name_that_matters() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let (tree, mut bench) = bench_with_file(base, marks);
            fs::write(tree.join("file.tmp"), "new").unwrap();
            fs::rename(tree.join("file.tmp"), tree.join("file")).unwrap();
            let seen = bench.seen();
            seen.has(tree.join("file"), Operation::RenamedTo);
            seen.has(tree.join("file.tmp"), Operation::RenamedFrom);
        });
    }
}

#[test]
fn a_write_through_a_mapping_is_told_when_the_mapping_ends() {
    on_tmpfs(|base| {
        let (tree, mut bench) = bench_with_file(base, MarkChoice::Best);
        let file = OpenOptions::new().read(true).write(true).open(tree.join("file")).unwrap();
        crate::sys::file_operations::write_mapped(&file, b"new").unwrap();
        let seen = bench.seen();
        assert_eq!(seen.on(tree.join("file")), BTreeSet::new(), "the kernel does not report the write itself");
        drop(file);
        bench.seen().has(tree.join("file"), Operation::CloseWrite);
    });
}

#[test]
fn what_is_ignored_or_outside_is_not_told_and_the_daemons_own_changes_are_not() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let tree = base.join("tree");
            fs::create_dir_all(tree.join("noise")).unwrap();
            let mut bench = Bench::with(policy_ignoring(&[&tree], &[tree.join("noise")]), marks);
            fs::write(tree.join("noise/x"), "x").unwrap();
            fs::write(base.join("outside"), "x").unwrap();
            assert_eq!(bench.seen().events, []);
            bench.sensor.own_pid = Some(std::process::id());
            fs::write(tree.join("file"), "x").unwrap();
            assert_eq!(bench.seen().events, []);
        });
    }
}

#[test]
fn equal_events_of_one_batch_are_one() {
    on_tmpfs(|base| {
        let (tree, mut bench) = bench_with_file(base, MarkChoice::Best);
        for _ in 0..100 {
            fs::write(tree.join("file"), "new").unwrap();
            fs::write(tree.join("other"), "new").unwrap();
        }
        let seen = bench.seen();
        assert_eq!(seen.events.len(), 2, "{:#?}", seen.events);
    });
}
