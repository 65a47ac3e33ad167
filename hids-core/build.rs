//! Compiles the decoders of the shipped ruleset in, so that they are there whatever is installed: writes the list of
//! `config/ruleset/decoders`, by name, which is their load order, for `src/decode/peer/hardened.rs`.
#![allow(clippy::disallowed_methods, reason = "runs while the crate is built; the core itself touches no file")]
#![allow(clippy::expect_used, clippy::panic, reason = "a build that cannot go on ends")]

use std::path::PathBuf;

fn main() {
    // At run time: a target directory that several checkouts share keeps this program.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).expect("cargo sets CARGO_MANIFEST_DIR");
    let folder = package.join("../config/ruleset/decoders");
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    files.sort();
    let rows: Vec<String> = files
        .iter()
        .map(|path| format!("    ({:?}, include_str!({path:?})),\n", path.file_name().unwrap_or_default()))
        .collect();
    let list = format!("&[\n{}]\n", rows.concat());
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from).expect("cargo sets OUT_DIR");
    std::fs::write(out.join("decoders.rs"), list).expect("OUT_DIR is writable");
}
