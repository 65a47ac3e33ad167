//! Every map of the guard's object. Their names are in `hids_common::guard`; all are pinned.

use aya_ebpf::bindings::BPF_F_NO_PREALLOC;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf};
use hids_common::guard::{FileKey, GuardDrop, GuardOperation, PROTECTED_SLOTS, STATE_SLOTS, WriterKey};

/// What is protected, with flags.
#[map]
pub static PROTECTED: HashMap<FileKey, u32> = HashMap::with_max_entries(PROTECTED_SLOTS, BPF_F_NO_PREALLOC);

/// Filesystems that have something protected: on all others nothing is looked at.
#[map]
pub static DEVICES: HashMap<u32, u32> = HashMap::with_max_entries(1024, 0);

/// Executables that may change what is protected, with flags.
#[map]
pub static ALLOWED: HashMap<FileKey, u32> = HashMap::with_max_entries(1024, 0);

/// Descendants of allowed executables: process number, and when it started (numbers are used again).
#[map]
pub static MARKED: HashMap<u32, u64> = HashMap::with_max_entries(32_768, 0);

/// Mode and mount namespace.
#[map]
pub static STATE: Array<u32> = Array::with_max_entries(STATE_SLOTS, 0);

/// Judgements for user space.
#[map]
pub static REFUSALS: RingBuf = RingBuf::with_byte_size(1 << 20, 0);

/// Judgements by operation, told or not.
#[map]
pub static JUDGED: PerCpuArray<u64> = PerCpuArray::with_max_entries(GuardOperation::COUNT, 0);

/// What was given up, by reason.
#[map]
pub static GUARD_DROPPED: PerCpuArray<u64> = PerCpuArray::with_max_entries(GuardDrop::COUNT, 0);

/// When a process was last told of writing to a file.
#[map]
pub static WRITERS: LruHashMap<WriterKey, u64> = LruHashMap::with_max_entries(4096, 0);
