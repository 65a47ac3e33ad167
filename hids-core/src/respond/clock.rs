//! What is left of a time when somebody sets the wall clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::action::Block;
use crate::model::Timestamp;

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

/// By how much the wall clock was set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Ahead(Duration),
    Back(Duration),
}

impl Clock {
    /// How far the wall clock was set since `before`; `None` where the step is too small to be one.
    pub(super) fn step_since(self, before: Self) -> Option<Step> {
        let by_boot = before.wall.plus(self.since_boot.saturating_sub(before.since_boot));
        let (ahead, back) = (self.wall.since(by_boot), by_boot.since(self.wall));
        if ahead.max(back) < SMALLEST_STEP {
            return None;
        }
        Some(if ahead > back { Step::Ahead(ahead) } else { Step::Back(back) })
    }
}

impl Step {
    /// A time of before, as the clock shows it now.
    pub(super) fn shift(self, time: Timestamp) -> Timestamp {
        match self {
            Self::Ahead(by) => time.plus(by),
            Self::Back(by) => time.minus(by),
        }
    }

    /// The block as the clock shows it now.
    pub(super) fn shift_block(self, block: Block) -> Block {
        let shift = |time| self.shift(time);
        Block { since: shift(block.since), updated: shift(block.updated), expires: block.expires.map(shift), ..block }
    }
}

/// How far the clock was ahead when the block was last changed, if it was.
pub(super) fn ahead(block: &Block, now: Timestamp) -> Option<Step> {
    let by = block.updated.since(now);
    (by >= SMALLEST_STEP).then_some(Step::Back(by))
}
