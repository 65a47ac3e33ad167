use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn a_write_through_a_name_outside_is_told_for_every_watched_name() {
    on_tmpfs(|base| {
        let tree = base.join("tree");
        fs::create_dir_all(tree.join("deep/er")).unwrap();
        fs::write(tree.join("file"), "old").unwrap();
        fs::hard_link(tree.join("file"), tree.join("deep/er/twin")).unwrap();
        fs::hard_link(tree.join("file"), base.join("before")).unwrap();
        let mut bench = Bench::watch(&[&tree], MarkChoice::Best);
        fs::write(base.join("before"), "evil").unwrap();
        let seen = bench.seen();
        for name in ["file", "deep/er/twin"] {
            seen.has(tree.join(name), Operation::CloseWrite);
        }
        assert!(seen.events.iter().all(|event| event.who.as_ref().map(|who| who.pid) == Some(std::process::id())));
        // Again, now that its names are known.
        fs::set_permissions(base.join("before"), Permissions::from_mode(0o777)).unwrap();
        bench.seen().has(tree.join("deep/er/twin"), Operation::Attributes);
        assert!(bench.sensor.report().through_links >= 4);
    });
}

#[test]
fn a_link_made_out_of_the_tree_while_watching_does_not_deceive() {
    on_tmpfs(|base| {
        let tree = base.join("tree");
        fs::create_dir_all(&tree).unwrap();
        fs::write(tree.join("file"), "old").unwrap();
        let mut bench = Bench::watch(&[&tree], MarkChoice::Best);
        // Once it is known as a file with one name.
        fs::write(tree.join("file"), "good").unwrap();
        bench.seen();
        fs::hard_link(tree.join("file"), base.join("out")).unwrap();
        bench.seen();
        fs::write(base.join("out"), "evil").unwrap();
        bench.seen().has(tree.join("file"), Operation::CloseWrite);
        // Renamed inside: reported by the new name, although the old one was remembered.
        fs::rename(tree.join("file"), tree.join("renamed")).unwrap();
        bench.seen();
        fs::write(base.join("out"), "evil again").unwrap();
        bench.seen().has(tree.join("renamed"), Operation::CloseWrite);
        // All in one batch of the kernel.
        fs::hard_link(tree.join("renamed"), base.join("third")).unwrap();
        fs::write(base.join("third"), "x").unwrap();
        fs::remove_file(base.join("third")).unwrap();
        bench.seen().has(tree.join("renamed"), Operation::CloseWrite);
    });
}

#[test]
fn files_with_several_names_that_are_all_outside_are_nobodys_concern() {
    on_tmpfs(|base| {
        let tree = base.join("tree");
        fs::create_dir_all(&tree).unwrap();
        fs::write(base.join("a"), "x").unwrap();
        fs::hard_link(base.join("a"), base.join("b")).unwrap();
        let mut bench = Bench::watch(&[&tree], MarkChoice::Best);
        fs::write(base.join("a"), "y").unwrap();
        let seen = bench.seen();
        assert_eq!((seen.events, seen.gaps), (vec![], vec![]));
    });
}

#[test]
fn a_single_watched_file_is_told_when_it_is_changed_by_another_name() {
    on_tmpfs(|base| {
        fs::create_dir_all(base.join("etc")).unwrap();
        let file = base.join("etc/passwd");
        fs::write(&file, "old").unwrap();
        fs::hard_link(&file, base.join("link")).unwrap();
        let mut bench = Bench::watch(&[&file], MarkChoice::Best);
        fs::write(base.join("link"), "evil").unwrap();
        bench.seen().has(&file, Operation::CloseWrite);
    });
}

// B1, a sibling: containers come and go while the names of a file are searched.
#[test]
fn a_mount_during_the_search_for_names_is_no_gap_and_the_change_is_reported() {
    on_tmpfs(|base| {
        let tree = base.join("tree");
        fs::create_dir_all(tree.join("deep")).unwrap();
        fs::create_dir_all(base.join("container")).unwrap();
        fs::write(tree.join("file"), "old").unwrap();
        fs::hard_link(tree.join("file"), base.join("before")).unwrap();
        let mut bench = Bench::watch(&[&tree], MarkChoice::Best);
        fs::write(base.join("before"), "evil").unwrap();
        let numbers: Vec<usize> = bench.sensor.groups().map(|(number, _)| number).collect();
        for number in numbers {
            while bench.sensor.read(number).expect("a receiver") {}
        }
        // One step of it: the search has begun and is not over.
        assert_eq!(bench.sensor.search(1), Some(Duration::ZERO));
        mount_tmpfs(&base.join("container"));
        bench.sensor.check_roots();
        let seen = bench.seen();
        seen.has(tree.join("file"), Operation::CloseWrite);
        assert_eq!(seen.gaps, []);
    });
}
