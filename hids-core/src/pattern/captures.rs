//! What the groups of a pattern matched.

use std::ops::Range;

/// Most captures that OSSEC reports.
pub const MAX_CAPTURES: usize = 64;

/// The groups; reuse it to save allocations.
///
/// Groups that did not take part are left out, so that later ones move up, as in OSSEC.
#[derive(Default)]
pub struct Captures {
    pub(super) slots: Vec<Option<regex_automata::util::primitives::NonMaxUsize>>,
    pub(super) spans: Vec<Range<usize>>,
}

impl Captures {
    /// The groups in order.
    pub fn spans(&self) -> &[Range<usize>] {
        &self.spans
    }
}
