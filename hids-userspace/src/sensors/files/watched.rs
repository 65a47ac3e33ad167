//! What is watched: the roots of the policy, and the filesystems that they are on.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;

use hids_core::fim::Policy;
use hids_core::model::GapCause;

use super::event_sender::EventSender;
use super::filesystem::Filesystem;
use super::plan::Part;
use super::report::{FilesReport, RootReport};
use super::roots::Roots;
use crate::platform::mountinfo::Device;

/// Roots and filesystems; a filesystem is named by its place in the list.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) roots: Roots,
    pub(super) filesystems: Vec<Filesystem>,
}

impl Watched {
    /// The roots of `policy`; no filesystem is open yet.
    pub(super) fn new(policy: Arc<Policy>) -> Self {
        Self { roots: Roots::find(policy), filesystems: Vec::new() }
    }

    /// Every part of a watched tree.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.filesystems.iter().flat_map(|filesystem| &filesystem.planned.parts)
    }

    /// The filesystem on this device.
    pub(super) fn find(&self, device: Device) -> Option<usize> {
        self.filesystems.iter().position(|filesystem| filesystem.planned.device == device)
    }

    /// The groups to wait for, each with the number of its filesystem.
    pub(super) fn groups(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        let numbered = self.filesystems.iter().enumerate();
        numbered.filter_map(|(number, filesystem)| Some((number, filesystem.group.as_ref()?.as_fd())))
    }

    /// Whether directories still wait for their marks.
    pub(super) fn is_marking(&self) -> bool {
        self.filesystems.iter().any(|filesystem| filesystem.unmarked > 0 || !filesystem.deferred.is_empty())
    }

    /// Events of this filesystem are missing: everything watched on it has to be compared.
    pub(super) fn report_lost(&self, number: usize, cause: GapCause, out: &mut EventSender) {
        let Some(filesystem) = self.filesystems.get(number) else { return };
        for part in &filesystem.planned.parts {
            out.gap(&part.subtree, cause);
        }
    }

    /// Adds marks and roots to a report.
    pub(super) fn add_to(&self, report: &mut FilesReport) {
        for filesystem in &self.filesystems {
            report.directories_known += filesystem.directories_known();
            report.directories_marked += filesystem.tree.len() as u64;
            report.roots.extend(filesystem.planned.parts.iter().map(|part| root_report(filesystem, part)));
        }
    }
}

fn root_report(filesystem: &Filesystem, part: &Part) -> RootReport {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let point = filesystem.planned.points.iter().find(|point| point.id == part.mount);
    RootReport {
        root: text(&part.subtree),
        mount: point.map(|point| text(&point.path)).unwrap_or_default(),
        filesystem: text(&filesystem.planned.kind),
        marks: filesystem.marks,
        reason: filesystem.reason.clone(),
        overflows: filesystem.overflows,
    }
}
