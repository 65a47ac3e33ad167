//! Memo table of the back-tracker: positions that failed, and results of sub-patterns.

use super::code::Code;
use super::step::IN_PART;

/// Most bits for failures: 4 MiB.
const MAX_FAILURES: usize = 32 << 20;
/// Most places for the ends of steps in parts, of 4 bytes each.
const MAX_ENDS: usize = 1 << 20;
/// Buffers beyond this many entries of 4 or 8 bytes are given back after a line.
const KEPT_ENTRIES: usize = 1 << 17;

/// Ends of a step in a part: not known, failed, or the end that was reached, plus this.
const UNKNOWN: u32 = 0;
const FAILED: u32 = 1;
const REACHED: u32 = 2;

/// What a step leads to from a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Nothing,
    Failed,
    /// The part ends there.
    Ends(u32),
}

/// A step at a place, as a number; the places after it follow.
pub(super) type State = u32;

/// Results of steps at places; reused from line to line.
#[derive(Default)]
pub(super) struct Memory {
    is_used: bool,
    /// One bit for each step outside of parts at each place.
    failures: Vec<u64>,
    /// For each step in a part at each place.
    ends: Vec<u32>,
    width: usize,
    loops: u32,
}

impl Memory {
    /// Forgets everything, and makes room for a line of that length.
    pub(super) fn prepare(&mut self, code: &Code, line_bytes: usize) {
        self.failures.clear();
        self.ends.clear();
        self.width = line_bytes + 1;
        self.loops = code.empty_loops;
        let states = |memos: u32| ((memos as usize) << code.empty_loops).saturating_mul(self.width);
        let (failures, ends) = (states(code.memos), states(code.part_memos));
        // What a step leads to depends on the groups, if the pattern refers to them.
        self.is_used = !code.has_again && failures <= MAX_FAILURES && ends <= MAX_ENDS;
        if self.is_used {
            self.failures.resize(failures.div_ceil(64), 0);
            self.ends.resize(ends, UNKNOWN);
        }
    }

    /// Gives large buffers back.
    pub(super) fn shrink(&mut self) {
        self.failures.clear();
        self.failures.shrink_to(KEPT_ENTRIES);
        self.ends.clear();
        self.ends.shrink_to(KEPT_ENTRIES);
    }

    /// Whether results are remembered at all.
    pub(super) fn is_used(&self) -> bool {
        self.is_used
    }

    /// The number of a step at a place. `taken` tells which loops have taken bytes in this round,
    /// which decides about those whose body can match nothing.
    pub(super) fn state(&self, memo: u32, at: u32, taken: u32) -> State {
        let step = ((memo & !IN_PART) << self.loops) | (taken & self.all_taken());
        (step * self.width as u32 + at) | (memo & IN_PART)
    }

    /// What `taken` is where every loop has taken a byte.
    pub(super) fn all_taken(&self) -> u32 {
        (1 << self.loops) - 1
    }

    pub(super) fn known(&self, state: State) -> Known {
        let index = (state & !IN_PART) as usize;
        if state & IN_PART == 0 {
            let is_failure = self.failures[index / 64] & (1 << (index % 64)) != 0;
            return if is_failure { Known::Failed } else { Known::Nothing };
        }
        match self.ends[index] {
            UNKNOWN => Known::Nothing,
            FAILED => Known::Failed,
            end => Known::Ends(end - REACHED),
        }
    }

    /// The step failed at that place and at those after it, `count` in all.
    pub(super) fn fail(&mut self, state: State, count: u32) {
        let range = (state & !IN_PART) as usize..(state & !IN_PART) as usize + count as usize;
        if state & IN_PART == 0 {
            range.for_each(|index| self.failures[index / 64] |= 1 << (index % 64));
        } else {
            self.ends[range].fill(FAILED);
        }
    }

    /// The part of the step ended at `end`, from that place and those after it.
    pub(super) fn reach(&mut self, state: State, count: u32, end: u32) {
        if state & IN_PART != 0 {
            let start = (state & !IN_PART) as usize;
            self.ends[start..start + count as usize].fill(end + REACHED);
        }
    }
}
