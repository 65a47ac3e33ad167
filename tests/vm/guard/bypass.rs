//! Every attempt on a protected tree: blocked and reported when enforced, reported otherwise.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use hids_userspace::sensors::guard::GuardMode;

use super::attempts::{ATTEMPTS, Attempt};
use hids_tests::image::Kind;

use super::fixture::{Base, Case, Locked, is_possible};
use crate::results;

/// What the kernel itself never lets anybody do.
const IMPOSSIBLE: &[&str] = &["memfd and linkat"];

/// What tmpfs of some kernels cannot do, guard or no guard.
const NOT_ON_TMPFS: &[&str] = &["chattr", "open by file handle"];

#[test]
fn every_attempt_on_a_locked_tree_of_ext4_is_refused_and_told() {
    attempts(GuardMode::Enforce, Kind::Ext4);
}

#[test]
fn every_attempt_on_a_locked_tree_of_tmpfs_is_refused_and_told() {
    attempts(GuardMode::Enforce, Kind::Tmpfs);
}

#[test]
fn every_attempt_on_a_locked_tree_of_xfs_is_refused_and_told() {
    attempts(GuardMode::Enforce, Kind::Xfs);
}

#[test]
fn every_attempt_on_a_locked_tree_of_btrfs_is_refused_and_told() {
    attempts(GuardMode::Enforce, Kind::Btrfs);
}

#[test]
fn every_attempt_on_a_monitored_tree_happens_and_is_told() {
    attempts(GuardMode::Monitor, Kind::Ext4);
}

fn attempts(mode: GuardMode, ground: Kind) {
    if !is_possible() {
        return;
    }
    let base = Base::new(ground);
    let cases: Vec<(&Attempt, Case)> =
        ATTEMPTS.iter().map(|attempt| (attempt, Case::new(&base, &plain(attempt.name)))).collect();
    let locked = Locked::new(mode, &[base.tree()], Vec::new());
    let before = Fingerprint::of(&base.tree());
    let mut failures = Vec::new();
    for (attempt, case) in &cases {
        let start = std::time::Instant::now();
        let outcome = (attempt.run)(case);
        let result = match judge(attempt, case, mode, ground, &outcome, &locked) {
            Ok(result) => result,
            Err(why) => {
                failures.push(format!("{}: {why}", attempt.name));
                format!("**{why}**")
            }
        };
        println!("{}: {result} ({outcome:?}), {} ms", attempt.name, start.elapsed().as_millis());
        results::cell(&section(mode, ground), attempt.name, &result);
    }
    if mode == GuardMode::Enforce {
        let after = Fingerprint::of(&base.tree());
        failures.extend(before.differences(&after).map(|path| format!("{} was changed", path.display())));
    }
    let report = locked.report();
    println!("judged {:?}, dropped {:?}, problems {:?}", report.judged, report.dropped, report.problems);
    failures.extend(report.problems.iter().map(|problem| format!("not wholly protected: {problem}")));
    drop(cases);
    drop(locked);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is said in the table, or what is wrong.
fn judge(
    attempt: &Attempt,
    case: &Case,
    mode: GuardMode,
    ground: Kind,
    outcome: &io::Result<()>,
    locked: &Locked,
) -> Result<String, String> {
    let name = attempt.name;
    if IMPOSSIBLE.contains(&name) {
        return match outcome {
            Ok(()) => Err("happened, though no kernel allows it".to_owned()),
            Err(_) => Ok("never possible".to_owned()),
        };
    }
    if ground == Kind::Tmpfs && NOT_ON_TMPFS.contains(&name) && outcome.as_ref().is_err_and(|why| !is_refusal(why)) {
        return Ok("not on tmpfs".to_owned());
    }
    match (mode, outcome) {
        (GuardMode::Enforce, Ok(())) => return Err("happened".to_owned()),
        (GuardMode::Enforce, Err(why)) if !is_refusal(why) => return Err(format!("failed otherwise: {why}")),
        (GuardMode::Monitor, Err(why)) => return Err(format!("was to happen: {why}")),
        _ => {}
    }
    // The directory of a file that was opened by handle may be known or not.
    let (inside, by_handle) = (path_bytes(&case.inside), name == "open by file handle");
    let refused = mode == GuardMode::Enforce;
    let told = locked.told(|told| told.refused == refused && (by_handle || told.path.starts_with(&inside)));
    let told = told.ok_or("nobody was told")?;
    if told.who.pid != std::process::id() || told.who.uid != Some(0) || told.who.executable != own_executable() {
        return Err(format!("told of somebody else: {:?}", told.who));
    }
    Ok(if refused { "refused, told" } else { "told" }.to_owned())
}

fn is_refusal(why: &io::Error) -> bool {
    why.raw_os_error() == Some(libc::EPERM)
}

fn own_executable() -> Vec<u8> {
    path_bytes(&fs::read_link("/proc/self/exe").expect("an executable"))
}

fn path_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}

fn plain(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

fn section(mode: GuardMode, ground: Kind) -> String {
    let mode = if mode == GuardMode::Enforce { "enforce" } else { "monitor" };
    format!("Guard: mode {mode}, {}", ground.name())
}

/// Everything about a tree that an attempt could change.
struct Fingerprint(BTreeMap<PathBuf, State>);

/// Mode, owner, inode, nanoseconds of the last change of content and of anything, content.
type State = (u32, u32, u64, i64, i64, Vec<u8>);

impl Fingerprint {
    fn of(tree: &Path) -> Self {
        let mut found = BTreeMap::new();
        let mut waiting = vec![tree.to_path_buf()];
        while let Some(path) = waiting.pop() {
            let metadata = fs::symlink_metadata(&path).expect("an entry");
            let content = if metadata.is_file() { fs::read(&path).expect("content") } else { Vec::new() };
            if metadata.is_dir() {
                waiting.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
            }
            let is_new = (
                metadata.mode(),
                metadata.uid(),
                metadata.ino(),
                metadata.mtime_nsec(),
                metadata.ctime_nsec(),
                content,
            );
            found.insert(path, is_new);
        }
        Self(found)
    }

    fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a PathBuf> {
        let all = self.0.keys().chain(other.0.keys().filter(|path| !self.0.contains_key(*path)));
        all.filter(|path| self.0.get(*path) != other.0.get(*path))
    }
}
