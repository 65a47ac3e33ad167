//! Every map of the object. Their names are in `hids_common::names`.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use hids_common::counter::{DROP_SLOTS, Hook};

/// Events each hook brought to their end.
#[map]
pub static SEEN: PerCpuArray<u64> = PerCpuArray::with_max_entries(Hook::COUNT, 0);

/// Events given up, by hook and reason.
#[map]
pub static DROPPED: PerCpuArray<u64> = PerCpuArray::with_max_entries(DROP_SLOTS, 0);
