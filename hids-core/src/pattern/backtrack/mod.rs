//! The project's own back-tracker, for what no automaton can do: look-around, atomic groups, back
//! references.
//!
//! It answers as PCRE2 does, but counts every step, so that no pattern takes longer on a line than
//! [`MAX_STEPS`] allow; and it remembers which step failed where, so that few patterns come near
//! that: without back references the time grows with the line, not with its square. Owns: trees,
//! steps, the machine. Never: which engine runs a pattern.

mod byteset;
mod code;
mod first;
mod machine;
mod memory;
mod node;
mod parse;
mod step;
#[cfg(test)]
mod tests;

use regex_syntax::hir::Hir;

use self::code::Code;
use self::node::Node;
use super::captures::Captures;

/// Steps after which a pattern is given up on a line; some milliseconds. A step takes one byte or
/// one decision.
pub(super) const MAX_STEPS: u32 = 500_000;

/// A pattern ready to run.
#[derive(Debug)]
pub(super) struct Backtracker {
    code: Code,
    superset: Box<str>,
}

/// The pattern took too many steps.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

impl Backtracker {
    /// For a PCRE2 pattern with `groups` capturing groups; `None` when only PCRE2 can run it.
    pub(super) fn for_pcre2(text: &str, groups: usize) -> Option<Self> {
        let parsed = parse::parse(text)?;
        if parsed.groups as usize != groups {
            return None;
        }
        Self::new(&parsed.node, groups)
    }

    /// For an expression of the linear-time engine.
    pub(super) fn for_hir(hir: &Hir) -> Option<Self> {
        let groups = hir.properties().explicit_captures_len();
        Self::new(&Node::from_hir(hir)?, groups)
    }

    fn new(node: &Node, groups: usize) -> Option<Self> {
        let code = Code::new(node, groups)?;
        let mut superset = String::new();
        node.write_whole_superset(&mut superset);
        Some(Self { code, superset: superset.into() })
    }

    /// An expression of the linear-time engine that matches wherever this does.
    pub(super) fn superset(&self) -> &str {
        &self.superset
    }

    /// Capturing groups.
    pub(super) fn groups(&self) -> usize {
        self.code.groups
    }

    /// Whether it refers to what a group matched.
    pub(super) fn refers_back(&self) -> bool {
        self.code.has_again
    }

    /// Where the first match at or after `from` ends.
    pub(super) fn find_end(&self, subject: &[u8], from: usize) -> Result<Option<usize>, Exhausted> {
        machine::find(&self.code, subject, from, None)
    }

    /// The same; the groups that took part are left in `captures`.
    pub(super) fn captures(
        &self,
        subject: &[u8],
        from: usize,
        captures: &mut Captures,
    ) -> Result<Option<usize>, Exhausted> {
        machine::find(&self.code, subject, from, Some(captures))
    }
}
