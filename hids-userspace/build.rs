//! Puts the BPF object into the daemon, if it has been built (`cargo xtask build-ebpf`).
//!
//! The object is part of the program, not a file beside it: the two can then never disagree about
//! maps and counters. Without it the daemon builds all the same and says what it lacks.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rustc-check-cfg=cfg(hids_bpf_object)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=HIDS_BPF_OBJECT");
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    let object = object_path();
    // Cargo looks at the time of the directory, so it must be there even before the object is; when
    // it cannot be made, cargo only runs this program more often.
    let directory = object.parent().map(Path::to_path_buf).unwrap_or_default();
    let _ = fs::create_dir_all(&directory);
    println!("cargo::rerun-if-changed={}", directory.display());
    if !object.is_file() {
        return;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("hids-ebpf.o");
    match fs::copy(&object, &out) {
        Ok(_) => println!("cargo::rustc-cfg=hids_bpf_object"),
        Err(error) => println!("cargo::error=cannot copy {}: {error}", object.display()),
    }
}

/// `HIDS_BPF_OBJECT`, else where `cargo xtask build-ebpf` puts it.
fn object_path() -> PathBuf {
    if let Some(path) = env::var_os("HIDS_BPF_OBJECT") {
        return PathBuf::from(path);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is inside the workspace");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    target.join("bpf/hids-ebpf.o")
}
