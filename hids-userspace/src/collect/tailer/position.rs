//! How far files have been read, as one line of text that survives a restart.
//!
//! `2;FILE;FILE…`: the files of one path that are still of interest, oldest first. More than one
//! while a rotated file is still being written to; inode 0 stands for what a truncated file held
//! before. FILE is `DEV:INODE:OFFSET:FLAGS:NOTICED_AT:UID:BORN` and three fingerprints of what was read:
//! its first bytes, more of them, and the last ones before `OFFSET`, each `:LENGTH:DIGEST`. `FLAGS` has bit 0
//! inside a line that was cut, bit 1 for a rotated file that was read to its end; `UID` and `BORN` are `-` if not known.
//!
//! Version 1, which is still read, had CRC-32 sums, no owner and only two fingerprints.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use hids_core::model::Timestamp;

/// How much of the beginning of a file identifies it.
pub(super) const HEAD_BYTES: usize = 256;
/// How much of the beginning tells an edited log from one that begins again with the same header: logs of
/// programs begin with at most some lines of names and versions.
pub(super) const START_BYTES: usize = 4096;
/// How much before the position identifies it.
pub(super) const TAIL_BYTES: usize = 256;

/// A file, whatever its name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FileIdentity {
    pub dev: u64,
    pub inode: u64,
}

/// Bytes of a BLAKE3 digest that are kept.
const DIGEST_BYTES: usize = 16;

/// Length and digest of some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub length: u16,
    pub sum: Sum,
}

/// What identifies bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sum {
    /// Of positions of version 1. Whoever wants to can make other bytes with the same sum.
    Crc(u32),
    /// The beginning of the BLAKE3 digest.
    Blake3([u8; DIGEST_BYTES]),
}

impl Default for Sum {
    fn default() -> Self {
        Self::Blake3([0; DIGEST_BYTES])
    }
}

impl Sum {
    fn of(bytes: &[u8]) -> Self {
        let mut digest = [0; DIGEST_BYTES];
        digest.copy_from_slice(&blake3::hash(bytes).as_bytes()[..DIGEST_BYTES]);
        Self::Blake3(digest)
    }

    fn is_of(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Crc(crc) => crc32fast::hash(bytes) == *crc,
            Self::Blake3(_) => Self::of(bytes) == *self,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if let Some(crc) = text.strip_prefix("crc") {
            return crc.parse().ok().map(Self::Crc);
        }
        (text.len() == 2 * DIGEST_BYTES).then_some(())?;
        u128::from_str_radix(text, 16).ok().map(|number| Self::Blake3(number.to_be_bytes()))
    }
}

impl Fingerprint {
    pub(super) fn of(bytes: &[u8]) -> Self {
        // Callers pass at most START_BYTES.
        Self { length: u16::try_from(bytes.len()).unwrap_or(u16::MAX), sum: Sum::of(bytes) }
    }

    /// Whether the bytes of `file` from `offset` on are those that this was made of.
    pub(super) fn matches(&self, file: &File, offset: u64) -> io::Result<bool> {
        if self.length == 0 {
            return Ok(true);
        }
        let mut buffer = vec![0; usize::from(self.length)];
        match file.read_exact_at(&mut buffer, offset) {
            Ok(()) => Ok(self.sum.is_of(&buffer)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn render(&self, out: &mut String) {
        let _ = match self.sum {
            Sum::Crc(crc) => write!(out, ":{}:crc{crc}", self.length),
            Sum::Blake3(digest) => write!(out, ":{}:{:032x}", self.length, u128::from_be_bytes(digest)),
        };
    }
}

/// How far one file has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FilePosition {
    pub identity: FileIdentity,
    /// Where the next event begins.
    pub offset: u64,
    /// Whether `offset` stands inside a line that was cut.
    pub in_cut_line: bool,
    /// Whether it was rotated or deleted, and read to its end since.
    pub finished: bool,
    /// Milliseconds since 1970: files made before that had been noticed when this was sent.
    pub noticed_at: i64,
    /// The owner of the file, if known.
    pub uid: Option<u32>,
    /// When the file was made, in nanoseconds since 1970, if its filesystem knows (statx(2)): tells it from
    /// a later one with the same number.
    pub born: Option<i64>,
    /// The first bytes of the file.
    pub head: Fingerprint,
    /// More of its first bytes, once so many have been read.
    pub start: Fingerprint,
    /// The bytes before `offset`.
    pub tail: Fingerprint,
}

/// Bits of FLAGS.
const IN_CUT_LINE: u64 = 1;
const FINISHED: u64 = 2;

impl FilePosition {
    fn parse_first_version(text: &str) -> Option<Self> {
        let mut numbers = text.split(':');
        let mut next = || numbers.next()?.parse::<u64>().ok();
        let identity = FileIdentity { dev: next()?, inode: next()? };
        let (offset, in_cut_line) = (next()?, next()? != 0);
        let noticed_at = i64::try_from(next()?).ok()?;
        let mut fingerprint =
            || Some(Fingerprint { length: u16::try_from(next()?).ok()?, sum: Sum::Crc(u32::try_from(next()?).ok()?) });
        let (head, tail) = (fingerprint()?, fingerprint()?);
        let start = Fingerprint::default();
        let (uid, born) = (None, None);
        Some(Self { identity, offset, in_cut_line, finished: false, noticed_at, uid, born, head, start, tail })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let mut next = || parts.next()?.parse::<u64>().ok();
        let identity = FileIdentity { dev: next()?, inode: next()? };
        let (offset, flags) = (next()?, next()?);
        let noticed_at = i64::try_from(next()?).ok()?;
        let uid = known(parts.next()?)?;
        let born = known(parts.next()?)?;
        let mut fingerprint =
            || Some(Fingerprint { length: parts.next()?.parse().ok()?, sum: Sum::parse(parts.next()?)? });
        let (head, start, tail) = (fingerprint()?, fingerprint()?, fingerprint()?);
        let (in_cut_line, finished) = (flags & IN_CUT_LINE != 0, flags & FINISHED != 0);
        Some(Self { identity, offset, in_cut_line, finished, noticed_at, uid, born, head, start, tail })
    }

    fn render(&self, noticed_at: i64, out: &mut String) {
        let FileIdentity { dev, inode } = self.identity;
        let flags = if self.in_cut_line { IN_CUT_LINE } else { 0 } | if self.finished { FINISHED } else { 0 };
        let _ = write!(out, ";{dev}:{inode}:{}:{flags}:{}:", self.offset, noticed_at.max(0));
        let _ = match self.uid {
            Some(uid) => write!(out, "{uid}:"),
            None => write!(out, "-:"),
        };
        let _ = match self.born {
            Some(born) => write!(out, "{born}"),
            None => write!(out, "-"),
        };
        [&self.head, &self.start, &self.tail].into_iter().for_each(|fingerprint| fingerprint.render(out));
    }
}

/// A number that may be `-`; the outer `None` when it is neither.
fn known<T: std::str::FromStr>(text: &str) -> Option<Option<T>> {
    if text == "-" { Some(None) } else { text.parse().ok().map(Some) }
}

/// The text of a path of which no file is of interest.
pub(super) const NO_POSITIONS: &str = "2";

/// Name of the position of the file at `path`.
pub(super) fn position_key(path: &str) -> String {
    format!("file:{}", path.replace('\n', "?"))
}

/// The path of a position, from its name.
pub(super) fn path_of_key(key: &str) -> Option<&str> {
    key.strip_prefix("file:")
}

/// Name under which it is remembered that a pattern is followed.
pub(super) fn pattern_key(pattern: &str) -> String {
    format!("pattern:{}", pattern.replace('\n', "?"))
}

/// The text of `positions`, good for everything that had been noticed at `noticed_at`.
pub(super) fn render_positions<'a>(positions: impl Iterator<Item = &'a FilePosition>, noticed_at: Timestamp) -> String {
    let noticed_at = noticed_at.unix_nanos() / 1_000_000;
    let mut out = String::with_capacity(192);
    out.push_str(NO_POSITIONS);
    positions.for_each(|position| position.render(noticed_at, &mut out));
    out
}

/// The positions in `text`; `None` when this program did not write it.
pub(super) fn parse_positions(text: &str) -> Option<Vec<FilePosition>> {
    let mut parts = text.trim_end().split(';');
    match parts.next()? {
        "1" => parts.map(FilePosition::parse_first_version).collect(),
        "2" => parts.map(FilePosition::parse).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file_position() -> impl Strategy<Value = FilePosition> {
        let sum = prop_oneof![any::<u32>().prop_map(Sum::Crc), any::<[u8; 16]>().prop_map(Sum::Blake3)];
        let print = (any::<u16>(), sum).prop_map(|(length, sum)| Fingerprint { length, sum });
        let numbers =
            (any::<u64>(), any::<u64>(), any::<u64>(), any::<(Option<u32>, Option<i64>)>(), any::<(bool, bool)>());
        (numbers, [print.clone(), print.clone(), print]).prop_map(|(numbers, [head, start, tail])| {
            let (dev, inode, offset, (uid, born), (in_cut_line, finished)) = numbers;
            let identity = FileIdentity { dev, inode };
            FilePosition { identity, offset, in_cut_line, finished, noticed_at: 0, uid, born, head, start, tail }
        })
    }

    proptest! {
        #[test]
        fn positions_survive_being_written_and_read(
            mut positions in prop::collection::vec(file_position(), 0..4),
            noticed_at in 0..1_i64 << 40,
        ) {
            positions.iter_mut().for_each(|position| position.noticed_at = noticed_at);
            let text = render_positions(positions.iter(), Timestamp::from_unix_nanos(noticed_at * 1_000_000));
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(parse_positions(&text), Some(positions));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "([12](;[0-9a-f:cr;-]{0,60}){0,3}|.*)") {
            let _ = parse_positions(&text);
        }
    }

    #[test]
    fn positions_of_the_first_version_are_read() {
        let text = format!("1;8:42:6:1:7:3:{}:6:{}", crc32fast::hash(b"abc"), crc32fast::hash(b"abcdef"));
        let positions = parse_positions(&text).expect("known");
        let position = &positions[0];
        assert_eq!((position.identity.inode, position.offset, position.in_cut_line), (42, 6, true));
        let mut file = tempfile::tempfile().expect("a file");
        std::io::Write::write_all(&mut file, b"abcdef").expect("written");
        assert!(position.head.matches(&file, 0).expect("read") && position.tail.matches(&file, 0).expect("read"));
        assert!(!position.tail.matches(&file, 1).expect("read"));
    }
}
