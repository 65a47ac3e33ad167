//! Lines for the table of what each kernel gives (`docs/kernels.md`).

use std::fs::OpenOptions;
use std::io::Write as _;

/// Says what came of an operation; only `cargo xtask test vm` listens.
pub(crate) fn cell(section: &str, operation: &str, result: &str) {
    line(&format!("cell\t{section}\t{operation}\t{result}"));
}

/// Says why nothing of the sections whose names begin with `sections` can be tried here.
pub(crate) fn absent(sections: &str, why: &str) {
    line(&format!("absent\t{sections}\t{why}"));
}

fn line(text: &str) {
    let Some(path) = std::env::var_os("HIDS_RESULTS") else { return };
    let mut file = OpenOptions::new().append(true).open(path).expect("the place for results");
    writeln!(file, "{text}").expect("a line of results");
}
