//! From what `hidsctl fim window open` asks for to a change window.

use std::sync::Arc;

use hids_core::fim::{LONGEST_WINDOW, Members, Moment, ProcessId, Window};
use hids_core::model::Who;

use crate::fim::QueryError;
use crate::fim::process::started_at;
use crate::fim::protocol::{PathText, WindowWish};
use crate::sensors::{Procfs, WhoLookup};

/// Longest reason.
const REASON_BYTES: usize = 1024;
/// Most paths or programs.
const MOST_NAMES: usize = 64;

/// The window. Who opens it is read from the kernel, not from the request.
pub(super) fn of(wish: WindowWish, lookup: Option<Arc<dyn WhoLookup>>) -> Result<Window, QueryError> {
    let refused = |why| Err(QueryError::NoWindow { why });
    if wish.seconds == 0 || wish.seconds > LONGEST_WINDOW.as_secs() {
        return refused("it lasts one second at least and 24 hours at most");
    }
    if wish.reason.len() > REASON_BYTES || wish.paths.len() > MOST_NAMES || wish.programs.len() > MOST_NAMES {
        return refused("too long a reason, or too many paths or programs");
    }
    let bytes = |paths: &[PathText]| paths.iter().map(|path| path.as_bytes().to_vec()).collect::<Vec<_>>();
    let (paths, programs) = (bytes(&wish.paths), bytes(&wish.programs));
    if paths.iter().chain(&programs).any(|path| !path.starts_with(b"/")) {
        return refused("paths and programs have to be absolute");
    }
    let opener = wish.peer.and_then(|pid| {
        let known = lookup.and_then(|lookup| lookup.who(pid));
        known.or_else(|| Procfs::default().who(pid))
    });
    let opener = opener.unwrap_or_else(|| Arc::new(Who { pid: wish.peer.unwrap_or(0), ..Who::default() }));
    let mut members = Members { everyone: wish.everything, ..Members::default() };
    if !wish.everything {
        (members.programs, members.login_uid) = (programs, wish.login_uid);
        let is_named = !members.programs.is_empty() || members.login_uid.is_some();
        let process = wish.pid.map(|pid| Some(ProcessId { pid, started: started_at(pid)? }));
        match process {
            Some(None) => return refused("there is no such process"),
            Some(process) if members.programs.is_empty() => members.process = process,
            _ => {}
        }
        if !is_named {
            members.session = opener.session;
        }
        if members == Members::default() {
            return refused("it is not known whose changes are announced; name a program, a user or a process");
        }
    }
    Ok(Window {
        id: 0,
        opened: Moment::default(),
        seconds: wish.seconds,
        reason: wish.reason,
        members,
        paths,
        opener,
        closing: None,
        changes: 0,
        examples: Vec::new(),
    })
}
