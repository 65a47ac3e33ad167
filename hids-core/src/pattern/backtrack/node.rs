//! Syntax tree of a pattern.

use regex_syntax::hir::{Class, Hir, HirKind, Look};
use regex_syntax::utf8::Utf8Sequences;

use super::byteset::ByteSet;

/// A part of a pattern.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Empty,
    Byte(ByteSet),
    Assertion(Assertion),
    /// A capturing group, counted from 1.
    Group(u32, Box<Node>),
    Sequence(Vec<Node>),
    Alternatives(Vec<Node>),
    Repeat {
        node: Box<Node>,
        least: u32,
        most: Option<u32>,
        greed: Greed,
    },
    /// What follows (or precedes) must match, or must not.
    Around {
        behind: bool,
        negative: bool,
        node: Box<Node>,
    },
    /// Once matched, nothing in it is tried again.
    Atomic(Box<Node>),
    /// What a group matched, once more.
    Again {
        group: u32,
        caseless: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greed {
    Greedy,
    Lazy,
}

/// What holds at a place without taking a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assertion {
    Start,
    End,
    /// The end, or before a newline there.
    FinalNewline,
    LineStart,
    LineEnd,
    Word,
    NotWord,
}

impl Node {
    /// The tree of an expression of the linear-time engine; `None` when it has something that
    /// patterns of ours have not.
    pub(super) fn from_hir(hir: &Hir) -> Option<Self> {
        Some(match hir.kind() {
            HirKind::Empty => Self::Empty,
            HirKind::Literal(literal) => {
                Self::Sequence(literal.0.iter().map(|&byte| Self::Byte(ByteSet::of(byte))).collect())
            }
            HirKind::Class(Class::Bytes(class)) => {
                let ranges = class.iter().map(|range| ByteSet::range(range.start(), range.end()));
                Self::Byte(ranges.fold(ByteSet::default(), ByteSet::union))
            }
            HirKind::Class(Class::Unicode(class)) => {
                let sequences = class.iter().flat_map(|range| Utf8Sequences::new(range.start(), range.end()));
                let bytes = |sequence: regex_syntax::utf8::Utf8Sequence| {
                    let bytes =
                        sequence.as_slice().iter().map(|range| Self::Byte(ByteSet::range(range.start, range.end)));
                    Self::Sequence(bytes.collect())
                };
                Self::Alternatives(sequences.map(bytes).collect())
            }
            HirKind::Look(look) => Self::Assertion(match look {
                Look::Start => Assertion::Start,
                Look::End => Assertion::End,
                Look::WordAscii => Assertion::Word,
                Look::WordAsciiNegate => Assertion::NotWord,
                _ => return None,
            }),
            HirKind::Repetition(repetition) => Self::Repeat {
                node: Box::new(Self::from_hir(&repetition.sub)?),
                least: repetition.min,
                most: repetition.max,
                greed: if repetition.greedy { Greed::Greedy } else { Greed::Lazy },
            },
            HirKind::Capture(capture) => Self::Group(capture.index, Box::new(Self::from_hir(&capture.sub)?)),
            HirKind::Concat(parts) => Self::Sequence(parts.iter().map(Self::from_hir).collect::<Option<_>>()?),
            HirKind::Alternation(parts) => Self::Alternatives(parts.iter().map(Self::from_hir).collect::<Option<_>>()?),
        })
    }

    /// Appends an expression of the linear-time engine that matches wherever this does, and perhaps
    /// elsewhere: what stands around is not looked at, and anything may stand for a group's text.
    pub(super) fn write_superset(&self, out: &mut String) {
        match self {
            Self::Empty | Self::Around { .. } => out.push_str("(?:)"),
            Self::Byte(set) => set.write_class(out),
            Self::Assertion(assertion) => out.push_str(match assertion {
                Assertion::Start => "\\A",
                Assertion::End => "\\z",
                // A newline may follow that is matched by what comes next.
                Assertion::FinalNewline | Assertion::LineStart | Assertion::LineEnd => "(?:)",
                Assertion::Word => "(?-u:\\b)",
                Assertion::NotWord => "(?-u:\\B)",
            }),
            Self::Group(_, node) | Self::Atomic(node) => {
                out.push_str("(?:");
                node.write_superset(out);
                out.push(')');
            }
            Self::Sequence(nodes) => nodes.iter().for_each(|node| node.write_superset(out)),
            Self::Alternatives(nodes) => {
                out.push_str("(?:");
                for (index, node) in nodes.iter().enumerate() {
                    if index > 0 {
                        out.push('|');
                    }
                    node.write_superset(out);
                }
                out.push(')');
            }
            Self::Repeat { node, least, most, .. } => {
                out.push_str("(?:");
                node.write_superset(out);
                out.push_str(&match most {
                    Some(most) => format!("){{{least},{most}}}"),
                    None => format!("){{{least},}}"),
                });
            }
            Self::Again { .. } => out.push_str("(?s-u:.)*"),
        }
    }

    /// The same of a whole pattern, at the end of which nothing comes next.
    pub(super) fn write_whole_superset(&self, out: &mut String) {
        match self {
            Self::Assertion(Assertion::FinalNewline) => out.push_str("(?:\\n?\\z)"),
            Self::Group(_, node) | Self::Atomic(node) => {
                out.push_str("(?:");
                node.write_whole_superset(out);
                out.push(')');
            }
            Self::Sequence(nodes) => {
                let Some((last, others)) = nodes.split_last() else { return };
                others.iter().for_each(|node| node.write_superset(out));
                last.write_whole_superset(out);
            }
            _ => self.write_superset(out),
        }
    }

    /// With which bytes a match can begin, and whether it can be empty.
    pub(super) fn first(&self) -> (ByteSet, bool) {
        match self {
            Self::Empty | Self::Assertion(_) | Self::Around { .. } => (ByteSet::default(), true),
            Self::Byte(set) => (*set, false),
            Self::Group(_, node) | Self::Atomic(node) => node.first(),
            Self::Sequence(nodes) => {
                let mut all = ByteSet::default();
                for node in nodes {
                    let (set, can_be_empty) = node.first();
                    all = all.union(set);
                    if !can_be_empty {
                        return (all, false);
                    }
                }
                (all, true)
            }
            Self::Alternatives(nodes) => nodes
                .iter()
                .map(Self::first)
                .fold((ByteSet::default(), nodes.is_empty()), |(all, any), (set, can_be_empty)| {
                    (all.union(set), any || can_be_empty)
                }),
            Self::Repeat { node, least, most, .. } => {
                let (set, can_be_empty) = node.first();
                if *most == Some(0) { (ByteSet::default(), true) } else { (set, can_be_empty || *least == 0) }
            }
            Self::Again { .. } => (ByteSet::ALL, true),
        }
    }

    /// Whether a match can be empty.
    pub(super) fn can_be_empty(&self) -> bool {
        self.first().1
    }

    /// How many bytes every match has, where all have the same number.
    pub(super) fn length(&self) -> Option<u32> {
        match self {
            Self::Empty | Self::Assertion(_) | Self::Around { .. } => Some(0),
            Self::Byte(_) => Some(1),
            Self::Group(_, node) | Self::Atomic(node) => node.length(),
            Self::Sequence(nodes) => nodes.iter().try_fold(0u32, |sum, node| sum.checked_add(node.length()?)),
            Self::Alternatives(nodes) => {
                let first = nodes.first()?.length()?;
                nodes.iter().all(|node| node.length() == Some(first)).then_some(first)
            }
            Self::Repeat { node, least, most, .. } if Some(*least) == *most => node.length()?.checked_mul(*least),
            Self::Repeat { .. } | Self::Again { .. } => None,
        }
    }

    /// Whether it has a group.
    pub(super) fn has_group(&self) -> bool {
        match self {
            Self::Group(..) => true,
            Self::Empty | Self::Byte(_) | Self::Assertion(_) | Self::Again { .. } => false,
            Self::Sequence(nodes) | Self::Alternatives(nodes) => nodes.iter().any(Self::has_group),
            Self::Atomic(node) | Self::Repeat { node, .. } | Self::Around { node, .. } => node.has_group(),
        }
    }
}
