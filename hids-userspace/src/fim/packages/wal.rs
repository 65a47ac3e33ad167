//! The write-ahead log of an SQLite file: what is committed but not yet in the file itself.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};

use super::damage::wrong;

const HEADER_BYTES: usize = 32;
const FRAME_BYTES: usize = 24;
/// The last bit tells in which order of bytes its sums were made.
const MAGIC: u32 = 0x377f_0682;
const MOST_BYTES: u64 = 1 << 30;

/// Newest committed version of each page in the log; what is after the last commit, or carries a
/// wrong sum, is as if it were not there (file format, 4.3).
pub(super) fn read(log: &File, page_bytes: usize) -> io::Result<HashMap<u32, Vec<u8>>> {
    if log.metadata()?.len() > MOST_BYTES {
        return Err(wrong("write-ahead log too large"));
    }
    let mut bytes = Vec::new();
    log.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(newest(&bytes, page_bytes).unwrap_or_default())
}

fn newest(bytes: &[u8], page_bytes: usize) -> Option<HashMap<u32, Vec<u8>>> {
    let (header, frames) = bytes.split_at_checked(HEADER_BYTES)?;
    let word = |bytes: &[u8], at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    let magic = word(header, 0)?;
    if magic & !1 != MAGIC || word(header, 8)? as usize != page_bytes {
        return None;
    }
    let is_big = magic & 1 == 1;
    let mut sum = add((0, 0), &header[..24], is_big);
    if (word(header, 24)?, word(header, 28)?) != sum {
        return None;
    }
    let (mut committed, mut pending) = (HashMap::new(), Vec::new());
    for frame in frames.chunks_exact(FRAME_BYTES + page_bytes) {
        let (start, page) = frame.split_at(FRAME_BYTES);
        sum = add(add(sum, &start[..8], is_big), page, is_big);
        let is_of_this_log = start[8..16] == header[16..24];
        if !is_of_this_log || (word(start, 16)?, word(start, 20)?) != sum {
            break;
        }
        pending.push((word(start, 0)?, page.to_vec()));
        if word(start, 4)? != 0 {
            committed.extend(pending.drain(..));
        }
    }
    Some(committed)
}

/// File format, 4.2.
fn add((mut first, mut second): (u32, u32), bytes: &[u8], is_big: bool) -> (u32, u32) {
    let word = |bytes: &[u8]| {
        let mut word = [0; 4];
        word.copy_from_slice(bytes);
        if is_big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    };
    for pair in bytes.chunks_exact(8) {
        first = first.wrapping_add(word(&pair[..4])).wrapping_add(second);
        second = second.wrapping_add(word(&pair[4..])).wrapping_add(first);
    }
    (first, second)
}
