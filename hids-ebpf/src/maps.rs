//! Every map of the object. Their names are in `hids_common::names`.

use aya_ebpf::{
    macros::map,
    maps::{HashMap, PerCpuArray, RingBuf},
};
use hids_common::counter::{DROP_SLOTS, Hook};
use hids_common::limits::{MAX_PROCESSES, RING_BYTES};
use hids_common::record::{Cgroup, Exec, Process};

/// Events each hook brought to their end.
#[map]
pub static SEEN: PerCpuArray<u64> = PerCpuArray::with_max_entries(Hook::COUNT, 0);

/// Events given up, by hook and reason.
#[map]
pub static DROPPED: PerCpuArray<u64> = PerCpuArray::with_max_entries(DROP_SLOTS, 0);

/// Every living process by its number.
#[map]
pub static PROCESSES: HashMap<u32, Process> = HashMap::with_max_entries(MAX_PROCESSES, 0);

/// Records for user space.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// Where a record of a program's start is put together: too large for the stack.
#[map]
pub static EXEC_SCRATCH: PerCpuArray<Exec> = PerCpuArray::with_max_entries(1, 0);

/// The same for records of control groups.
#[map]
pub static CGROUP_SCRATCH: PerCpuArray<Cgroup> = PerCpuArray::with_max_entries(1, 0);
