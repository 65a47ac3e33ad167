//! Combinations of fields that were seen: a line each.

/// Longest line that is kept, and most lines.
const MOST_BYTES: usize = 4096;
const MOST_LINES: usize = 200_000;
/// Blanks behind which the name of the source's user would stand, which OSSEC always leaves empty.
const BEFORE_SOURCE_USER: usize = 3;

/// The combinations of a queue as the rules of hids remember them.
///
/// OSSEC writes decoder, id, user, source's user (always empty), source and destination address, data, system name
/// and location with a blank between two of them; hids has no source's user, and a blank behind each. The number of
/// lines that have another form comes second.
pub(crate) fn combinations(text: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let (mut found, mut other) = (Vec::new(), 0);
    for line in text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        match combination(line).filter(|_| found.len() < MOST_LINES) {
            Some(combination) => found.push(combination),
            None => other += 1,
        }
    }
    (found, other)
}

fn combination(line: &[u8]) -> Option<Vec<u8>> {
    if line.len() > MOST_BYTES {
        return None;
    }
    let blanks = line.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(at, _)| at);
    let blanks: Vec<usize> = blanks.collect();
    let at = *blanks.get(BEFORE_SOURCE_USER - 1)?;
    // Another one follows at once: the column is empty. Eight separate nine columns.
    if line.get(at + 1) != Some(&b' ') || blanks.len() < 8 {
        return None;
    }
    let mut combination = line.to_vec();
    combination.remove(at);
    combination.push(b' ');
    Some(combination)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_of_ossec_is_what_hids_remembers() {
        let (found, other) = combinations(b"sshd  root  192.0.2.1    /var/log/auth.log\nbroken line\n");
        assert_eq!(found, [b"sshd  root 192.0.2.1    /var/log/auth.log ".to_vec()]);
        assert_eq!(other, 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(text in any::<Vec<u8>>()) {
            combinations(&text);
        }
    }
}
