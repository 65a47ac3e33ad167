//! What a program asks of the machine that runs it, as `objdump` reads it from the file.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::exec::{command, output};

/// Its needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// The newest version of glibc of which it uses a symbol.
    pub glibc: (u32, u32),
    /// Shared libraries.
    pub libraries: Vec<String>,
}

/// Reads them.
///
/// # Errors
/// When the file is no program.
pub(super) fn needs(program: &Path) -> Result<Needs> {
    Ok(parse(&output(command("objdump").args(["--private-headers"]).arg(program))?))
}

/// The number of the build that the linker has left in a program, in hexadecimal digits.
///
/// # Errors
/// When it has none.
pub(super) fn build_id(program: &Path) -> Result<String> {
    let notes = output(command("readelf").args(["--notes"]).arg(program))?;
    let found = notes.lines().find_map(|line| line.trim().strip_prefix("Build ID: "));
    found.map(str::to_owned).with_context(|| format!("{} has no build ID", program.display()))
}

/// From the lines `NEEDED libc.so.6` and `0x09691a75 0x00 02 GLIBC_2.28` of `objdump -p`.
fn parse(headers: &str) -> Needs {
    let mut needs = Needs::default();
    for line in headers.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["NEEDED", library] => needs.libraries.push((*library).to_owned()),
            [.., symbol] => {
                if let Some(version) = symbol.strip_prefix("GLIBC_").and_then(version) {
                    needs.glibc = needs.glibc.max(version);
                }
            }
            [] => {}
        }
    }
    needs
}

/// `2.28`, `2.3.4` or `2.2.5`; the third number does not matter here.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts_as_numbers_not_as_text() {
        let headers = "  NEEDED               libc.so.6\n  NEEDED  libmnl.so.0\n\
            Version References:\n  required from libc.so.6:\n\
            0x09691a75 0x00 08 GLIBC_2.2.5\n    0x069691b8 0x00 05 GLIBC_2.28\n    0x0d696914 0x00 04 GLIBC_2.4\n";
        let needs = parse(headers);
        assert_eq!((needs.glibc, needs.libraries), ((2, 28), vec!["libc.so.6".to_owned(), "libmnl.so.0".to_owned()]));
    }
}
