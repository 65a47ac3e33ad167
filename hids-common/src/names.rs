//! Names by which user space finds programs and maps in the BPF object.

/// Per-CPU array of `u64`: how often each [`Hook`](crate::counter::Hook) ran to its end.
pub const SEEN_MAP: &str = "SEEN";

/// Per-CPU array of `u64`: events given up, one slot for each hook and reason.
pub const DROPPED_MAP: &str = "DROPPED";

/// LSM program that does nothing; loading it tells whether the kernel takes LSM programs at all.
pub const LSM_PROBE: &str = "lsm_probe";

/// The hook that [`LSM_PROBE`] is made for.
pub const LSM_PROBE_HOOK: &str = "file_open";

/// Hash map of [`Process`](crate::record::Process) by number: every living process.
pub const PROCESSES_MAP: &str = "PROCESSES";

/// Ring of [records](crate::record).
pub const EVENTS_MAP: &str = "EVENTS";
