//! Loops over bytes of a set, which most patterns spend most of their time in.
//!
//! A way out of the loop is noted only where the byte there can go on; what lies between two ways
//! out fails with the one after it, and is remembered as one stretch.

use super::super::Exhausted;
use super::super::byteset::ByteSet;
use super::super::first::First;
use super::trail::{Advance, BYTES_PER_STEP, Frame, Part, Trail};

/// A loop over bytes of a set.
#[derive(Clone, Copy)]
pub(super) struct Loop<'a> {
    pub set: &'a ByteSet,
    pub memo: u32,
    /// The step after the loop.
    pub step: u32,
    /// With what that step can go on.
    pub next: &'a First,
    pub part: Part,
}

/// A stretch of places at which the loop has been, that all lead to the same.
struct Stretch {
    memo: u32,
    /// Its first place; `None` when nothing is remembered.
    from: Option<u32>,
}

/// Takes as many bytes as it can; the ways out before that are tried later, the last one first.
pub(super) fn greedy(
    trail: &mut Trail<'_, '_>,
    over: Loop<'_>,
    at: &mut u32,
    taken: &mut u32,
) -> Result<Option<Advance>, Exhausted> {
    let entry = *at;
    let mut stretch = stretch(trail, over.memo, *at, *taken);
    loop {
        if let Some(known) = known_of(trail, &stretch, over, *at) {
            trail.spend((*at - entry) as usize / BYTES_PER_STEP)?;
            return Ok(Some(end(trail, &stretch, *at, known)));
        }
        let byte = trail.subject.get(*at as usize).copied();
        let leaves = over.next.allows(byte);
        if !byte.is_some_and(|byte| over.set.contains(byte)) {
            trail.spend((*at - entry) as usize / BYTES_PER_STEP)?;
            if !leaves {
                return Ok(Some(end(trail, &stretch, *at + 1, Advance::Failed)));
            }
            note(trail, &stretch, *at)?;
            return Ok(None);
        }
        if leaves {
            note(trail, &stretch, *at)?;
            trail.may_return = true;
            trail.frames.push(Frame::Try { step: over.step, at: *at, taken: *taken });
            stretch.restart(remembers_from(trail, *at + 1));
        }
        take_byte(trail, &mut stretch, at, taken);
    }
}

/// Leaves at the first place that can go on; the bytes after that are taken later.
pub(super) fn lazy(
    trail: &mut Trail<'_, '_>,
    over: Loop<'_>,
    at: &mut u32,
    taken: &mut u32,
) -> Result<Option<Advance>, Exhausted> {
    let entry = *at;
    let mut stretch = stretch(trail, over.memo, *at, *taken);
    loop {
        if let Some(known) = known_of(trail, &stretch, over, *at) {
            trail.spend((*at - entry) as usize / BYTES_PER_STEP)?;
            return Ok(Some(end(trail, &stretch, *at, known)));
        }
        let byte = trail.subject.get(*at as usize).copied();
        if over.next.allows(byte) {
            trail.spend((*at - entry) as usize / BYTES_PER_STEP)?;
            note(trail, &stretch, *at)?;
            trail.may_return = true;
            // The byte is taken by the step before the loop.
            trail.frames.push(Frame::Try { step: over.step - 2, at: *at, taken: *taken });
            return Ok(None);
        }
        if !byte.is_some_and(|byte| over.set.contains(byte)) {
            trail.spend((*at - entry) as usize / BYTES_PER_STEP)?;
            return Ok(Some(end(trail, &stretch, *at + 1, Advance::Failed)));
        }
        take_byte(trail, &mut stretch, at, taken);
    }
}

fn stretch(trail: &Trail<'_, '_>, memo: u32, at: u32, taken: u32) -> Stretch {
    let all = trail.memory.all_taken();
    // Where the loop begins without a byte taken its results are those of another state.
    let from = if taken & all == all { remembers_from(trail, at) } else { None };
    Stretch { memo, from }
}

fn remembers_from(trail: &Trail<'_, '_>, at: u32) -> Option<u32> {
    trail.memory.is_used().then_some(at)
}

fn take_byte(trail: &Trail<'_, '_>, stretch: &mut Stretch, at: &mut u32, taken: &mut u32) {
    *at += 1;
    *taken = u32::MAX;
    if stretch.from.is_none() {
        stretch.restart(remembers_from(trail, *at));
    }
}

fn known_of(trail: &Trail<'_, '_>, stretch: &Stretch, over: Loop<'_>, at: u32) -> Option<Advance> {
    stretch.from?;
    trail.known(trail.memory.state(stretch.memo, at, u32::MAX), over.part)
}

/// What the stretch up to but without `end` leads to is known.
fn end(trail: &mut Trail<'_, '_>, stretch: &Stretch, end: u32, known: Advance) -> Advance {
    if let Some(from) = stretch.from
        && from < end
    {
        let state = trail.memory.state(stretch.memo, from, u32::MAX);
        match known {
            Advance::Failed => trail.memory.fail(state, end - from),
            Advance::Ended(place) => trail.memory.reach(state, end - from, place),
        }
    }
    known
}

/// The stretch up to and with `last` fails when what is tried from here on fails.
fn note(trail: &mut Trail<'_, '_>, stretch: &Stretch, last: u32) -> Result<(), Exhausted> {
    trail.check_room()?;
    if let Some(from) = stretch.from
        && from <= last
    {
        let state = trail.memory.state(stretch.memo, from, u32::MAX);
        trail.frames.push(Frame::Failed { state, count: last + 1 - from });
    }
    Ok(())
}

impl Stretch {
    fn restart(&mut self, from: Option<u32>) {
        self.from = from;
    }
}
