//! The user-space side: reading what the programs wrote.
//!
//! Owns no map; it takes what was read from one. Every length and kind is checked.
#![expect(unsafe_code, reason = "records of the kernel are read in place")]

#[cfg(test)]
mod tests;

use aya::maps::PerCpuValues;
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::record::{CgroupHead, ExecHead, Exit, Kind, Process};

/// The sum over all processors of one counter slot.
pub fn total(values: &PerCpuValues<u64>) -> u64 {
    values.iter().fold(0, |sum, value| sum.wrapping_add(*value))
}

// SAFETY: `repr(C)`, integers and arrays of bytes only, no padding (zerocopy's derives check it): any
// bytes are a value.
unsafe impl aya::Pod for Process {}

/// One record from the ring.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A process runs another program.
    Exec {
        /// All but the path.
        head: ExecHead,
        /// Names from the file up to the root, each ended by NUL.
        path: &'a [u8],
    },
    /// A process has ended.
    Exit(Exit),
    /// A control group was made.
    Cgroup {
        /// Its number.
        id: u64,
        /// Its path below the root of the hierarchy.
        path: &'a [u8],
    },
}

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// It ends before its contents do.
    CutOff,
    /// It is of a kind that this program does not know.
    UnknownKind(u32),
}

/// Reads one record.
pub fn decode(bytes: &[u8]) -> Result<Event<'_>, RecordError> {
    let (kind, _) = u32::read_from_prefix(bytes).map_err(|_| RecordError::CutOff)?;
    if kind == Kind::Exec as u32 {
        let (head, rest): (ExecHead, _) = head(bytes)?;
        Ok(Event::Exec { head, path: path(rest, head.path_bytes)? })
    } else if kind == Kind::Exit as u32 {
        Ok(Event::Exit(head(bytes)?.0))
    } else if kind == Kind::Cgroup as u32 {
        let (head, rest): (CgroupHead, _) = head(bytes)?;
        Ok(Event::Cgroup { id: head.id, path: path(rest, head.path_bytes)? })
    } else {
        Err(RecordError::UnknownKind(kind))
    }
}

fn head<T: FromBytes + KnownLayout + Immutable>(bytes: &[u8]) -> Result<(T, &[u8]), RecordError> {
    T::read_from_prefix(bytes).map_err(|_| RecordError::CutOff)
}

/// The ring hands out exactly what was sent, so more bytes than told are as wrong as less.
fn path(rest: &[u8], length: u32) -> Result<&[u8], RecordError> {
    if rest.len() == length as usize { Ok(rest) } else { Err(RecordError::CutOff) }
}

// SAFETY: `repr(C)`, whole numbers only and no padding (zerocopy's derive would not compile with any),
// so every pattern of bytes is a value.
unsafe impl aya::Pod for crate::guard::FileKey {}
