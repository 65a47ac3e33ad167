//! Sizes and special numbers that both sides know.

/// What a number that user space sets at load time is when the kernel has no such field. Never 0,
/// which is the offset of a struct's first member.
pub const ABSENT: u32 = u32::MAX;

/// Longest path that a record carries. A longer one is cut off.
pub const MAX_PATH_BYTES: usize = 4095;

/// Longest name of a file with its NUL.
pub const NAME_BYTES: usize = 256;

/// Room for a path: the last name may begin at the last byte that counts.
pub const PATH_BUFFER_BYTES: usize = MAX_PATH_BYTES + 1 + NAME_BYTES;

/// Most steps from a file up to the root: names and mount points together.
pub const MAX_PATH_STEPS: u32 = 160;

/// Entries of the map of living processes. More than this many are looked up in `/proc`.
pub const MAX_PROCESSES: u32 = 32_768;

/// Bytes of the ring that takes records to user space; some 20,000 starts of programs with their ends.
pub const RING_BYTES: u32 = 4 << 20;

/// A reader is woken once this many bytes wait, or when it asks for them itself.
pub const RING_WAKE_BYTES: u64 = 512 << 10;

/// Length of the clock ticks in which `/proc` tells times (`USER_HZ` is 100 everywhere).
pub const CLOCK_TICK_NANOSECONDS: u64 = 10_000_000;
