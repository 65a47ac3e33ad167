//! The baseline as it was accepted: without what has changed since and no one has accepted.

use hids_core::model::FimEvent;

use super::ExportError;
use crate::fim::store::{decode_entry, encode_entry, path_of};
use crate::fim::{Entry, StoreError, StoreView, Unaccepted};

/// Which states an export holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum States {
    /// As files were last seen.
    LastSeen,
    /// As they were accepted. An entry whose accepted state is no longer known is marked as unaccepted.
    Accepted,
}

/// The entry in its accepted state, encoded; `None` where nothing was accepted.
pub(super) fn accepted(view: &StoreView, key: &[u8], stored: Vec<u8>) -> Result<Option<Vec<u8>>, ExportError> {
    let entry = decode_entry(&stored)?;
    if entry.is_accepted() {
        return Ok(Some(stored));
    }
    let earlier = match entry.unaccepted {
        Some(Unaccepted { is_new: true, .. }) => return Ok(None),
        Some(Unaccepted { since, .. }) => earlier(view, key, since)?,
        // It is gone, and that was known.
        None if entry.state.is_none() && entry.changes == 0 => return Ok(None),
        None => None,
    };
    let accepted = match earlier {
        Some(Earlier::Nothing) => return Ok(None),
        Some(Earlier::Was(state)) => Entry { state: Some(*state), read: entry.read, ..Entry::default() },
        None => Entry { unaccepted: Some(entry.unaccepted.unwrap_or_default()), ..entry },
    };
    Ok(Some(encode_entry(&accepted)))
}

/// What was accepted.
enum Earlier {
    Nothing,
    Was(Box<hids_core::model::FileState>),
}

/// What the first change that was not accepted calls old; `None` when the history does not reach so far back.
fn earlier(view: &StoreView, key: &[u8], since: u64) -> Result<Option<Earlier>, StoreError> {
    let Some(notice) = view.notice(since)? else { return Ok(None) };
    match notice.news {
        FimEvent::Change(change) if Some(&change.path) == path_of(key).as_ref() => {
            Ok(Some(change.old.map_or(Earlier::Nothing, Earlier::Was)))
        }
        _ => Ok(None),
    }
}
