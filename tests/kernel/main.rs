//! Tests that need root and the kernel: BPF programs, namespaces, real servers.

mod lab;
mod sensors;
