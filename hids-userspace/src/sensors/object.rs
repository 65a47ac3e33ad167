//! The BPF objects inside this program, if they were there when the program was built.

/// The sensors' object.
#[cfg(hids_bpf_object)]
pub(super) const OBJECT: Option<&[u8]> = Some(aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/hids-ebpf.o")));

/// The sensors' object was not there.
#[cfg(not(hids_bpf_object))]
pub(super) const OBJECT: Option<&[u8]> = None;

/// The guard's object.
#[cfg(hids_guard_object)]
pub(super) const GUARD_OBJECT: Option<&[u8]> =
    Some(aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/hids-guard.o")));

/// The guard's object was not there.
#[cfg(not(hids_guard_object))]
pub(super) const GUARD_OBJECT: Option<&[u8]> = None;
