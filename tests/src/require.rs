//! What a test needs, and what happens where it is missing: the test reports that it is skipped and passes, unless
//! `HIDS_REQUIRE` (a list such as `root,bpf,machine,packages,shared,smtp,vm`, set by CI) says that it must be there.
//!
//! Unit tests use this too. It is the only place where a skip is reported, so that `cargo xtask test` can count it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The file that collects skips for `cargo xtask test`: libtest shows nothing of what a passing test printed.
const SKIPS: &str = "HIDS_SKIPS";

/// Whether the test must not be skipped for lack of `what`.
pub fn is_required(what: &str) -> bool {
    std::env::var("HIDS_REQUIRE").is_ok_and(|list| list.split(',').any(|entry| entry.trim() == what))
}

/// Reports that a test cannot run here; fails it if `HIDS_REQUIRE` names `what`.
///
/// # Panics
/// When `what` is required: that is how a test fails.
pub fn skip(what: &str, reason: &str) {
    assert!(!is_required(what), "HIDS_REQUIRE names {what}, but {reason}");
    println!("skipped: {reason}");
    let Some(file) = std::env::var_os(SKIPS) else { return };
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    let line = format!("{what}\t{test}\t{}\n", reason.replace(['\n', '\t'], " "));
    // A test that has given up root or sees another tree cannot write there: it has still printed it.
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(file) {
        let _ = file.write_all(line.as_bytes());
    }
}

/// True if this is root; otherwise reports that the test is skipped. `if !require::root() { return; }`
///
/// # Panics
/// When `HIDS_REQUIRE` names `root` and this is not root.
pub fn root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skip("root", "needs root for namespaces and BPF");
    }
    is_root
}

/// True if all `programs` can be found; otherwise reports that the test is skipped.
///
/// # Panics
/// When one is missing and `HIDS_REQUIRE` names `what`.
pub fn programs(what: &str, programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    let directories: Vec<PathBuf> = std::env::split_paths(&path).chain(system).collect();
    let missing = programs.iter().find(|program| !directories.iter().any(|dir| dir.join(program).is_file()));
    if let Some(program) = missing {
        skip(what, &format!("{program} is not installed (cargo xtask test installs it)"));
    }
    missing.is_none()
}

/// The directory with other projects' reference data, if there is one: `HIDS_SHARED`, else `shared`
/// beside the checkout. Otherwise reports that the test is skipped.
///
/// # Panics
/// When there is none and `HIDS_REQUIRE` names `shared`.
pub fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let directory = std::env::var_os("HIDS_SHARED").map_or(beside, PathBuf::from);
    if directory.is_dir() {
        return Some(directory);
    }
    skip("shared", "no reference data (set HIDS_SHARED)");
    None
}
