//! The three bytes by which a literal is sought: those that the fewest lines have.

use super::literals::{MIN_LITERAL_BYTES, rarity};

/// Bits of a byte in a key: enough to tell letters, digits and marks apart.
pub(super) const KEY_BITS: u32 = 6;

/// Keys of three bytes, in which a letter's case does not count.
pub(super) const KEYS: usize = 1 << (3 * KEY_BITS);

/// What a byte adds to the key, moved by its bits for each byte that follows.
pub(super) fn part_of_key(byte: u8) -> u32 {
    let class = match byte.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => letter - b'a',
        digit @ b'0'..=b'9' => digit - b'0' + 26,
        other => other % 28 + 36,
    };
    u32::from(class)
}

/// What many lines of today's logs say: a literal is not sought by three bytes that stand here, if it has others.
const ORDINARY: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0 \
    Safari/537.36 Edg/125.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0 (iPhone; CPU iPhone OS 17_5 like \
    Mac OS X) (Macintosh; Intel Mac OS X) (Linux; Android 14; Mobile) Version/17.5 Mobile/15E148 (compatible; \
    Googlebot/2.1; +http://www.google.com/bot.html) \"GET /index.html HTTP/1.1\" \"https://www.example.org/\" POST \
    sshd-session[123]: Failed password for invalid user from port ssh2 Accepted publickey pam_unix(sshd:session): \
    session opened for user root(uid=0) by (uid=0) session closed authentication failure; logname= uid=0 euid=0 \
    tty=ssh ruser= rhost= user= Connection closed by authenticating user [preauth] Disconnected from systemd[1]: \
    Started Starting Finished service CRON (root) CMD kernel: status= client address server error message";

/// The keys of [`ORDINARY`].
pub(super) struct Ordinary(Box<[u64; KEYS / 64]>);

impl Ordinary {
    pub(super) fn new() -> Self {
        let mut keys = Box::new([0; KEYS / 64]);
        for three in ORDINARY.as_bytes().windows(MIN_LITERAL_BYTES) {
            let key = key_of(three) as usize;
            keys[key / 64] |= 1 << (key % 64);
        }
        Self(keys)
    }

    fn has(&self, key: u32) -> bool {
        let key = key as usize;
        self.0[key / 64] & (1 << (key % 64)) != 0
    }
}

fn key_of(three: &[u8]) -> u32 {
    three.iter().fold(0, |key, &byte| (key << KEY_BITS) | part_of_key(byte))
}

/// Where the three bytes of `literal` end that occur least often in logs, and their key.
pub(super) fn rarest_window(literal: &[u8], ordinary: &Ordinary) -> (usize, u32) {
    let key = |end: usize| key_of(&literal[end - MIN_LITERAL_BYTES..end]);
    let rarity_of = |&end: &usize| {
        let bytes = literal[end - MIN_LITERAL_BYTES..end].iter();
        (!ordinary.has(key(end)), bytes.map(|&byte| rarity(byte)).sum::<u32>())
    };
    let end = (MIN_LITERAL_BYTES..=literal.len()).max_by_key(rarity_of).unwrap_or(literal.len());
    (end, key(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_sought_by_what_ordinary_lines_do_not_say() {
        let ordinary = Ordinary::new();
        for (literal, wanted) in [("mozi.m", "zi."), ("windows defender", "def"), ("${jndi", "${j"), ("gecko", "cko")] {
            let (end, key) = rarest_window(literal.as_bytes(), &ordinary);
            let window = &literal.as_bytes()[end - MIN_LITERAL_BYTES..end];
            assert_eq!(String::from_utf8_lossy(window), wanted, "{literal}");
            assert_eq!(key, key_of(&window.to_ascii_uppercase()), "{literal}");
        }
    }

    #[test]
    fn letters_digits_and_marks_have_keys_of_their_own() {
        let keys: std::collections::BTreeSet<u32> = (b'a'..=b'z').chain(b'0'..=b'9').map(part_of_key).collect();
        assert_eq!(keys.len(), 36);
        assert!(
            (b' '..=b'~').filter(|byte| !byte.is_ascii_alphanumeric()).all(|byte| !keys.contains(&part_of_key(byte)))
        );
        assert_eq!(part_of_key(b'A'), part_of_key(b'a'));
    }
}
