//! Answers to `hidsctl fim` that need nothing but the baseline: with or without a daemon.

mod change;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use hids_core::fim::{PathKind, Policy};
use hids_core::model::FileNotice;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use super::export::{self, ExportError, ExportKey, States, Turn};
use super::paths::holds;
use super::protocol::{
    CompareItem, CompareView, ExportView, FimRequest, FimView, HistoryItem, HistoryView, ListItem, ListView, PathText,
    StateView, VerifyView,
};
use super::query_error::QueryError;
use super::store::{Store, StoreError, StoreView};
use super::{BaselineView as _, Entry, monitor};
use crate::platform::{clock, hostname};

/// The file of the key that signs exports, in the state directory.
pub(crate) const EXPORT_KEY: &str = "fim-sign.key";

/// Most items in one answer.
const PAGE: usize = 10_000;

/// Answers what only reads.
pub(crate) fn answer(
    request: &FimRequest,
    store: &Store,
    policy: &Policy,
    state: &Path,
    zone: &TimeZone,
) -> Result<Value, QueryError> {
    let view = store.view();
    match request {
        FimRequest::List { below, after, limit, changed } => {
            let after = after.as_ref().map(PathText::as_bytes);
            let changes_by = changed.then_some((policy, zone));
            value(&list(&view, below.as_bytes(), after, (*limit).min(PAGE), changes_by)?)
        }
        FimRequest::Why { path, limit } => {
            let limit = (*limit).min(PAGE);
            value(&history(&view, path, policy, limit, zone)?)
        }
        FimRequest::Status => {
            let counts = view.counts()?;
            value(&FimView { entries: counts.entries, offline: true, ..FimView::default() })
        }
        FimRequest::Verify => {
            let report = store.verify(&mut |_| {})?;
            value(&VerifyView::from(&report))
        }
        FimRequest::Export { file } => export(&view, state, Path::new(OsStr::from_bytes(file.as_bytes()))),
        FimRequest::Snapshot { file } => snapshot(&view, Path::new(OsStr::from_bytes(file.as_bytes()))),
        FimRequest::Compare { file, below } => {
            value(&compare(&view, state, Path::new(OsStr::from_bytes(file.as_bytes())), below.as_bytes())?)
        }
        FimRequest::Scan { .. }
        | FimRequest::StopScan
        | FimRequest::Accept { .. }
        | FimRequest::WindowOpen(_)
        | FimRequest::WindowClose { .. }
        | FimRequest::Protect { .. } => Err(QueryError::NeedsDaemon),
    }
}

fn list(
    view: &StoreView,
    below: &[u8],
    after: Option<&[u8]>,
    limit: usize,
    changes_by: Option<(&Policy, &TimeZone)>,
) -> Result<ListView, StoreError> {
    let mut page = ListView::default();
    let entries = match after {
        Some(after) => view.subtree_after(below, after)?,
        None => view.subtree(below)?,
    };
    for entry in entries {
        let (path, entry) = entry?;
        if changes_by.is_some() && entry.is_accepted() {
            continue;
        }
        if page.items.len() == limit {
            page.more = true;
            break;
        }
        let change = changes_by.map(|(policy, zone)| change::of(view, &path, &entry, policy, zone)).transpose()?;
        page.items.push(ListItem { change, ..item(&path, &entry) });
    }
    Ok(page)
}

fn item(path: &[u8], entry: &Entry) -> ListItem {
    ListItem {
        path: PathText::from(path),
        state: entry.state.as_ref().map(StateView::from),
        changes: entry.changes,
        new: entry.unaccepted.is_some_and(|unaccepted| unaccepted.is_new),
        change: None,
    }
}

fn history(
    view: &StoreView,
    path: &PathText,
    policy: &Policy,
    limit: usize,
    zone: &TimeZone,
) -> Result<HistoryView, StoreError> {
    let bytes = path.as_bytes();
    let watched = [PathKind::Directory, PathKind::Other].into_iter().any(|kind| policy.watch_of(bytes, kind).is_some());
    let item = view.entry(bytes)?.map(|entry| item(bytes, &entry));
    let notices = view.history(bytes, limit)?;
    let history = notices.into_iter().map(|notice| history_item(&notice, policy, zone)).collect();
    Ok(HistoryView { path: path.clone(), watched, item, history })
}

fn history_item(notice: &FileNotice, policy: &Policy, zone: &TimeZone) -> HistoryItem {
    let text = monitor::text_of(&notice.news, policy);
    HistoryItem {
        sequence: notice.sequence,
        time: notice.time.rfc3339(zone),
        alerted: notice.alerted,
        text: String::from_utf8_lossy(&text).into_owned(),
        notice: notice_value(notice),
    }
}

/// As in alerts.json.
fn notice_value(notice: &FileNotice) -> Value {
    let mut json = Vec::new();
    hids_core::render::file_notice_json(&mut json, notice);
    // What the renderer writes is JSON; a property test holds it to that.
    serde_json::from_slice(&json).unwrap_or(Value::Null)
}

/// Writes a signed copy of the baseline.
fn export(view: &StoreView, state: &Path, file: &Path) -> Result<Value, QueryError> {
    let turn = Turn::wait(state).map_err(QueryError::NotExported)?;
    if file.exists() {
        return Err(QueryError::ExportExists { path: file.to_owned() });
    }
    let (key, made) = ExportKey::load_or_create(&state.join(EXPORT_KEY), &turn).map_err(QueryError::NotExported)?;
    let host = hostname::full().into_bytes();
    let summary =
        export::write_file(view, file, &key, &host, clock::now(), States::LastSeen).map_err(QueryError::NotExported)?;
    value(&ExportView {
        entries: summary.entries,
        commit: summary.commit,
        public_key: key.public().to_string(),
        key_is_new: made,
    })
}

/// Writes the accepted states for a check that does not use the store itself.
pub(crate) fn snapshot(view: &StoreView, file: &Path) -> Result<Value, QueryError> {
    let open = |source| ExportError::Open { path: file.to_owned(), source };
    let key = ExportKey::for_once().map_err(open).map_err(QueryError::NotExported)?;
    let host = hostname::full().into_bytes();
    let summary = export::write_file(view, file, &key, &host, clock::now(), States::Accepted);
    let summary = summary.map_err(QueryError::NotExported)?;
    value(&ExportView {
        entries: summary.entries,
        commit: summary.commit,
        public_key: key.public().to_string(),
        key_is_new: false,
    })
}

/// What differs from an export, which this machine must have signed.
fn compare(view: &StoreView, state: &Path, file: &Path, below: &[u8]) -> Result<CompareView, QueryError> {
    let turn = Turn::wait(state).map_err(QueryError::NotCompared)?;
    let (key, _) = ExportKey::load_or_create(&state.join(EXPORT_KEY), &turn).map_err(QueryError::NotCompared)?;
    drop(turn);
    let mut found = CompareView::default();
    let state_of = |entry: Option<Entry>| entry.and_then(|entry| entry.state).as_ref().map(StateView::from);
    let compared = export::compare(file, &key.public(), view, |difference| {
        if !holds(below, &difference.path) {
            return;
        }
        if found.differences.len() == PAGE {
            found.more = true;
            return;
        }
        let path = PathText::from(difference.path.as_slice());
        let (exported, now) = (state_of(difference.exported), state_of(difference.baseline));
        found.differences.push(CompareItem { path, exported, now });
    });
    compared.map_err(QueryError::NotCompared)?;
    Ok(found)
}

/// An answer as JSON.
pub(crate) fn value(answer: &impl Serialize) -> Result<Value, QueryError> {
    Ok(serde_json::to_value(answer)?)
}
