//! Notices: most of them are changes, and most changes are by a process that made others as well.

use std::sync::Arc;

use hids_core::model::{ChangeKind, FileChange, FileNotice, FimEvent, Operations, Who};

use super::bytes::{Reader, Writer};
use super::state::{read_state, write_state};
use super::{StoreError, decode, encode, unreadable};

/// Bytes of a [`WhoKey`].
const WHO_BYTES: usize = 16;

/// Names a process that is stored once for all its changes: a sum over everything known of it.
pub(in crate::fim::store) type WhoKey = [u8; WHO_BYTES];

const OTHER: u8 = 0;
const CHANGE: u8 = 1;

const KINDS: [ChangeKind; 4] = [ChangeKind::Added, ChangeKind::Modified, ChangeKind::Deleted, ChangeKind::Readded];

/// A notice as bytes; `key_of` stores a process and names it.
pub(in crate::fim::store) fn encode_notice<E>(
    notice: &FileNotice,
    key_of: impl FnMut(&Arc<Who>) -> Result<WhoKey, E>,
) -> Result<Vec<u8>, E> {
    let mut out = Writer(Vec::with_capacity(256));
    match &notice.news {
        FimEvent::Change(change) => {
            out.byte(CHANGE);
            out.number(notice.sequence);
            out.time(notice.time);
            out.byte(u8::from(notice.alerted));
            write_change(&mut out, change, key_of)?;
        }
        _ => {
            out.byte(OTHER);
            out.fixed(&encode(notice));
        }
    }
    Ok(out.0)
}

fn write_change<E>(
    out: &mut Writer,
    change: &FileChange,
    key_of: impl FnMut(&Arc<Who>) -> Result<WhoKey, E>,
) -> Result<(), E> {
    out.string(&change.path);
    let kind = KINDS.iter().position(|kind| *kind == change.kind).unwrap_or(0);
    let states = u8::from(change.old.is_some()) | u8::from(change.new.is_some()) << 1;
    out.byte(kind as u8 | states << 2);
    out.number(change.count.into());
    if let Some(old) = &change.old {
        write_state(out, old, None);
    }
    if let Some(new) = &change.new {
        write_state(out, new, change.old.as_deref());
    }
    out.number(change.who.len() as u64);
    for key in change.who.iter().map(key_of) {
        out.fixed(&key?);
    }
    out.fixed(&encode(&(change.operations, &change.diff)));
    Ok(())
}

/// A notice from bytes; `who_of` finds a process by its name.
pub(in crate::fim::store) fn decode_notice(
    bytes: &[u8],
    who_of: impl FnMut(&WhoKey) -> Result<Option<Arc<Who>>, StoreError>,
) -> Result<FileNotice, StoreError> {
    let wrong = || unreadable("a notice");
    let mut from = Reader(bytes);
    match from.byte() {
        Some(OTHER) => decode(from.0, "a notice"),
        Some(CHANGE) => {
            let sequence = from.number().ok_or_else(wrong)?;
            let time = from.time().ok_or_else(wrong)?;
            let alerted = from.byte().ok_or_else(wrong)? != 0;
            let change = read_change(&mut from, who_of)?;
            Ok(FileNotice { sequence, time, alerted, news: FimEvent::Change(Box::new(change)) })
        }
        _ => Err(wrong()),
    }
}

fn read_change(
    from: &mut Reader<'_>,
    mut who_of: impl FnMut(&WhoKey) -> Result<Option<Arc<Who>>, StoreError>,
) -> Result<FileChange, StoreError> {
    let (mut change, keys) = read_parts(from).ok_or_else(|| unreadable("a notice"))?;
    for key in &keys {
        change.who.extend(who_of(key)?);
    }
    let (operations, diff): (Operations, Option<String>) = decode(from.0, "a notice")?;
    (change.operations, change.diff) = (operations, diff);
    Ok(change)
}

fn read_parts(from: &mut Reader<'_>) -> Option<(FileChange, Vec<WhoKey>)> {
    let path = from.string()?.to_vec();
    let flags = from.byte()?;
    let count = u32::try_from(from.number()?).ok()?;
    let old = if flags & 4 == 0 { None } else { Some(Box::new(read_state(from, None)?)) };
    let new = if flags & 8 == 0 { None } else { Some(Box::new(read_state(from, old.as_deref())?)) };
    let mut keys = Vec::new();
    for _ in 0..from.number()? {
        keys.push(from.fixed()?);
    }
    let kind = KINDS[usize::from(flags & 3)];
    let operations = Operations::NONE;
    Some((FileChange { path, kind, old, new, count, who: Vec::new(), operations, diff: None }, keys))
}
