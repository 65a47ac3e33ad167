//! What has become of a path since it was accepted, from its history.

use hids_core::fim::{Checks, Differences, PathKind, Policy, compare};
use hids_core::model::{FileChange, FileKind, FileNotice, FimEvent};
use jiff::tz::TimeZone;

use crate::fim::Entry;
use crate::fim::protocol::{ChangeView, PathText, StateView};
use crate::fim::store::{StoreError, StoreView};

/// Most pieces of history that are looked through for the accepted state.
const MOST: usize = 1_000;

/// Of an entry that is not accepted.
pub(super) fn of(
    view: &StoreView,
    path: &[u8],
    entry: &Entry,
    policy: &Policy,
    zone: &TimeZone,
) -> Result<ChangeView, StoreError> {
    let notices = view.history(path, usize::try_from(entry.changes).unwrap_or(MOST).saturating_add(1).min(MOST))?;
    let last = notices.iter().find_map(|notice| Some((notice, change_in(notice)?)));
    let is_new = entry.unaccepted.is_some_and(|unaccepted| unaccepted.is_new);
    let first = entry.unaccepted.map(|unaccepted| unaccepted.since);
    let first = notices.iter().find(|notice| Some(notice.sequence) == first).and_then(change_in);
    let accepted = first.filter(|_| !is_new).and_then(|first| first.old.as_deref());
    let kind = match entry.state.as_ref().map(|state| state.kind) {
        Some(FileKind::Directory) => PathKind::Directory,
        _ => PathKind::Other,
    };
    let checks = policy.watch_of(path, kind).map_or_else(|| Checks::all(true), |watch| watch.checks);
    let differs = accepted.zip(entry.state.as_ref()).map(|(old, new)| names(compare(old, new, checks)));
    let who = last.and_then(|(_, change)| change.who.last());
    let program = who.map(|who| if who.executable.is_empty() { &who.command } else { &who.executable });
    Ok(ChangeView {
        change: match (&entry.state, is_new) {
            (None, _) => "deleted",
            (Some(_), true) => "new",
            (Some(_), false) => "modified",
        }
        .to_owned(),
        accepted: accepted.map(StateView::from),
        differences: differs.unwrap_or_default().into_iter().map(str::to_owned).collect(),
        last_changed: last.map(|(notice, _)| notice.time.rfc3339(zone)),
        program: program.filter(|name| !name.is_empty()).map(|name| PathText::from(name.as_slice())),
        user_id: who.and_then(|who| who.login_uid.or(who.uid)),
    })
}

fn change_in(notice: &FileNotice) -> Option<&FileChange> {
    match &notice.news {
        FimEvent::Change(change) => Some(change),
        _ => None,
    }
}

fn names(differs: Differences) -> Vec<&'static str> {
    let all = [
        (differs.kind, "kind"),
        (differs.size, "size"),
        (differs.content(), "content"),
        (differs.link_target, "link_target"),
        (differs.owner, "owner"),
        (differs.group, "group"),
        (differs.permissions, "mode"),
        (differs.xattrs, "xattrs"),
        (differs.inode, "inode"),
        (differs.modified, "modified"),
    ];
    all.into_iter().filter_map(|(is_different, name)| is_different.then_some(name)).collect()
}
