//! The file under the database: blocks of 4 KiB, each with a keyed MAC that is checked at each read.
//!
//! redb trusts what it reads: an altered page could make it panic, or answer wrongly without a word.
//! Here a block whose MAC is wrong is a failed read, so that damage is an error like any other.
//!
//! ```text
//! 0     start slot 0 (512 bytes, padded to 4 KiB)     written in turn, the newer one holds
//! 4096  start slot 1
//! 8192  256 MACs of 16 bytes, then their 256 blocks; and so on
//! ```
//!
//! Crash safety: redb writes pages to free places, syncs, and only then rewrites its own header,
//! which is the start slot here. MACs are written before each sync, so whatever the header leads to
//! has its right MAC on the disk. MACs of free places may be stale after a crash; nobody reads
//! these.

mod layout;
mod superblock;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use layout::{BLOCK, GROUP, MAC, group_at, group_of, length_of, physical};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use superblock::{Superblock, SuperblockKey, damaged};

use super::{StoreError, StoreKey};

type Mac = [u8; MAC];

/// The open file. Shared by the database and by verification.
pub(super) struct Blocks {
    file: File,
    key: [u8; 32],
    superblock_key: SuperblockKey,
    state: RwLock<State>,
    /// Set before the file is opened again: redb must not write through this one any more.
    is_closed: AtomicBool,
}

impl std::fmt::Debug for Blocks {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Blocks(..)")
    }
}

struct State {
    /// Length that redb knows of, a multiple of the block.
    length: u64,
    superblock: Superblock,
    /// MACs of blocks from 1 on.
    macs: Vec<Mac>,
    /// Blocks that this process wrote, or read and found right: their MACs are not stale.
    known: Vec<bool>,
    /// Groups whose MACs are not in the file yet.
    unwritten: BTreeSet<u64>,
}

/// What opening found besides.
pub(super) struct Opened {
    pub(super) blocks: Arc<Blocks>,
    /// What is wrong although the rest can be used.
    pub(super) damage: Option<String>,
    /// Whether there was nothing yet.
    pub(super) is_new: bool,
}

impl Blocks {
    /// Opens and locks the file, or begins one.
    pub(super) fn open(path: &Path, key: &StoreKey) -> Result<Opened, StoreError> {
        let open = |source| StoreError::Open { path: path.to_owned(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
            .open(path)
            .map_err(open)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(StoreError::InUse { path: path.to_owned() }),
            Err(error) => return Err(open(error.into())),
        }
        Self::load(file, key).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => StoreError::Damaged { what: error.to_string() },
            io::ErrorKind::Unsupported if superblock::is_newer(&error) => StoreError::Newer { path: path.to_owned() },
            _ => open(error),
        })
    }

    fn load(file: File, key: &StoreKey) -> io::Result<Opened> {
        let superblock_key = SuperblockKey(key.derive("hids fim store v1: start of the file"));
        let physical_length = file.metadata()?.len();
        let (mut superblock, damage) = Superblock::load(&file, &superblock_key, physical_length)?;
        let is_new = superblock.is_unwritten();
        if is_new {
            // Also after a crash in the middle of its creation: nothing of it counts, its length included.
            file.set_len(0)?;
            superblock = Superblock::NONE;
        }
        let length = if is_new { 0 } else { length_of(physical_length) };
        if length < superblock.length {
            return Err(damaged("file truncated"));
        }
        let macs = load_macs(&file, length / BLOCK)?;
        let known = vec![false; macs.len()];
        let state = State { length, superblock, macs, known, unwritten: BTreeSet::new() };
        let blocks = Self {
            file,
            key: key.derive("hids fim store v1: block"),
            superblock_key,
            state: RwLock::new(state),
            is_closed: AtomicBool::new(false),
        };
        Ok(Opened { blocks: Arc::new(blocks), damage, is_new })
    }

    /// From now on everything fails: the file is about to be opened again.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        let _ = flock(&self.file, FlockOperation::Unlock);
    }

    /// Reads the blocks in a range again that were written, or found right, by this process; numbers
    /// of those that are altered on the disk. `None` when the range is past the end.
    pub(super) fn recheck(&self, first: u64, count: u64) -> io::Result<Option<Vec<u64>>> {
        let state = self.read_state();
        if layout::length_of(self.file.metadata()?.len()) < state.length {
            return Err(damaged("file truncated"));
        }
        let end = state.macs.len() as u64 + 1;
        if first >= end {
            return Ok(None);
        }
        let mut altered = Vec::new();
        let mut block = vec![0; BLOCK as usize];
        for number in first.max(1)..end.min(first + count) {
            let index = number as usize - 1;
            if state.known[index] {
                self.file.read_exact_at(&mut block, physical(number))?;
                if self.mac(number, &block) != state.macs[index] {
                    altered.push(number);
                }
            }
        }
        Ok(Some(altered))
    }

    /// Whether both start slots are as they were written.
    pub(super) fn recheck_superblock(&self) -> io::Result<bool> {
        let state = self.read_state();
        state.superblock.matches(&self.file, &self.superblock_key)
    }

    fn mac(&self, number: u64, block: &[u8]) -> Mac {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(block).update(&number.to_le_bytes());
        let mut mac = [0; MAC];
        hasher.finalize_xof().fill(&mut mac);
        mac
    }

    fn read_state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_state(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_open(&self) -> io::Result<()> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(io::Error::other("the file was reopened after a failure"));
        }
        Ok(())
    }

    fn read_blocks(&self, first: u64, bytes: &mut [u8]) -> io::Result<()> {
        for (number, run) in runs_mut(first, bytes) {
            self.file.read_exact_at(run, physical(number))?;
        }
        let wanted: Vec<Option<(Mac, bool)>> = {
            let state = self.read_state();
            if state.superblock.is_unwritten() {
                // redb begins the file, and reads places that nobody has written yet.
                return Ok(());
            }
            let numbers = first..first + bytes.len() as u64 / BLOCK;
            let mac = |number| {
                let index = number as usize - 1;
                Some((*state.macs.get(index)?, state.known[index]))
            };
            numbers.map(mac).collect()
        };
        let mut found = Vec::new();
        for ((number, block), wanted) in (first..).zip(bytes.chunks_exact(BLOCK as usize)).zip(wanted) {
            match wanted {
                Some((mac, is_known)) if mac == self.mac(number, block) => {
                    found.extend((!is_known).then_some(number as usize - 1));
                }
                _ => return Err(damaged(&format!("MAC mismatch in block {number}"))),
            }
        }
        if !found.is_empty() {
            let mut state = self.write_state();
            for index in found {
                if let Some(known) = state.known.get_mut(index) {
                    *known = true;
                }
            }
        }
        Ok(())
    }

    fn write_blocks(&self, first: u64, bytes: &[u8]) -> io::Result<()> {
        for (number, run) in runs(first, bytes) {
            self.file.write_all_at(run, physical(number))?;
        }
        let blocks = (first..).zip(bytes.chunks_exact(BLOCK as usize));
        let macs: Vec<(u64, Mac)> = blocks.map(|(number, block)| (number, self.mac(number, block))).collect();
        let mut state = self.write_state();
        for (number, mac) in macs {
            let index = number as usize - 1;
            if index >= state.macs.len() {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "written past the end"));
            }
            state.macs[index] = mac;
            state.known[index] = true;
            state.unwritten.insert(group_of(number));
        }
        Ok(())
    }

    /// Puts MACs into the file that are only in memory yet.
    fn write_macs(&self, state: &mut State) -> io::Result<()> {
        while let Some(&group) = state.unwritten.first() {
            let first = (group * GROUP) as usize;
            let last = state.macs.len().min(first + GROUP as usize);
            let macs = state.macs.get(first..last).unwrap_or_default();
            self.file.write_all_at(macs.as_flattened(), group_at(group))?;
            state.unwritten.remove(&group);
        }
        Ok(())
    }

    fn write_superblock(&self, data: &[u8]) -> io::Result<()> {
        let mut state = self.write_state();
        self.write_macs(&mut state)?;
        let length = state.length;
        state.superblock.write(&self.file, &self.superblock_key, length, Some(data))
    }

    fn resize(&self, length: u64) -> io::Result<()> {
        let mut state = self.write_state();
        let blocks = (length / BLOCK).saturating_sub(1) as usize;
        if length < state.length && !state.superblock.is_unwritten() {
            // First the word that it is shorter now, then the cut: a crash between the two leaves
            // a file that is too long, which is no damage.
            state.superblock.write(&self.file, &self.superblock_key, length, None)?;
        }
        self.file.set_len(layout::physical_length(length))?;
        state.length = length;
        state.macs.resize(blocks, [0; MAC]);
        state.known.resize(blocks, false);
        let groups = blocks.div_ceil(GROUP as usize) as u64;
        state.unwritten.retain(|&group| group < groups);
        Ok(())
    }
}

/// What redb gets.
#[derive(Debug)]
pub(super) struct Backend(pub(super) Arc<Blocks>);

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.check_open()?;
        Ok(self.0.read_state().length)
    }

    fn read(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.0.check_open()?;
        let mut bytes = vec![0; length];
        if offset == 0 && length <= superblock::DATA {
            bytes.copy_from_slice(&self.0.read_state().superblock.data[..length]);
            return Ok(bytes);
        }
        self.0.read_blocks(block_number(offset, length)?, &mut bytes)?;
        Ok(bytes)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.check_open()?;
        if !length.is_multiple_of(BLOCK) {
            return Err(unaligned());
        }
        self.0.resize(length)
    }

    fn sync_data(&self, _eventual: bool) -> io::Result<()> {
        self.0.check_open()?;
        self.0.write_macs(&mut self.0.write_state())?;
        self.0.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.check_open()?;
        if offset == 0 && data.len() <= superblock::DATA {
            return self.0.write_superblock(data);
        }
        self.0.write_blocks(block_number(offset, data.len())?, data)
    }
}

fn block_number(offset: u64, length: usize) -> io::Result<u64> {
    let is_whole = offset.is_multiple_of(BLOCK) && (length as u64).is_multiple_of(BLOCK);
    if offset == 0 || !is_whole { Err(unaligned()) } else { Ok(offset / BLOCK) }
}

fn unaligned() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "the database does not use whole blocks")
}

/// Pieces that lie together in the file.
fn runs(first: u64, bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let (mut number, mut rest, mut runs) = (first, bytes, Vec::new());
    while !rest.is_empty() {
        let (run, after) = rest.split_at(run_length(number, rest.len()));
        runs.push((number, run));
        number += run.len() as u64 / BLOCK;
        rest = after;
    }
    runs
}

fn runs_mut(first: u64, bytes: &mut [u8]) -> Vec<(u64, &mut [u8])> {
    let (mut number, mut rest, mut runs) = (first, bytes, Vec::new());
    while !rest.is_empty() {
        let (run, after) = rest.split_at_mut(run_length(number, rest.len()));
        let blocks = run.len() as u64 / BLOCK;
        runs.push((number, run));
        number += blocks;
        rest = after;
    }
    runs
}

fn run_length(number: u64, bytes: usize) -> usize {
    let in_group = GROUP - (number - 1) % GROUP;
    bytes.min((in_group * BLOCK) as usize)
}

fn load_macs(file: &File, blocks: u64) -> io::Result<Vec<Mac>> {
    let count = blocks.saturating_sub(1);
    let mut macs = vec![[0; MAC]; count as usize];
    for (group, macs) in macs.chunks_mut(GROUP as usize).enumerate() {
        file.read_exact_at(macs.as_flattened_mut(), group_at(group as u64))?;
    }
    Ok(macs)
}

#[cfg(test)]
mod tests {
    use redb::StorageBackend as _;

    use super::*;

    #[test]
    fn a_file_whose_creation_was_interrupted_is_begun_again() {
        let directory = tempfile::tempdir().expect("tempdir");
        let (path, key) = (directory.path().join("fim.redb"), StoreKey::from_bytes([7; 32]));
        let backend = Backend(Blocks::open(&path, &key).expect("opens").blocks);
        backend.set_len(4 * BLOCK).expect("grown");
        // redb writes its header first without its magic number.
        backend.write(0, &[0; superblock::DATA]).expect("written");
        drop(backend);
        let opened = Blocks::open(&path, &key).map(|opened| (opened.is_new, opened.damage));
        assert_eq!(opened.expect("opens"), (true, None));
    }
}
