//! When which question is asked: status each second, lists only while they are in front.

use super::state::{App, Link};
use crate::cli::top::ask::Question;
use crate::cli::top::keys::Pane;

/// Seconds between two looks at the status.
const STATUS_SECONDS: i64 = 1;
/// The same for the blocks while they are in front.
const BLOCKS_SECONDS: i64 = 2;
/// The same for changed files, if the daemon counts no further change: a list reads the whole baseline.
const FILES_SECONDS: i64 = 60;
/// Least time between two lists of changed files.
const FILES_LEAST_SECONDS: i64 = 2;
/// Questions about single files at one time.
const MOST_LAST_CHANGES: usize = 4;
/// Files whose last change is remembered.
const MOST_REMEMBERED: usize = 2000;

/// The questions that are due.
pub(super) fn due(app: &mut App) -> Vec<Question> {
    let mut due = Vec::new();
    let now = app.now;
    if app.waiting.status.ask(now, STATUS_SECONDS) {
        due.push(Question::Status);
    }
    if app.daemon.link != Link::Up {
        return due;
    }
    match app.pane {
        Pane::Blocks if app.waiting.blocks.ask(now, BLOCKS_SECONDS) => due.push(Question::Blocks),
        Pane::Files => files_due(app, &mut due),
        _ => {}
    }
    due
}

fn files_due(app: &mut App, due: &mut Vec<Question>) {
    let counted = app.daemon.facts.as_ref().filter(|facts| facts.fim.enabled).map(|facts| facts.fim.changes);
    let Some(counted) = counted else { return };
    let has_news = app.waiting.files_at != Some(counted);
    let every = if has_news { FILES_LEAST_SECONDS } else { FILES_SECONDS };
    if app.waiting.files.ask(app.now, every) {
        app.waiting.files_at = Some(counted);
        due.push(Question::Changes);
    }
    if app.files.last_changes.len() > MOST_REMEMBERED {
        app.files.last_changes.clear();
    }
    let in_view = app.files.list.rows().skip(app.files.list.cursor.top).take(app.page());
    for item in in_view {
        let path = item.path.as_bytes();
        let is_known = app.files.last_changes.get(path).is_some_and(|(changes, _)| *changes == item.changes);
        if app.waiting.last_changes.len() >= MOST_LAST_CHANGES {
            break;
        }
        if !is_known && !app.waiting.last_changes.iter().any(|asked| asked == path) {
            app.waiting.last_changes.push(path.to_vec());
            due.push(Question::LastChange(item.path.clone()));
        }
    }
}
