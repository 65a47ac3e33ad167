//! Loops over bytes of a set, which most patterns spend most of their time in.
//!
//! A way out of the loop is noted only where the byte there can go on; what lies between two ways
//! out fails with the one after it, and is remembered as one stretch.

use super::super::byteset::ByteSet;
use super::super::code::{Code, Step};
use super::{Advance, BYTES_PER_STEP, Exhausted, Frame, Loop, MAX_FRAMES, Machine};

/// A stretch of places at which the loop has been, that all lead to the same.
struct Stretch {
    memo: u32,
    /// Its first place; `None` when nothing is remembered.
    from: Option<u32>,
}

impl Machine<'_, '_> {
    /// Takes as many bytes as it can; the ways out before that are tried later, the last one first.
    pub(super) fn greedy_loop(
        &mut self,
        over: Loop<'_>,
        at: &mut u32,
        taken: &mut u32,
    ) -> Result<Option<Advance>, Exhausted> {
        let entry = *at;
        let next = next_bytes(self.code, over.step);
        let mut stretch = self.stretch(over.memo, *at, *taken);
        loop {
            if let Some(known) = self.known_of(&stretch, over, *at) {
                self.spend((*at - entry) as usize / BYTES_PER_STEP)?;
                return Ok(Some(self.end(&stretch, *at, known)));
            }
            let byte = self.subject.get(*at as usize).copied();
            let leaves = next.is_none_or(|next| byte.is_some_and(|byte| next.contains(byte)));
            if !byte.is_some_and(|byte| over.set.contains(byte)) {
                self.spend((*at - entry) as usize / BYTES_PER_STEP)?;
                if !leaves {
                    return Ok(Some(self.end(&stretch, *at + 1, Advance::Failed)));
                }
                self.note(&stretch, *at)?;
                return Ok(None);
            }
            if leaves {
                self.note(&stretch, *at)?;
                self.frames.push(Frame::Try { step: over.step, at: *at, taken: *taken });
                stretch.restart(self.remembers_from(*at + 1));
            }
            self.take_byte(&mut stretch, at, taken);
        }
    }

    /// Leaves at the first place that can go on; the bytes after that are taken later.
    pub(super) fn lazy_loop(
        &mut self,
        over: Loop<'_>,
        at: &mut u32,
        taken: &mut u32,
    ) -> Result<Option<Advance>, Exhausted> {
        let entry = *at;
        let next = next_bytes(self.code, over.step);
        let mut stretch = self.stretch(over.memo, *at, *taken);
        loop {
            if let Some(known) = self.known_of(&stretch, over, *at) {
                self.spend((*at - entry) as usize / BYTES_PER_STEP)?;
                return Ok(Some(self.end(&stretch, *at, known)));
            }
            let byte = self.subject.get(*at as usize).copied();
            if next.is_none_or(|next| byte.is_some_and(|byte| next.contains(byte))) {
                self.spend((*at - entry) as usize / BYTES_PER_STEP)?;
                self.note(&stretch, *at)?;
                // The byte is taken by the step before the loop.
                self.frames.push(Frame::Try { step: over.step - 2, at: *at, taken: *taken });
                return Ok(None);
            }
            if !byte.is_some_and(|byte| over.set.contains(byte)) {
                self.spend((*at - entry) as usize / BYTES_PER_STEP)?;
                return Ok(Some(self.end(&stretch, *at + 1, Advance::Failed)));
            }
            self.take_byte(&mut stretch, at, taken);
        }
    }

    fn stretch(&self, memo: u32, at: u32, taken: u32) -> Stretch {
        let all = self.memory.all_taken();
        // Where the loop begins without a byte taken its results are those of another state.
        let from = if taken & all == all { self.remembers_from(at) } else { None };
        Stretch { memo, from }
    }

    fn remembers_from(&self, at: u32) -> Option<u32> {
        self.memory.is_used().then_some(at)
    }

    fn take_byte(&self, stretch: &mut Stretch, at: &mut u32, taken: &mut u32) {
        *at += 1;
        *taken = u32::MAX;
        if stretch.from.is_none() {
            stretch.restart(self.remembers_from(*at));
        }
    }

    fn known_of(&self, stretch: &Stretch, over: Loop<'_>, at: u32) -> Option<Advance> {
        stretch.from?;
        self.known(self.memory.state(stretch.memo, at, u32::MAX), over.part)
    }

    /// What the stretch up to but without `end` leads to is known.
    fn end(&mut self, stretch: &Stretch, end: u32, known: Advance) -> Advance {
        if let Some(from) = stretch.from
            && from < end
        {
            let state = self.memory.state(stretch.memo, from, u32::MAX);
            match known {
                Advance::Failed => self.memory.fail(state, end - from),
                Advance::Ended(place) => self.memory.reach(state, end - from, place),
            }
        }
        known
    }

    /// The stretch up to and with `last` fails when what is tried from here on fails.
    fn note(&mut self, stretch: &Stretch, last: u32) -> Result<(), Exhausted> {
        if self.frames.len() >= MAX_FRAMES {
            return Err(Exhausted);
        }
        if let Some(from) = stretch.from
            && from <= last
        {
            let state = self.memory.state(stretch.memo, from, u32::MAX);
            self.frames.push(Frame::Failed { state, count: last + 1 - from });
        }
        Ok(())
    }
}

/// The bytes with which `step` begins; `None` when it is not known.
fn next_bytes(code: &Code, step: u32) -> Option<&ByteSet> {
    let is_group = |step: &&Step| matches!(step, Step::Open(_) | Step::Close(_));
    match code.steps[step as usize..].iter().find(|step| !is_group(step))? {
        Step::Byte(set) => Some(set),
        _ => None,
    }
}

impl Stretch {
    fn restart(&mut self, from: Option<u32>) {
        self.from = from;
    }
}
