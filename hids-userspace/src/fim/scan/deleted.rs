//! Detects deleted paths: baseline entries that no longer exist.

use hids_core::model::FileKind;

use super::plan::join;
use super::worker::Worker;
use super::{Difference, NotScanned};
use crate::fim::Entry;
use crate::platform::clock::now;

/// Entries asked for at a time.
const PIECE: usize = 256;

/// Nothing is at `path`, nor below it.
pub(super) fn deleted(worker: &mut Worker<'_>, path: &[u8], old: Option<Entry>) {
    let Some(old) = old else {
        // Not known itself, but perhaps what was below it (a directory that is not watched, its files are).
        return below(worker, path.to_vec());
    };
    let holds_none = old.state.as_ref().is_some_and(|state| state.kind != FileKind::Directory);
    report_deleted(worker, path, old);
    if !holds_none {
        below(worker, path.to_vec());
    }
}

/// Tells of everything known below `directory` that it is gone, without a look: its directory is.
pub(super) fn below(worker: &mut Worker<'_>, directory: Vec<u8>) {
    let mut directories = vec![directory];
    let mut path = Vec::new();
    while let Some(directory) = directories.pop() {
        let mut after: Option<Vec<u8>> = None;
        loop {
            if !worker.pacer.may_continue() {
                return;
            }
            let children = match worker.scan.known.children(&directory, after.as_deref(), PIECE) {
                Ok(children) => children,
                Err(error) => {
                    worker.not_scanned(directory, NotScanned::Baseline(error));
                    break;
                }
            };
            let count = children.len();
            after = children.last().map(|(name, _)| name.clone());
            for (name, entry) in children {
                join(&directory, &name, &mut path);
                // A root of its own is looked at on its own.
                if worker.scan.policy.is_root(&path) {
                    continue;
                }
                if entry.state.as_ref().is_none_or(|state| state.kind == FileKind::Directory) {
                    directories.push(path.clone());
                }
                report_deleted(worker, &path, entry);
            }
            worker.send_if_many();
            if count < PIECE {
                break;
            }
        }
    }
}

fn report_deleted(worker: &mut Worker<'_>, path: &[u8], old: Entry) {
    let Some(state) = &old.state else { return };
    // What is not watched any more is not gone.
    if worker.scan.policy.watch_of(path, state.kind.into()).is_none() {
        return;
    }
    let difference = Difference { path: path.to_vec(), old: Some(old), new: None, read: now(), unread: None };
    worker.differences.push(difference);
}
