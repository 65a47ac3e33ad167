//! The deepest root above a path, in a logarithmic number of steps.

use std::cmp::Ordering;

use super::paths::below;
use super::watch::Watch;

/// Roots in the order of a walk through the tree: what is below a root follows it at once.
#[derive(Debug, Default)]
pub(super) struct Roots {
    /// Index into the watches.
    sorted: Vec<usize>,
    /// For each place in `sorted`: the place of the next root above.
    above: Vec<Option<usize>>,
}

impl Roots {
    pub(super) fn new(watches: &[Watch]) -> Self {
        let mut sorted: Vec<usize> = (0..watches.len()).collect();
        sorted.sort_by(|&left, &right| walk_order(&watches[left].root, &watches[right].root));
        let mut above = Vec::with_capacity(sorted.len());
        for place in 0..sorted.len() {
            let root = &watches[sorted[place]].root;
            let mut candidate = place.checked_sub(1);
            while let Some(at) = candidate
                && below(&watches[sorted[at]].root, root).is_none()
            {
                candidate = above[at];
            }
            above.push(candidate);
        }
        Self { sorted, above }
    }

    /// Index of the watch with the deepest root that is `path` or above it.
    ///
    /// The last root not after `path` in walk order lies below every root that holds `path`, or is one.
    pub(super) fn holding(&self, path: &[u8], watches: &[Watch]) -> Option<usize> {
        let after = self.sorted.partition_point(|&index| walk_order(&watches[index].root, path).is_le());
        let mut candidate = after.checked_sub(1);
        while let Some(at) = candidate {
            let index = self.sorted[at];
            if below(&watches[index].root, path).is_some() {
                return Some(index);
            }
            candidate = self.above[at];
        }
        None
    }
}

/// Bytes, but a slash before everything else (paths hold no NUL).
fn walk_order(left: &[u8], right: &[u8]) -> Ordering {
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    // `/` is above every path, and is the only root that ends in a slash.
    let (left, right) = (left.strip_suffix(b"/").unwrap_or(left), right.strip_suffix(b"/").unwrap_or(right));
    left.iter().map(rank).cmp(right.iter().map(rank))
}
