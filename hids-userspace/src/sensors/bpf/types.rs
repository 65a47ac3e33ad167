//! Reads the kernel's description of its own types (BTF): where a member lies in its struct, and
//! what parameters a function has.
//!
//! Works on the bytes as they are and keeps no copy of a name, because all that is asked for are a
//! few dozen numbers and the `btf` crate takes hundreds of megabytes for them. Trusts nothing: a
//! length or a type number that leads outside is an error, never a panic.
//! Format: `Documentation/bpf/btf.rst` of the kernel.

use std::fs;
use std::io;
use std::ops::Range;

/// Where the kernel describes its types; there with `CONFIG_DEBUG_INFO_BTF`.
const PATH: &str = "/sys/kernel/btf/vmlinux";

/// Where its modules do, each with `CONFIG_DEBUG_INFO_BTF_MODULES` while it is loaded.
const MODULES: &str = "/sys/kernel/btf";

/// Structs within structs, typedefs of typedefs: a kernel has less than ten.
const MAX_DEPTH: u32 = 32;

const MAGIC: u16 = 0xeb9f;
const POINTER: u32 = 2;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const TYPEDEF: u32 = 8;
const VOLATILE: u32 = 9;
const CONST: u32 = 10;
const RESTRICT: u32 = 11;
const FUNCTION: u32 = 12;
const PROTOTYPE: u32 = 13;
const TYPE_TAG: u32 = 18;

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum TypesError {
    /// The file cannot be read.
    #[error("cannot read {PATH}")]
    Read(#[source] io::Error),
    /// It is not what it should be.
    #[error("cannot parse {PATH}: {what} at byte {at}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// Where, from the start of the file.
        at: usize,
    },
}

/// The types of a kernel.
#[derive(Debug)]
pub(crate) struct KernelTypes {
    bytes: Vec<u8>,
    /// Where each type begins in `bytes`, by its number; the first is `void` and begins nowhere.
    starts: Vec<u32>,
    /// Hash of the name and number of each type that is looked up by name, sorted: a guard asks for
    /// some seventy among a hundred thousand.
    names: Vec<(u32, u32)>,
    /// Where names are: those of the kernel, then those of each module.
    strings: Vec<Range<usize>>,
}

/// One parameter of a kernel function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// Its name; empty when the kernel does not tell.
    pub name: String,
    /// The struct, union or typedef that it is or points to; empty when that has no name.
    pub type_name: String,
}

impl KernelTypes {
    /// Those of the running kernel.
    pub(crate) fn of_this_kernel() -> Result<Self, TypesError> {
        Self::parse(fs::read(PATH).map_err(TypesError::Read)?)
    }

    /// Reads BTF in this machine's byte order.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self, TypesError> {
        let (types, strings) = sections(&bytes)?;
        let mut starts = vec![0];
        starts.extend(type_starts(&bytes, types)?);
        let mut types = Self { bytes, starts, names: Vec::new(), strings: vec![strings] };
        types.names = types.index();
        Ok(types)
    }

    /// Adds the types of a module of the running kernel, if that is loaded and describes itself.
    pub(crate) fn add_module(&mut self, name: &str) -> Result<(), TypesError> {
        match fs::read(format!("{MODULES}/{name}")) {
            Ok(bytes) => self.add(&bytes),
            // Built in, then its types are the kernel's own; or not there.
            Err(_) => Ok(()),
        }
    }

    /// Adds types whose numbers and names go on where those before end.
    fn add(&mut self, bytes: &[u8]) -> Result<(), TypesError> {
        let (types, strings) = sections(bytes)?;
        let shift = self.bytes.len();
        for start in type_starts(bytes, types)? {
            let start = u32::try_from(start as usize + shift);
            self.starts.push(start.map_err(|_| TypesError::Malformed { what: "files too long", at: shift })?);
        }
        self.bytes.extend_from_slice(bytes);
        self.strings.push(strings.start + shift..strings.end + shift);
        self.names = self.index();
        Ok(())
    }

    /// Bytes from the start of a struct to one of its members: `task_struct.cred`,
    /// `file.f_path.dentry`. Members of anonymous structs and unions count as the outer one's own, as
    /// in C (so distributions hide what they add). `None` when there is no such member, it lies behind
    /// a pointer, or it is a bit field.
    pub(crate) fn offset(&self, path: &str) -> Option<u32> {
        let (name, members) = path.split_once('.')?;
        // Two kernel files may each have a struct of this name: the one with the member is meant.
        self.named(name, |kind| kind == STRUCT || kind == UNION).find_map(|id| self.member(id, members, MAX_DEPTH))
    }

    /// The size of a struct or union in bytes.
    pub(crate) fn size(&self, name: &str) -> Option<u32> {
        self.named(name, |kind| kind == STRUCT || kind == UNION).find_map(|id| self.size_or_type(id))
    }

    /// The parameters of a kernel function in order; `None` when the kernel has none of this name.
    pub(crate) fn parameters(&self, function: &str) -> Option<Vec<Parameter>> {
        let function = self.named(function, |kind| kind == FUNCTION).next()?;
        let (prototype, (kind, count)) =
            (self.start(self.size_or_type(function)?)?, self.kind(self.size_or_type(function)?)?);
        if kind != PROTOTYPE {
            return None;
        }
        let parameter = |index: u32| {
            let at = prototype + 12 + 8 * index as usize;
            let name = String::from_utf8_lossy(self.string(word(&self.bytes, at)?)?).into_owned();
            let type_name = self.pointee_name(word(&self.bytes, at + 4)?);
            Some(Parameter { name, type_name: String::from_utf8_lossy(type_name).into_owned() })
        };
        (0..count).map(parameter).collect()
    }

    /// Offset in bytes of `path` ("a.b.c") within the struct `id`.
    fn member(&self, id: u32, path: &str, depth: u32) -> Option<u32> {
        let depth = depth.checked_sub(1)?;
        let id = self.resolved(id)?;
        let (kind, count) = self.kind(id)?;
        if kind != STRUCT && kind != UNION {
            return None;
        }
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        (0..count).find_map(|index| {
            let (member, of_type, bits) = self.member_at(id, index)?;
            let inner = match rest {
                _ if member.is_empty() => self.member(of_type, path, depth)?,
                _ if member != name.as_bytes() => return None,
                Some(rest) => self.member(of_type, rest, depth)?,
                None => 0,
            };
            (bits? / 8).checked_add(inner)
        })
    }

    /// Name, type and offset in bits of one member; no offset for a bit field.
    fn member_at(&self, id: u32, index: u32) -> Option<(&[u8], u32, Option<u32>)> {
        let at = self.start(id)? + 12 + 12 * index as usize;
        let (name, of_type, offset) = (word(&self.bytes, at)?, word(&self.bytes, at + 4)?, word(&self.bytes, at + 8)?);
        // With the kind flag the upper byte is the width of a bit field, 0 if it is none.
        let has_widths = word(&self.bytes, self.start(id)? + 4)? >> 31 == 1;
        let bits = match (has_widths, offset >> 24) {
            (true, 0) => Some(offset & 0x00ff_ffff),
            (true, _) => None,
            (false, _) => Some(offset),
        };
        Some((self.string(name)?, of_type, bits.filter(|bits| bits % 8 == 0)))
    }

    /// What [`Self::named`] looks into.
    fn index(&self) -> Vec<(u32, u32)> {
        let ids = 1..u32::try_from(self.starts.len()).unwrap_or(u32::MAX);
        let named = |id: &u32| self.kind(*id).is_some_and(|(kind, _)| matches!(kind, STRUCT | UNION | FUNCTION));
        let entry = |id| Some((name_hash(self.name(id)?), id));
        let mut names: Vec<(u32, u32)> = ids.filter(named).filter_map(entry).collect();
        names.sort_unstable();
        names
    }

    /// The numbers of all types of this name and a wanted kind.
    fn named(&self, name: &str, wanted: impl Fn(u32) -> bool) -> impl Iterator<Item = u32> {
        let hash = name_hash(name.as_bytes());
        let first = self.names.partition_point(|(other, _)| *other < hash);
        let candidates = self.names[first..].iter().take_while(move |(other, _)| *other == hash);
        candidates.map(|(_, id)| *id).filter(move |id| {
            self.kind(*id).is_some_and(|(kind, _)| wanted(kind)) && self.name(*id) == Some(name.as_bytes())
        })
    }

    /// The name of what a parameter is or points to.
    fn pointee_name(&self, mut id: u32) -> &[u8] {
        for _ in 0..MAX_DEPTH {
            match self.kind(id) {
                Some((POINTER | VOLATILE | CONST | RESTRICT | TYPE_TAG, _)) => {
                    id = self.size_or_type(id).unwrap_or_default();
                }
                Some(_) => break,
                None => return b"",
            }
        }
        self.name(id).unwrap_or_default()
    }

    /// Goes through typedefs and qualifiers to the type itself.
    fn resolved(&self, mut id: u32) -> Option<u32> {
        for _ in 0..MAX_DEPTH {
            match self.kind(id)?.0 {
                TYPEDEF | VOLATILE | CONST | RESTRICT | TYPE_TAG => id = self.size_or_type(id)?,
                _ => return Some(id),
            }
        }
        None
    }

    /// Kind, and number of members or parameters.
    fn kind(&self, id: u32) -> Option<(u32, u32)> {
        let information = word(&self.bytes, self.start(id)? + 4)?;
        Some((information >> 24 & 0x1f, information & 0xffff))
    }

    fn size_or_type(&self, id: u32) -> Option<u32> {
        word(&self.bytes, self.start(id)? + 8)
    }

    fn name(&self, id: u32) -> Option<&[u8]> {
        self.string(word(&self.bytes, self.start(id)?)?)
    }

    fn start(&self, id: u32) -> Option<usize> {
        self.starts.get(id as usize).filter(|_| id != 0).map(|start| *start as usize)
    }

    fn string(&self, offset: u32) -> Option<&[u8]> {
        let mut offset = offset as usize;
        let section = self.strings.iter().find(|section| {
            let is_in = offset < section.len();
            offset -= if is_in { 0 } else { section.len() };
            is_in
        })?;
        let rest = self.bytes.get(section.start + offset..section.end)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        Some(&rest[..end])
    }
}

/// FNV-1a: short and good enough for names.
fn name_hash(name: &[u8]) -> u32 {
    name.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

/// Where types and names are.
fn sections(bytes: &[u8]) -> Result<(Range<usize>, Range<usize>), TypesError> {
    let header = |at: usize| word(bytes, at).ok_or(TypesError::Malformed { what: "truncated header", at });
    let first = header(0)?.to_ne_bytes();
    if u16::from_ne_bytes([first[0], first[1]]) != MAGIC {
        return Err(TypesError::Malformed { what: "invalid magic number", at: 0 });
    }
    let length = header(4)? as usize;
    let section = |offset: u32, size: u32, at: usize| {
        let start = length.checked_add(offset as usize);
        let end = start.and_then(|start| start.checked_add(size as usize)).filter(|end| *end <= bytes.len());
        let both = start.zip(end).ok_or(TypesError::Malformed { what: "section beyond the end of the file", at });
        both.map(|(start, end)| start..end)
    };
    Ok((section(header(8)?, header(12)?, 8)?, section(header(16)?, header(20)?, 16)?))
}

/// Where each type begins.
fn type_starts(bytes: &[u8], types: Range<usize>) -> Result<Vec<u32>, TypesError> {
    let (mut at, end) = (types.start, types.end);
    let mut starts = Vec::new();
    while at < end {
        let malformed = |what| TypesError::Malformed { what, at };
        let information = word(bytes, at + 4).ok_or_else(|| malformed("truncated type"))?;
        let extra = extra_bytes(information).ok_or_else(|| malformed("unknown type kind"))?;
        starts.push(u32::try_from(at).map_err(|_| malformed("file too long"))?);
        at += 12 + extra;
    }
    if at != end {
        return Err(TypesError::Malformed { what: "last type truncated", at });
    }
    Ok(starts)
}

/// How many bytes follow the 12 that every type has, by kind.
fn extra_bytes(information: u32) -> Option<usize> {
    let count = (information & 0xffff) as usize;
    Some(match information >> 24 & 0x1f {
        1 | 14 | 17 => 4,
        POINTER | 7..=FUNCTION | 16 | TYPE_TAG => 0,
        3 => 12,
        STRUCT | UNION | 15 | 19 => 12 * count,
        6 | PROTOTYPE => 8 * count,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
