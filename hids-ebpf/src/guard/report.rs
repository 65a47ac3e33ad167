//! Reports a decision to user space: process, operation and path.

use aya_ebpf::helpers::{
    bpf_get_current_comm, bpf_ktime_get_ns,
    generated::{bpf_get_current_cgroup_id, bpf_ktime_get_boot_ns, bpf_probe_read_kernel_str},
};
use hids_common::guard::{
    EXECUTABLE_BYTES, EXECUTABLE_CUT, FileKey, GuardDrop, GuardOperation, GuardRecord, MAX_NAMES, NAME_BYTES,
    PATH_BYTES, PATH_CUT, REFUSED, WriterKey,
};

use super::count;
use super::maps::{REFUSALS, WRITERS};
use super::offsets::*;
use super::process;
use super::read::{Address, field, inode_of, key, key_on, pointer};

/// A process that goes on writing to a file is told of once in this time.
const REPEAT_NS: u64 = 1_000_000_000;

/// Nobody logged in.
const NOBODY: u32 = u32::MAX;

/// Whether a write by this process to this file was told of within the last second.
#[inline(always)]
pub fn is_repeated(dentry: Address) -> bool {
    let writer = WriterKey { file: key(inode_of(dentry)), pid: process::pid(), zero: 0 };
    // SAFETY: no argument, a number comes back.
    let now = unsafe { bpf_ktime_get_ns() };
    // SAFETY: a number that is read once.
    if unsafe { WRITERS.get(writer) }.is_some_and(|last| now.wrapping_sub(*last) < REPEAT_NS) {
        return true;
    }
    // Without the entry the write is told of once more.
    let _ = WRITERS.insert(writer, now, 0);
    false
}

/// Sends the record of one judgement.
#[inline(always)]
pub fn send(operation: GuardOperation, dentry: Address, protected: &FileKey, refused: bool) {
    count::judged(operation);
    let Some(mut entry) = REFUSALS.reserve::<GuardRecord>(0) else {
        return count::drop(GuardDrop::RingFull);
    };
    let record = entry.as_mut_ptr();
    // SAFETY: the kernel gave room for exactly this struct, and each field of it is written here; the
    // two byte arrays up to the length that says how far.
    unsafe {
        (*record).protected = *protected;
        (*record).operation = operation.code();
        (*record).zero = 0;
        who(record);
        let (path_bytes, path_cut) = names(&raw mut (*record).path as *mut u8, PATH_BYTES, dentry, protected);
        (*record).path_bytes = path_bytes;
        let mut flags = if refused { REFUSED } else { 0 };
        if path_cut {
            flags |= PATH_CUT;
        }
        let file = process::executable();
        (*record).executable = process::executable_key();
        let program = if file.is_null() { file } else { pointer(file, &G_FILE_DENTRY) };
        let (bytes, cut) =
            names(&raw mut (*record).executable_path as *mut u8, EXECUTABLE_BYTES, program, &FileKey::new(0, 0));
        (*record).executable_bytes = bytes;
        if cut {
            flags |= EXECUTABLE_CUT;
        }
        (*record).flags = flags;
    }
    entry.submit(0);
}

/// # Safety
/// `record` is a whole record that may be written.
#[inline(always)]
unsafe fn who(record: *mut GuardRecord) {
    let task = process::current();
    // The objective credentials: overlayfs and others work under borrowed ones.
    let cred = pointer(task, &G_TASK_CRED);
    let optional = |offset: &'static u32| if is_there(offset) { field::<u32>(task, offset) } else { NOBODY };
    // SAFETY: the caller's promise; the helpers take nothing.
    unsafe {
        (*record).time_ns = bpf_ktime_get_boot_ns();
        (*record).cgroup = bpf_get_current_cgroup_id();
        (*record).pid = process::pid();
        (*record).parent = field(pointer(task, &G_TASK_PARENT), &G_TASK_TGID);
        (*record).uid = field(cred, &G_CRED_UID);
        (*record).gid = field(cred, &G_CRED_GID);
        (*record).euid = field(cred, &G_CRED_EUID);
        (*record).login_uid = optional(&G_TASK_LOGINUID);
        (*record).session = optional(&G_TASK_SESSION);
        (*record).command = bpf_get_current_comm().unwrap_or_default();
    }
}

/// Writes the names from `dentry` up to, and without, the directory `end` or the filesystem's root.
/// Returns the bytes written and whether names are missing.
///
/// # Safety
/// `room` has `size` bytes: a power of two and `NAME_BYTES`.
#[inline(always)]
unsafe fn names(room: *mut u8, size: usize, dentry: Address, end: &FileKey) -> (u32, bool) {
    let divided = end.subvolume != 0;
    let mut here = dentry;
    let mut used = 0_usize;
    for _ in 0..MAX_NAMES {
        // A root directory has the same number in each subvolume: the whole key counts.
        let is_end = end.inode != 0 && key_on(end.device, divided, inode_of(here)) == *end;
        let parent = pointer(here, &G_DENTRY_PARENT);
        // Without a dentry both are null.
        if is_end || parent == here {
            return (used as u32, false);
        }
        if used >= size - NAME_BYTES {
            return (used as u32, true);
        }
        let name = pointer(here, &G_DENTRY_NAME);
        // The verifier forgets the comparison above when it has put the number aside. It believes a
        // mask, which the compiler would leave out if it knew the number.
        // SAFETY: a local variable.
        let at = unsafe { core::ptr::read_volatile(&used) } & (size - NAME_BYTES - 1);
        // SAFETY: NAME_BYTES bytes are left behind `at`; the helper checks the address it reads.
        let length = unsafe { bpf_probe_read_kernel_str(room.add(at).cast(), NAME_BYTES as u32, name.cast()) };
        if length <= 0 || length > NAME_BYTES as i64 {
            return (used as u32, true);
        }
        used += length as usize;
        here = parent;
    }
    (used as u32, true)
}
