//! What crosses the kernel boundary, and nothing else: names, counter slots, sizes.
//!
//! Both sides compile this crate, so a program and the daemon that loads it always agree. It is
//! `no_std`, decides nothing and allocates nothing. User space turns the feature `user` on.
#![no_std]

pub mod counter;
pub mod guard;
pub mod limits;
pub mod names;
pub mod record;
#[cfg(feature = "user")]
pub mod user;
