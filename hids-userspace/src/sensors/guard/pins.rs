//! Pins: names in the BPF filesystem that keep programs attached and maps alive without the daemon.
//!
//! Below the directory of pins each version of the object has a directory of its own,
//! `guard-DIGEST-NUMBER`, with one pin for each map and each attached program. It is whole when the
//! pin `whole` is there, which is made last.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::error::GuardError;
use crate::sensors::object::GUARD_OBJECT;

/// The last pin: one more of the map of modes.
pub(super) const WHOLE: &str = "whole";

/// What attached programs are pinned as, before the name of their hook.
pub(super) const LINK: &str = "link-";

/// The guard of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PinDirectory {
    /// Where.
    pub path: PathBuf,
    /// Whether all pins were made.
    pub is_whole: bool,
    /// How many programs are attached.
    pub links: usize,
}

/// The beginning of the names of this version's directories; `None` without an object.
pub(super) fn version() -> Option<String> {
    let digest = Sha256::digest(GUARD_OBJECT?);
    let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Some(format!("guard-{digits}-"))
}

/// Every guard that is pinned below `pins`, of whichever version.
pub(super) fn all(pins: &Path) -> Result<Vec<PinDirectory>, GuardError> {
    let error = |source| GuardError::Pins { path: pins.to_path_buf(), source };
    let entries = match fs::read_dir(pins) {
        Ok(entries) => entries,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(error(source)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(error)?.path();
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"guard-")) {
            let names: Vec<_> = fs::read_dir(&path).map_err(error)?.filter_map(Result::ok).collect();
            let is_link = |entry: &fs::DirEntry| entry.file_name().as_encoded_bytes().starts_with(LINK.as_bytes());
            let is_whole = names.iter().any(|entry| entry.file_name() == WHOLE);
            found.push(PinDirectory { path, is_whole, links: names.iter().filter(|entry| is_link(entry)).count() });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Makes a directory for a new guard of this version.
pub(super) fn make(pins: &Path, version: &str) -> Result<PathBuf, GuardError> {
    let error = |source| GuardError::Pins { path: pins.to_path_buf(), source };
    fs::create_dir_all(pins).map_err(error)?;
    for number in 0_u32.. {
        let path = pins.join(format!("{version}{number}"));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(error(source)),
        }
    }
    Err(error(io::Error::from(io::ErrorKind::AlreadyExists)))
}

/// Removes a guard; its programs are detached. It must be switched off, as it protects its own pins.
pub(super) fn remove(directory: &Path) -> Result<(), GuardError> {
    fs::remove_dir_all(directory).map_err(|source| GuardError::Pins { path: directory.to_path_buf(), source })
}
