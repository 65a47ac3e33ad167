//! Keeps what is left of blocks when somebody sets the wall clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Planner;
use crate::model::Timestamp;
use crate::respond::action::{Action, Block, ProgramHold};

/// The wall clock is followed when it was set by this much; less is what keeping it exact does.
const SMALLEST_STEP: Duration = Duration::from_secs(2);

/// Two clocks read at the same moment.
///
/// Ends are kept in wall-clock time, because they must mean something after a reboot; what is left
/// until then is measured by the other, which nobody can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// `CLOCK_REALTIME`: may be set, by an administrator or by whoever forges time servers.
    pub wall: Timestamp,
    /// `CLOCK_BOOTTIME`: since the machine was started, with the time that it slept.
    pub since_boot: Duration,
}

impl Planner {
    /// Keeps what is left of every block and undo call when the wall clock was set: ahead, and blocks
    /// would end early (whoever forges time servers would free himself); back, and they would last
    /// for years. Call it before anything that takes a time of this clock.
    ///
    /// Small steps are added up, so that many of them do not pass unnoticed.
    pub fn follow_clock(&mut self, now: Clock) -> Vec<Action> {
        let Some(before) = self.clock else {
            self.clock = Some(now);
            return Vec::new();
        };
        let by_boot = before.wall.plus(now.since_boot.saturating_sub(before.since_boot));
        let (ahead, back) = (now.wall.since(by_boot), by_boot.since(now.wall));
        if ahead.max(back) < SMALLEST_STEP {
            return Vec::new();
        }
        self.clock = Some(now);
        let shift = |time: Timestamp| if ahead > back { time.plus(ahead) } else { time.minus(back) };
        let mut actions = Vec::new();
        for block in self.blocks.values().cloned().collect::<Vec<_>>() {
            let block = shifted(block, shift);
            self.put(block.clone());
            actions.push(Action::Retime(block));
        }
        for hold in self.holds.values().cloned().collect::<Vec<_>>() {
            let hold = ProgramHold { due: shift(hold.due), ..hold };
            self.hold(hold.clone());
            actions.push(Action::Prolong(hold));
        }
        actions
    }

    /// A block from another boot in which the clock was ahead lasts no longer than it was to last.
    pub(super) fn end_what_was_ahead(&mut self, now: Timestamp) -> Vec<Action> {
        let ahead = |block: &&Block| block.updated.since(now) >= SMALLEST_STEP;
        let blocks: Vec<Block> = self.blocks.values().filter(ahead).cloned().collect();
        let set_back = |block: Block| {
            let by = block.updated.since(now);
            let block = shifted(block, |time| time.minus(by));
            self.put(block.clone());
            Action::Retime(block)
        };
        blocks.into_iter().map(set_back).collect()
    }
}

/// The block as a clock shows it that was set.
fn shifted(block: Block, shift: impl Fn(Timestamp) -> Timestamp) -> Block {
    Block { since: shift(block.since), updated: shift(block.updated), expires: block.expires.map(&shift), ..block }
}
