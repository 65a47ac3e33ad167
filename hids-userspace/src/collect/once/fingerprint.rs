//! Fingerprint to match a line of a syslog file with a journal entry.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use hids_core::predecode::{Headers, predecode};

/// Most characters of a message that are compared: syslog daemons cut lines, at 1 KiB the shortest.
const COMPARED: usize = 800;

/// Recognises lines of this machine; the keys of its hashes are secret, so that none can be made to collide.
#[derive(Debug)]
pub(super) struct Fingerprints {
    names: [Vec<u8>; 2],
    keys: RandomState,
}

impl Fingerprints {
    /// `node_name` is this machine's, with or without its domain.
    pub(super) fn new(node_name: &[u8]) -> Self {
        let short = node_name.split(|&byte| byte == b'.').next().unwrap_or(node_name);
        Self { names: [node_name.to_vec(), short.to_vec()], keys: RandomState::new() }
    }

    /// Of a line in a syslog format that bears this machine's name and a program's.
    pub(super) fn of_file(&self, line: &[u8]) -> Option<u64> {
        let found = predecode(line, Headers::Modern);
        let host = found.hostname?;
        let program = found.program_name?;
        let is_ours = self.names.iter().any(|name| name.eq_ignore_ascii_case(host));
        is_ours.then(|| self.of(program, found.log))
    }

    /// Of an entry of the journal, made into a line.
    pub(super) fn of_journal(&self, line: &[u8]) -> Option<u64> {
        let found = predecode(line, Headers::Modern);
        Some(self.of(found.program_name?, found.log))
    }

    /// Of the program's name and the letters and digits of the message. Syslog daemons cut blanks off, write other
    /// bytes as `#012`, and put the time since the start before the kernel's messages. The process number may be
    /// another one inside a container.
    fn of(&self, program: &[u8], message: &[u8]) -> u64 {
        let message = if program == b"kernel" { without_uptime(message) } else { message };
        let mut hasher = self.keys.build_hasher();
        hasher.write(program);
        hasher.write_u8(0);
        let (mut at, mut compared) = (0, 0);
        while at < message.len() && compared < COMPARED {
            if is_escape(&message[at..]) {
                at += 4;
                continue;
            }
            if message[at].is_ascii_alphanumeric() {
                hasher.write_u8(message[at]);
                compared += 1;
            }
            at += 1;
        }
        hasher.finish()
    }
}

/// Whether the text begins with `#` and three octal digits.
fn is_escape(text: &[u8]) -> bool {
    text[0] == b'#' && text.get(1..4).is_some_and(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)))
}

/// The message without `[ 12.345678]`.
fn without_uptime(message: &[u8]) -> &[u8] {
    let Some(rest) = message.trim_ascii_start().strip_prefix(b"[") else { return message };
    let Some(end) = rest.iter().position(|&byte| byte == b']') else { return message };
    let is_time = rest[..end].iter().all(|byte| byte.is_ascii_digit() || b" .".contains(byte));
    if is_time { &rest[end + 1..] } else { message }
}
