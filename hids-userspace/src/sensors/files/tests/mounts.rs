use std::fs;

use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, unmount};

use super::*;

#[test]
fn a_write_through_a_bind_mount_and_from_another_namespace_is_told_by_the_watched_path() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let (tree, other) = (base.join("tree"), base.join("other"));
            fs::create_dir_all(&tree).unwrap();
            fs::create_dir_all(&other).unwrap();
            let mut bench = Bench::watch(&[&tree], marks);
            mount_bind(&tree, &other).unwrap();
            fs::write(other.join("file"), "x").unwrap();
            bench.seen().has(tree.join("file"), Operation::Create);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    leave_mount_namespace();
                    unmount(&other, UnmountFlags::empty()).unwrap();
                    fs::write(tree.join("file"), "from elsewhere").unwrap();
                });
            });
            bench.seen().has(tree.join("file"), Operation::CloseWrite);
        });
    }
}

#[test]
fn a_watched_bind_mount_is_told_by_its_own_path_and_not_by_a_false_one() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let (source, tree) = (base.join("source"), base.join("tree"));
            fs::create_dir_all(source.join("sub")).unwrap();
            fs::create_dir_all(&tree).unwrap();
            mount_bind(&source, &tree).unwrap();
            let mut bench = Bench::watch(&[&tree], marks);
            fs::write(source.join("sub/file"), "x").unwrap();
            bench.seen().has(tree.join("sub/file"), Operation::Create);
            fs::write(base.join("unrelated"), "x").unwrap();
            assert_eq!(bench.seen().events, []);
        });
    }
}

#[test]
fn a_filesystem_mounted_inside_a_tree_is_watched_as_well() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let inner = base.join("tree/inner");
            fs::create_dir_all(&inner).unwrap();
            mount_tmpfs(&inner);
            let mut bench = Bench::watch(&[&base.join("tree")], marks);
            fs::write(inner.join("file"), "x").unwrap();
            bench.seen().has(inner.join("file"), Operation::Create);
            // Mounted while the sensor runs: its content is new as a whole.
            let later = base.join("tree/later");
            fs::create_dir(&later).unwrap();
            mount_tmpfs(&later);
            fs::write(later.join("early"), "x").unwrap();
            bench.sensor.check_roots();
            let seen = bench.seen();
            assert!(seen.covers(&later.join("early")), "{seen:#?}");
            fs::write(later.join("file"), "x").unwrap();
            bench.seen().has(later.join("file"), Operation::Create);
            unmount(&later, UnmountFlags::empty()).expect("the sensor does not keep it busy");
            bench.sensor.check_roots();
            let seen = bench.seen();
            assert!(seen.covers(&later.join("file")), "what was below it is gone: {seen:#?}");
        });
    }
}

#[test]
fn overlayfs_is_watched_by_directories_where_its_handles_do_not_lead_back() {
    on_tmpfs(|base| {
        for name in ["lower/sub", "upper", "work", "merged"] {
            fs::create_dir_all(base.join(name)).unwrap();
        }
        fs::write(base.join("lower/sub/file"), "old").unwrap();
        let place = base.display();
        let options = format!("lowerdir={place}/lower,upperdir={place}/upper,workdir={place}/work");
        let options = std::ffi::CString::new(options).unwrap();
        let merged = base.join("merged");
        if let Err(error) = mount("overlay", &merged, "overlay", MountFlags::empty(), options.as_c_str()) {
            return hids_tests::require::skip("filesystems", &format!("no overlayfs here: {error}"));
        }
        let mut bench = Bench::watch(&[&merged], MarkChoice::Best);
        let report = bench.sensor.report();
        let root = report.roots.iter().find(|root| root.filesystem == "overlay").expect("the overlay");
        println!("overlay: {root:?}");
        assert_ne!(root.marks, MarkKind::ScansOnly, "{root:?}");
        // The first write copies the file up: from the lower to the upper directory.
        fs::write(merged.join("sub/file"), "new").unwrap();
        bench.seen().has(merged.join("sub/file"), Operation::CloseWrite);
        fs::create_dir_all(merged.join("sub/a/b")).unwrap();
        fs::write(merged.join("sub/a/b/file"), "x").unwrap();
        let seen = bench.seen();
        assert!(seen.covers(&merged.join("sub/a/b/file")), "{seen:#?}");
        fs::rename(merged.join("sub/a"), merged.join("moved")).unwrap();
        bench.seen();
        fs::write(merged.join("moved/b/file"), "y").unwrap();
        bench.seen().has(merged.join("moved/b/file"), Operation::CloseWrite);
        fs::remove_file(merged.join("sub/file")).unwrap();
        bench.seen().has(merged.join("sub/file"), Operation::Delete);
    });
}

#[test]
fn a_filesystem_without_handles_is_left_to_scans_and_says_why() {
    on_tmpfs(|_| {
        let bench = Bench::watch(&[Path::new("/proc/sys")], MarkChoice::Best);
        let report = bench.sensor.report();
        assert_eq!(report.roots[0].marks, MarkKind::ScansOnly);
        assert!(report.roots[0].reason.is_some(), "{report:?}");
    });
}

#[test]
fn a_mount_while_the_thread_runs_is_noticed_by_itself() {
    on_tmpfs(|base| {
        let later = base.join("later");
        fs::create_dir(&later).unwrap();
        let tuning = FilesTuning::default();
        let options = FilesOptions { policy: Arc::new(policy(&[base])), who: Arc::new(Echo), own_pid: None, tuning };
        let (sender, sensed) = bounded(1000);
        let handle = start(options, sender).expect("a sensor");
        assert!(handle.wait_ready(Duration::from_secs(10)));
        mount_tmpfs(&later);
        let gap = Sensed::Gap { subtree: later.as_os_str().as_bytes().to_vec(), cause: GapCause::Unmarked };
        let limit = std::time::Instant::now() + hids_tests::wait::scaled(Duration::from_secs(10));
        while sensed.recv_deadline(limit).expect("a gap for the new mount") != gap {}
        fs::write(later.join("file"), "x").unwrap();
        let is_file = |sensed: &Sensed| match sensed {
            Sensed::Events(events) => events.iter().any(|event| event.path.ends_with(b"/later/file")),
            Sensed::Gap { .. } => false,
        };
        while !is_file(&sensed.recv_deadline(limit).expect("an event of the file")) {}
        handle.stop();
    });
}
