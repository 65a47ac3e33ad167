//! Takes the steps of a pattern.

mod loops;
mod trail;

use std::cell::RefCell;

use self::loops::Loop;
use self::trail::{Advance, BYTES_PER_STEP, Frame, Part, Trail};
use super::code::Code;
use super::memory::Memory;
use super::node::Assertion;
use super::step::{Kind, Step};
use super::{Exhausted, MAX_STEPS};
use crate::pattern::{Captures, MAX_CAPTURES};

/// More decisions are given back after a line.
const KEPT_FRAMES: usize = 1 << 17;

/// No place.
const NONE: u32 = u32::MAX;

/// Where the first match at or after `from` ends; the groups that took part go to `captures`.
pub(super) fn find(
    code: &Code,
    subject: &[u8],
    from: usize,
    captures: Option<&mut Captures>,
) -> Result<Option<usize>, Exhausted> {
    thread_local! {
        static BUFFERS: RefCell<Buffers> = RefCell::default();
    }
    BUFFERS.with(|buffers| {
        let mut buffers = buffers.borrow_mut();
        let mut machine = Machine::new(code, subject, &mut buffers);
        // Where nothing is remembered of parts, the groups can be kept from the start.
        machine.keeps_groups |= captures.is_some() && code.part_memos == 0;
        let found = machine.find(from, captures);
        buffers.give_back();
        found
    })
}

/// Reused from line to line.
#[derive(Default)]
struct Buffers {
    frames: Vec<Frame>,
    memory: Memory,
    /// Start and end of each group, and where it was opened last.
    groups: Vec<[u32; 3]>,
}

impl Buffers {
    fn give_back(&mut self) {
        self.frames.clear();
        self.frames.shrink_to(KEPT_FRAMES);
        self.memory.shrink();
    }
}

struct Machine<'a, 'b> {
    code: &'a Code,
    trail: Trail<'a, 'b>,
    groups: &'b mut Vec<[u32; 3]>,
    /// Whether groups must be right.
    keeps_groups: bool,
}

impl<'a, 'b> Machine<'a, 'b> {
    fn new(code: &'a Code, subject: &'a [u8], buffers: &'b mut Buffers) -> Self {
        let Buffers { frames, memory, groups } = buffers;
        frames.clear();
        memory.prepare(code, subject.len());
        let trail = Trail { subject, frames, memory, left: MAX_STEPS, may_return: !code.at_start };
        groups.clear();
        groups.resize(code.groups + 1, [NONE; 3]);
        Self { code, trail, groups, keeps_groups: code.has_again }
    }

    fn find(mut self, from: usize, captures: Option<&mut Captures>) -> Result<Option<usize>, Exhausted> {
        let mut start = from;
        let end = loop {
            let Some(next) = self.next_start(start) else { return Ok(None) };
            start = next;
            if let Some(end) = self.run(0, start as u32, Part { remembers_ends: false })? {
                break end;
            }
            if self.code.at_start {
                return Ok(None);
            }
            start += 1;
        };
        let Some(captures) = captures else { return Ok(Some(end as usize)) };
        if !self.keeps_groups && self.code.groups > 0 {
            // The same way once more, now that it is known where it starts.
            self.keeps_groups = true;
            self.trail.frames.clear();
            self.run(0, start as u32, Part { remembers_ends: false })?;
        }
        let took_part = self.groups[1..].iter().filter(|group| group[1] != NONE).take(MAX_CAPTURES);
        captures.spans.clear();
        captures.spans.extend(took_part.map(|&[start, end, _]| start as usize..end as usize));
        Ok(Some(end as usize))
    }

    /// Where a match can begin, from `start` on.
    fn next_start(&mut self, start: usize) -> Option<usize> {
        if self.code.at_start && start > 0 {
            return None;
        }
        let rest = self.trail.subject.get(start..)?;
        match &self.code.first {
            None => Some(start),
            Some(first) => Some(start + rest.iter().position(|&byte| first.contains(byte))?),
        }
    }

    /// Takes steps from `step` on; where they end.
    fn run(&mut self, step: u32, at: u32, part: Part) -> Result<Option<u32>, Exhausted> {
        let base = self.trail.frames.len();
        let (mut step, mut at, mut taken) = (step, at, u32::MAX);
        loop {
            match self.advance(&mut step, &mut at, &mut taken, part)? {
                Advance::Ended(end) => {
                    self.leave(base, end, part);
                    return Ok(Some(end));
                }
                Advance::Failed => match self.back(base) {
                    Some(next) => (step, at, taken) = next,
                    None => return Ok(None),
                },
            }
        }
    }

    /// Takes steps until the end is reached or one fails.
    fn advance(&mut self, step: &mut u32, at: &mut u32, taken: &mut u32, part: Part) -> Result<Advance, Exhausted> {
        loop {
            self.trail.spend(1)?;
            let current = &self.code.steps[*step as usize];
            *step += 1;
            match *current {
                Step::Byte(ref set) => match self.trail.subject.get(*at as usize) {
                    Some(&byte) if set.contains(byte) => {
                        *at += 1;
                        *taken = u32::MAX;
                    }
                    _ => return Ok(Advance::Failed),
                },
                Step::Bytes { ref set, lazy, memo, ways } => {
                    let [next, _] = &self.code.ways[ways as usize];
                    let loop_over = Loop { set, memo, step: *step, next, part };
                    let left = if lazy {
                        loops::lazy(&mut self.trail, loop_over, at, taken)
                    } else {
                        loops::greedy(&mut self.trail, loop_over, at, taken)
                    };
                    if let Some(known) = left? {
                        return Ok(known);
                    }
                }
                Step::Split { other, lazy, memo, ways, repeats } => {
                    let byte = self.trail.subject.get(*at as usize).copied();
                    let ways = self.code.ways[ways as usize].map(|way| way.allows(byte));
                    match ways {
                        [true, true] => {}
                        [false, false] => return Ok(Advance::Failed),
                        [goes_on, _] => {
                            if repeats && let Some(known) = self.trail.pass(memo, *at, *taken, part)? {
                                return Ok(known);
                            }
                            *step = if goes_on { *step } else { other };
                            continue;
                        }
                    }
                    let (first, second) = if lazy { (other, *step) } else { (*step, other) };
                    if let Some(known) = self.trail.decide(memo, second, *at, *taken, part)? {
                        return Ok(known);
                    }
                    *step = first;
                }
                Step::Repeat { mark, body, lazy, memo } => {
                    if *taken & (1 << mark) == 0 {
                        continue;
                    }
                    let (first, second) = if lazy { (*step, body) } else { (body, *step) };
                    if let Some(known) = self.trail.decide(memo, second, *at, *taken, part)? {
                        return Ok(known);
                    }
                    *step = first;
                }
                Step::Round(mark) => *taken &= !(1 << mark),
                Step::Jump(to) => *step = to,
                Step::Assertion(assertion) => {
                    if !self.holds(assertion, *at as usize) {
                        return Ok(Advance::Failed);
                    }
                }
                Step::Open(group) => self.set_group(group, 2, *at),
                Step::Close(group) => {
                    if self.keeps_groups {
                        let [_, _, opened] = self.groups[group as usize];
                        self.set_group(group, 0, opened);
                        self.set_group(group, 1, *at);
                    }
                }
                Step::Part { kind, after, has_group } => {
                    let Some(end) = self.part(kind, *step, *at, has_group)? else { return Ok(Advance::Failed) };
                    if end > *at {
                        *taken = u32::MAX;
                    }
                    (*step, *at) = (after, end);
                }
                Step::Back(length) => match at.checked_sub(length) {
                    Some(place) => *at = place,
                    None => return Ok(Advance::Failed),
                },
                Step::Again { group, caseless } => match self.again(group, caseless, *at)? {
                    Some(0) => {}
                    Some(length) => {
                        *at += length;
                        *taken = u32::MAX;
                    }
                    None => return Ok(Advance::Failed),
                },
                Step::End => return Ok(Advance::Ended(*at)),
            }
        }
    }

    /// The next way to try; `None` when there is none above `base`.
    fn back(&mut self, base: usize) -> Option<(u32, u32, u32)> {
        while self.trail.frames.len() > base {
            match self.trail.frames.pop()? {
                Frame::Try { step, at, taken } => return Some((step, at, taken)),
                Frame::Failed { state, count } => self.trail.memory.fail(state, count),
                Frame::Group { group, part, value } => self.groups[group as usize][usize::from(part)] = value,
            }
        }
        None
    }

    /// A part ended: its other ways are not tried any more, but its groups can still be undone.
    fn leave(&mut self, base: usize, end: u32, part: Part) {
        let mut kept = base;
        for index in base..self.trail.frames.len() {
            match self.trail.frames[index] {
                Frame::Group { .. } => {
                    self.trail.frames[kept] = self.trail.frames[index];
                    kept += 1;
                }
                Frame::Failed { state, count } if part.remembers_ends => self.trail.memory.reach(state, count, end),
                Frame::Failed { .. } | Frame::Try { .. } => {}
            }
        }
        self.trail.frames.truncate(kept);
    }

    /// Whether a part matches at `at`, and where the pattern goes on.
    fn part(&mut self, kind: Kind, step: u32, at: u32, has_group: bool) -> Result<Option<u32>, Exhausted> {
        let base = self.trail.frames.len();
        let remembers_ends =
            self.trail.memory.is_used() && (!has_group || !self.keeps_groups || kind == Kind::NotAround);
        let end = self.run(step, at, Part { remembers_ends })?;
        if kind == Kind::NotAround {
            // Its groups are nothing to those who come after it.
            while self.back(base).is_some() {}
        }
        Ok(match (kind, end) {
            (Kind::Around, Some(_)) | (Kind::NotAround, None) => Some(at),
            (Kind::Atomic, end) => end,
            (Kind::Around, None) | (Kind::NotAround, Some(_)) => None,
        })
    }

    fn set_group(&mut self, group: u32, part: u8, value: u32) {
        if self.keeps_groups {
            let place = &mut self.groups[group as usize][usize::from(part)];
            self.trail.frames.push(Frame::Group { group, part, value: *place });
            *place = value;
        }
    }

    /// How many bytes the text of `group` has, if it stands at `at`.
    fn again(&mut self, group: u32, caseless: bool, at: u32) -> Result<Option<u32>, Exhausted> {
        let [start, end, _] = self.groups[group as usize];
        if start == NONE || end == NONE {
            return Ok(None);
        }
        let text = &self.trail.subject[start as usize..end as usize];
        let Some(here) = self.trail.subject.get(at as usize..at as usize + text.len()) else { return Ok(None) };
        let same = if caseless { text.eq_ignore_ascii_case(here) } else { text == here };
        self.trail.spend(text.len() / BYTES_PER_STEP)?;
        Ok(same.then_some(end - start))
    }

    fn holds(&self, assertion: Assertion, at: usize) -> bool {
        let subject = self.trail.subject;
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let at_word = || {
            let before = at.checked_sub(1).and_then(|at| subject.get(at)).is_some_and(is_word);
            before != subject.get(at).is_some_and(is_word)
        };
        match assertion {
            Assertion::Start => at == 0,
            Assertion::End => at == subject.len(),
            Assertion::FinalNewline => at == subject.len() || &subject[at..] == b"\n",
            // PCRE2 sees no line after a newline at the very end.
            Assertion::LineStart => at == 0 || (at < subject.len() && subject[at - 1] == b'\n'),
            Assertion::LineEnd => at == subject.len() || subject[at] == b'\n',
            Assertion::Word => at_word(),
            Assertion::NotWord => !at_word(),
        }
    }
}
