//! User IDs of accounts and their names, from `/etc/passwd` and `/etc/group`: accounts of services are local, and no
//! name service is asked.

use std::collections::HashMap;

const FILE: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

/// Names of users and groups by their number.
#[derive(Debug, Default)]
pub(crate) struct Names {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Names {
    /// Those of this machine; none when the files cannot be read.
    pub(crate) fn load() -> Self {
        let of = |file: &str| by_number(&std::fs::read(file).unwrap_or_default());
        Self { users: of(FILE), groups: of(GROUPS) }
    }

    /// `root`, or the number where it has no name.
    pub(crate) fn user(&self, uid: u32) -> String {
        self.users.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }

    /// `wheel`, or the number where it has no name.
    pub(crate) fn group(&self, gid: u32) -> String {
        self.groups.get(&gid).cloned().unwrap_or_else(|| gid.to_string())
    }

    /// The name of a user with its number, as far as there is one: `alice (1000)`.
    pub(crate) fn named_user(&self, uid: u32) -> String {
        self.users.get(&uid).map_or_else(|| uid.to_string(), |name| format!("{name} ({uid})"))
    }

    /// The same of a group.
    pub(crate) fn named_group(&self, gid: u32) -> String {
        self.groups.get(&gid).map_or_else(|| gid.to_string(), |name| format!("{name} ({gid})"))
    }
}

/// Longest name that is shown; an image's file may hold anything.
const NAME_BYTES: usize = 64;

/// The first name of each number in a file of lines `name:x:number:…`, as in getpwuid(3).
pub(crate) fn by_number(text: &[u8]) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in text.split(|&byte| byte == b'\n') {
        let mut fields = line.split(|&byte| byte == b':').map(std::str::from_utf8);
        let (Some(Ok(name)), Some(_), Some(Ok(number))) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        if let Ok(number) = number.parse()
            && !name.is_empty()
            && name.len() <= NAME_BYTES
        {
            names.entry(number).or_insert_with(|| name.to_owned());
        }
    }
    names
}

/// The user ID of an account, or the number that is given in its place.
pub(crate) fn uid_of(account: &str) -> Option<u32> {
    account.parse().ok().or_else(|| read(|name| name == account).into_values().next())
}

/// The user IDs of the accounts that `wanted` picks; none when the file cannot be read.
pub(crate) fn read(wanted: impl Fn(&str) -> bool) -> HashMap<String, u32> {
    parse(&std::fs::read(FILE).unwrap_or_default(), wanted)
}

fn parse(text: &[u8], wanted: impl Fn(&str) -> bool) -> HashMap<String, u32> {
    let mut accounts = HashMap::new();
    for line in text.split(|&byte| byte == b'\n') {
        let mut fields = line.split(|&byte| byte == b':').map(std::str::from_utf8);
        let (Some(Ok(name)), Some(_), Some(Ok(uid))) = (fields.next(), fields.next(), fields.next()) else { continue };
        if let Ok(uid) = uid.parse()
            && wanted(name)
        {
            // The first entry of a name counts, as in getpwnam(3).
            accounts.entry(name.to_owned()).or_insert(uid);
        }
    }
    accounts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_file_is_read(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = by_number(&text);
        }
    }

    #[test]
    fn accounts_are_found_by_name_and_the_first_entry_counts() {
        let text =
            b"root:x:0:0::/root:/bin/sh\n\xff:x:7:7::/:\nmysql:x:110:115::/:/bin/false\nmysql:x:9:9::/:\nbroken\n";
        let found = parse(text, |name| name != "root");
        assert_eq!(found, HashMap::from([("mysql".to_owned(), 110)]));
    }

    #[test]
    fn numbers_have_their_first_name_or_stand_for_themselves() {
        let users = by_number(
            b"root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:\n:x:5:\n\xff:x:6:\nx:y:z\nbroken\nalice:x:1000:1000\n",
        );
        assert_eq!(users.len(), 2);
        let names = Names { users, groups: HashMap::new() };
        assert_eq!([names.user(0), names.user(1000), names.user(5)], ["root", "alice", "5"]);
        assert_eq!([names.named_user(1000), names.named_group(7)], ["alice (1000)", "7"]);
    }

    #[test]
    fn numbers_stand_for_themselves() {
        assert_eq!((uid_of("0"), uid_of("4711"), uid_of("root")), (Some(0), Some(4711), Some(0)));
        assert_eq!(uid_of("there is no such account"), None);
    }
}
