//! Counters that user space reads.

use aya_ebpf::maps::PerCpuArray;
use hids_common::guard::{GuardDrop, GuardOperation};

use super::maps::{GUARD_DROPPED, JUDGED};

/// Counts something given up.
#[inline(always)]
pub fn drop(reason: GuardDrop) {
    increment(&GUARD_DROPPED, reason as u32);
}

/// Counts a judgement.
#[inline(always)]
pub fn judged(operation: GuardOperation) {
    increment(&JUDGED, operation.code());
}

#[inline(always)]
fn increment(map: &PerCpuArray<u64>, slot: u32) {
    if let Some(counter) = map.get_ptr_mut(slot) {
        // SAFETY: the kernel gave the address of this processor's own slot. A nested run of another
        // program may lose one count.
        unsafe { *counter += 1 };
    }
}
