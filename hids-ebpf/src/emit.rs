//! How an event leaves a hook: counted as seen, or counted as dropped under its reason.

use aya_ebpf::maps::PerCpuArray;
use hids_common::counter::{DropReason, Hook, drop_slot};

use crate::maps::{DROPPED, SEEN};

/// Books a drop and gives the value that every tracing program returns.
#[inline(always)]
pub fn outcome(hook: Hook, result: Result<(), DropReason>) -> i32 {
    if let Err(reason) = result {
        // A missing drop counter leaves nothing to count with; its size is fixed by the same crate.
        let _ = increment(&DROPPED, drop_slot(hook, reason));
    }
    0
}

/// Counts one finished event of `hook`.
#[inline(always)]
pub fn count(hook: Hook) -> Result<(), DropReason> {
    increment(&SEEN, hook.slot())
}

#[inline(always)]
fn increment(map: &PerCpuArray<u64>, slot: u32) -> Result<(), DropReason> {
    let counter = map.get_ptr_mut(slot).ok_or(DropReason::MissingSlot)?;
    // SAFETY: the kernel returned the address of this processor's own 8-byte slot, and a program is
    // not interrupted by another run of itself on the same processor.
    unsafe { *counter += 1 };
    Ok(())
}
