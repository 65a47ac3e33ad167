//! The fields that the programs at the process tracepoints read.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use super::offsets::{Field, Offsets};
use super::types::KernelTypes;
use crate::sensors::Degradation;

/// The number of the machine's first PID namespace (`PROC_PID_INIT_INO` of the kernel).
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;

/// Globals of `hids-ebpf/src/offsets.rs`.
pub(super) const PROCESS_FIELDS: &[Field] = &[
    Field::required("TASK_PID", &["task_struct.pid"]),
    Field::required("TASK_TGID", &["task_struct.tgid"]),
    Field::required("TASK_GROUP_LEADER", &["task_struct.group_leader"]),
    Field::required("TASK_REAL_PARENT", &["task_struct.real_parent"]),
    // Renamed in Linux 5.5.
    Field::required("TASK_START", &["task_struct.start_boottime", "task_struct.real_start_time"]),
    Field::required("TASK_COMM", &["task_struct.comm"]),
    Field::required("TASK_CRED", &["task_struct.cred"]),
    Field::optional("TASK_LOGINUID", &["task_struct.loginuid"]),
    Field::optional("TASK_SESSIONID", &["task_struct.sessionid"]),
    Field::required("TASK_SIGNAL", &["task_struct.signal"]),
    Field::required("TASK_MM", &["task_struct.mm"]),
    Field::required("TASK_FS", &["task_struct.fs"]),
    Field::required("TASK_NSPROXY", &["task_struct.nsproxy"]),
    Field::required("TASK_THREAD_PID", &["task_struct.thread_pid"]),
    Field::required("TASK_CHILDREN", &["task_struct.children"]),
    Field::required("CRED_UID", &["cred.uid"]),
    Field::required("CRED_EUID", &["cred.euid"]),
    Field::required("CRED_GID", &["cred.gid"]),
    Field::required("SIGNAL_LIVE", &["signal_struct.live"]),
    Field::required("MM_EXE_FILE", &["mm_struct.exe_file"]),
    Field::required("FILE_MNT", &["file.f_path.mnt"]),
    Field::required("FILE_DENTRY", &["file.f_path.dentry"]),
    Field::required("DENTRY_PARENT", &["dentry.d_parent"]),
    Field::required("DENTRY_NAME", &["dentry.d_name.name"]),
    Field::required("DENTRY_PPREV", &["dentry.d_hash.pprev"]),
    Field::required("VFSMOUNT_ROOT", &["vfsmount.mnt_root"]),
    Field::required("MOUNT_MNT", &["mount.mnt"]),
    Field::required("MOUNT_PARENT", &["mount.mnt_parent"]),
    Field::required("MOUNT_MOUNTPOINT", &["mount.mnt_mountpoint"]),
    Field::required("FS_ROOT_MNT", &["fs_struct.root.mnt"]),
    Field::required("FS_ROOT_DENTRY", &["fs_struct.root.dentry"]),
    Field::required("NSPROXY_MNT_NS", &["nsproxy.mnt_ns"]),
    Field::required("MNT_NS_INUM", &["mnt_namespace.ns.inum"]),
    Field::required("PID_LEVEL", &["pid.level"]),
    Field::required("PID_NUMBERS", &["pid.numbers"]),
    Field::required("UPID_NR", &["upid.nr"]),
    Field::required("UPID_NS", &["upid.ns"]),
    Field::required("PID_NS_INUM", &["pid_namespace.ns.inum"]),
    Field::optional("CGROUP_KN", &["cgroup.kn"]),
    Field::optional("CGROUP_ROOT", &["cgroup.root"]),
    Field::optional("CGROUP_ROOT_HIERARCHY", &["cgroup_root.hierarchy_id"]),
    // A union of numbers until Linux 5.5, the whole at its beginning all the same.
    Field::optional("KERNFS_ID", &["kernfs_node.id"]),
];

/// The numbers for [`PROCESS_FIELDS`] and what else those programs want to know.
pub(super) fn process_offsets(types: &KernelTypes) -> Result<Offsets, Degradation> {
    let mut offsets = Offsets::resolve(types, PROCESS_FIELDS)?;
    let size = types.size("upid").ok_or_else(|| Degradation::MissingFields(vec!["upid".to_owned()]))?;
    offsets.push("UPID_SIZE", size);
    if let Some(namespace) = own_pid_namespace() {
        offsets.push("OWN_PID_NS", namespace);
    }
    Ok(offsets)
}

/// The number of this process' PID namespace, unless that is the machine's own.
fn own_pid_namespace() -> Option<u32> {
    let number = fs::metadata("/proc/self/ns/pid").ok()?.ino();
    u32::try_from(number).ok().filter(|_| number != FIRST_PID_NAMESPACE)
}
