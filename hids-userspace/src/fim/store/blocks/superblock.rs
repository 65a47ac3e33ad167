//! The start of the file: redb's header, twice.
//!
//! It is the one place that is written over. The slots are written in turn and each fits a sector,
//! so whatever moment a crash chooses, one of them is whole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::layout::BLOCK;

/// Bytes of redb's header, rounded up.
pub(super) const DATA: usize = 384;
const SLOT: usize = 512;
const MAGIC: [u8; 8] = *b"HIDSFIM1";
/// Which format it is.
const NUMBER_AT: usize = 7;
const MAC_AT: usize = SLOT - 32;
/// The first bytes of redb's header once it is whole.
const REDB: &[u8] = b"redb";

pub(super) struct SuperblockKey(pub(super) [u8; 32]);

/// What the newer slot says.
#[derive(Clone)]
pub(super) struct Superblock {
    generation: u64,
    /// Bytes of blocks that there must be at least.
    pub(super) length: u64,
    pub(super) data: [u8; DATA],
}

impl Superblock {
    /// Of a file without content.
    pub(super) const NONE: Self = Self { generation: 0, length: 0, data: [0; DATA] };

    /// Whether redb has not finished to begin the file.
    pub(super) fn is_unwritten(&self) -> bool {
        !self.data.starts_with(REDB)
    }

    /// The newer of the two, and what is wrong with the other.
    pub(super) fn load(file: &File, key: &SuperblockKey, physical: u64) -> io::Result<(Self, Option<String>)> {
        if physical < 2 * BLOCK {
            return if physical == 0 { Ok((Self::NONE, None)) } else { Err(damaged("file truncated")) };
        }
        let slots = [read(file, 0)?, read(file, 1)?];
        let [first, second] = [decode(key, &slots[0], 0), decode(key, &slots[1], 1)];
        let wrong = "MAC mismatch in one of the two superblocks of the file";
        match (first, second) {
            (Slot::Whole(first), Slot::Whole(second)) => {
                let newer = if first.generation > second.generation { first } else { second };
                Ok((*newer, None))
            }
            (Slot::Whole(one), Slot::Empty) | (Slot::Empty, Slot::Whole(one)) if one.generation == 1 => {
                Ok((*one, None))
            }
            (Slot::Whole(one), _) | (_, Slot::Whole(one)) => Ok((*one, Some(wrong.to_owned()))),
            (Slot::Empty, Slot::Empty) => Ok((Self::NONE, None)),
            _ if slots.iter().any(is_of_later_format) => Err(io::Error::new(io::ErrorKind::Unsupported, LATER)),
            _ => Err(damaged("MAC mismatch in both superblocks of the file")),
        }
    }

    /// Writes the next generation: with new data, or the same data and another length.
    pub(super) fn write(
        &mut self,
        file: &File,
        key: &SuperblockKey,
        length: u64,
        data: Option<&[u8]>,
    ) -> io::Result<()> {
        let mut next = Self { generation: self.generation + 1, length, data: self.data };
        if let Some(data) = data {
            next.data[..data.len()].copy_from_slice(data);
        }
        file.write_all_at(&next.encode(key), slot_at(next.generation % 2))?;
        *self = next;
        Ok(())
    }

    /// Whether the file still says this, and the other slot is whole.
    pub(super) fn matches(&self, file: &File, key: &SuperblockKey) -> io::Result<bool> {
        if self.generation == 0 {
            return Ok(true);
        }
        let is_newest = read(file, self.generation % 2)? == self.encode(key);
        let other = (self.generation + 1) % 2;
        let other = decode(key, &read(file, other)?, other);
        Ok(is_newest && (self.generation == 1 || matches!(other, Slot::Whole(_))))
    }

    fn encode(&self, key: &SuperblockKey) -> [u8; SLOT] {
        let mut slot = [0; SLOT];
        slot[..8].copy_from_slice(&MAGIC);
        slot[8..16].copy_from_slice(&self.generation.to_le_bytes());
        slot[16..24].copy_from_slice(&self.length.to_le_bytes());
        slot[24..24 + DATA].copy_from_slice(&self.data);
        let mac = blake3::keyed_hash(&key.0, &slot[..MAC_AT]);
        slot[MAC_AT..].copy_from_slice(mac.as_bytes());
        slot
    }
}

enum Slot {
    Whole(Box<Superblock>),
    Empty,
    Wrong,
}

fn slot_at(slot: u64) -> u64 {
    slot * BLOCK
}

fn read(file: &File, slot: u64) -> io::Result<[u8; SLOT]> {
    let mut bytes = [0; SLOT];
    file.read_exact_at(&mut bytes, slot_at(slot))?;
    Ok(bytes)
}

/// A slot of the right place: the MAC covers the generation, and that tells the place.
fn decode(key: &SuperblockKey, slot: &[u8; SLOT], place: u64) -> Slot {
    if slot.iter().all(|&byte| byte == 0) {
        return Slot::Empty;
    }
    let number = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&slot[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let mut data = [0; DATA];
    data.copy_from_slice(&slot[24..24 + DATA]);
    let superblock = Superblock { generation: number(8), length: number(16), data };
    let is_whole = superblock.encode(key) == *slot && superblock.generation % 2 == place;
    if is_whole { Slot::Whole(Box::new(superblock)) } else { Slot::Wrong }
}

/// Whether a slot begins as that of a later version would. Only asked where no slot is whole: a flipped bit looks the same.
fn is_of_later_format(slot: &[u8; SLOT]) -> bool {
    slot[..NUMBER_AT] == MAGIC[..NUMBER_AT] && (MAGIC[NUMBER_AT] + 1..=b'9').contains(&slot[NUMBER_AT])
}

const LATER: &str = "later format";

/// Whether [`Superblock::load`] has refused a file of a later version, and not the operating system one of its reads.
pub(super) fn is_newer(error: &io::Error) -> bool {
    error.raw_os_error().is_none() && error.to_string() == LATER
}

/// The error of a file that is not as it was written.
pub(super) fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
