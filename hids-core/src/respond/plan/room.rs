//! Which block ends for a new one when there are too many.

use super::Planner;
use crate::model::Timestamp;
use crate::respond::action::{Action, Block, EndCause, Refusal};

/// How many addresses are blocked at most: a forged log must not fill the kernel's memory.
pub const MAX_BLOCKS: usize = 1_000_000;

/// The order in which blocks leave when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dispensable {
    /// The one that ends first.
    Ends(Timestamp),
    /// Then the one that began first.
    Lasts(Timestamp),
}

impl Dispensable {
    pub(super) fn of(block: &Block) -> Self {
        block.expires.map_or(Self::Lasts(block.since), Self::Ends)
    }
}

impl Planner {
    /// Ends a block for a new one where there are too many: a full set must not shelter whoever comes
    /// later. Of those that rules made the one that ends first goes, and one without an end only when
    /// all others are like it, the oldest first. What an administrator asked for never goes.
    pub(super) fn make_room(&mut self) -> Result<Option<Action>, Refusal> {
        if self.blocks.len() < self.most_blocks {
            return Ok(None);
        }
        let &(_, address) = self.evictable.first().ok_or(Refusal::Full)?;
        let evicted = self.take(address).map(|block| Action::Unblock { block, cause: EndCause::Evicted });
        Ok(evicted)
    }
}
