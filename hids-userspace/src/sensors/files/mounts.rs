//! What is mounted where, from `/proc/thread-self/mountinfo` (proc_pid_mountinfo(5)): as the thread that asks sees it.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;

use crate::platform::mountinfo::{self, MountLine};

/// Filesystems whose files the kernel makes up: never entered from above, and without events.
const PSEUDO: &[&[u8]] = &[
    b"autofs",
    b"binfmt_misc",
    b"bpf",
    b"cgroup",
    b"cgroup2",
    b"configfs",
    b"debugfs",
    b"devpts",
    b"efivarfs",
    b"fusectl",
    b"hugetlbfs",
    b"mqueue",
    b"nsfs",
    b"proc",
    b"pstore",
    b"rpc_pipefs",
    b"securityfs",
    b"selinuxfs",
    b"sysfs",
    b"tracefs",
];

/// Network filesystems, which `skip_nfs` leaves out: their servers do not report writes of others.
const NETWORK: &[&[u8]] = &[b"nfs", b"nfs4", b"cifs", b"smb3", b"smbfs", b"9p", b"ceph", b"afs", b"fuse.sshfs"];

/// Whether a tree is watched across this mount, when it lies below a root.
pub(super) fn is_entered(mount: &MountLine, skips_network: bool) -> bool {
    let kind = mount.kind.as_slice();
    // Devices come and go all the time: whoever wants to know makes `/dev` a root.
    !is_pseudo(kind) && kind != b"devtmpfs" && !(skips_network && NETWORK.contains(&kind))
}

/// Whether the kernel makes the files of such a filesystem up.
pub(super) fn is_pseudo(kind: &[u8]) -> bool {
    PSEUDO.contains(&kind)
}

/// The table, kept open: it reports when it changes.
#[derive(Debug)]
pub(super) struct MountTable(File);

impl MountTable {
    pub(super) fn open() -> io::Result<Self> {
        File::open("/proc/thread-self/mountinfo").map(Self)
    }

    /// The mounts as they are now.
    pub(super) fn read() -> io::Result<Vec<MountLine>> {
        fs::read("/proc/thread-self/mountinfo").map(|text| mountinfo::parse(&text).collect())
    }
}

impl AsFd for MountTable {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_makes_up_is_not_entered_and_network_mounts_only_if_wanted() {
        let of_kind = |kind: &str| {
            let line = format!("36 35 98:0 / /mnt rw - {kind} x rw\n");
            mountinfo::parse(line.as_bytes()).next().expect("a mount")
        };
        assert!(is_entered(&of_kind("ext4"), true) && is_entered(&of_kind("nfs4"), false));
        assert!(!is_entered(&of_kind("nfs4"), true));
        assert!(!is_entered(&of_kind("proc"), false) && !is_entered(&of_kind("devtmpfs"), false));
    }
}
