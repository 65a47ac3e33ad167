//! A tree to steps that the machine takes.

use super::byteset::ByteSet;
use super::first::First;
use super::node::{Assertion, Greed, Node};
use super::step::{IN_PART, Kind, Step};

/// Most steps of one pattern; counted repetitions are written out.
const MAX_STEPS: usize = 50_000;
/// Most loops whose body can match nothing.
const MAX_EMPTY_LOOPS: u32 = 16;

/// A pattern ready to run.
#[derive(Debug)]
pub(super) struct Code {
    pub steps: Vec<Step>,
    /// With what the next step of a decision can go on, and its other one.
    pub ways: Vec<[First; 2]>,
    /// Capturing groups.
    pub groups: usize,
    /// Steps whose failures are remembered.
    pub memos: u32,
    /// The same of steps in parts, of which it is remembered where they lead.
    pub part_memos: u32,
    /// How many parts the step that is added stands in.
    depth: u32,
    /// Loops whose body can match nothing.
    pub empty_loops: u32,
    /// Whether the text of a group decides: then a step's failure depends on more than its place.
    pub has_again: bool,
    /// With which bytes a match begins; `None` when it can be empty.
    pub first: Option<ByteSet>,
    /// Whether it can match at the start only.
    pub at_start: bool,
}

impl Code {
    /// `None` when the pattern is too large, or looks behind by a number of bytes that varies.
    pub(super) fn new(node: &Node, groups: usize) -> Option<Self> {
        let (first, can_be_empty) = node.first();
        let mut code = Self {
            steps: Vec::new(),
            ways: Vec::new(),
            groups,
            memos: 0,
            part_memos: 0,
            depth: 0,
            empty_loops: 0,
            has_again: false,
            first: (!can_be_empty).then_some(first),
            at_start: is_at_start(node),
        };
        code.add(node)?;
        code.push(Step::End)?;
        code.look_ahead();
        (code.empty_loops <= MAX_EMPTY_LOOPS).then_some(code)
    }

    /// Finds out with what each way of a decision can go on.
    fn look_ahead(&mut self) {
        let mut all = Vec::new();
        for at in 0..self.steps.len() {
            let next = at as u32 + 1;
            let other_way = match self.steps[at] {
                Step::Split { other, .. } => other,
                Step::Bytes { .. } => next,
                _ => continue,
            };
            all.push([First::of(&self.steps, next), First::of(&self.steps, other_way)]);
            if let Step::Split { ways, .. } | Step::Bytes { ways, .. } = &mut self.steps[at] {
                *ways = all.len() as u32 - 1;
            }
        }
        self.ways = all;
    }

    fn here(&self) -> u32 {
        self.steps.len() as u32
    }

    fn push(&mut self, step: Step) -> Option<usize> {
        let at = self.steps.len();
        self.steps.push(step);
        (at < MAX_STEPS).then_some(at)
    }

    fn memo(&mut self) -> u32 {
        let (count, mark) = if self.depth > 0 { (&mut self.part_memos, IN_PART) } else { (&mut self.memos, 0) };
        *count += 1;
        (*count - 1) | mark
    }

    fn split(&mut self, lazy: bool, repeats: bool) -> Option<usize> {
        let memo = self.memo();
        self.push(Step::Split { other: 0, lazy, memo, ways: 0, repeats })
    }

    /// Lets the split or jump at `at` go to the next step.
    fn land(&mut self, at: usize) {
        let here = self.here();
        match &mut self.steps[at] {
            Step::Split { other: target, .. } | Step::Jump(target) | Step::Part { after: target, .. } => *target = here,
            _ => {}
        }
    }

    fn add(&mut self, node: &Node) -> Option<()> {
        match node {
            Node::Empty => {}
            Node::Byte(set) => {
                self.push(Step::Byte(*set))?;
            }
            Node::Assertion(assertion) => {
                self.push(Step::Assertion(*assertion))?;
            }
            Node::Group(index, node) => {
                self.push(Step::Open(*index))?;
                self.add(node)?;
                self.push(Step::Close(*index))?;
            }
            Node::Sequence(nodes) => nodes.iter().try_for_each(|node| self.add(node))?,
            Node::Alternatives(nodes) => self.alternatives(nodes, Self::add)?,
            Node::Repeat { node, least, most, greed } => self.repeat(node, *least, *most, *greed == Greed::Lazy)?,
            Node::Around { behind, negative, node } => {
                let kind = if *negative { Kind::NotAround } else { Kind::Around };
                self.part(kind, node, if *behind { Self::behind } else { Self::add })?;
            }
            Node::Atomic(node) => self.part(Kind::Atomic, node, Self::add)?,
            Node::Again { group, caseless } => {
                self.has_again = true;
                self.push(Step::Again { group: *group, caseless: *caseless })?;
            }
        }
        Some(())
    }

    fn alternatives(&mut self, nodes: &[Node], add: fn(&mut Self, &Node) -> Option<()>) -> Option<()> {
        let Some((last, others)) = nodes.split_last() else {
            // No alternative at all: nothing matches.
            self.push(Step::Byte(ByteSet::default()))?;
            return Some(());
        };
        let mut jumps = Vec::new();
        for node in others {
            let split = self.split(false, false)?;
            add(self, node)?;
            jumps.push(self.push(Step::Jump(0))?);
            self.land(split);
        }
        add(self, last)?;
        jumps.into_iter().for_each(|jump| self.land(jump));
        Some(())
    }

    fn part(&mut self, kind: Kind, node: &Node, add: fn(&mut Self, &Node) -> Option<()>) -> Option<()> {
        let part = self.push(Step::Part { kind, after: 0, has_group: node.has_group() })?;
        self.depth += 1;
        add(self, node)?;
        self.depth -= 1;
        self.push(Step::End)?;
        self.land(part);
        Some(())
    }

    /// Each alternative goes back by its own length.
    fn behind(&mut self, node: &Node) -> Option<()> {
        match node {
            Node::Alternatives(nodes) => self.alternatives(nodes, Self::behind),
            _ => {
                self.push(Step::Back(node.length()?))?;
                self.add(node)
            }
        }
    }

    /// Any number of bytes of a set.
    fn bytes(&mut self, set: ByteSet, lazy: bool) -> Option<()> {
        if lazy {
            let over = self.push(Step::Jump(0))?;
            self.push(Step::Byte(set))?;
            self.land(over);
        }
        let memo = self.memo();
        self.push(Step::Bytes { set, lazy, memo, ways: 0 })?;
        Some(())
    }

    fn repeat(&mut self, node: &Node, least: u32, most: Option<u32>, lazy: bool) -> Option<()> {
        if usize::try_from(least).is_ok_and(|least| least > MAX_STEPS) {
            return None;
        }
        if let (None, Node::Byte(set)) = (most, node) {
            (0..least).try_for_each(|_| self.add(node))?;
            return self.bytes(*set, lazy);
        }
        match most {
            Some(most) => {
                (0..least).try_for_each(|_| self.add(node))?;
                let mut splits = Vec::new();
                for left in least..most {
                    splits.push(self.split(lazy, most - left > 1)?);
                    self.add(node)?;
                }
                splits.into_iter().for_each(|split| self.land(split));
            }
            None if node.can_be_empty() => {
                (1..least).try_for_each(|_| self.add(node))?;
                let skip = if least == 0 { Some(self.split(lazy, false)?) } else { None };
                let mark = self.empty_loops;
                self.empty_loops += 1;
                let body = self.here();
                self.push(Step::Round(mark))?;
                self.add(node)?;
                let memo = self.memo();
                self.push(Step::Repeat { mark, body, lazy, memo })?;
                if let Some(skip) = skip {
                    self.land(skip);
                }
            }
            None => {
                (0..least).try_for_each(|_| self.add(node))?;
                let split = self.split(lazy, true)?;
                self.add(node)?;
                self.push(Step::Jump(split as u32))?;
                self.land(split);
            }
        }
        Some(())
    }
}

/// Whether every match begins at the start of the text.
fn is_at_start(node: &Node) -> bool {
    match node {
        Node::Assertion(assertion) => *assertion == Assertion::Start,
        Node::Group(_, node) | Node::Atomic(node) => is_at_start(node),
        Node::Sequence(nodes) => {
            let mut rest = nodes.iter().skip_while(|node| matches!(node, Node::Empty | Node::Around { .. }));
            rest.next().is_some_and(is_at_start)
        }
        Node::Alternatives(nodes) => !nodes.is_empty() && nodes.iter().all(is_at_start),
        Node::Repeat { node, least, .. } => *least > 0 && is_at_start(node),
        _ => false,
    }
}
