//! User IDs of accounts, from `/etc/passwd`: accounts of services are local.

use std::collections::HashMap;

const FILE: &str = "/etc/passwd";

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
    use super::*;

    #[test]
    fn accounts_are_found_by_name_and_the_first_entry_counts() {
        let text =
            b"root:x:0:0::/root:/bin/sh\n\xff:x:7:7::/:\nmysql:x:110:115::/:/bin/false\nmysql:x:9:9::/:\nbroken\n";
        let found = parse(text, |name| name != "root");
        assert_eq!(found, HashMap::from([("mysql".to_owned(), 110)]));
    }

    #[test]
    fn numbers_stand_for_themselves() {
        assert_eq!((uid_of("0"), uid_of("4711"), uid_of("root")), (Some(0), Some(4711), Some(0)));
        assert_eq!(uid_of("there is no such account"), None);
    }
}
