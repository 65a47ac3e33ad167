//! How far files have been read, as one line of text that survives a restart.
//!
//! `1;FILE;FILE…`: the files of one path that are still of interest, oldest first. More than one
//! while a rotated file is still being written to; inode 0 stands for what a truncated file held
//! before. FILE is
//! `DEV:INODE:OFFSET:IN_CUT_LINE:NOTICED_AT:HEAD_LEN:HEAD_CRC:TAIL_LEN:TAIL_CRC`.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use hids_core::model::Timestamp;

/// How much of the beginning of a file identifies it.
pub(super) const HEAD_BYTES: usize = 256;
/// How much before the position identifies it.
pub(super) const TAIL_BYTES: usize = 64;

/// A file, whatever its name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FileIdentity {
    pub dev: u64,
    pub inode: u64,
}

/// Length and CRC-32 of some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    pub length: u16,
    pub crc: u32,
}

impl Fingerprint {
    pub(super) fn of(bytes: &[u8]) -> Self {
        // Callers pass at most 256 bytes.
        Self { length: u16::try_from(bytes.len()).unwrap_or(u16::MAX), crc: crc32fast::hash(bytes) }
    }

    /// Whether the bytes of `file` from `offset` on are those that this was made of.
    pub(super) fn matches(&self, file: &File, offset: u64) -> io::Result<bool> {
        let mut buffer = vec![0; usize::from(self.length)];
        match file.read_exact_at(&mut buffer, offset) {
            Ok(()) => Ok(crc32fast::hash(&buffer) == self.crc),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
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
    /// Milliseconds since 1970: files made before that had been noticed when this was handed on.
    pub noticed_at: i64,
    /// The first bytes of the file.
    pub head: Fingerprint,
    /// The bytes before `offset`.
    pub tail: Fingerprint,
}

impl FilePosition {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(':');
        let mut next = || numbers.next()?.parse::<u64>().ok();
        let identity = FileIdentity { dev: next()?, inode: next()? };
        let (offset, in_cut_line) = (next()?, next()? != 0);
        let noticed_at = i64::try_from(next()?).ok()?;
        let mut fingerprint =
            || Some(Fingerprint { length: u16::try_from(next()?).ok()?, crc: u32::try_from(next()?).ok()? });
        Some(Self { identity, offset, in_cut_line, noticed_at, head: fingerprint()?, tail: fingerprint()? })
    }

    fn render(&self, noticed_at: i64, out: &mut String) {
        let _ = write!(
            out,
            ";{}:{}:{}:{}:{}:{}:{}:{}:{}",
            self.identity.dev,
            self.identity.inode,
            self.offset,
            u8::from(self.in_cut_line),
            noticed_at.max(0),
            self.head.length,
            self.head.crc,
            self.tail.length,
            self.tail.crc
        );
    }
}

/// The text of `positions`, good for everything that had been noticed at `noticed_at`.
pub(super) fn render_positions<'a>(positions: impl Iterator<Item = &'a FilePosition>, noticed_at: Timestamp) -> String {
    let noticed_at = noticed_at.unix_nanos() / 1_000_000;
    let mut out = String::with_capacity(96);
    out.push('1');
    positions.for_each(|position| position.render(noticed_at, &mut out));
    out
}

/// The positions in `text`; `None` when this program did not write it.
pub(super) fn parse_positions(text: &str) -> Option<Vec<FilePosition>> {
    let mut parts = text.trim_end().split(';');
    (parts.next()? == "1").then_some(())?;
    parts.map(FilePosition::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn positions_survive_being_written_and_read(
            values in prop::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), any::<bool>(), any::<u16>(), any::<u32>()), 0..4),
            noticed_at in 0..1_i64 << 40,
        ) {
            let positions: Vec<_> = values.into_iter().map(|(dev, inode, offset, in_cut_line, length, crc)| FilePosition {
                identity: FileIdentity { dev, inode }, offset, in_cut_line, noticed_at,
                head: Fingerprint { length, crc }, tail: Fingerprint { length, crc: !crc },
            }).collect();
            let text = render_positions(positions.iter(), Timestamp::from_unix_nanos(noticed_at * 1_000_000));
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(parse_positions(&text), Some(positions));
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".*") {
            let _ = parse_positions(&text);
        }
    }
}
