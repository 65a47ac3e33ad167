//! The fields of kernel structs that the guard's programs read.

use hids_common::limits::ABSENT;

use crate::sensors::bpf::offsets::{Field, Offsets};

/// Every number that the guard's object wants. All are needed, but for what only tells more of who.
pub(super) const FIELDS: &[Field] = &[
    Field::required("G_FILE_DENTRY", &["file.f_path.dentry"]),
    Field::required("G_FILE_INODE", &["file.f_inode"]),
    Field::required("G_FILE_MODE", &["file.f_mode"]),
    Field::required("G_FILE_FLAGS", &["file.f_flags"]),
    Field::required("G_PATH_DENTRY", &["path.dentry"]),
    Field::required("G_PATH_MNT", &["path.mnt"]),
    Field::required("G_DENTRY_PARENT", &["dentry.d_parent"]),
    Field::required("G_DENTRY_INODE", &["dentry.d_inode"]),
    Field::required("G_DENTRY_SB", &["dentry.d_sb"]),
    Field::required("G_DENTRY_NAME", &["dentry.d_name.name"]),
    Field::required("G_DENTRY_ALIAS", &["dentry.d_u.d_alias", "dentry.d_alias"]),
    Field::required("G_INODE_INO", &["inode.i_ino"]),
    Field::required("G_INODE_SB", &["inode.i_sb"]),
    Field::required("G_INODE_MODE", &["inode.i_mode"]),
    Field::required("G_INODE_NLINK", &["inode.i_nlink"]),
    Field::required("G_INODE_DENTRY", &["inode.i_dentry.first"]),
    Field::required("G_SB_DEV", &["super_block.s_dev"]),
    Field::required("G_SB_ROOT", &["super_block.s_root"]),
    Field::required("G_SB_MAGIC", &["super_block.s_magic"]),
    // Not there while btrfs is a module that is not loaded.
    Field::optional("G_BTRFS_INODE", &["btrfs_inode.vfs_inode"]),
    Field::optional("G_BTRFS_ROOT", &["btrfs_inode.root"]),
    Field::optional("G_BTRFS_NUMBER", &["btrfs_root.root_key.objectid"]),
    Field::required("G_TASK_MM", &["task_struct.mm"]),
    Field::required("G_TASK_FLAGS", &["task_struct.flags"]),
    Field::required("G_TASK_TGID", &["task_struct.tgid"]),
    Field::required("G_TASK_PID", &["task_struct.pid"]),
    Field::required("G_TASK_LEADER", &["task_struct.group_leader"]),
    // Renamed in 5.5.
    Field::required("G_TASK_START", &["task_struct.start_boottime", "task_struct.real_start_time"]),
    Field::required("G_TASK_PARENT", &["task_struct.real_parent"]),
    Field::required("G_TASK_CRED", &["task_struct.real_cred"]),
    Field::required("G_TASK_NSPROXY", &["task_struct.nsproxy"]),
    Field::optional("G_TASK_LOGINUID", &["task_struct.loginuid"]),
    Field::optional("G_TASK_SESSION", &["task_struct.sessionid"]),
    Field::required("G_CRED_UID", &["cred.uid"]),
    Field::required("G_CRED_GID", &["cred.gid"]),
    Field::required("G_CRED_EUID", &["cred.euid"]),
    Field::required("G_MM_EXE", &["mm_struct.exe_file"]),
    Field::required("G_VMA_FILE", &["vm_area_struct.vm_file"]),
    Field::required("G_VMA_FLAGS", &["vm_area_struct.vm_flags"]),
    Field::required("G_VFSMOUNT_ROOT", &["vfsmount.mnt_root"]),
    Field::required("G_MOUNT_MNT", &["mount.mnt"]),
    Field::required("G_MOUNT_GROUP", &["mount.mnt_group_id"]),
    Field::required("G_MOUNT_NS", &["mount.mnt_ns"]),
    Field::required("G_NSPROXY_MNT", &["nsproxy.mnt_ns"]),
    Field::required("G_MNT_NS_INUM", &["mnt_namespace.ns.inum"]),
    Field::required("G_IATTR_VALID", &["iattr.ia_valid"]),
];

/// Whether the programs will be able to tell subvolumes apart.
pub(super) fn tells_subvolumes(offsets: &Offsets) -> bool {
    ["G_BTRFS_INODE", "G_BTRFS_ROOT", "G_BTRFS_NUMBER"]
        .iter()
        .all(|global| offsets.number(global).is_some_and(|number| number != ABSENT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensors::bpf::types::KernelTypes;

    #[test]
    fn this_kernel_has_every_field() {
        let Ok(types) = KernelTypes::of_this_kernel() else { return };
        Offsets::resolve(&types, FIELDS).expect("every field");
    }
}
