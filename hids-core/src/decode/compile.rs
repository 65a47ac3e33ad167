//! Definitions to a set of decoders that can run.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::decoded::Decoded;
use super::decoder::{Condition, Decoder, NameId};
use super::fields::{FieldId, FieldTable};
use super::fts::FtsFields;
use super::groups::Groups;
use super::json::{self, JsonChild};
use super::parse::{DecoderDef, OffsetPattern};
use super::source::{MOST_HINTS, unknown_name};
use crate::diag::{Diagnostic, Span};
use crate::fim;
use crate::pattern::{PrefilterBuilder, Subject};

/// Names of decoders that are not in any file; those of file integrity come besides.
const BUILT_IN: [&str; 3] = ["rootcheck", "hostinfo_new", "hostinfo_modified"];

/// Most decoders, so that their numbers and those of their names, the built-in ones included, fit 16 bits.
const MAX_DECODERS: usize = 65_000;

/// All decoders, ready to run.
#[derive(Debug)]
pub struct DecoderSet {
    decoders: Vec<Decoder>,
    /// Top-level decoders that test the program's name, in load order.
    pub(super) with_program: Vec<u16>,
    /// Top-level decoders that do not.
    pub(super) without_program: Vec<u16>,
    /// Those of them that read JSON.
    pub(super) json: Vec<u16>,
    names: Vec<Arc<str>>,
    by_name: HashMap<Arc<str>, NameId>,
    /// Names of children.
    children: HashSet<Arc<str>>,
    fields: FieldTable,
}

/// What compiling decoders reads and fills.
struct Target<'a> {
    subject: Subject,
    prefilter: &'a mut PrefilterBuilder,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// Top-level decoders by name.
    tops: HashMap<Arc<str>, Vec<u16>>,
    groups: Groups,
    /// How many parents were named that do not exist.
    unknown_parents: usize,
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
            json: Vec::new(),
            names: Vec::new(),
            by_name: HashMap::new(),
            children: HashSet::new(),
            fields: FieldTable::default(),
        };
        for name in BUILT_IN.into_iter().chain(fim::DECODERS) {
            set.intern(name);
        }
        let mut target = Target {
            subject,
            prefilter,
            diagnostics,
            tops: HashMap::new(),
            groups: Groups::new(subject == Subject::StrictUtf8),
            unknown_parents: 0,
        };
        for def in defs {
            if !set.add(def, &mut target) {
                let message = format!("more than {MAX_DECODERS} decoders (a child counts once per parent)");
                target.diagnostics.push(Diagnostic::error("D020", message).at(def.span.clone()));
                break;
            }
        }
        target.groups.finish(&mut set.decoders);
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

    /// Whether a child of that name is there; events carry its name only if it uses its own.
    pub fn has_child(&self, name: &str) -> bool {
        self.children.contains(name)
    }

    /// Every decoder as written, in load order: its own name, its place, whether it extracts the peer's address.
    pub fn written(&self) -> impl Iterator<Item = (&Arc<str>, &Span, bool)> {
        let names_peer = |decoder: &Decoder| decoder.order.contains(&FieldId::SRC_IP);
        self.decoders.iter().map(move |decoder| (&decoder.own_name, &decoder.place, names_peer(decoder)))
    }

    /// The fields that these decoders extract.
    pub fn fields(&self) -> &FieldTable {
        &self.fields
    }

    /// Makes the values of JSON with these names known, which rules ask for: nobody else names them.
    pub fn want_fields<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        if self.decoders.iter().any(Decoder::is_json) {
            names.for_each(|name| _ = self.fields.intern_json(name));
        }
    }

    /// How many decoders there are.
    pub fn len(&self) -> usize {
        self.decoders.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.decoders.is_empty()
    }

    /// The decoder with that number.
    pub(super) fn decoder(&self, index: u16) -> &Decoder {
        &self.decoders[usize::from(index)]
    }

    /// Its parent, or itself.
    pub(super) fn top(&self, index: u16) -> &Decoder {
        let decoder = self.decoder(index);
        decoder.parent.map_or(decoder, |parent| self.decoder(parent))
    }

    /// The parent's name, when a child took the line.
    pub fn parent_name(&self, decoded: &Decoded) -> Option<NameId> {
        let parent = self.decoder(decoded.decoder?).parent?;
        Some(self.decoder(parent).name)
    }

    /// The fields whose combination is watched for this event.
    pub fn fts(&self, decoded: &Decoded) -> Option<FtsFields> {
        self.decoder(decoded.decoder?).fts
    }

    /// Whether the event's fields go to the later events of its session.
    pub fn accumulates(&self, decoded: &Decoded) -> bool {
        decoded.decoder.is_some_and(|decoder| self.decoder(decoder).accumulate)
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

    /// False when there are too many.
    fn add(&mut self, def: &DecoderDef, target: &mut Target<'_>) -> bool {
        let parents = self.parents(def, target);
        let shown = match (&def.parent, def.use_own_name) {
            (Some(parent), false) => &parent.value,
            _ => &def.name.value,
        };
        let name = self.intern(shown);
        let of_parents = parents.iter().map(|&parent| self.decoder(parent).plugin.map(|(plugin, ..)| plugin));
        if def.parent.is_none() || !parents.is_empty() {
            json::check_parent(def, of_parents, target.diagnostics);
        }
        let order: Vec<FieldId> = def.order.iter().flatten().map(|word| self.fields.intern(word)).collect();
        def.json.names().for_each(|name| _ = self.fields.intern_json(name));
        def.json.maps.iter().for_each(|map| _ = self.fields.intern(&map.to));
        // A child under several parents of one name is compiled once for each: they are few.
        let owners: Vec<Option<u16>> =
            if def.parent.is_some() { parents.into_iter().map(Some).collect() } else { vec![None] };
        for parent in owners {
            if self.decoders.len() >= MAX_DECODERS {
                return false;
            }
            let Some(decoder) = self.build(def, name, &order, parent, target) else { return true };
            let index = self.decoders.len() as u16;
            let own_name = Arc::clone(&decoder.own_name);
            self.decoders.push(decoder);
            if let Some(parent) = parent {
                target.groups.attach(&mut self.decoders, (parent, index), def, target.diagnostics);
                self.children.insert(own_name);
                continue;
            }
            target.tops.entry(own_name).or_default().push(index);
            match def.program_name {
                Some(_) => self.with_program.push(index),
                None => self.without_program.push(index),
            }
            if def.program_name.is_none() && self.decoder(index).is_json() {
                self.json.push(index);
            }
        }
        true
    }

    fn parents(&self, def: &DecoderDef, target: &mut Target<'_>) -> Vec<u16> {
        let Some(parent) = &def.parent else { return Vec::new() };
        if let Some(found) = target.tops.get(parent.value.as_str()) {
            return found.clone();
        }
        target.unknown_parents += 1;
        // Looking for a name that is alike takes as long as there are names.
        let known: Vec<&str> =
            target.tops.keys().map(AsRef::as_ref).filter(|_| target.unknown_parents <= MOST_HINTS).collect();
        let diagnostic = unknown_name("D021", "a parent decoder", parent, &known);
        target.diagnostics.push(if self.has_child(&parent.value) {
            diagnostic.help("it is a child itself; only two levels are supported")
        } else if diagnostic.help.is_none() {
            diagnostic.help("a parent must be defined before its children")
        } else {
            diagnostic
        });
        Vec::new()
    }

    fn build(
        &self,
        def: &DecoderDef,
        name: NameId,
        order: &[FieldId],
        parent: Option<u16>,
        target: &mut Target<'_>,
    ) -> Option<Decoder> {
        let Target { subject, prefilter, diagnostics, .. } = target;
        let mut condition = |condition: &Option<OffsetPattern>, is_on_line: bool| match condition {
            None => Some(None),
            Some(OffsetPattern { pattern, offset }) => {
                let compiled = pattern.compile(*subject, diagnostics)?;
                // A value of JSON is not in the line as it is.
                let required = if is_on_line { prefilter.add(&compiled) } else { None };
                Some(Some(Condition { pattern: compiled, offset: *offset, required }))
            }
        };
        let prematch = condition(&def.prematch, true);
        let regex = condition(&def.regex, def.json.regex_field.is_none());
        let program_name = match &def.program_name {
            None => Some(None),
            Some(pattern) => pattern.compile(*subject, diagnostics).map(Some),
        };
        let json = self.json_child(def, *subject, diagnostics);
        let (prematch, regex, program_name, json) = (prematch?, regex?, program_name?, json?);
        if let (Some(regex), Some(def)) = (&regex, &def.regex)
            && !regex.pattern.has_captures()
        {
            diagnostics.push(
                Diagnostic::error("D022", "this regex has no group and extracts nothing")
                    .at(def.pattern.span.clone())
                    .help("put ( ) around each part listed in <order>"),
            );
        }
        Some(Decoder {
            name,
            own_name: def.name.value.as_str().into(),
            place: def.regex.as_ref().map_or(&def.name.span, |regex| &regex.pattern.span).clone(),
            parent,
            program_name,
            prematch,
            regex,
            order: order.into(),
            fts: def.fts,
            kind: def.kind,
            plugin: def.plugin.map(|(plugin, reading)| (plugin, reading, def.plugin_offset)),
            json,
            accumulate: def.accumulate,
            children: Vec::new(),
            followers: Vec::new(),
        })
    }

    /// What a decoder asks of JSON; `None` if a pattern does not compile. All names are known.
    fn json_child(&self, def: &DecoderDef, subject: Subject, diagnostics: &mut Vec<Diagnostic>) -> Option<JsonChild> {
        let id = |name: &str| self.fields.dynamic(name);
        // Compiled before any is missed, so that each is reported.
        let wants: Vec<_> = (def.json.wants.iter())
            .map(|(name, pattern)| Some((id(name)?, pattern.compile(subject, diagnostics)?)))
            .collect();
        let maps = def.json.maps.iter();
        let maps = maps.map(|map| Some((id(&map.from)?, self.fields.known(&map.to)?))).collect::<Option<_>>()?;
        let regex_field = def.json.regex_field.as_ref().and_then(|name| id(&name.value));
        Some(JsonChild { wants: wants.into_iter().collect::<Option<_>>()?, maps, regex_field })
    }
}
