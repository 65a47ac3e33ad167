//! Names of users and groups, from the files of the system that is checked: an image has its own.

use std::collections::HashMap;
use std::io::Read as _;

use hids_core::fim::Names;

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
        Self { users: parse(&read("/etc/passwd")), groups: parse(&read("/etc/group")) }
    }
}

/// `name:x:number:…`; the first line of a number counts, as in getpwuid(3).
fn parse(text: &[u8]) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in text.split(|&byte| byte == b'\n') {
        let mut fields = line.split(|&byte| byte == b':').map(std::str::from_utf8);
        let (Some(Ok(name)), Some(_), Some(Ok(number))) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        if let Ok(number) = number.parse()
            && !name.is_empty()
            && name.len() <= 64
        {
            names.entry(number).or_insert_with(|| name.to_owned());
        }
    }
    names
}

impl Names for FileNames {
    fn user(&self, uid: u32) -> Option<String> {
        self.users.get(&uid).cloned()
    }

    fn group(&self, gid: u32) -> Option<String> {
        self.groups.get(&gid).cloned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_name_of_a_number_counts_and_broken_lines_do_not() {
        let names = parse(b"root:x:0:0::/:\ntoor:x:0:0::/:\n:x:1:\n\xff:x:2:\nwww:x:33:33\nbroken\nx:y:z\n");
        assert_eq!(names, HashMap::from([(0, "root".to_owned()), (33, "www".to_owned())]));
    }

    proptest! {
        #[test]
        fn any_file_is_read(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&text);
        }
    }
}
