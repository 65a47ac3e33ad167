//! Targets: many sources, each with few tries, against one account, one path or one service.
//!
//! What composite rules count per source stays small when an attack comes from everywhere; here the same
//! events are counted per target. `rule` says what a rule wants, `table` counts the networks of each target,
//! `known` remembers who logged in, whom nothing here counts. All of it is bounded, and what one network does
//! pushes out nothing that others did. The design is in docs/design/targets.md. Never: decides what a rule
//! is, or acts.

mod known;
mod network;
mod rule;
mod table;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher as _, RandomState};

use self::known::Known;
pub use self::known::SavedLogins;
use self::network::Network;
pub(super) use self::rule::{Counts, MOST_NETWORKS, TargetRule, TargetTest};
use self::rule::{key, peer};
use self::table::Table;
use super::count::Source;
use super::event::RuleEvent;
use crate::decode::FieldId;
use crate::model::{AttackedTarget, TargetKind};

/// What all rules about targets remember.
#[derive(Debug, Default)]
pub(super) struct Targets {
    rules: Box<[TargetRule]>,
    /// One for each of `rules`.
    tables: Vec<Table>,
    known: Known,
    key: Vec<u8>,
    source: Vec<u8>,
    /// Accounts are compared by what nobody outside can choose.
    prints: RandomState,
}

impl Targets {
    /// Nothing seen yet.
    pub(super) fn new(rules: &[TargetRule]) -> Self {
        let tables = rules.iter().map(|_| Table::default()).collect();
        Self { rules: rules.into(), tables, ..Self::default() }
    }

    /// Whether a rule with this test fires at `event`, which has fulfilled its other conditions and counts for its
    /// target from now on; and the target, unless it is the source itself that the rule is about. `excepted`: networks
    /// that never count; the first that holds an address decides.
    pub(super) fn test(
        &mut self,
        test: TargetTest,
        event: &RuleEvent<'_>,
        excepted: &[(ipnet::IpNet, bool)],
    ) -> Option<Option<AttackedTarget>> {
        let (TargetTest::Counts(table) | TargetTest::Attacked(table)) = test;
        let rule = self.rules.get(table as usize)?;
        let table = self.tables.get_mut(table as usize)?;
        let (address, network) = peer(event, excepted)?;
        let now = event.now.unix_seconds();
        let kind = match rule.counts {
            Counts::NetworksOf(kind) => kind,
            Counts::AccountsOfSource => TargetKind::Service,
        };
        key(kind, event, &mut self.key)?;
        if self.known.contains(kind, &self.key, network, now) {
            return None;
        }
        if rule.counts == Counts::AccountsOfSource {
            key(TargetKind::Account, event, &mut self.key)?;
            let account = Network::print(self.prints.hash_one(&*self.key));
            self.source.clear();
            Source::of(event.field(FieldId::SRC_IP)?).write(&mut self.source);
            return table.count(rule, &self.source, account, address, now);
        }
        match test {
            TargetTest::Counts(_) => table.count(rule, &self.key, network, address, now),
            TargetTest::Attacked(_) => table.attacked(rule, &self.key, now),
        }
    }

    /// Remembers that the source of `event` has logged in. Whether that is news worth saving.
    pub(super) fn logged_in(&mut self, event: &RuleEvent<'_>) -> bool {
        let Some((_, network)) = peer(event, &[]) else { return false };
        let mut is_news = false;
        for kind in [TargetKind::Account, TargetKind::Service] {
            let asks = |rule: &TargetRule| match rule.counts {
                Counts::NetworksOf(target) => target == kind,
                Counts::AccountsOfSource => kind == TargetKind::Service,
            };
            if self.rules.iter().any(asks) && key(kind, event, &mut self.key).is_some() {
                is_news |= self.known.add(kind, &self.key, network, event.now.unix_seconds());
            }
        }
        is_news
    }

    /// Targets forgotten for lack of room.
    pub(super) fn forgotten(&self) -> u64 {
        self.tables.iter().map(|table| table.forgotten).sum()
    }

    /// The part that outlives a restart.
    pub(super) fn save(&self) -> SavedLogins {
        self.known.save()
    }

    /// Puts it back.
    pub(super) fn restore(&mut self, saved: &SavedLogins) {
        self.known.restore(saved);
    }
}
