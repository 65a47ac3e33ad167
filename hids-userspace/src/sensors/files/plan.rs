//! Which filesystems the watched trees are on, and where those are mounted.

use rustix::fs::{Mode, OFlags, open};

use super::mounts::is_entered;
use super::paths::{below, join};
use super::roots::{Root, Roots, as_path};
use crate::platform::mountinfo::{Device, MountLine, mount_id};

/// One filesystem with watched files on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PlannedFilesystem {
    /// Its device.
    pub(super) device: Device,
    /// Its type.
    pub(super) kind: Vec<u8>,
    /// The mounts through which watched paths lead to it.
    pub(super) points: Vec<Point>,
    /// What of the watched trees is on it.
    pub(super) parts: Vec<Part>,
}

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Point {
    /// Its number.
    pub(super) id: u64,
    /// Where it is.
    pub(super) path: Vec<u8>,
}

/// A root, or what of it lies below another mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The root, as the policy has it.
    pub(super) root: Vec<u8>,
    /// Where the part begins, as the policy has it.
    pub(super) subtree: Vec<u8>,
    /// The same without links.
    pub(super) real: Vec<u8>,
    /// Number of the mount that it is reached through.
    pub(super) mount: u64,
    /// Device and inode number of the root, if it is there.
    pub(super) identity: Option<(u64, u64)>,
}

/// Finds the filesystems of all roots.
pub(super) fn plan(roots: &Roots, mounts: &[MountLine]) -> Vec<PlannedFilesystem> {
    let mut planned = Vec::new();
    for root in &roots.list {
        if let Some(mount) = mounts.iter().find(|mount| is_reached_at(mount, &root.anchor)) {
            add(&mut planned, mount, Some(part(root, root.path.clone(), root.real.clone(), mount)));
        }
        for mount in mounts {
            let Some(rest) = below(&root.real, &mount.point).filter(|rest| !rest.is_empty()) else { continue };
            let subtree = join(&root.path, rest);
            let counts = roots.policy.enters(&subtree) && is_entered(mount, roots.policy.skips_nfs());
            if counts && is_reached_at(mount, &mount.point) {
                add(&mut planned, mount, Some(part(root, subtree, mount.point.clone(), mount)));
            }
        }
    }
    for way in roots.way_directories() {
        if let Some(mount) = mounts.iter().find(|mount| is_reached_at(mount, &way)) {
            add(&mut planned, mount, None);
        }
    }
    planned
}

fn part(root: &Root, subtree: Vec<u8>, real: Vec<u8>, mount: &MountLine) -> Part {
    Part { root: root.path.clone(), subtree, real, mount: mount.id, identity: root.identity }
}

/// Adds a part of a watched tree, or only the mount that leads to one.
fn add(planned: &mut Vec<PlannedFilesystem>, mount: &MountLine, part: Option<Part>) {
    let place = planned.iter().position(|filesystem| filesystem.device == mount.device).unwrap_or_else(|| {
        planned.push(PlannedFilesystem {
            device: mount.device,
            kind: mount.kind.clone(),
            ..PlannedFilesystem::default()
        });
        planned.len() - 1
    });
    let filesystem = &mut planned[place];
    if !filesystem.points.iter().any(|point| point.id == mount.id) {
        filesystem.points.push(Point { id: mount.id, path: mount.point.clone() });
    }
    // Below two roots of which one holds the other, a mount is one part.
    if let Some(part) = part.filter(|part| !filesystem.parts.iter().any(|known| known.subtree == part.subtree)) {
        filesystem.parts.push(part);
    }
}

/// Whether `path` leads to this mount, and not to one that was mounted over it.
fn is_reached_at(mount: &MountLine, path: &[u8]) -> bool {
    below(&mount.point, path).is_some()
        && open(as_path(path), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            .is_ok_and(|file| mount_id(&file).is_ok_and(|id| id == mount.id))
}
