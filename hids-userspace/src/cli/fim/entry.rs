//! One entry of the baseline as a line.

use super::shown;
use crate::fim::protocol::{PathText, StateView};

/// Kind, mode, owner, sum and path of an entry.
pub(super) fn entry_line(path: &PathText, state: Option<&StateView>) -> String {
    let Some(state) = state else { return format!("deleted {}\n", shown(path)) };
    let sum = state.digests.last().map_or("-", |(_, sum)| sum.as_str());
    let target = state.link_target.as_ref().map_or(String::new(), |target| format!(" -> {}", shown(target)));
    format!(
        "{} {} {}:{} {} {sum} {}{target}\n",
        state.kind,
        state.mode,
        state.uid,
        state.gid,
        state.size_bytes,
        shown(path)
    )
}
