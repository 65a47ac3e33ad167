//! The programs under test: from `HIDS_BIN_DIR`, or built here.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();

/// Takes the programs from `directory` rather than from where [`directory`] would; before its first call.
pub fn take_from(directory: PathBuf) {
    // Set before = used already, and two builds must not be mixed.
    let _ = DIRECTORY.set(directory);
}

/// The directory that holds `hidsd` and `hidsctl`.
///
/// `cargo test` does not build another package's programs, so without `HIDS_BIN_DIR` they are built
/// once per test program.
///
/// # Panics
/// When they cannot be built: no test could say anything then.
pub fn directory() -> &'static Path {
    DIRECTORY.get_or_init(|| match std::env::var_os("HIDS_BIN_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => build(),
    })
}

/// The daemon.
///
/// # Panics
/// See [`directory`].
pub fn hidsd() -> PathBuf {
    directory().join("hidsd")
}

/// The daemon with planted faults: it crashes at lines that ask for it (`hids-core/src/faults.rs`).
///
/// # Panics
/// When it cannot be built.
pub fn hidsd_with_faults() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            cargo_build(&["--features", "faults", "--bin", "hidsd-faults"], "hidsd with planted faults");
            built_directory().join("hidsd-faults")
        })
        .clone()
}

/// Its control program.
///
/// # Panics
/// See [`directory`].
pub fn hidsctl() -> PathBuf {
    directory().join("hidsctl")
}

/// The root of the source tree: `HIDS_SOURCE_ROOT` where the tests run on another machine than they were built on, else
/// where they were built.
pub fn source_root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| match std::env::var_os("HIDS_SOURCE_ROOT") {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/")).to_path_buf(),
    })
}

fn build() -> PathBuf {
    cargo_build(&["--bins"], "hidsd and hidsctl");
    built_directory()
}

fn cargo_build(what: &[&str], name: &str) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "hids-userspace"]).args(what).current_dir(source_root());
    // What cargo tells the test of its own package would be a reason to build dependencies (`ring`) anew.
    let told = |name: &str| name.starts_with("CARGO_") && !matches!(name, "CARGO_HOME" | "CARGO_TARGET_DIR");
    std::env::vars_os()
        .filter(|(name, _)| name.to_str().is_some_and(told))
        .for_each(|(name, _)| _ = command.env_remove(name));
    let status = command.status();
    assert!(status.is_ok_and(|status| status.success()), "cannot build {name}");
}

fn built_directory() -> PathBuf {
    target().join("debug")
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    let root = source_root();
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir))
}
