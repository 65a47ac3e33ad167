//! The way so far: decisions to come back to, what is known of places, and the steps that are left.

use super::super::Exhausted;
use super::super::memory::{Known, Memory, State};
use super::super::step::IN_PART;

/// Most decisions kept for a later return, in all 16 MiB.
const MAX_FRAMES: usize = 1 << 20;

/// Bytes that are looked at in the time of one step.
pub(super) const BYTES_PER_STEP: usize = 4;

/// What is undone or tried when the steps taken lead nowhere.
#[derive(Clone, Copy)]
pub(super) enum Frame {
    /// Go on there.
    Try { step: u32, at: u32, taken: u32 },
    /// Everything from there, and from the places after it, has failed.
    Failed { state: State, count: u32 },
    /// A group was elsewhere.
    Group { group: u32, part: u8, value: u32 },
}

/// Which steps run, and what their success means.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// Whether the end of this part can be remembered: nothing but the place decides it.
    pub remembers_ends: bool,
}

/// What taking steps led to.
pub(super) enum Advance {
    /// The end of the part, there.
    Ended(u32),
    /// Nothing.
    Failed,
}

/// See the module.
pub(super) struct Trail<'a, 'b> {
    pub subject: &'a [u8],
    pub frames: &'b mut Vec<Frame>,
    pub memory: &'b mut Memory,
    /// Steps.
    pub left: u32,
    /// Whether steps may be taken again at a place where they were before: from another start, or another way.
    pub may_return: bool,
}

impl Trail<'_, '_> {
    /// Notes the second way of a decision; what the decision leads to, if that is known.
    pub(super) fn decide(
        &mut self,
        memo: u32,
        second: u32,
        at: u32,
        taken: u32,
        part: Part,
    ) -> Result<Option<Advance>, Exhausted> {
        self.may_return = true;
        if let Some(known) = self.remember(memo, at, taken, part)? {
            return Ok(Some(known));
        }
        self.frames.push(Frame::Try { step: second, at, taken });
        Ok(None)
    }

    /// Notes a decision that leaves one way; what it leads to, if that is known. Not noted is what is never come back to.
    pub(super) fn pass(&mut self, memo: u32, at: u32, taken: u32, part: Part) -> Result<Option<Advance>, Exhausted> {
        let may_return = self.may_return || memo & IN_PART != 0;
        if may_return { self.remember(memo, at, taken, part) } else { Ok(None) }
    }

    fn remember(&mut self, memo: u32, at: u32, taken: u32, part: Part) -> Result<Option<Advance>, Exhausted> {
        self.check_room()?;
        if self.memory.is_used() {
            let state = self.memory.state(memo, at, taken);
            if let Some(known) = self.known(state, part) {
                return Ok(Some(known));
            }
            self.frames.push(Frame::Failed { state, count: 1 });
        }
        Ok(None)
    }

    /// What is known of a state, if it counts in this part.
    pub(super) fn known(&self, state: State, part: Part) -> Option<Advance> {
        match self.memory.known(state) {
            Known::Failed => Some(Advance::Failed),
            Known::Ends(end) if part.remembers_ends => Some(Advance::Ended(end)),
            Known::Nothing | Known::Ends(_) => None,
        }
    }

    /// Whether another decision can be kept.
    pub(super) fn check_room(&self) -> Result<(), Exhausted> {
        if self.frames.len() >= MAX_FRAMES { Err(Exhausted) } else { Ok(()) }
    }

    /// Takes steps from those that are left.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Exhausted> {
        self.left = self.left.checked_sub(steps as u32).ok_or(Exhausted)?;
        Ok(())
    }
}
