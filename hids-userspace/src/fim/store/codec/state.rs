//! A file's state: only the parts in which it differs from another one, or from all zeros.

use std::collections::BTreeMap;

use hids_core::model::{FileKind, FileState, Timestamp};

use super::bytes::{Reader, Writer};

const KINDS: [FileKind; 7] = [
    FileKind::Regular,
    FileKind::Directory,
    FileKind::Symlink,
    FileKind::Fifo,
    FileKind::Socket,
    FileKind::CharacterDevice,
    FileKind::BlockDevice,
];

/// Numbers of the bits that say which parts follow.
mod part {
    pub(super) const KIND: u16 = 1;
    pub(super) const SIZE: u16 = 1 << 1;
    pub(super) const MODE: u16 = 1 << 2;
    pub(super) const UID: u16 = 1 << 3;
    pub(super) const GID: u16 = 1 << 4;
    pub(super) const DEVICE: u16 = 1 << 5;
    pub(super) const INODE: u16 = 1 << 6;
    pub(super) const LINKS: u16 = 1 << 7;
    pub(super) const MODIFIED: u16 = 1 << 8;
    pub(super) const CHANGED: u16 = 1 << 9;
    pub(super) const MD5: u16 = 1 << 10;
    pub(super) const SHA1: u16 = 1 << 11;
    pub(super) const SHA256: u16 = 1 << 12;
    pub(super) const BLAKE3: u16 = 1 << 13;
    pub(super) const TARGET: u16 = 1 << 14;
    pub(super) const XATTRS: u16 = 1 << 15;
}

fn parts(state: &FileState, base: &FileState) -> u16 {
    let (digests, known) = (&state.digests, &base.digests);
    let differs = [
        (part::KIND, state.kind != base.kind),
        (part::SIZE, state.size_bytes != base.size_bytes),
        (part::MODE, state.mode != base.mode),
        (part::UID, state.uid != base.uid),
        (part::GID, state.gid != base.gid),
        (part::DEVICE, state.device != base.device),
        (part::INODE, state.inode != base.inode),
        (part::LINKS, state.links != base.links),
        (part::MODIFIED, state.modified != base.modified),
        (part::CHANGED, state.changed != base.changed),
        (part::MD5, digests.md5 != known.md5),
        (part::SHA1, digests.sha1 != known.sha1),
        (part::SHA256, digests.sha256 != known.sha256),
        (part::BLAKE3, digests.blake3 != known.blake3),
        (part::TARGET, state.link_target != base.link_target),
        (part::XATTRS, state.xattrs != base.xattrs),
    ];
    differs.iter().filter(|(_, differs)| *differs).fold(0, |parts, (part, _)| parts | part)
}

/// Appends `state`; what is equal in `base` is left out.
pub(in crate::fim) fn write_state(out: &mut Writer, state: &FileState, base: Option<&FileState>) {
    let zeros = FileState::default();
    let base = base.unwrap_or(&zeros);
    let parts = parts(state, base);
    out.fixed(&parts.to_le_bytes());
    if parts & part::KIND != 0 {
        let place = KINDS.iter().position(|kind| *kind == state.kind).unwrap_or(0);
        out.byte(place as u8);
    }
    for (part, number) in [
        (part::SIZE, state.size_bytes),
        (part::MODE, state.mode.into()),
        (part::UID, state.uid.into()),
        (part::GID, state.gid.into()),
        (part::DEVICE, state.device),
        (part::INODE, state.inode),
        (part::LINKS, state.links),
    ] {
        if parts & part != 0 {
            out.number(number);
        }
    }
    if parts & part::MODIFIED != 0 {
        out.time(state.modified);
    }
    if parts & part::CHANGED != 0 {
        // Most often soon after.
        out.signed(state.changed.unix_nanos().wrapping_sub(state.modified.unix_nanos()));
    }
    let (digests, known) = (&state.digests, &base.digests);
    write_digest(out, parts & part::MD5, digests.md5.as_ref(), known.md5.as_ref());
    write_digest(out, parts & part::SHA1, digests.sha1.as_ref(), known.sha1.as_ref());
    write_digest(out, parts & part::SHA256, digests.sha256.as_ref(), known.sha256.as_ref());
    write_digest(out, parts & part::BLAKE3, digests.blake3.as_ref(), known.blake3.as_ref());
    if parts & part::TARGET != 0 {
        out.byte(u8::from(state.link_target.is_some()));
        out.string(state.link_target.as_deref().unwrap_or_default());
    }
    if parts & part::XATTRS != 0 {
        out.number(state.xattrs.len() as u64);
        for (name, value) in &state.xattrs {
            out.string(name);
            out.string(value);
        }
    }
}

/// Where the base has no sum either, a differing one can only be there.
fn write_digest<const N: usize>(out: &mut Writer, part: u16, sum: Option<&[u8; N]>, base: Option<&[u8; N]>) {
    if part == 0 {
        return;
    }
    if base.is_some() {
        out.byte(u8::from(sum.is_some()));
    }
    out.fixed(sum.map_or(&[], |sum| sum.as_slice()));
}

/// Takes a state that was written against the same `base`; `None` for bytes that are none.
pub(in crate::fim) fn read_state(from: &mut Reader<'_>, base: Option<&FileState>) -> Option<FileState> {
    let mut state = base.cloned().unwrap_or_default();
    let parts = u16::from_le_bytes(from.fixed()?);
    let has = |part: u16| parts & part != 0;
    if has(part::KIND) {
        state.kind = *KINDS.get(usize::from(from.byte()?))?;
    }
    read_number(from, has(part::SIZE), &mut state.size_bytes)?;
    read_number(from, has(part::MODE), &mut state.mode)?;
    read_number(from, has(part::UID), &mut state.uid)?;
    read_number(from, has(part::GID), &mut state.gid)?;
    read_number(from, has(part::DEVICE), &mut state.device)?;
    read_number(from, has(part::INODE), &mut state.inode)?;
    read_number(from, has(part::LINKS), &mut state.links)?;
    if has(part::MODIFIED) {
        state.modified = from.time()?;
    }
    if has(part::CHANGED) {
        let later = from.signed()?;
        state.changed = Timestamp::from_unix_nanos(state.modified.unix_nanos().wrapping_add(later));
    }
    read_digest(from, has(part::MD5), &mut state.digests.md5)?;
    read_digest(from, has(part::SHA1), &mut state.digests.sha1)?;
    read_digest(from, has(part::SHA256), &mut state.digests.sha256)?;
    read_digest(from, has(part::BLAKE3), &mut state.digests.blake3)?;
    if has(part::TARGET) {
        let is_there = from.byte()? != 0;
        let target = from.string()?;
        state.link_target = is_there.then(|| target.to_vec());
    }
    if has(part::XATTRS) {
        state.xattrs = read_xattrs(from)?;
    }
    Some(state)
}

fn read_number<T: TryFrom<u64>>(from: &mut Reader<'_>, is_there: bool, into: &mut T) -> Option<()> {
    if is_there {
        *into = T::try_from(from.number()?).ok()?;
    }
    Some(())
}

fn read_digest<const N: usize>(from: &mut Reader<'_>, is_there: bool, sum: &mut Option<[u8; N]>) -> Option<()> {
    if is_there {
        let is_none = sum.is_some() && from.byte()? == 0;
        *sum = if is_none { None } else { Some(from.fixed()?) };
    }
    Some(())
}

fn read_xattrs(from: &mut Reader<'_>) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
    let count = from.number()?;
    let mut xattrs = BTreeMap::new();
    for _ in 0..count {
        let name = from.string()?.to_vec();
        xattrs.insert(name, from.string()?.to_vec());
    }
    Some(xattrs)
}
