//! Definitions to a set of decoders that can run.

use std::collections::HashMap;
use std::sync::Arc;

use super::fields::{FieldId, FieldTable};
use super::fts::FtsFields;
use super::kind::EventKind;
use super::parse::{DecoderDef, Offset, OffsetPattern, Plugin};
use super::source::unknown_name;
use crate::diag::Diagnostic;
use crate::fim;
use crate::pattern::{Pattern, PrefilterBuilder, Required, Subject};

/// Names of decoders that are not in any file; those of file integrity come besides.
const BUILT_IN: [&str; 3] = ["rootcheck", "hostinfo_new", "hostinfo_modified"];

/// Number of a decoder's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NameId(pub u16);

/// All decoders, ready to run.
#[derive(Debug)]
pub struct DecoderSet {
    pub(super) decoders: Vec<Decoder>,
    /// Top-level decoders that test the program's name, in load order.
    pub(super) with_program: Vec<u16>,
    /// Top-level decoders that do not.
    pub(super) without_program: Vec<u16>,
    pub(super) names: Vec<Arc<str>>,
    by_name: HashMap<Arc<str>, NameId>,
    fields: FieldTable,
}

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
    pub parent: Option<u16>,
    pub program_name: Option<Pattern>,
    pub prematch: Option<Condition>,
    pub regex: Option<Condition>,
    pub order: Box<[FieldId]>,
    pub fts: Option<FtsFields>,
    pub kind: EventKind,
    pub plugin: Option<Plugin>,
    pub accumulate: bool,
    /// Children in load order; the followers of a group are with its first.
    pub children: Vec<u16>,
    /// The other decoders of a multi-regex group, in order.
    pub followers: Vec<u16>,
}

/// What compiling decoders reads and fills.
struct Target<'a> {
    subject: Subject,
    prefilter: &'a mut PrefilterBuilder,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl DecoderSet {
    /// Compiles decoders in the order in which they were loaded.
    ///
    /// What their patterns require of a line is added to `prefilter`.
    pub fn compile(
        defs: &[DecoderDef],
        subject: Subject,
        prefilter: &mut PrefilterBuilder,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut set = Self {
            decoders: Vec::with_capacity(defs.len()),
            with_program: Vec::new(),
            without_program: Vec::new(),
            names: Vec::new(),
            by_name: HashMap::new(),
            fields: FieldTable::default(),
        };
        for name in BUILT_IN.into_iter().chain(fim::DECODERS) {
            set.intern(name);
        }
        for def in defs {
            if set.decoders.len() >= usize::from(u16::MAX) {
                diagnostics.push(Diagnostic::error("D020", "more than 65,535 decoders").at(def.span.clone()));
                break;
            }
            set.add(def, &mut Target { subject, prefilter, diagnostics });
        }
        set
    }

    /// The number of a decoder name that alerts can show.
    pub fn name_id(&self, name: &str) -> Option<NameId> {
        self.by_name.get(name).copied()
    }

    /// The name of a number.
    pub fn name(&self, id: NameId) -> &Arc<str> {
        &self.names[usize::from(id.0)]
    }

    /// All names that `decoded_as` may use.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// The fields that these decoders extract.
    pub fn fields(&self) -> &FieldTable {
        &self.fields
    }

    /// How many decoders there are.
    pub fn len(&self) -> usize {
        self.decoders.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.decoders.is_empty()
    }

    /// How often PCRE2 gave up on a pattern.
    pub fn limit_hits(&self) -> u64 {
        let hits =
            |condition: &Option<Condition>| condition.as_ref().map_or(0, |condition| condition.pattern.limit_hits());
        self.decoders.iter().map(|decoder| hits(&decoder.prematch) + hits(&decoder.regex)).sum()
    }

    fn intern(&mut self, name: &str) -> NameId {
        if let Some(id) = self.by_name.get(name) {
            return *id;
        }
        let id = NameId(u16::try_from(self.names.len()).unwrap_or(u16::MAX));
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.by_name.insert(name, id);
        id
    }

    fn add(&mut self, def: &DecoderDef, target: &mut Target<'_>) {
        let parents = self.parents(def, target.diagnostics);
        let shown = match (&def.parent, def.use_own_name) {
            (Some(parent), false) => &parent.value,
            _ => &def.name.value,
        };
        let name = self.intern(shown);
        let order: Vec<FieldId> = def.order.iter().flatten().map(|word| self.fields.intern(word)).collect();
        // A child under several parents of one name is compiled once for each: they are few.
        let owners: Vec<Option<u16>> =
            if def.parent.is_some() { parents.into_iter().map(Some).collect() } else { vec![None] };
        for parent in owners {
            let Some(decoder) = self.build(def, name, &order, parent, target) else { return };
            let index = self.decoders.len() as u16;
            self.decoders.push(decoder);
            match parent {
                Some(parent) => self.attach(parent, index, def, target.diagnostics),
                None if def.program_name.is_some() => self.with_program.push(index),
                None => self.without_program.push(index),
            }
        }
    }

    fn parents(&self, def: &DecoderDef, diagnostics: &mut Vec<Diagnostic>) -> Vec<u16> {
        let Some(parent) = &def.parent else { return Vec::new() };
        let tops = || (0u16..).zip(&self.decoders).filter(|(_, decoder)| decoder.parent.is_none());
        let found: Vec<u16> =
            tops().filter(|(_, decoder)| *decoder.own_name == parent.value).map(|(index, _)| index).collect();
        if found.is_empty() {
            let known: Vec<&str> = tops().map(|(_, decoder)| decoder.own_name.as_ref()).collect();
            let is_child = self.decoders.iter().any(|decoder| *decoder.own_name == parent.value);
            let diagnostic = unknown_name("D021", "a parent decoder", parent, &known);
            diagnostics.push(if is_child {
                diagnostic.help("it is a child itself; there are only two levels")
            } else if diagnostic.help.is_none() {
                diagnostic.help("a parent must stand before its children")
            } else {
                diagnostic
            });
        }
        found
    }

    fn build(
        &self,
        def: &DecoderDef,
        name: NameId,
        order: &[FieldId],
        parent: Option<u16>,
        target: &mut Target<'_>,
    ) -> Option<Decoder> {
        let Target { subject, prefilter, diagnostics } = target;
        let mut condition = |condition: &Option<OffsetPattern>| match condition {
            None => Some(None),
            Some(OffsetPattern { pattern, offset }) => {
                let compiled = pattern.compile(*subject, diagnostics)?;
                let required = prefilter.add(&compiled);
                Some(Some(Condition { pattern: compiled, offset: *offset, required }))
            }
        };
        let prematch = condition(&def.prematch);
        let regex = condition(&def.regex);
        let program_name = match &def.program_name {
            None => Some(None),
            Some(pattern) => pattern.compile(*subject, diagnostics).map(Some),
        };
        let (prematch, regex, program_name) = (prematch?, regex?, program_name?);
        if let (Some(regex), Some(def)) = (&regex, &def.regex)
            && !regex.pattern.has_captures()
        {
            diagnostics.push(
                Diagnostic::error("D022", "this regex has no group, so that it can extract nothing")
                    .at(def.pattern.span.clone())
                    .help("put ( ) around each part that <order> names"),
            );
        }
        Some(Decoder {
            name,
            own_name: def.name.value.as_str().into(),
            parent,
            program_name,
            prematch,
            regex,
            order: order.into(),
            fts: def.fts,
            kind: def.kind,
            plugin: def.plugin,
            accumulate: def.accumulate,
            children: Vec::new(),
            followers: Vec::new(),
        })
    }

    /// Adds a child; neighbours of the same name form a multi-regex group.
    fn attach(&mut self, parent: u16, index: u16, def: &DecoderDef, diagnostics: &mut Vec<Diagnostic>) {
        let children = &self.decoders[usize::from(parent)].children;
        let head = children
            .last()
            .copied()
            .filter(|&head| self.decoders[usize::from(head)].own_name.as_ref() == def.name.value);
        let error = |code, message: &str| Diagnostic::error(code, message).at(def.name.span.clone());
        let starts_after_regex = def.regex.as_ref().is_some_and(|regex| regex.offset == Some(Offset::AfterRegex));
        let Some(head) = head else {
            if starts_after_regex {
                diagnostics.push(error("D023", "after_regex needs a decoder of the same name just before this one"));
            }
            self.decoders[usize::from(parent)].children.push(index);
            return;
        };
        if def.prematch.is_some() || def.fts.is_some() {
            diagnostics.push(
                error("D024", "a further decoder of a group of the same name has neither prematch nor fts")
                    .help("give it another name if it is no continuation of the one before"),
            );
        }
        let first = &self.decoders[usize::from(head)].regex;
        if let (Some(first), Some(own)) = (first, &def.regex)
            && first.pattern.dialect() != own.pattern.dialect
        {
            diagnostics.push(error("D025", "the decoders of a group use either regex or pcre2, all of them the same"));
        }
        self.decoders[usize::from(head)].followers.push(index);
    }
}
