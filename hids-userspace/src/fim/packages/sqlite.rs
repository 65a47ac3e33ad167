//! Reads one table of an SQLite file: as much of the format as rpm's database needs.
//!
//! By hand, since a whole SQL engine in C would be the largest part of the daemon, for one scan over
//! one table. Format: <https://www.sqlite.org/fileformat2.html>; the numbers of its sections stand
//! below. Nothing is locked or written. What another program writes meanwhile may show as damage.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use super::damage::wrong;
use super::wal;

const HEADER_BYTES: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const LEAF: u8 = 0x0d;
const INTERIOR: u8 = 0x05;
/// A tree of this depth would hold more pages than there can be.
const MOST_DEPTH: usize = 20;
/// rpm's own limit of a header is 256 MiB.
const MOST_PAYLOAD_BYTES: u64 = 256 << 20;

/// An open file.
pub(super) struct Database {
    file: File,
    page_bytes: usize,
    /// Bytes of a page that hold something.
    usable_bytes: usize,
    /// Pages whose newest version is in the write-ahead log.
    newer: HashMap<u32, Vec<u8>>,
    /// Pages that may still be visited: more than there are means a circle.
    budget: u64,
}

/// A column that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column<'r> {
    Integer(i64),
    Bytes(&'r [u8]),
    Other,
}

impl Database {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0)?;
        let page_bytes = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            bytes => usize::from(bytes),
        };
        let usable_bytes = page_bytes.saturating_sub(usize::from(header[20]));
        if header[..16] != *MAGIC || !page_bytes.is_power_of_two() || usable_bytes < 480 {
            return Err(wrong("not an SQLite file"));
        }
        let mut log = path.as_os_str().as_bytes().to_vec();
        log.extend_from_slice(b"-wal");
        let newer = match File::open(std::ffi::OsStr::from_bytes(&log)) {
            Ok(log) => wal::read(&log, page_bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => return Err(error),
        };
        let pages = file.metadata()?.len() / page_bytes as u64 + newer.len() as u64;
        Ok(Self { file, page_bytes, usable_bytes, newer, budget: pages.saturating_mul(2) })
    }

    /// Gives every row of a table to `each`.
    pub(super) fn each_row(&mut self, table: &[u8], each: &mut dyn FnMut(&[Column<'_>])) -> io::Result<()> {
        // 2.6: the schema is the table whose tree begins at page 1.
        let mut root = None;
        self.walk(1, MOST_DEPTH, &mut |columns| {
            if let [Column::Bytes(b"table"), Column::Bytes(name), _, Column::Integer(page), ..] = columns
                && *name == table
            {
                root = u32::try_from(*page).ok();
            }
        })?;
        let root = root.ok_or_else(|| wrong("table not found"))?;
        self.walk(root, MOST_DEPTH, each)
    }

    /// 1.6: pages of a table's tree.
    fn walk(&mut self, number: u32, depth: usize, each: &mut dyn FnMut(&[Column<'_>])) -> io::Result<()> {
        let page = self.page(number)?;
        let start = if number == 1 { HEADER_BYTES } else { 0 };
        let header = page.get(start..start + 12).ok_or_else(|| wrong("page too short"))?;
        let cells = usize::from(u16::from_be_bytes([header[3], header[4]]));
        let kind = header[0];
        let first = start + if kind == INTERIOR { 12 } else { 8 };
        let pointers = page.get(first..first + 2 * cells).ok_or_else(|| wrong("too many cells in a page"))?;
        for pointer in pointers.chunks_exact(2) {
            let at = usize::from(u16::from_be_bytes([pointer[0], pointer[1]]));
            let cell = page.get(at..).ok_or_else(|| wrong("cell outside its page"))?;
            match kind {
                LEAF => self.row(cell, each)?,
                INTERIOR if depth > 0 => self.walk(be32(cell)?, depth - 1, each)?,
                _ => return Err(wrong("unknown page type")),
            }
        }
        match kind {
            INTERIOR => self.walk(be32(&header[8..])?, depth.checked_sub(1).ok_or_else(|| wrong("too deep"))?, each),
            LEAF => Ok(()),
            _ => Err(wrong("unknown page type")),
        }
    }

    /// A cell of a leaf: length, row number, payload.
    fn row(&mut self, cell: &[u8], each: &mut dyn FnMut(&[Column<'_>])) -> io::Result<()> {
        let mut rest = cell;
        let length = varint(&mut rest).filter(|length| *length <= MOST_PAYLOAD_BYTES);
        let length = length.ok_or_else(|| wrong("row too long"))? as usize;
        varint(&mut rest).ok_or_else(|| wrong("row without a number"))?;
        let payload = self.payload(rest, length)?;
        let columns = columns(&payload).ok_or_else(|| wrong("cannot read a row"))?;
        each(&columns);
        Ok(())
    }

    /// 1.6: what does not fit a page goes on in a chain of others.
    fn payload(&mut self, cell: &[u8], length: usize) -> io::Result<Vec<u8>> {
        let usable = self.usable_bytes;
        let most = usable - 35;
        let least = (usable - 12) * 32 / 255 - 23;
        let local = if length <= most {
            length
        } else {
            let fitting = least + (length - least) % (usable - 4);
            if fitting <= most { fitting } else { least }
        };
        let mut payload = cell.get(..local).ok_or_else(|| wrong("truncated row"))?.to_vec();
        let mut next = if local < length { be32(&cell[local..])? } else { 0 };
        while payload.len() < length {
            let page = self.page(next)?;
            next = be32(&page)?;
            let piece = page.get(4..usable).ok_or_else(|| wrong("page too short"))?;
            payload.extend_from_slice(&piece[..piece.len().min(length - payload.len())]);
        }
        Ok(payload)
    }

    fn page(&mut self, number: u32) -> io::Result<Vec<u8>> {
        let index = number.checked_sub(1).ok_or_else(|| wrong("page number 0"))?;
        self.budget = self.budget.checked_sub(1).ok_or_else(|| wrong("page cycle"))?;
        if let Some(page) = self.newer.get(&number) {
            return Ok(page.clone());
        }
        let mut page = vec![0; self.page_bytes];
        self.file.read_exact_at(&mut page, u64::from(index) * self.page_bytes as u64)?;
        Ok(page)
    }
}

fn be32(bytes: &[u8]) -> io::Result<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes)).ok_or_else(|| wrong("missing page number"))
}

/// 1.6: up to nine bytes, the highest bits first; the ninth has eight.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if place == 8 {
            return Some(number << 8 | u64::from(byte));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// 2.1: types first, then the values.
fn columns(payload: &[u8]) -> Option<Vec<Column<'_>>> {
    let mut types = payload;
    let header = usize::try_from(varint(&mut types)?).ok()?;
    let taken = payload.len() - types.len();
    let mut types = payload.get(taken..header)?;
    let mut values = payload.get(header..)?;
    let mut columns = Vec::new();
    while !types.is_empty() {
        columns.push(column(varint(&mut types)?, &mut values)?);
    }
    Some(columns)
}

fn column<'r>(kind: u64, values: &mut &'r [u8]) -> Option<Column<'r>> {
    let mut take = |length: usize| {
        let (value, rest) = values.split_at_checked(length)?;
        *values = rest;
        Some(value)
    };
    Some(match kind {
        0 => Column::Other,
        1..=6 => Column::Integer(integer(take([1, 2, 3, 4, 6, 8][kind as usize - 1])?)),
        7 => take(8).map(|_| Column::Other)?,
        8 | 9 => Column::Integer(kind as i64 - 8),
        10 | 11 => return None,
        _ => Column::Bytes(take(usize::try_from((kind - 12) / 2).ok()?)?),
    })
}

fn integer(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 };
    bytes.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte))
}
