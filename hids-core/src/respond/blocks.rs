//! The blocks that are wanted: who is blocked, what ends next, and who leaves when there are too many.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::action::{Action, Block, EndCause, MAX_BLOCKS, Refusal};
use crate::model::Timestamp;

/// The wanted blocks.
pub(super) struct Blocks {
    /// Ordered, so that they can be shown in pages. Keys are canonical.
    by_address: BTreeMap<IpAddr, Block>,
    most: usize,
    /// Invariant: holds exactly the blocks that end.
    ends: BTreeSet<(Timestamp, IpAddr)>,
    /// Who leaves first when there are too many. Invariant: holds exactly the blocks that a rule made.
    evictable: BTreeSet<(Dispensable, IpAddr)>,
}

/// The order in which blocks leave when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Dispensable {
    /// The one that ends first.
    Ends(Timestamp),
    /// Then the one that began first.
    Lasts(Timestamp),
}

impl Dispensable {
    fn of(block: &Block) -> Self {
        block.expires.map_or(Self::Lasts(block.since), Self::Ends)
    }
}

impl Blocks {
    pub(super) fn new() -> Self {
        Self { by_address: BTreeMap::new(), most: MAX_BLOCKS, ends: BTreeSet::new(), evictable: BTreeSet::new() }
    }

    /// Leaves room for at most `most` of them.
    pub(super) fn limit_to(&mut self, most: usize) {
        self.most = most;
    }

    pub(super) fn all(&self) -> &BTreeMap<IpAddr, Block> {
        &self.by_address
    }

    pub(super) fn holds(&self, address: IpAddr) -> bool {
        self.by_address.contains_key(&address)
    }

    /// The block of an address; one whose end is due but not yet carried out is over.
    pub(super) fn current(&self, address: IpAddr, now: Timestamp) -> Option<&Block> {
        self.by_address.get(&address).filter(|block| block.expires.is_none_or(|end| end > now))
    }

    /// When the next block ends.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.ends.first().map(|(end, _)| *end)
    }

    /// Takes out a block that ends at or before `now`.
    pub(super) fn take_ended(&mut self, now: Timestamp) -> Option<Block> {
        let &(_, address) = self.ends.first().filter(|(end, _)| *end <= now)?;
        self.take(address)
    }

    /// Ends a block for a new one where there are too many: a full set must not shelter whoever comes
    /// later. Of those that rules made the one that ends first goes, and one without an end only when
    /// all others are like it, the oldest first. What an administrator asked for never goes.
    pub(super) fn make_room(&mut self) -> Result<Option<Action>, Refusal> {
        if self.by_address.len() < self.most {
            return Ok(None);
        }
        let &(_, address) = self.evictable.first().ok_or(Refusal::Full)?;
        let evicted = self.take(address).map(|block| Action::Unblock { block, cause: EndCause::Evicted });
        Ok(evicted)
    }

    /// Keeps a block, in place of what there was for its address.
    pub(super) fn put(&mut self, block: Block) {
        self.take(block.address);
        if let Some(end) = block.expires {
            self.ends.insert((end, block.address));
        }
        if block.rule.is_some() {
            self.evictable.insert((Dispensable::of(&block), block.address));
        }
        self.by_address.insert(block.address, block);
    }

    pub(super) fn take(&mut self, address: IpAddr) -> Option<Block> {
        let block = self.by_address.remove(&address)?;
        if let Some(end) = block.expires {
            self.ends.remove(&(end, address));
        }
        if block.rule.is_some() {
            self.evictable.remove(&(Dispensable::of(&block), address));
        }
        Some(block)
    }

    /// Takes out all of them.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Block> + use<> {
        self.ends.clear();
        self.evictable.clear();
        std::mem::take(&mut self.by_address).into_values()
    }
}
