//! The kernel's handle of a file.

/// As the kernel writes it: header and data.
pub(super) type Handle = Box<[u8]>;
