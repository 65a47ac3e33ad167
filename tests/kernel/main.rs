//! Tests that need root and the kernel: BPF programs, namespaces, real servers.

mod end_to_end;
mod forged;
mod journal;
mod lab;
mod named_by_peer;
mod outputs;
mod own_log;
mod sensors;
mod who;
mod who_cost;
