//! Retention: the oldest notices go, in batches, and never one that is not alerted yet.

use hids_core::model::Timestamp;

use super::StoreError;
use super::codec::decode_notice;
use super::head::Kind;
use super::processes::{STAMP_STEP, stamp};
use super::rows::Rows;
use super::write_txn::{WriteTxn, subject};

/// A notice to be forgotten.
pub(super) struct Old {
    sequence: u64,
    path: Option<Vec<u8>>,
}

/// The oldest `surplus` notices, and all before `oldest`; none after `committed`, at most `most`.
pub(super) fn oldest(
    rows: &mut Rows<'_>,
    committed: u64,
    oldest: Timestamp,
    surplus: u64,
    most: usize,
) -> Result<Vec<Old>, StoreError> {
    let end = committed.saturating_add(1).to_be_bytes();
    let mut old = Vec::new();
    for (_, value) in rows.rows(&[], &end, most)? {
        let notice = decode_notice(&value, |_| Ok(None))?;
        if old.len() as u64 >= surplus && notice.time >= oldest {
            break;
        }
        old.push(Old { sequence: notice.sequence, path: subject(&notice.news).map(<[u8]>::to_vec) });
    }
    Ok(old)
}

/// Takes them out, with their places in the index and processes that no notice names any more.
pub(super) fn forget(update: &mut WriteTxn<'_>, old: &[Old]) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (old.first(), old.last()) else { return Ok(()) };
    let mut rows = update.rows(Kind::Notice)?;
    for notice in old {
        rows.remove(&notice.sequence.to_be_bytes())?;
    }
    drop(rows);
    let mut rows = update.rows(Kind::History)?;
    for notice in old {
        if let Some(path) = &notice.path {
            rows.remove(&[path.as_slice(), b"\0", &notice.sequence.to_be_bytes()].concat())?;
        }
    }
    drop(rows);
    if first.sequence / STAMP_STEP != (last.sequence + 1) / STAMP_STEP {
        forget_processes(update, last.sequence)?;
    }
    Ok(())
}

fn forget_processes(update: &mut WriteTxn<'_>, last: u64) -> Result<(), StoreError> {
    let mut rows = update.rows(Kind::Process)?;
    let mut from = Vec::new();
    loop {
        let processes = rows.rows(&from, &[0xff; 17], 512)?;
        let Some((key, _)) = processes.last() else { return Ok(()) };
        from = [key.as_slice(), b"\0"].concat();
        for (key, value) in &processes {
            if stamp(value).is_some_and(|stamp| stamp + STAMP_STEP <= last) {
                rows.remove(key)?;
            }
        }
    }
}
