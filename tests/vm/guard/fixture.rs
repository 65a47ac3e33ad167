//! A protected tree, what lies beside it, and the guard on it.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use hids_core::model::Refusal;
use hids_tests::image::{Kind, Mounted};
use hids_tests::{require, wait};
use hids_userspace::sensors::guard::{self, AllowedProgram, Guard, GuardHandle, GuardMode, GuardOptions, GuardReport};
use hids_userspace::sensors::who::Procfs;

/// Where the tests pin.
pub(super) const PINS: &str = "/sys/fs/bpf/hids-test";

/// A directory of the test's own, with its filesystem.
#[derive(Debug)]
pub(super) struct Base {
    path: PathBuf,
    // Taken away before the directory is.
    mounted: Mounted,
    _directory: tempfile::TempDir,
}

impl Base {
    /// On btrfs, the subvolume `@` is mounted, as on most machines.
    pub(super) fn new(kind: Kind) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let root = fs::canonicalize(directory.path()).expect("its path");
        let (point, image) = (root.join("ground"), root.join("image"));
        fs::create_dir(&point).expect("a mount point");
        let mut mounted = Mounted::new(kind, &image, &point);
        if kind == Kind::Btrfs {
            run("btrfs", &["subvolume", "create", &text(&point.join("@"))]);
            mounted.unmount();
            mounted = Mounted::mount(kind, &image, &point, "subvol=@");
        }
        let path = point.join("parent");
        fs::create_dir(&path).expect("a directory");
        Self { path, mounted, _directory: directory }
    }

    /// The directory that holds everything; a way to the tree leads through it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The tree that is protected.
    pub(super) fn tree(&self) -> PathBuf {
        self.path.join("tree")
    }

    /// Its filesystem.
    pub(super) const fn mounted(&self) -> &Mounted {
        &self.mounted
    }
}

pub(super) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().expect("a program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}

pub(super) fn text(path: &Path) -> String {
    path.to_str().expect("a path of the test's own").to_owned()
}

/// Whether the guard can work in this kernel; otherwise says that the test is skipped.
pub(super) fn is_possible() -> bool {
    static OBSTACLE: OnceLock<Option<String>> = OnceLock::new();
    if !require::root() {
        return false;
    }
    let obstacle = OBSTACLE.get_or_init(obstacle);
    if let Some(why) = obstacle {
        require::skip("lsm", why);
    }
    obstacle.is_none()
}

/// Why the guard cannot work in this kernel, found out once.
fn obstacle() -> Option<String> {
    // Leftovers of a test that failed.
    guard::unlock(Path::new(PINS)).expect("no pins");
    let (sender, _) = bounded(1);
    match Guard::start(options(GuardMode::Monitor, Vec::new(), Vec::new()), sender) {
        Ok(handle) => {
            drop(handle);
            None
        }
        Err(why) => Some(format!("the guard does not work in this kernel: {why:?}")),
    }
}

pub(super) fn options(mode: GuardMode, trees: Vec<PathBuf>, allow: Vec<AllowedProgram>) -> GuardOptions {
    GuardOptions { mode, trees, allow, pins: PINS.into(), processes: Arc::new(Procfs::default()) }
}

/// A guard that refuses nothing any more when it is dropped.
pub(super) struct Locked {
    pub handle: Option<GuardHandle>,
    pub refusals: Receiver<Refusal>,
}

impl Locked {
    pub(super) fn new(mode: GuardMode, trees: &[PathBuf], allow: Vec<AllowedProgram>) -> Self {
        let (sender, refusals) = bounded(4096);
        let start = Instant::now();
        let handle = Guard::start(options(mode, trees.to_vec(), allow), sender).expect("the guard starts");
        println!("the guard started within {} ms", start.elapsed().as_millis());
        let locked = Self { handle: Some(handle), refusals };
        // Only then are files with several hard links protected, which are searched for.
        wait::until("the guard's first look", wait::PATIENCE, || locked.report().looks > 0).expect("a look");
        locked
    }

    pub(super) fn report(&self) -> GuardReport {
        self.handle.as_ref().expect("a guard").report()
    }

    /// The next refusal that `is_meant`.
    pub(super) fn told(&self, is_meant: impl Fn(&Refusal) -> bool) -> Option<Refusal> {
        let patience = Instant::now() + Duration::from_secs(5);
        while let Ok(refusal) = self.refusals.recv_deadline(patience) {
            if is_meant(&refusal) {
                return Some(refusal);
            }
        }
        None
    }
}

impl Drop for Locked {
    /// The programs stay, as the kernel takes long to check them; the next guard takes them over.
    fn drop(&mut self) {
        drop(self.handle.take());
        guard::set_mode(Path::new(PINS), GuardMode::Monitor).expect("nothing is refused any more");
    }
}

/// Files of one attempt, made before there is a guard.
pub(super) struct Case {
    /// A directory of its own in the tree: `file`, `empty/`, `full/inner`, `xattr`, `linked` (also
    /// outside), `link` (symbolic).
    pub inside: PathBuf,
    /// A directory of its own outside: `file`, `linked`, `full/`.
    pub outside: PathBuf,
    /// `file` inside, opened for reading and writing before there was a guard.
    pub old: File,
}

impl Case {
    pub(super) fn new(base: &Base, name: &str) -> Self {
        let inside = base.tree().join(name);
        let outside = base.path().join("outside").join(name);
        for directory in [inside.join("empty"), inside.join("full"), outside.join("full"), outside.join("empty")] {
            fs::create_dir_all(directory).expect("a directory");
        }
        let content = [b'x'; 5000];
        for file in [inside.join("file"), inside.join("full/inner"), inside.join("xattr"), outside.join("file")] {
            fs::write(file, content).expect("a file");
        }
        fs::write(inside.join("linked"), content).expect("a file");
        fs::hard_link(inside.join("linked"), outside.join("linked")).expect("a link");
        std::os::unix::fs::symlink("file", inside.join("link")).expect("a symbolic link");
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(inside.join("xattr"), c"trusted.test", b"value", flags).expect("an attribute");
        let old = OpenOptions::new().read(true).write(true).open(inside.join("file")).expect("a descriptor");
        Self { inside, outside, old }
    }
}
