//! What file events are seen on which filesystem, and who did it after the process has ended: in this
//! kernel, and in a guest in one that is older than that of the machine that builds.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use hids_tests::image::{Kind, Mounted};
use hids_tests::require;
use hids_userspace::sensors::files::{MarkChoice, MarkKind};
use hids_userspace::sensors::selftest::{self, Actor, OperationUnderTest, Saw, SelfTest, SelfTestOptions};
use hids_userspace::sensors::{self, WhoLookup};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};

use super::{raw, results};

/// This test program as the one that does the operations.
fn actor() -> Actor {
    let arguments = ["--exact", "files::child", "--include-ignored", "--nocapture"];
    Actor { program: "/proc/self/exe".into(), arguments: arguments.map(Into::into).to_vec() }
}

#[test]
#[ignore = "is the child of the other tests"]
fn child() {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let [.., name, directory] = arguments.as_slice()
        && Path::new(directory).is_absolute()
    {
        std::process::exit(i32::from(selftest::act(name, Path::new(directory))));
    }
}

/// Where a self-test is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ground {
    /// On a filesystem of this kind.
    Of(Kind),
    /// On an overlay.
    Overlay,
    /// On a subvolume of btrfs that is mounted for itself.
    Subvolume,
}

/// The self-test in this kernel, on a filesystem of its own that no other process sees. What came of it is
/// a section of the table.
fn proven(marks: MarkChoice, ground: Ground) -> Option<SelfTest> {
    if !require::root() {
        return None;
    }
    let needed = match ground {
        Ground::Of(kind) => kind,
        Ground::Overlay => Kind::Tmpfs,
        Ground::Subvolume => Kind::Btrfs,
    };
    if !needed.is_possible() {
        return None;
    }
    let sensors = sensors::start();
    let who: Arc<dyn WhoLookup> = sensors.who();
    let test = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            raw::unshare_mounts().expect("mounts of its own");
            let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
            mount_change("/", flags).expect("that nobody sees");
            self_test(marks, ground, needed, who)
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    println!("{test:#?}");
    let (marks, kind) = (test.marks.name(), &test.filesystem);
    let section = match ground {
        // Kernels differ in what they grant.
        Ground::Overlay => "fanotify, the best marks that are granted, overlay".to_owned(),
        Ground::Subvolume => format!("fanotify, marks on {marks}, {kind} (mounted subvolume)"),
        Ground::Of(_) => format!("fanotify, marks on {marks}, {kind}"),
    };
    for tested in &test.operations {
        let result = if test.marks == MarkKind::ScansOnly { "by scans" } else { cell(&tested.saw) };
        results::cell(&section, tested.operation.name(), result);
    }
    Some(test)
}

fn self_test(marks: MarkChoice, ground: Ground, kind: Kind, who: Arc<dyn WhoLookup>) -> SelfTest {
    let place = tempfile::tempdir().expect("a directory");
    let top = place.path().canonicalize().expect("its path");
    let (image, point, merged) = (top.join("image"), top.join("point"), top.join("merged"));
    fs::create_dir(&point).and_then(|()| fs::create_dir(&merged)).expect("directories");
    let mut mounted = Mounted::new(kind, &image, &point);
    let mut directory = point.clone();
    if ground == Ground::Subvolume {
        let output = Command::new("btrfs").args(["subvolume", "create"]).arg(point.join("@")).output();
        assert!(output.is_ok_and(|output| output.status.success()), "btrfs makes a subvolume");
        mounted.unmount();
        mounted = Mounted::mount(kind, &image, &point, "subvol=@");
    }
    if ground == Ground::Overlay {
        for layer in ["lower", "upper", "work"] {
            fs::create_dir(point.join(layer)).expect("a layer");
        }
        let options = format!("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work", point.display());
        let options = std::ffi::CString::new(options).expect("no NUL");
        mount("overlay", &merged, "overlay", MountFlags::empty(), Some(options.as_c_str())).expect("an overlay");
        directory.clone_from(&merged);
    }
    let options = SelfTestOptions { directory, actor: actor(), who, marks };
    let test = selftest::run(&options).expect("a self-test");
    if ground == Ground::Overlay {
        unmount(&merged, UnmountFlags::DETACH).expect("an overlay");
    }
    drop(mounted);
    test
}

fn cell(saw: &Saw) -> &'static str {
    match (saw.tried, saw.what, saw.who) {
        (false, ..) => "not applicable",
        (_, true, true) => "what and who",
        (_, true, false) => "what",
        (_, false, _) => "not seen",
    }
}

fn every_operation_is_seen(ground: Ground) {
    let Some(proven) = proven(MarkChoice::Best, ground) else { return };
    assert_eq!(proven.marks, MarkKind::Filesystem, "{proven:#?}");
    assert_eq!(proven.unseen().collect::<Vec<_>>(), []);
    assert_eq!(proven.anonymous().collect::<Vec<_>>(), []);
}

#[test]
fn every_operation_on_tmpfs_is_seen_with_its_process() {
    every_operation_is_seen(Ground::Of(Kind::Tmpfs));
}

#[test]
fn every_operation_on_ext4_is_seen_with_its_process() {
    every_operation_is_seen(Ground::Of(Kind::Ext4));
}

#[test]
fn every_operation_on_xfs_is_seen_with_its_process() {
    every_operation_is_seen(Ground::Of(Kind::Xfs));
}

#[test]
fn every_operation_on_btrfs_is_seen_with_its_process() {
    every_operation_is_seen(Ground::Of(Kind::Btrfs));
}

#[test]
fn every_operation_on_a_mounted_subvolume_of_btrfs_is_seen_with_its_process() {
    every_operation_is_seen(Ground::Subvolume);
}

#[test]
fn on_an_overlay_all_but_writes_through_links_from_outside_are_seen() {
    let Some(proven) = proven(MarkChoice::Best, Ground::Overlay) else { return };
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    let mut numbers = release.split('.').map(|number| number.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let has_handles = version >= (6, 6);
    let unseen: Vec<_> = proven.unseen().collect();
    match proven.marks {
        // Its handles lead back to files: writes through links are seen as well.
        MarkKind::Filesystem => assert_eq!(unseen, []),
        MarkKind::Directories => assert_eq!(unseen, [OperationUnderTest::LinkedWrite]),
        // It has no handles before Linux 6.6: there is nothing to see, and nothing is claimed.
        MarkKind::ScansOnly => assert!(!has_handles && unseen.len() >= 17, "{proven:#?}"),
    }
    assert_eq!(proven.anonymous().collect::<Vec<_>>(), []);
}

#[test]
fn marks_on_directories_see_all_but_writes_through_links_from_outside() {
    let Some(proven) = proven(MarkChoice::Directories, Ground::Of(Kind::Tmpfs)) else { return };
    assert_eq!(proven.unseen().collect::<Vec<_>>(), [OperationUnderTest::LinkedWrite]);
}
