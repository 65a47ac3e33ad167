//! Control groups: their path when they are made, because a container's is gone when somebody asks.

use aya_ebpf::helpers::generated::bpf_probe_read_kernel_str;
use aya_ebpf::programs::RawTracePointContext;
use hids_common::counter::{DropReason, Hook};
use hids_common::limits::MAX_PATH_BYTES;
use hids_common::record::{CgroupHead, Kind};

use crate::emit;
use crate::maps::CGROUP_SCRATCH;
use crate::offsets::*;

/// A control group was made.
#[inline(always)]
pub fn on_mkdir(ctx: &RawTracePointContext) -> Result<(), DropReason> {
    let (group, path) = (ctx.arg::<Address>(0), ctx.arg::<Address>(1));
    let root: Address = read(group, &CGROUP_ROOT)?;
    // Version 1 hierarchies number their groups anew.
    if read::<u32>(root, &CGROUP_ROOT_HIERARCHY)? != 0 {
        return Ok(());
    }
    let node: Address = read(group, &CGROUP_KN)?;
    let id: u64 = read(node, &KERNFS_ID)?;
    let record = CGROUP_SCRATCH.get_ptr_mut(0).ok_or(DropReason::MissingSlot)?;
    // SAFETY: the buffer is this processor's own map value; the helper checks the source itself.
    let written = unsafe { bpf_probe_read_kernel_str((&raw mut (*record).path).cast(), MAX_PATH_BYTES as u32, path) };
    if written <= 0 {
        return Err(DropReason::Unreadable);
    }
    // Without the NUL.
    let bytes = (written as usize - 1) & MAX_PATH_BYTES;
    let head = CgroupHead { kind: Kind::Cgroup as u32, path_bytes: bytes as u32, id };
    // SAFETY: as above.
    unsafe { (&raw mut (*record).head).write(head) };
    emit::send(record.cast(), size_of::<CgroupHead>() + bytes)?;
    emit::count(Hook::CgroupMkdir)
}
