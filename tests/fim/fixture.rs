//! A daemon that watches a tree of its own, and what it tells of it.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use hids_tests::alone::in_own_process;
use hids_tests::daemon::{Daemon, wait_for};
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

/// Watched as it is usual; `@TREE@` is the watched directory.
pub(crate) const REALTIME: &str = r#"<directories check_all="yes" realtime="yes">@TREE@</directories>"#;

/// Files for [`Fim::fence`], which takes two each time.
const FENCES: usize = 80;

/// Rules that an administrator knows.
pub(crate) mod rule {
    /// A watched file changed; for the second and third time.
    pub(crate) const CHANGED: [u64; 3] = [550, 551, 552];
    /// A watched file was deleted.
    pub(crate) const DELETED: u64 = 553;
    /// A file was added.
    pub(crate) const ADDED: u64 = 554;
    /// Changes may have been missed.
    pub(crate) const GAP: u64 = 99_100;
    /// They have been looked for.
    pub(crate) const GAP_CLOSED: u64 = 99_101;
    /// Changes were accepted.
    pub(crate) const ACCEPTED: u64 = 99_104;
    /// The baseline is damaged.
    pub(crate) const DAMAGE: u64 = 99_107;
}

/// A daemon with a watched tree. All paths are without symbolic links.
pub(crate) struct Fim {
    pub daemon: Daemon,
    tree: PathBuf,
    fences: usize,
    read: RefCell<Read>,
    /// Held together with the other daemons, so that nobody floods the kernel meanwhile.
    quiet: fs::File,
}

/// What of `alerts.json` has been read already: of many thousand alerts the old ones do not change.
#[derive(Default)]
struct Read {
    /// By which daemon they were written; the next one may begin with cutting the file back.
    daemon: Option<u32>,
    bytes: u64,
    alerts: Vec<FimAlert>,
    /// Whether others are not kept: a million do not fit into memory.
    only_fences: bool,
}

impl Fim {
    /// A daemon whose `<syscheck>` holds `syscheck`; `@TREE@` in it is [`tree`](Self::tree). Not started.
    pub(crate) fn new(syscheck: &str) -> Self {
        let daemon = Daemon::new("");
        let top = daemon.path("").canonicalize().expect("a real path");
        let fim = Self { tree: top.join("tree"), daemon, fences: 0, read: RefCell::default(), quiet: quiet() };
        fs::create_dir(&fim.tree).expect("the watched tree");
        fs::create_dir(fim.outside("")).expect("a tree beside it");
        fs::create_dir(fim.daemon.path("fences")).expect("a second watched tree");
        for number in 0..FENCES {
            fs::write(fim.daemon.path(&format!("fences/{number}")), "x").expect("a file");
        }
        fim.configure(syscheck);
        fim
    }

    /// Waits until no other daemon of these tests runs, for as long as this one is there: what follows makes the kernel
    /// drop records of processes for all of them.
    pub(crate) fn be_alone(&self) {
        flock(&self.quiet, FlockOperation::LockExclusive).expect("the others end");
    }

    /// One that watches with [`REALTIME`] and the given files; started, its baseline made.
    pub(crate) fn with_files(files: &[(&str, &str)]) -> Self {
        Self::started(REALTIME, files)
    }

    /// The same with another `<syscheck>`.
    pub(crate) fn started(syscheck: &str, files: &[(&str, &str)]) -> Self {
        let mut fim = Self::new(syscheck);
        files.iter().for_each(|(name, content)| fim.write(name, content));
        fim.start();
        fim
    }

    /// Replaces `<syscheck>`.
    pub(crate) fn configure(&self, syscheck: &str) {
        let fences = self.tree.with_file_name("fences");
        let text = format!(
            "<syscheck>{}<directories check_all=\"yes\" realtime=\"yes\">{}</directories></syscheck>\
             <rootcheck><disabled>yes</disabled></rootcheck>",
            syscheck
                .replace("@TREE@", &self.tree.to_string_lossy())
                .replace("@BESIDE@", &self.outside("").to_string_lossy()),
            fences.display()
        );
        self.daemon.configure(&text);
    }

    /// Starts the daemon and waits for the end of its first scans.
    pub(crate) fn start(&mut self) {
        self.daemon.start();
        self.calm();
    }

    /// A path in the watched tree.
    pub(crate) fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.tree.join(Path::new(name.as_ref()))
    }

    /// A path on the same filesystem that is not watched.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.tree.with_file_name("beside").join(name)
    }

    /// Writes a file of the tree, with the directories above it.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("below the tree")).expect("a directory");
        fs::write(path, content).expect("a file");
    }

    /// Waits until no scan, look or notice is under way.
    pub(crate) fn calm(&self) {
        wait_for("file integrity to be at rest", || {
            let status = self.status()?;
            let none = |key: &str| status[key].as_array().is_none_or(Vec::is_empty);
            let zero = |key: &str| status[key].as_u64() == Some(0);
            (none("scans")
                && none("gaps")
                && zero("pending")
                && zero("unreported")
                && status["entries"].as_u64() > Some(0))
            .then_some(())
        });
    }

    /// Waits until everything that was done before is in `alerts.json`.
    ///
    /// Events come in order: when a later one is told, earlier ones have come. Once nothing waits any more,
    /// they have been told, and when another one is recorded, they are.
    pub(crate) fn fence(&mut self) {
        let paths = [0, 1].map(|one| self.tree.with_file_name("fences").join((self.fences + one).to_string()));
        self.fences += paths.len();
        for path in paths {
            fs::write(&path, "fence").expect("a fence");
            wait_for("the alert of the fence", || (!self.alerts_of(&path).is_empty()).then_some(()));
            self.calm();
        }
    }

    /// `hidsctl fim` with these arguments.
    pub(crate) fn hidsctl(&self, arguments: &[&str]) -> Output {
        self.daemon.hidsctl(&[&["fim"], arguments].concat())
    }

    /// What it prints, which has to be a success.
    pub(crate) fn answer(&self, arguments: &[&str]) -> String {
        let output = self.hidsctl(arguments);
        assert!(output.status.success(), "hidsctl fim {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("answers are UTF-8")
    }

    /// `hidsctl fim status --json`.
    pub(crate) fn status(&self) -> Option<Value> {
        self.daemon.hidsctl_json(&["fim", "status"])
    }

    /// Alerts of file integrity, oldest first.
    pub(crate) fn alerts(&self) -> Vec<FimAlert> {
        let mut read = self.read.borrow_mut();
        if read.daemon != self.daemon.pid() {
            *read = Read { daemon: self.daemon.pid(), only_fences: read.only_fences, ..Read::default() };
        }
        let Read { bytes, alerts, only_fences, .. } = &mut *read;
        let fences = shown(&self.tree.with_file_name("fences"));
        *bytes += self.each_alert_after(*bytes, |alert| {
            if !*only_fences || alert.path().starts_with(&fences) {
                alerts.push(alert);
            }
        });
        alerts.clone()
    }

    /// Hands on what `alerts.json` holds after so many bytes, one by one; gives how many more were read.
    fn each_alert_after(&self, bytes: u64, mut take: impl FnMut(FimAlert)) -> u64 {
        let Ok(mut file) = fs::File::open(self.daemon.path("logs/alerts/alerts.json")) else { return 0 };
        file.seek(SeekFrom::Start(bytes)).expect("a place in the file");
        let (mut lines, mut line, mut whole) = (BufReader::new(file), Vec::new(), 0);
        while lines.read_until(b'\n', &mut line).expect("alerts.json is readable") > 0 {
            // The last line may be under way.
            if !line.ends_with(b"\n") {
                break;
            }
            whole += line.len() as u64;
            let alert: Value = serde_json::from_slice(&line).expect("a line of alerts.json is JSON");
            if alert["SyscheckFile"].is_object() {
                take(FimAlert(alert));
            }
            line.clear();
        }
        whole
    }

    /// Hands on all alerts of file integrity, oldest first, and keeps none.
    pub(crate) fn each_alert(&self, take: impl FnMut(FimAlert)) {
        self.each_alert_after(0, take);
    }

    /// From now on only alerts of fences are kept; [`each_alert`](Self::each_alert) gives the others.
    pub(crate) fn keep_only_fences(&self) {
        *self.read.borrow_mut() = Read { only_fences: true, ..Read::default() };
    }

    /// Those of one path.
    pub(crate) fn alerts_of(&self, path: &Path) -> Vec<FimAlert> {
        let path = shown(path);
        self.alerts().into_iter().filter(|alert| alert.path() == path).collect()
    }

    /// Those of paths in the tree, as rule and name.
    pub(crate) fn tree_alerts(&self) -> Vec<(u64, String)> {
        let tree = format!("{}/", shown(&self.tree));
        let of_tree = |alert: &FimAlert| Some((alert.rule(), alert.path().strip_prefix(&tree)?.to_owned()));
        self.alerts().iter().filter(|alert| !alert.0["SyscheckFile"]["changes"].is_null()).filter_map(of_tree).collect()
    }

    /// Does something, waits, and gives the alerts that came of it.
    pub(crate) fn alerts_after(&mut self, change: impl FnOnce(&Self)) -> Vec<FimAlert> {
        let before = self.alerts().len();
        change(self);
        self.fence();
        let fences = shown(&self.tree.with_file_name("fences"));
        let mut new = self.alerts().split_off(before);
        // On a busy machine the kernel's queue may overflow at any time, which is told as a gap.
        new.retain(|alert| alert.number("changes").is_some() && !alert.path().starts_with(&fences));
        new
    }

    /// The one alert that came of a change.
    pub(crate) fn alert_after(&mut self, change: impl FnOnce(&Self)) -> FimAlert {
        let mut alerts = self.alerts_after(change);
        assert_eq!(alerts.len(), 1, "one alert is wanted: {alerts:#?}");
        alerts.remove(0)
    }

    /// Every path in the baseline below the tree, with its entry.
    pub(crate) fn baseline(&self) -> Vec<Value> {
        let listed = self.answer(&["list", &self.tree.to_string_lossy(), "--json"]);
        listed.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
    }

    /// Checks that no notice was alerted twice.
    pub(crate) fn assert_no_alert_twice(&self) {
        let mut seen = HashSet::new();
        self.each_alert(|alert| {
            assert!(seen.insert(alert.0["SyscheckFile"]["sequence"].as_u64()), "twice: {:#}", alert.0);
        });
    }
}

/// The file by whose lock the daemons of these tests, which may be in several processes, know of one another.
fn quiet() -> fs::File {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(folder).expect("the directory of the tests");
    let file = fs::File::create(folder.join("fim-quiet")).expect("a file");
    flock(&file, FlockOperation::LockShared).expect("nobody is alone for ever");
    file
}

/// A path as it stands in JSON.
pub(crate) fn shown(path: &Path) -> String {
    String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned()
}

/// An alert of file integrity.
#[derive(Clone, Debug)]
pub(crate) struct FimAlert(pub Value);

impl FimAlert {
    /// The rule's number.
    pub(crate) fn rule(&self) -> u64 {
        self.0["rule"]["sidid"].as_u64().unwrap_or_default()
    }

    /// Which file.
    pub(crate) fn path(&self) -> &str {
        self.0["SyscheckFile"]["path"].as_str().unwrap_or_default()
    }

    /// A value of the part on the file; empty when there is none.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.0["SyscheckFile"][key].as_str().unwrap_or_default()
    }

    /// The same for numbers.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.0["SyscheckFile"][key].as_u64()
    }

    /// Process number of whoever did it.
    pub(crate) fn pid(&self) -> Option<u64> {
        self.0["SyscheckFile"]["who"]["pid"].as_u64()
    }
}

/// Runs the test `name` (with its module) with mounts of its own: true in there. Outside the test is over when it comes
/// back.
pub(crate) fn in_own_mounts(name: &str) -> bool {
    in_own_process(name, &["unshare", "--mount", "--propagation", "private"])
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: &[&OsStr]) {
    let output = std::process::Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    assert!(output.status.success(), "{program}: {output:?}");
}

/// Sets the time of the last change of the content.
pub(crate) fn set_modified(path: &Path, age: Duration) {
    let file = fs::File::options().write(true).open(path).expect("the file");
    let time = std::time::SystemTime::now() - age;
    file.set_times(fs::FileTimes::new().set_modified(time).set_accessed(time)).expect("the times");
}
