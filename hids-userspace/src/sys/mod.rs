//! Every raw system call and every `unsafe` block of user space, behind safe wrappers that work on
//! owned descriptors and give `io::Result`.
#![allow(unsafe_code)]

pub mod adopt;
pub mod btrfs;
pub mod crash;
pub mod fanotify;
pub mod file_operations;
pub mod files;
pub mod memory;
pub mod netlink;
pub mod nftables;
