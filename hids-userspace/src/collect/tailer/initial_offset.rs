//! Says where files are begun.

use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use tracing::info;

use super::entry::Start;
use super::line_splitter::MAX_LINE_BYTES;
use super::open::OpenError;
use super::position::{FileIdentity, FilePosition, Fingerprint, HEAD_BYTES, START_BYTES};

/// How far from its end an edited file is searched for the line read last.
const SEARCH_BYTES: u64 = 1024 * 1024;

pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

pub(super) fn is_not_there(error: &OpenError) -> bool {
    matches!(error, OpenError::Io(error) if is_missing(error))
}

pub(super) fn identity_of(meta: &Metadata) -> FileIdentity {
    FileIdentity { dev: meta.dev(), inode: meta.ino() }
}

/// The first byte of a file.
pub(super) fn beginning(meta: &Metadata) -> FilePosition {
    FilePosition {
        identity: identity_of(meta),
        offset: 0,
        in_cut_line: false,
        finished: false,
        noticed_at: 0,
        uid: Some(meta.uid()),
        born: born(meta),
        head: Fingerprint::default(),
        start: Fingerprint::default(),
        tail: Fingerprint::default(),
    }
}

/// `position`, as that of the file with `meta`.
pub(super) fn carried_over(position: &FilePosition, meta: &Metadata) -> FilePosition {
    let (identity, uid, born) = (identity_of(meta), Some(meta.uid()), born(meta));
    FilePosition { identity, uid, born, finished: false, ..position.clone() }
}

fn born(meta: &Metadata) -> Option<i64> {
    let since = meta.created().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok()
}

/// Whether the file has the number of that read up to `position` and was not made later; devices have other
/// numbers after a boot.
pub(super) fn has_number_of(meta: &Metadata, position: &FilePosition) -> bool {
    let same_birth = position.born.is_none_or(|then| born(meta) == Some(then));
    position.identity.inode == meta.ino() && same_birth
}

/// What a file is to the one that was read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// It holds what was read: it is the same file, or a copy that took its place.
    Same,
    /// Most of it was read, but something in it was changed.
    Edited,
    /// Another content, perhaps with the same header.
    New,
}

/// Where a file is begun that has not been read in this run.
pub(super) fn first_position(
    descriptor: Option<&File>,
    meta: &Metadata,
    start: &Start,
    before: Option<&(FilePosition, Vec<u8>)>,
    path: &Path,
) -> (FilePosition, Content) {
    let new_at = |offset| (FilePosition { offset, ..beginning(meta) }, Content::New);
    if meta.file_type().is_fifo() {
        return new_at(0);
    }
    let Some(descriptor) = descriptor else {
        // Unreadable for now: what is there already counts as old only if this is the first look.
        return match start {
            Start::End => new_at(meta.len()),
            Start::Positions(positions) => positions
                .iter()
                .find(|position| has_number_of(meta, position))
                .map_or_else(|| new_at(0), |position| (position.clone(), Content::Same)),
            Start::Beginning => new_at(0),
        };
    };
    let (old, tail) = match (start, before) {
        (Start::End, _) => return new_at(end_of_lines(descriptor, meta.len())),
        (Start::Positions(positions), _) => {
            if let Some(position) = position_held(descriptor, meta, positions) {
                return (carried_over(position, meta), Content::Same);
            }
            (positions.iter().rfind(|position| position.identity.inode != 0).cloned(), Vec::new())
        }
        (Start::Beginning, Some((position, tail))) => (Some(position.clone()), tail.clone()),
        (Start::Beginning, None) => return new_at(0),
    };
    let Some(old) = old else { return new_at(0) };
    let (offset, content) = offset_after_change(descriptor, &old, &tail, path);
    (FilePosition { offset, ..beginning(meta) }, content)
}

/// The position up to which the file at the path was read in the last run: by its number, else by its content
/// alone, for where a directory is put back from a copy at each boot.
pub(super) fn position_held<'a>(
    file: &File,
    meta: &Metadata,
    positions: &'a [FilePosition],
) -> Option<&'a FilePosition> {
    let by_number = positions.iter().find(|position| has_number_of(meta, position));
    by_number.filter(|position| still_holds(file, position)).or_else(|| {
        let known = positions.iter().filter(|position| position.identity.inode != 0 && position.head.length > 0);
        known.filter(|position| still_holds(file, position)).max_by_key(|position| position.offset)
    })
}

/// Whether the file still holds what was read up to `position`.
pub(super) fn still_holds(file: &File, position: &FilePosition) -> bool {
    let tail_at = position.offset.saturating_sub(u64::from(position.tail.length));
    file.metadata().is_ok_and(|meta| meta.len() >= position.offset)
        && position.head.matches(file, 0).unwrap_or(false)
        && position.start.matches(file, 0).unwrap_or(false)
        && position.tail.matches(file, tail_at).unwrap_or(false)
}

/// Where to go on in a file that replaced, or was rewritten over, one read up to `old`.
///
/// Its first byte, unless it begins with the same 256 bytes. If the line read last is still there, it goes on
/// after that. Else it was edited if it begins with the same 4096 bytes, and goes on at its end, so that old
/// lines do not count again; with fewer it begins again with the same header, and goes on after that: at most
/// what differs less than a power of two from the header's length is read again.
pub(super) fn offset_after_change(file: &File, old: &FilePosition, tail: &[u8], path: &Path) -> (u64, Content) {
    let same_head = usize::from(old.head.length) == HEAD_BYTES && old.head.matches(file, 0).unwrap_or(false);
    if !same_head {
        return (0, Content::New);
    }
    let length = file.metadata().map(|meta| meta.len()).unwrap_or(0);
    // All of it: the end of a line alone may be that of another one.
    let found = (!tail.is_empty()).then(|| find_last(file, tail, length)).flatten();
    let found = found.or_else(|| still_holds(file, old).then_some(old.offset));
    let same_start = old.start.length > 0 && old.start.matches(file, 0).unwrap_or(false);
    // Positions of version 1 do not say.
    let unknown = old.start.length == 0 && old.offset >= 2 * HEAD_BYTES as u64;
    let edited = unknown || (same_start && usize::from(old.start.length) == START_BYTES);
    let offset = match found {
        Some(offset) => offset,
        None if edited => end_of_lines(file, length),
        None => {
            let same = if same_start { usize::from(old.start.length) } else { HEAD_BYTES };
            return (whole_lines(file, same), Content::New);
        }
    };
    info!(path = %path.display(), offset, "log file was edited, lines that were read before are not read again");
    (offset, Content::Edited)
}

/// Where the last line ends of those that end in the first `length` bytes.
fn whole_lines(file: &File, length: usize) -> u64 {
    let mut bytes = vec![0; length];
    let whole = file.read_exact_at(&mut bytes, 0).ok().and_then(|()| memchr::memrchr(b'\n', &bytes));
    whole.map_or(0, |at| at as u64 + 1)
}

/// Where the last occurrence of `wanted` near the end of the file ends.
fn find_last(mut file: &File, wanted: &[u8], length: u64) -> Option<u64> {
    let from = length.saturating_sub(SEARCH_BYTES);
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.take(SEARCH_BYTES).read_to_end(&mut bytes).ok()?;
    memchr::memmem::rfind(&bytes, wanted).map(|at| from + (at + wanted.len()) as u64)
}

/// The end of the last whole line.
fn end_of_lines(mut file: &File, length: u64) -> u64 {
    let window = length.min(MAX_LINE_BYTES as u64);
    let mut bytes = Vec::new();
    let read = file.seek(SeekFrom::Start(length - window)).and_then(|_| file.take(window).read_to_end(&mut bytes));
    match (read, memchr::memrchr(b'\n', &bytes)) {
        (Ok(_), Some(at)) => length - window + at as u64 + 1,
        (Ok(_), None) if window == length => 0,
        _ => length,
    }
}
