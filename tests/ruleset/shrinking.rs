//! Lists of what is not done yet in `tests/data`: nothing may be added, and what is done must leave.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Compares what was found to be missing with the list; `HIDS_SHRINK=1` takes out of the list what is done.
pub(crate) fn compare(file: &str, missing: &BTreeSet<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let is_entry = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let listed: BTreeSet<String> = text.lines().filter(is_entry).map(str::to_owned).collect();
    let new: Vec<&str> = missing.difference(&listed).map(String::as_str).collect();
    let done: Vec<&str> = listed.difference(missing).map(String::as_str).collect();
    if !done.is_empty() && std::env::var_os("HIDS_SHRINK").is_some() {
        let kept = text.lines().filter(|line| !done.contains(line)).map(|line| format!("{line}\n"));
        fs::write(&path, kept.collect::<String>()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    } else {
        assert!(done.is_empty(), "done, so take it out of {file} (HIDS_SHRINK=1 does):\n{}", done.join("\n"));
    }
    assert!(new.is_empty(), "missing, and {file} must not grow:\n{}", new.join("\n"));
}
