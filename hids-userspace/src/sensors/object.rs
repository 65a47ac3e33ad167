//! The BPF object inside this program, if it was there when the program was built.

/// The object's bytes.
#[cfg(hids_bpf_object)]
pub const OBJECT: Option<&[u8]> = Some(aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/hids-ebpf.o")));

/// The object was left out.
#[cfg(not(hids_bpf_object))]
pub const OBJECT: Option<&[u8]> = None;
