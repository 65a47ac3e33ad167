//! Where things are in the source tree.

use std::path::{Path, PathBuf};

/// The directory that holds the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the manifest of xtask is inside the workspace")
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// What `hids-ebpf` builds: the sensors, and the guard, which outlives the daemon.
pub(crate) const BPF_OBJECTS: [&str; 2] = ["hids-ebpf", "hids-guard"];

/// A BPF object that `hids-userspace/build.rs` puts into the daemon.
pub(crate) fn bpf_object(name: &str) -> PathBuf {
    target().join("bpf").join(format!("{name}.o"))
}
