//! Every raw system call and every `unsafe` block of user space, behind safe wrappers that work on
//! owned descriptors and give `io::Result`.
#![expect(unsafe_code, reason = "the one place for it")]

pub(crate) mod adopt;
pub(crate) mod btrfs;
pub(crate) mod crash;
pub(crate) mod fanotify;
pub(crate) mod file_operations;
pub(crate) mod files;
pub(crate) mod memory;
pub mod netlink;
pub mod nftables;
