//! Puts the BPF objects into the daemon, if they have been built (`cargo xtask build-ebpf`).
//!
//! They are part of the program, not files beside it: program and object can then never disagree
//! about maps and counters. Without them the daemon builds all the same and says what it lacks.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Each object, and the flag that says that it is there.
const OBJECTS: [(&str, &str); 2] = [("hids-ebpf.o", "hids_bpf_object"), ("hids-guard.o", "hids_guard_object")];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=HIDS_BPF_OBJECTS");
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    let directory = directory();
    // Cargo looks at the time of the directory, so it must be there even before the objects are; when
    // it cannot be made, cargo only runs this program more often.
    let _ = fs::create_dir_all(&directory);
    println!("cargo::rerun-if-changed={}", directory.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for (name, flag) in OBJECTS {
        println!("cargo::rustc-check-cfg=cfg({flag})");
        let object = directory.join(name);
        if !object.is_file() {
            continue;
        }
        match fs::copy(&object, out.join(name)) {
            Ok(_) => println!("cargo::rustc-cfg={flag}"),
            Err(error) => println!("cargo::error=cannot copy {}: {error}", object.display()),
        }
    }
}

/// The directory `HIDS_BPF_OBJECTS`, else where `cargo xtask build-ebpf` puts them.
fn directory() -> PathBuf {
    if let Some(path) = env::var_os("HIDS_BPF_OBJECTS") {
        return PathBuf::from(path);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is inside the workspace");
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    target.join("bpf")
}
