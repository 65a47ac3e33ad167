//! Looks at one file: what it is, who owns it, the sums of its content.
//!
//! Owns the way to a file (no symbolic link is ever followed on it) and to its content. Named pipes,
//! sockets and devices are never opened. Compares nothing and keeps nothing.

mod examined;

pub use examined::{ExamineOptions, Examined, Unread, examine};
