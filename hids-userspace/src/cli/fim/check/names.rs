//! Names of users and groups, from the files of the system that is checked: an image has its own.

use std::collections::HashMap;
use std::io::Read as _;

use hids_core::fim::Names;

use crate::accounts::by_number;
use crate::fim::examine::Tree;

/// Longest `/etc/passwd` that is read.
const LIMIT_BYTES: u64 = 16 << 20;

/// By number.
#[derive(Debug, Default)]
pub(super) struct FileNames {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl FileNames {
    /// Reads both files; without one of them numbers are shown.
    pub(super) fn read(tree: Option<&Tree>) -> Self {
        let read = |path: &str| match tree {
            Some(tree) => tree.read(path.as_bytes(), LIMIT_BYTES).unwrap_or_default(),
            None => {
                let mut text = Vec::new();
                let file = std::fs::File::open(path).map(|file| file.take(LIMIT_BYTES));
                // What was read before an error is as good as nothing more.
                let _ = file.and_then(|mut file| file.read_to_end(&mut text));
                text
            }
        };
        Self { users: by_number(&read("/etc/passwd")), groups: by_number(&read("/etc/group")) }
    }
}

impl Names for FileNames {
    fn user(&self, uid: u32) -> Option<String> {
        self.users.get(&uid).cloned()
    }

    fn group(&self, gid: u32) -> Option<String> {
        self.groups.get(&gid).cloned()
    }
}
