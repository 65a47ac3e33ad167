//! Opens files and says where they are begun.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use tracing::info;

use super::entry::Start;
use super::pieces::MAX_LINE_BYTES;
use super::position::{FileIdentity, FilePosition, Fingerprint, HEAD_BYTES};

/// How far from its end an edited file is searched for the line read last.
const SEARCH_BYTES: u64 = 1024 * 1024;

pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

pub(super) fn identity_of(meta: &Metadata) -> FileIdentity {
    FileIdentity { dev: meta.dev(), inode: meta.ino() }
}

pub(super) fn beginning(identity: FileIdentity) -> FilePosition {
    FilePosition {
        identity,
        offset: 0,
        in_cut_line: false,
        noticed_at: 0,
        head: Fingerprint::default(),
        tail: Fingerprint::default(),
    }
}

/// Opens a file or pipe without waiting and without becoming its terminal.
pub(super) fn open(path: &Path, meta: &Metadata) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    options.read(true).custom_flags(flags.bits() as i32);
    // A pipe opened for writing too does not end when its last writer goes.
    options.write(meta.file_type().is_fifo());
    let file = options.open(path)?;
    let opened = file.metadata()?;
    if opened.is_file() || opened.file_type().is_fifo() {
        Ok(file)
    } else {
        Err(io::Error::other("not a file or named pipe"))
    }
}

/// Where a file that nobody has read in this run is begun.
pub(super) fn first_position(
    descriptor: Option<&File>,
    meta: &Metadata,
    start: &Start,
    before: Option<&(FilePosition, Vec<u8>)>,
    path: &Path,
) -> FilePosition {
    let at = |offset| FilePosition { offset, ..beginning(identity_of(meta)) };
    if meta.file_type().is_fifo() {
        return at(0);
    }
    let Some(descriptor) = descriptor else {
        // Unreadable for now: what is there already counts as old only if this is the first look.
        return match start {
            Start::End => at(meta.len()),
            Start::Positions(positions) => positions
                .iter()
                .find(|position| position.identity.inode == meta.ino())
                .cloned()
                .unwrap_or_else(|| at(0)),
            Start::Beginning => at(0),
        };
    };
    let (old, tail) = match (start, before) {
        (Start::End, _) => return at(end_of_lines(descriptor, meta.len())),
        (Start::Positions(positions), _) => {
            let same = positions.iter().find(|position| position.identity.inode == meta.ino());
            if let Some(position) = same.filter(|position| still_holds(descriptor, position)) {
                return FilePosition { identity: identity_of(meta), ..position.clone() };
            }
            (positions.last().cloned(), Vec::new())
        }
        (Start::Beginning, Some((position, tail))) => (Some(position.clone()), tail.clone()),
        (Start::Beginning, None) => return at(0),
    };
    at(old.map_or(0, |old| offset_after_edit(descriptor, &old, &tail, path)))
}

/// Whether the file still holds what was read up to `position`.
pub(super) fn still_holds(file: &File, position: &FilePosition) -> bool {
    let tail_at = position.offset.saturating_sub(u64::from(position.tail.length));
    file.metadata().is_ok_and(|meta| meta.len() >= position.offset)
        && position.head.matches(file, 0).unwrap_or(false)
        && position.tail.matches(file, tail_at).unwrap_or(false)
}

/// Where to go on in a file that replaced, or was rewritten over, one read up to `old`.
///
/// Its first byte, unless it begins with the same 256 bytes: then somebody edited it, and it goes on
/// after the line read last if that is still there, else at its end.
pub(super) fn offset_after_edit(file: &File, old: &FilePosition, tail: &[u8], path: &Path) -> u64 {
    let same_head = usize::from(old.head.length) == HEAD_BYTES && old.head.matches(file, 0).unwrap_or(false);
    let length = file.metadata().map(|meta| meta.len()).unwrap_or(0);
    if !same_head {
        return 0;
    }
    let found = (!tail.is_empty()).then(|| find_last(file, tail, length)).flatten();
    let offset = found.unwrap_or_else(|| end_of_lines(file, length));
    info!(path = %path.display(), offset, "log file was edited, lines that were read before are not read again");
    offset
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
