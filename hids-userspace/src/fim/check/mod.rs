//! A check without a daemon: what `<syscheck>` names is compared once with an accepted baseline.
//!
//! The baseline is only read, and never the daemon's own file: what is compared with is in memory ([`Frozen`]), taken
//! from a snapshot that a running daemon writes, from a copy of the store, or from a signed export. With a [`Tree`] all
//! paths are those of an image or a mounted system. Written is only where that is asked (`monitor::begin_offline`,
//! `monitor::accept_offline`), and not while a daemon runs.
//!

mod copy;
mod frozen;
mod lookup;
mod run;

pub(crate) use copy::{CopyError, copy_store, snapshot_of};
pub(crate) use frozen::{Frozen, Meaning};
pub(crate) use run::{Checked, Finding, run};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hids_core::fim::{Policy, PolicyDef};

use super::examine::Tree;
use super::policy::{policy_def, policy_def_in};
use crate::config::{Paths, SyscheckConfig};

/// An absolute path without `.` and `..`.
pub(crate) fn plain(path: &Path) -> PathBuf {
    lookup::plain(path)
}

/// What `<syscheck>` names, with what of `baseline` its wildcards stood for.
pub(crate) fn policy(tree: Option<&Tree>, syscheck: &SyscheckConfig, paths: &Paths, baseline: &Frozen) -> Arc<Policy> {
    let has_wildcards =
        syscheck.directories.iter().any(|directory| directory.root.iter().any(|byte| b"*?[".contains(byte)));
    let known = if has_wildcards { baseline.directories() } else { Vec::new() };
    let def: PolicyDef = match tree {
        Some(tree) => policy_def_in(tree, syscheck, paths, false, &known),
        None => policy_def(syscheck, paths, false, &known),
    };
    Arc::new(Policy::compile(def))
}
