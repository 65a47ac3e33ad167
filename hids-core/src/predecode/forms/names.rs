//! Host and program behind a time.

use super::super::Predecoded;
use super::super::header::{end_of_name, end_of_tag};
use super::stamp::{Tag, stamp};

/// Most words before the tag: a facility, a host, a second time with a host, a sequence number.
const MOST_WORDS: usize = 8;
/// The longest host name (RFC 1035), with the brackets or zone of an address.
const MOST_HOST_BYTES: usize = 255 + 2;

const FACILITIES: [&[u8]; 24] = [
    b"kern",
    b"user",
    b"mail",
    b"daemon",
    b"auth",
    b"security",
    b"syslog",
    b"lpr",
    b"news",
    b"uucp",
    b"cron",
    b"authpriv",
    b"ftp",
    b"ntp",
    b"console",
    b"audit",
    b"local0",
    b"local1",
    b"local2",
    b"local3",
    b"local4",
    b"local5",
    b"local6",
    b"local7",
];
const SEVERITIES: [&[u8]; 12] = [
    b"emerg", b"panic", b"alert", b"crit", b"err", b"error", b"warn", b"warning", b"notice", b"info", b"debug", b"none",
];
/// Further levels of applications.
const LEVELS: [&[u8]; 7] = [b"fatal", b"critical", b"severe", b"note", b"log", b"verbose", b"trace"];
/// Programs that write without a process number on systems whose times are those of applications, too.
const WITHOUT_PROCESS: [&[u8]; 4] = [b"kernel", b"sudo", b"su", b"login"];

/// Takes apart what stands behind a time, from `start` on.
pub(super) fn names(line: &[u8], start: usize, tag: Tag) -> Option<Predecoded<'_>> {
    let mut walk = Walk { line, at: start, hostname: None, relay: None };
    for _ in 0..MOST_WORDS {
        if let Some(found) = walk.message(tag) {
            return Some(found);
        }
        walk.word(tag)?;
    }
    None
}

/// The words before the message, one by one.
struct Walk<'a> {
    line: &'a [u8],
    at: usize,
    hostname: Option<&'a [u8]>,
    /// Who put a header before that of the host.
    relay: Option<&'a [u8]>,
}

impl<'a> Walk<'a> {
    fn host(&self) -> Option<&'a [u8]> {
        self.hostname.or(self.relay)
    }

    /// The message, if it begins here.
    fn message(&self, tag: Tag) -> Option<Predecoded<'a>> {
        let hostname = self.host();
        program(self.line, self.at, hostname, tag).or_else(|| {
            let log = hostname.and_then(|_| device_message(self.line, self.at))?;
            Some(Predecoded { hostname, ..Predecoded::message(self.line, log) })
        })
    }

    /// Passes one word, or a second time; `None` when it is none that a header has. Behind the level of an application's
    /// line may stand a client's own words.
    fn word(&mut self, tag: Tag) -> Option<()> {
        let mark = usize::from(matches!(self.line.get(self.at), Some(b'*' | b'.')));
        if self.relay.is_none()
            && self.hostname.is_some()
            && let Some((_, end)) = stamp(self.line, self.at + mark)
        {
            (self.relay, self.hostname, self.at) = (self.hostname.take(), None, end);
            return Some(());
        }
        if let Some((start, end, next)) = forwarded(self.line, self.at) {
            (self.hostname, self.at) = (Some(&self.line[start..end]), next);
            return Some(());
        }
        let length = memchr::memchr(b' ', &self.line[self.at..])?;
        let word = &self.line[self.at..self.at + length];
        let may_skip = is_facility(word) || (self.host().is_some() && (is_sequence(word) || word == b":"));
        if !may_skip {
            let is_of_application = tag == Tag::WithProcess && is_level(word);
            if self.hostname.is_some() || is_of_application || !is_host(word) {
                return None;
            }
            self.hostname = Some(word);
        }
        self.at += length;
        self.at += self.line[self.at..].iter().take_while(|&&byte| byte == b' ').count();
        Some(())
    }
}

/// The tag of a program at `at`.
fn program<'a>(line: &'a [u8], at: usize, hostname: Option<&'a [u8]>, tag: Tag) -> Option<Predecoded<'a>> {
    let end = end_of_name(line, at);
    let name = &line[at..end];
    let log = end_of_tag(line, end)?;
    // A number is a sequence number or a part of a time.
    let is_name = name.iter().any(u8::is_ascii_alphabetic);
    let has_process = line.get(end) == Some(&b'[');
    let fits = tag == Tag::Any || (has_process && log > end + 2) || WITHOUT_PROCESS.contains(&name);
    (is_name && fits).then(|| Predecoded { hostname, program_name: Some(name), ..Predecoded::message(line, log) })
}

/// `%ASA-6-605004: …` of Cisco's devices, whose decoders want the message from there on.
fn device_message(line: &[u8], at: usize) -> Option<usize> {
    let rest = line[at..].strip_prefix(b"%")?;
    let end = rest.iter().take(64).position(|&byte| byte == b':')?;
    let mut parts = rest[..end].split(|&byte| byte == b'-');
    let is_word =
        |part: &[u8]| !part.is_empty() && part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let (first, middle) = (parts.next()?, parts.next()?);
    (is_word(first) && is_word(middle) && parts.all(is_word) && rest[end..].starts_with(b": ")).then_some(at)
}

/// `Message forwarded from HOST: `, as AIX and Solaris relay: where the host starts and ends, and what follows.
fn forwarded(line: &[u8], at: usize) -> Option<(usize, usize, usize)> {
    const WORDS: &[u8] = b"Message forwarded from ";
    let rest = line[at..].strip_prefix(WORDS)?;
    let length = memchr::memmem::find(&rest[..rest.len().min(MOST_HOST_BYTES + 2)], b": ")?;
    let start = at + WORDS.len();
    is_host(&rest[..length]).then_some((start, start + length, start + length + 2))
}

/// `auth.info`, also in angle brackets.
pub(super) fn is_facility(word: &[u8]) -> bool {
    let word = word.strip_prefix(b"<").and_then(|word| word.strip_suffix(b">")).unwrap_or(word);
    let Some(dot) = memchr::memchr(b'.', word) else { return false };
    FACILITIES.contains(&&word[..dot]) && SEVERITIES.contains(&&word[dot + 1..])
}

/// `ERROR`, `[warning]`
fn is_level(word: &[u8]) -> bool {
    let word = word.strip_prefix(b"[").and_then(|word| word.strip_suffix(b"]")).unwrap_or(word);
    let mut levels = SEVERITIES.into_iter().chain(LEVELS);
    levels.any(|level| word.eq_ignore_ascii_case(level))
}

/// `123`, `123:`
fn is_sequence(word: &[u8]) -> bool {
    let digits = word.strip_suffix(b":").unwrap_or(word);
    (1..=10).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

/// A name, an address, one of them in brackets; letters beyond ASCII count. Mere digits are the number of a process.
fn is_host(word: &[u8]) -> bool {
    let inner = word.strip_prefix(b"[").and_then(|word| word.strip_suffix(b"]")).unwrap_or(word);
    let is_part = |byte: &u8| {
        byte.is_ascii_alphanumeric() || *byte >= 0x80 || matches!(byte, b'-' | b'.' | b'_' | b':' | b'%' | b'@' | b'/')
    };
    let begins = inner.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | 0x80..));
    let ends = inner.last() != Some(&b':') || inner.ends_with(b"::");
    let is_number = inner.iter().all(u8::is_ascii_digit);
    (1..=MOST_HOST_BYTES).contains(&word.len()) && begins && ends && !is_number && inner.iter().all(is_part)
}
