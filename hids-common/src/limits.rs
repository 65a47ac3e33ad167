//! Sizes and special numbers that both sides know.

/// What a number that user space sets at load time is when the kernel has no such field. Never 0,
/// which is the offset of a struct's first member.
pub const ABSENT: u32 = u32::MAX;
