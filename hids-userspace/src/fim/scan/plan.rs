//! Selection of subtrees to scan.

use hids_core::fim::{PathKind, Policy};

/// The paths to begin at, in order, none within another's walk.
///
/// A subtree that is watched is one itself; the roots below a subtree are others, since the walk passes
/// roots by.
pub(super) fn units(subtrees: &[Vec<u8>], policy: &Policy) -> Vec<Vec<u8>> {
    let roots = || policy.watches().iter().map(|watch| watch.root.clone());
    let mut units: Vec<Vec<u8>> = if subtrees.is_empty() {
        roots().collect()
    } else {
        let watched = |path: &&Vec<u8>| {
            policy.is_root(path)
                || policy.enters(path)
                || policy.watch_of(path, PathKind::Other).is_some()
                || policy.watch_of(path, PathKind::Directory).is_some()
        };
        let own = subtrees.iter().filter(watched).cloned();
        own.chain(roots().filter(|root| subtrees.iter().any(|subtree| is_below(root, subtree)))).collect()
    };
    units.sort();
    units.dedup();
    let all = units.clone();
    units.retain(|unit| {
        policy.is_root(unit) || !all.iter().any(|above| is_below(unit, above) && same_walk(unit, above, policy))
    });
    units
}

/// Whether the walk from `above` comes to `unit`: no root lies between them.
fn same_walk(unit: &[u8], above: &[u8], policy: &Policy) -> bool {
    let mut end = unit.len();
    while end > above.len() {
        if policy.is_root(&unit[..end]) {
            return false;
        }
        end = unit[..end].iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    }
    true
}

/// Whether `path` lies below `directory` (and is not it).
pub(super) fn is_below(path: &[u8], directory: &[u8]) -> bool {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    path.len() > directory.len() + 1 && path.starts_with(directory) && path[directory.len()] == b'/'
}

/// The path of the entry `name` of `directory`.
pub(super) fn join(directory: &[u8], name: &[u8], path: &mut Vec<u8>) {
    path.clear();
    path.extend_from_slice(directory);
    if directory != b"/" {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}
