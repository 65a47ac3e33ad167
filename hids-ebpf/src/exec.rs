//! Processes that start a program and processes that end.

use aya_ebpf::programs::RawTracePointContext;
use hids_common::counter::{DropReason, Hook};

use crate::emit;

/// A process has replaced its program.
#[inline(always)]
pub fn on_exec(_ctx: &RawTracePointContext) -> Result<(), DropReason> {
    emit::count(Hook::Exec)
}

/// A thread has ended.
#[inline(always)]
pub fn on_exit(_ctx: &RawTracePointContext) -> Result<(), DropReason> {
    emit::count(Hook::Exit)
}
