//! Tests that need a kernel of their own: `cargo xtask test vm` runs them as root under QEMU on
//! Debian's kernels. On a machine whose kernel refuses LSM programs they say so and skip.

mod files;
mod guard;
mod guest;
mod raw;
mod results;
mod who;
