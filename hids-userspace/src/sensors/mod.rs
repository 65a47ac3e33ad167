//! Kernel sensors: eBPF counters, feature probes.
