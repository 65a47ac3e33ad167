//! Event output of a hook: counted as seen, or as dropped with its reason.

use core::ffi::c_void;

use aya_ebpf::bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};
use aya_ebpf::helpers::generated::bpf_ringbuf_output;
use aya_ebpf::maps::PerCpuArray;
use hids_common::counter::{DropReason, Hook, drop_slot};
use hids_common::limits::RING_WAKE_BYTES;

use crate::maps::{DROPPED, EVENTS, SEEN};

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

/// Copies a record into the ring.
///
/// The reader is woken only when many bytes wait: whoever asks about a process reads the ring first,
/// so nothing is lost by that, and a machine that starts many programs is not kept busy by it.
#[inline(always)]
pub fn send(record: *const c_void, bytes: usize) -> Result<(), DropReason> {
    let waiting = EVENTS.query(u64::from(BPF_RB_AVAIL_DATA));
    let wake = if waiting >= RING_WAKE_BYTES { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP };
    // SAFETY: `record` points to at least `bytes` bytes that are written; the verifier checks that.
    let sent = unsafe {
        bpf_ringbuf_output((&raw const EVENTS).cast_mut().cast(), record.cast_mut(), bytes as u64, wake.into())
    };
    if sent == 0 { Ok(()) } else { Err(DropReason::RingFull) }
}

#[inline(always)]
fn increment(map: &PerCpuArray<u64>, slot: u32) -> Result<(), DropReason> {
    let counter = map.get_ptr_mut(slot).ok_or(DropReason::MissingSlot)?;
    // SAFETY: the kernel returned the address of this processor's own 8-byte slot, and a program is
    // not interrupted by another run of itself on the same processor.
    unsafe { *counter += 1 };
    Ok(())
}
