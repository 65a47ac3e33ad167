//! `/bin/ls` and `/usr/bin/ls` are one file where `/bin` is a link; databases know one of the names.

use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

/// Directories that Linux distributions have merged into `/usr`.
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// Links of the root directory: (`/bin`, `/usr/bin`).
#[derive(Debug, Default)]
pub(super) struct Aliases(Vec<(Vec<u8>, Vec<u8>)>);

impl Aliases {
    pub(super) fn read(root: &Path) -> Self {
        let link = |name: &&str| {
            let target = std::fs::read_link(root.join(name)).ok()?.into_os_string().into_vec();
            let target = target.strip_prefix(b"/").unwrap_or(&target).to_vec();
            let is_inside = Path::new(std::ffi::OsStr::from_bytes(&target))
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_)));
            is_inside.then(|| ([b"/", name.as_bytes()].concat(), [b"/", target.as_slice()].concat()))
        };
        Self(MERGED.iter().filter_map(link).collect())
    }

    /// The path and its other names.
    pub(super) fn of(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let mut names = vec![path.to_vec()];
        for (link, target) in &self.0 {
            for (from, to) in [(link, target), (target, link)] {
                if let Some(rest) = path.strip_prefix(from.as_slice()).filter(|rest| rest.starts_with(b"/")) {
                    names.push([to, rest].concat());
                }
            }
        }
        names
    }
}
