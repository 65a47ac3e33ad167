use std::fs;
use std::os::unix::fs::symlink;

use super::*;

#[test]
fn after_a_directory_is_renamed_its_files_are_told_by_the_new_path() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let tree = base.join("tree");
            fs::create_dir_all(tree.join("a/b/c")).unwrap();
            fs::write(tree.join("a/b/c/file"), "x").unwrap();
            let mut bench = Bench::watch(&[&tree], marks);
            fs::write(tree.join("a/b/c/file"), "y").unwrap();
            bench.seen().has(tree.join("a/b/c/file"), Operation::CloseWrite);
            fs::rename(tree.join("a"), tree.join("z")).unwrap();
            let seen = bench.seen();
            seen.has(tree.join("a"), Operation::RenamedFrom);
            seen.has(tree.join("z"), Operation::RenamedTo);
            assert!(
                seen.events
                    .iter()
                    .filter(|event| !event.operations.contains(Operation::Create))
                    .all(|event| event.is_directory)
            );
            fs::write(tree.join("z/b/c/file"), "z").unwrap();
            fs::write(tree.join("z/b/c/new"), "z").unwrap();
            let seen = bench.seen();
            seen.has(tree.join("z/b/c/file"), Operation::CloseWrite);
            seen.has(tree.join("z/b/c/new"), Operation::Create);
            assert!(seen.on(tree.join("a/b/c/file")).is_empty());
        });
    }
}

#[test]
fn a_directory_moved_out_is_no_longer_told_and_moved_in_again_it_is() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let tree = base.join("tree");
            fs::create_dir_all(tree.join("a/b")).unwrap();
            let mut bench = Bench::watch(&[&tree], marks);
            fs::rename(tree.join("a"), base.join("outside")).unwrap();
            bench.seen().has(tree.join("a"), Operation::RenamedFrom);
            fs::write(base.join("outside/b/file"), "x").unwrap();
            assert_eq!(bench.seen().events, [], "{marks:?}");
            fs::rename(base.join("outside"), tree.join("back")).unwrap();
            bench.seen().has(tree.join("back"), Operation::RenamedTo);
            fs::write(tree.join("back/b/file"), "y").unwrap();
            bench.seen().has(tree.join("back/b/file"), Operation::CloseWrite);
        });
    }
}

#[test]
fn a_removed_tree_is_told_whole() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let tree = base.join("tree");
            fs::create_dir_all(tree.join("a/b")).unwrap();
            fs::write(tree.join("a/b/file"), "x").unwrap();
            let mut bench = Bench::watch(&[&tree], marks);
            fs::remove_dir_all(tree.join("a")).unwrap();
            let seen = bench.seen();
            seen.has(tree.join("a/b/file"), Operation::Delete);
            seen.has(tree.join("a"), Operation::Delete);
        });
    }
}

#[test]
fn a_root_that_is_replaced_or_made_later_is_a_gap_and_seen_from_then_on() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let root = base.join("srv/later/root");
            let mut bench = Bench::watch(&[&root], marks);
            fs::create_dir_all(&root).unwrap();
            fs::write(root.join("early"), "x").unwrap();
            let seen = bench.seen();
            assert!(seen.covers(&root.join("early")), "{marks:?}: {seen:#?}");
            fs::write(root.join("file"), "x").unwrap();
            bench.seen().has(root.join("file"), Operation::Create);
            // The directory above is exchanged for another one.
            fs::create_dir_all(base.join("other/later/root")).unwrap();
            fs::write(base.join("other/later/root/evil"), "x").unwrap();
            fs::rename(base.join("srv"), base.join("old")).unwrap();
            fs::rename(base.join("other"), base.join("srv")).unwrap();
            let seen = bench.seen();
            assert!(seen.covers(&root.join("evil")), "{marks:?}: {seen:#?}");
            fs::write(root.join("evil"), "y").unwrap();
            bench.seen().has(root.join("evil"), Operation::CloseWrite);
        });
    }
}

#[test]
fn a_root_behind_a_link_is_told_by_the_path_that_the_policy_has() {
    for marks in BOTH {
        on_tmpfs(|base| {
            fs::create_dir_all(base.join("usr/bin")).unwrap();
            fs::create_dir_all(base.join("evil")).unwrap();
            symlink("usr/bin", base.join("bin")).unwrap();
            let mut bench = Bench::watch(&[&base.join("bin")], marks);
            fs::write(base.join("usr/bin/ls"), "x").unwrap();
            bench.seen().has(base.join("bin/ls"), Operation::Create);
            fs::remove_file(base.join("bin")).unwrap();
            symlink("evil", base.join("bin")).unwrap();
            let seen = bench.seen();
            assert!(seen.covers(&base.join("bin/x")), "{marks:?}: {seen:#?}");
            fs::write(base.join("evil/ls"), "x").unwrap();
            bench.seen().has(base.join("bin/ls"), Operation::Create);
        });
    }
}

#[test]
fn another_policy_watches_other_roots_and_tells_of_new_ones() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let (one, two) = (base.join("one"), base.join("two"));
            fs::create_dir_all(&one).unwrap();
            fs::create_dir_all(&two).unwrap();
            let mut bench = Bench::watch(&[&one], marks);
            bench.sensor.replace_policy(Arc::new(policy(&[&two])));
            let seen = bench.seen();
            assert_eq!(seen.gaps, [(two.as_os_str().as_bytes().to_vec(), GapCause::Unmarked)]);
            fs::write(one.join("x"), "x").unwrap();
            fs::write(two.join("x"), "x").unwrap();
            let seen = bench.seen();
            seen.has(two.join("x"), Operation::Create);
            assert!(seen.on(one.join("x")).is_empty());
        });
    }
}

#[test]
fn a_single_watched_file_that_is_saved_by_renaming_is_an_event_and_no_gap() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let file = base.join("passwd");
            fs::write(&file, "old").unwrap();
            let mut bench = Bench::watch(&[&file], marks);
            for round in 0..3 {
                fs::write(base.join("passwd.tmp"), "new").unwrap();
                fs::rename(base.join("passwd.tmp"), &file).unwrap();
                let seen = bench.seen();
                seen.has(&file, Operation::RenamedTo);
                assert_eq!(seen.gaps, [], "{marks:?}, round {round}");
                assert!(seen.on(base.join("passwd.tmp")).is_empty());
            }
        });
    }
}
