//! One entry of the baseline as a line.

use super::shown;
use crate::accounts::Names;
use crate::cli::output;
use crate::fim::protocol::{PathText, StateView};

/// Kind, mode, owner, sum and path of an entry.
pub(super) fn entry_line(path: &PathText, state: Option<&StateView>, names: &Names) -> String {
    let Some(state) = state else { return format!("deleted {}\n", shown(path)) };
    let sum = state.digests.strongest().unwrap_or("-");
    let target = state.link_target.as_ref().map_or(String::new(), |target| format!(" -> {}", shown(target)));
    let line = format!(
        "{} {} {}:{} {} {sum} {}{target}",
        state.kind,
        state.mode,
        names.user(state.uid),
        names.group(state.gid),
        state.size_bytes,
        shown(path)
    );
    // Names of accounts may hold anything.
    format!("{}\n", output::visible(line.as_bytes()))
}
