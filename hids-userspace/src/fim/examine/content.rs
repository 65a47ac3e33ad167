//! Reads a file once and computes all its digests.

use std::io::{self, IoSliceMut};
use std::os::fd::BorrowedFd;

use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use super::PageCache;
use super::sums::Sums;

/// Holds a reader back, or stops it.
pub(crate) trait Pace {
    /// Called before up to `bytes` are read; waits as long as it wants. `false` = stop.
    fn may_read(&self, bytes: usize) -> bool;
}

/// As fast as it goes.
pub(super) struct Unhindered;

impl Pace for Unhindered {
    fn may_read(&self, _bytes: usize) -> bool {
        true
    }
}

/// Bytes asked for at a time: small enough for the second-level cache, large enough for the disk.
pub(super) const PART_BYTES: usize = 128 * 1024;

/// A file that says its size is 0 is read this far: files made up by the kernel have content all the same.
const MADE_UP_BYTES: u64 = 16 * 1024 * 1024;

/// Linux 6.14: gives the pages back that this very read brought in, and leaves those that were there.
const DONT_CACHE: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0x80);

/// How a content was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// To its end, or to the size asked for.
    Whole,
    /// Stopped by the pace.
    Stopped,
}

/// The means of one thread: its buffer, and what it has learnt about filesystems.
pub(super) struct Reader<'a> {
    cache: PageCache,
    pace: &'a dyn Pace,
    buffer: Vec<u8>,
    /// The last filesystem (`st_dev`) that does not know `RWF_DONTCACHE`.
    without_dont_cache: Option<u64>,
}

impl<'a> Reader<'a> {
    /// A reader with a buffer of its own.
    pub(super) fn new(cache: PageCache, pace: &'a dyn Pace) -> Self {
        Self { cache, pace, buffer: vec![0; PART_BYTES], without_dont_cache: None }
    }

    #[cfg(test)]
    pub(super) fn assume_without_dont_cache(&mut self, device: u64) {
        self.without_dont_cache = Some(device);
    }

    /// Feeds the first `size_bytes` of `file` to `sums`, fewer when it ends sooner. `device` is its `st_dev`.
    pub(super) fn read_into(
        &mut self,
        sums: &mut Sums,
        file: BorrowedFd<'_>,
        device: u64,
        size_bytes: u64,
    ) -> io::Result<Reading> {
        let end = if size_bytes == 0 { MADE_UP_BYTES } else { size_bytes };
        let mode = Mode::first(self.cache, self.without_dont_cache == Some(device));
        let mut source = Source { file, mode, cold: false };
        let mut at = 0;
        while at < end {
            let part = usize::try_from(end - at).unwrap_or(usize::MAX).min(self.buffer.len());
            if !self.pace.may_read(if size_bytes == 0 { 0 } else { part }) {
                return Ok(Reading::Stopped);
            }
            let count = source.read(&mut self.buffer[..part], at)?;
            if count == 0 {
                break;
            }
            sums.update(&self.buffer[..count]);
            at += count as u64;
        }
        if mode == Mode::DontCache && source.mode != mode {
            self.without_dont_cache = Some(device);
        }
        source.give_back();
        Ok(Reading::Whole)
    }
}

struct Source<'a> {
    file: BorrowedFd<'a>,
    mode: Mode,
    /// The first page was not in memory: what this read brings in can be given back.
    cold: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The kernel gives back what it need not keep.
    DontCache,
    /// Is it in memory? Asked once, by a read that does not wait.
    Probe,
    /// An ordinary read.
    Plain,
}

impl Mode {
    fn first(cache: PageCache, without_dont_cache: bool) -> Self {
        match cache {
            PageCache::Fill => Self::Plain,
            PageCache::AsBefore if without_dont_cache => Self::Probe,
            PageCache::AsBefore => Self::DontCache,
        }
    }

    const fn flags(self) -> ReadWriteFlags {
        match self {
            Self::DontCache => DONT_CACHE,
            Self::Probe => ReadWriteFlags::NOWAIT,
            Self::Plain => ReadWriteFlags::empty(),
        }
    }
}

impl Source<'_> {
    fn read(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        loop {
            match preadv2(self.file, &mut [IoSliceMut::new(buffer)], at, self.mode.flags()) {
                Ok(count) => {
                    if self.mode == Mode::Probe {
                        self.mode = Mode::Plain;
                    }
                    return Ok(count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::INVAL) if self.mode == Mode::DontCache => self.mode = Mode::Probe,
                Err(Errno::AGAIN) if self.mode == Mode::Probe => {
                    self.cold = true;
                    self.mode = Mode::Plain;
                }
                Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS) if self.mode == Mode::Probe => {
                    self.mode = Mode::Plain;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn give_back(&self) {
        if self.cold {
            // Only a wish: a kernel that refuses it keeps some pages longer.
            let _ = fadvise(self.file, 0, None, Advice::DontNeed);
        }
    }
}
