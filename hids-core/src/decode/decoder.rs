//! A compiled decoder.

use std::sync::Arc;

use super::attributes::Reading;
use super::fields::FieldId;
use super::fts::FtsFields;
use super::json::JsonChild;
use super::kind::EventKind;
use super::parse::{Offset, Plugin};
use crate::diag::Span;
use crate::pattern::{Pattern, Required};

/// Number of a decoder's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NameId(pub u16);

/// A compiled condition.
#[derive(Debug)]
pub(super) struct Condition {
    pub pattern: Pattern,
    pub offset: Option<Offset>,
    /// What the message must contain.
    pub required: Option<Required>,
}

/// A compiled decoder.
#[derive(Debug)]
pub(super) struct Decoder {
    /// What alerts show.
    pub name: NameId,
    /// As written; the parent's for no child.
    pub own_name: Arc<str>,
    /// Where the pattern that extracts fields stands, or else the name.
    pub place: Span,
    pub parent: Option<u16>,
    pub program_name: Option<Pattern>,
    pub prematch: Option<Condition>,
    pub regex: Option<Condition>,
    pub order: Box<[FieldId]>,
    pub fts: Option<FtsFields>,
    pub kind: EventKind,
    /// With where it begins to read.
    pub plugin: Option<(Plugin, Reading, Option<Offset>)>,
    /// What it asks of the JSON that its parent read.
    pub json: JsonChild,
    pub accumulate: bool,
    /// Children in load order; the followers of a group are with its first.
    pub children: Vec<u16>,
    /// The other decoders of a multi-regex group, in order.
    pub followers: Vec<u16>,
}

impl Decoder {
    /// Whether it reads JSON.
    pub(super) fn is_json(&self) -> bool {
        matches!(self.plugin, Some((Plugin::Json, ..)))
    }
}
