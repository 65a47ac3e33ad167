//! Mounts: nothing is hidden, and no other way leads to a locked file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hids_userspace::sensors::guard::GuardMode;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_bind, mount_change,
    move_mount, open_tree, unmount,
};

use super::attempts::write_to;
use hids_tests::image::Kind;

use super::fixture::{Base, Locked, is_possible};
use crate::{raw, results};

fn tmpfs(over: &Path) -> io::Result<()> {
    Ok(mount(c"none", over, c"tmpfs", MountFlags::empty(), None::<&std::ffi::CStr>)?)
}

fn bind(from: &Path, to: &Path) -> io::Result<()> {
    Ok(mount_bind(from, to)?)
}

fn is_refused(result: &io::Result<()>) -> bool {
    result.as_ref().is_err_and(|why| why.raw_os_error() == Some(libc::EPERM))
}

/// In a mount namespace of its own.
fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(move || {
        raw::unshare_mounts().expect("a mount namespace");
        work()
    });
    thread.join().expect("a thread")
}

/// Says and remembers what came of one attempt.
struct Outcomes(Vec<String>);

impl Outcomes {
    fn refused(&mut self, name: &str, result: io::Result<()>) {
        let is = is_refused(&result);
        results::cell("Guard: mounts", name, if is { "refused" } else { "**not refused**" });
        if !is {
            self.0.push(format!("{name}: {result:?}"));
        }
    }

    fn happens(&mut self, name: &str, result: io::Result<()>) {
        results::cell("Guard: mounts", name, if result.is_ok() { "happens" } else { "**refused**" });
        if let Err(why) = result {
            self.0.push(format!("{name}: {why}"));
        }
    }
}

#[test]
fn nothing_is_mounted_over_a_locked_tree_and_no_mount_is_a_way_into_it() {
    if !is_possible() {
        return;
    }
    let base = Base::new(Kind::Ext4);
    let (tree, outside) = (base.tree(), base.path().join("outside"));
    for directory in [
        tree.join("inner"),
        tree.join("upper"),
        outside.join("alias"),
        outside.join("clone"),
        outside.join("lower"),
        outside.join("work"),
        outside.join("merged"),
    ] {
        fs::create_dir_all(directory).expect("a directory");
    }
    for file in [tree.join("file"), tree.join("upper/file"), outside.join("file")] {
        fs::write(file, "content").expect("a file");
    }
    let ground = base.path().parent().expect("a mount point").to_path_buf();
    let locked = Locked::new(GuardMode::Enforce, std::slice::from_ref(&tree), Vec::new());
    let mut outcomes = Outcomes(Vec::new());
    over(&mut outcomes, &base, &tree, &outside);
    aliases(&mut outcomes, &tree, &outside);
    outcomes.refused("rename of a directory above", fs::rename(base.path(), ground.join("moved")));
    outcomes.refused("umount of the filesystem", unmount(&ground, UnmountFlags::DETACH).map_err(io::Error::from));
    namespaces(&mut outcomes, &tree, &ground);
    overlay(&mut outcomes, &tree, &outside);
    drop(locked);
    for mounted in ["alias", "clone", "merged"] {
        // Those that were never mounted say so.
        let _ = unmount(outside.join(mounted), UnmountFlags::DETACH);
    }
    assert!(outcomes.0.is_empty(), "{}", outcomes.0.join("\n"));
}

fn over(outcomes: &mut Outcomes, base: &Base, tree: &Path, outside: &Path) {
    outcomes.refused("mount over the tree", tmpfs(tree));
    outcomes.refused("mount over a directory inside", tmpfs(&tree.join("inner")));
    outcomes.refused("mount over a directory above", tmpfs(base.path()));
    outcomes.refused("bind mount over a file inside", bind(&outside.join("file"), &tree.join("file")));
    outcomes.refused("move_mount over the tree", clone_to(outside, tree));
}

fn clone_to(from: &Path, to: &Path) -> io::Result<()> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let clone = open_tree(rustix::fs::CWD, from, flags)?;
    Ok(move_mount(&clone, c"", rustix::fs::CWD, to, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

fn aliases(outcomes: &mut Outcomes, tree: &Path, outside: &Path) {
    outcomes.happens("bind mount of the tree elsewhere", bind(tree, &outside.join("alias")));
    outcomes.refused("write through a bind mount", write_to(&outside.join("alias/file")));
    outcomes.refused("create through a bind mount", fs::create_dir(outside.join("alias/new")));
    outcomes.happens("clone of the tree elsewhere", clone_to(tree, &outside.join("clone")));
    outcomes.refused("write through a cloned mount", write_to(&outside.join("clone/file")));
}

fn namespaces(outcomes: &mut Outcomes, tree: &Path, ground: &Path) {
    let inside = tree.to_path_buf();
    outcomes.refused("write from another mount namespace", elsewhere(move || write_to(&inside.join("file"))));
    let inside = tree.to_path_buf();
    outcomes.happens("mount over the tree in another namespace, private", elsewhere(move || tmpfs(&inside)));
    mount_change(ground, MountPropagationFlags::SHARED).expect("a shared mount");
    let inside = tree.to_path_buf();
    outcomes.refused("mount over the tree in another namespace, shared", elsewhere(move || tmpfs(&inside)));
    assert!(tree.join("file").exists(), "nothing hides the tree");
}

/// An overlay whose upper directory is locked.
fn overlay(outcomes: &mut Outcomes, tree: &Path, outside: &Path) {
    let merged = outside.join("merged");
    let layers =
        [("lowerdir", outside.join("lower")), ("upperdir", tree.join("upper")), ("workdir", outside.join("work"))];
    let layers: Vec<String> = layers.iter().map(|(name, path)| format!("{name}={}", path.display())).collect();
    let options = std::ffi::CString::new(layers.join(",")).expect("options");
    let mounted = mount(c"none", &merged, c"overlay", MountFlags::empty(), Some(options.as_c_str()));
    if mounted.is_err() {
        // Refused even earlier: overlayfs marks its upper directory.
        return outcomes.refused("overlay with its upper directory in the tree", mounted.map_err(io::Error::from));
    }
    outcomes.refused("write through an overlay", write_to(&merged.join("file")));
    outcomes.refused("create through an overlay", fs::create_dir(merged.join("new")));
    outcomes.refused("unlink through an overlay", fs::remove_file(merged.join("file")));
    assert!(tree.join("upper/file").exists() && !tree.join("upper/new").exists());
}

#[test]
fn locked_tree_on_an_overlay_is_not_changed_through_its_upper_directory() {
    if !is_possible() {
        return;
    }
    let base = Base::new(Kind::Tmpfs);
    let parts = ["lower", "upper", "work", "merged"].map(|part| base.path().join(part));
    for part in &parts {
        fs::create_dir(part).expect("a directory");
    }
    let [lower, upper, work, merged] = parts;
    fs::create_dir(lower.join("etc")).expect("a directory");
    fs::write(lower.join("etc/old"), "content").expect("a file");
    let options = format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    let options = std::ffi::CString::new(options).expect("options");
    mount(c"none", &merged, c"overlay", MountFlags::empty(), Some(options.as_c_str())).expect("an overlay");
    let tree: PathBuf = merged.join("etc");
    fs::write(tree.join("new"), "content").expect("a file, and with it a copy of the directory");
    let locked = Locked::new(GuardMode::Enforce, std::slice::from_ref(&tree), Vec::new());
    let mut outcomes = Outcomes(Vec::new());
    outcomes.refused("write to a tree on an overlay", write_to(&tree.join("new")));
    outcomes.refused("write to a lower file of a tree on an overlay", write_to(&tree.join("old")));
    outcomes.refused("write through the upper directory", write_to(&upper.join("etc/new")));
    outcomes.refused("create in the upper directory", fs::create_dir(upper.join("etc/dir")));
    outcomes.refused("write through the lower directory", write_to(&lower.join("etc/old")));
    outcomes.happens("write beside the tree on the overlay", fs::write(merged.join("free"), "content"));
    drop(locked);
    unmount(&merged, UnmountFlags::DETACH).expect("the overlay is taken away");
    assert!(outcomes.0.is_empty(), "{}", outcomes.0.join("\n"));
}
