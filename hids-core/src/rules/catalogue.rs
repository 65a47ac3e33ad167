//! Rules as they are written, with their places in the files and in the tree, for people.

use std::collections::HashMap;
use std::sync::Arc;

use super::built_in;
use super::compile::facts;
use super::def::{RuleDef, Same};
use super::options::RuleOptions;
use super::parse;
use super::targets::Counts;
use super::tree::Tree;
use crate::decode::{EventKind, Reading, source};
use crate::diag::{Diagnostic, SourceFile, Span};
use crate::model::{RuleFacts, RuleId};
use crate::xml::Element;

/// All rules of a rule set.
#[derive(Debug, Default)]
pub struct Catalogue {
    rules: Vec<RuleEntry>,
    by_id: HashMap<RuleId, usize>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct RuleEntry {
    /// What alerts show of it.
    pub facts: RuleFacts,
    /// The `<rule>` element; of a rule that was overwritten, the first.
    pub span: Span,
    /// Whether it only leads to other rules (`noalert`), so that it is never the answer.
    pub only_leads: bool,
    /// The kind of events that it sees.
    pub kind: EventKind,
    /// What it counts, for a composite rule.
    pub counts: Option<Counting>,
    /// Seconds for which it is silent after an alert; 0: none.
    pub ignore_seconds: u32,
    /// The rules below which it is tried.
    pub parents: Vec<RuleId>,
    /// The rules that are tried when it has matched, in that order.
    pub children: Vec<RuleId>,
    /// Its elements as written, variables replaced; those of later definitions that overwrite it after them.
    pub elements: Vec<Written>,
}

/// What a composite rule asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counting {
    /// How many events make it fire, the last one included.
    pub events: u32,
    /// Within how many seconds; `None`: the configuration's default.
    pub timeframe_seconds: Option<u32>,
    /// What the events must have in common (`srcip`), or not (`other url`).
    pub same: Vec<&'static str>,
}

/// An element of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<(String, String)>,
    /// Its text.
    pub value: String,
    /// Where it stands.
    pub span: Span,
}

impl Catalogue {
    /// The rules of `files` in load order. Problems are those that compiling the rules reports.
    pub fn read(files: &[Arc<SourceFile>]) -> (Self, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let mut definitions = Vec::new();
        let mut written = HashMap::new();
        for file in files {
            let (found, problems) = parse::parse(file, Reading::AsWritten);
            definitions.extend(found);
            diagnostics.extend(problems);
            collect_elements(file, &mut written);
        }
        let mut own = HashMap::new();
        collect_elements(&built_in::integrity(), &mut own);
        for id in built_in::add(&mut definitions) {
            let overwriting = written.remove(&id).unwrap_or_default();
            written.insert(id, own.remove(&id).unwrap_or_default().into_iter().chain(overwriting).collect());
        }
        let tree = Tree::build(definitions, &RuleOptions::default(), &mut diagnostics);
        (Self::of(&tree, &mut written), diagnostics)
    }

    fn of(tree: &Tree, written: &mut HashMap<RuleId, Vec<Written>>) -> Self {
        let id = |index: &u32| tree.rules[*index as usize].id;
        let mut parents = vec![Vec::new(); tree.rules.len()];
        for (index, children) in tree.children.iter().enumerate() {
            for child in children {
                parents[*child as usize].push(tree.rules[index].id);
            }
        }
        let entry = |(index, parents): (usize, Vec<RuleId>)| {
            let def = &tree.rules[index];
            RuleEntry {
                facts: facts(def, def.effective_level(false)),
                span: def.span.clone(),
                only_leads: def.outcome.noalert,
                kind: tree.kinds[index],
                counts: counting(def),
                ignore_seconds: def.outcome.ignore_seconds,
                parents,
                children: tree.children[index].iter().map(id).collect(),
                elements: written.remove(&def.id).unwrap_or_default(),
            }
        };
        let rules: Vec<RuleEntry> = parents.into_iter().enumerate().map(entry).collect();
        let by_id = rules.iter().enumerate().map(|(index, rule)| (rule.facts.id, index)).collect();
        Self { rules, by_id }
    }

    /// All rules in load order.
    pub fn rules(&self) -> impl Iterator<Item = &RuleEntry> {
        self.rules.iter()
    }

    /// The rule with that id.
    pub fn rule(&self, id: RuleId) -> Option<&RuleEntry> {
        self.by_id.get(&id).map(|&index| &self.rules[index])
    }
}

impl RuleEntry {
    /// `FILE:LINE` of the definition.
    pub fn place(&self) -> String {
        place(&self.span)
    }

    /// The elements that make the condition of that name, as explanations name it: the plain form
    /// and the PCRE2 form of `match` are one.
    pub fn condition(&self, name: &str) -> impl Iterator<Item = &Written> {
        self.elements.iter().filter(move |element| {
            let base = element.name.strip_suffix("_pcre2").unwrap_or(&element.name);
            base == name || (name == "regex" && element.name == "pcre2")
        })
    }
}

impl Written {
    /// `FILE:LINE` of the element.
    pub fn place(&self) -> String {
        place(&self.span)
    }

    /// As XML, on one line.
    pub fn to_xml(&self) -> String {
        let attributes: String = self.attributes.iter().map(|(name, value)| format!(" {name}=\"{value}\"")).collect();
        if self.value.is_empty() {
            return format!("<{}{attributes} />", self.name);
        }
        format!("<{}{attributes}>{}</{}>", self.name, self.value, self.name)
    }
}

fn place(span: &Span) -> String {
    format!("{}:{}", span.file.name, span.file.line_column(span.start).0)
}

fn counting(def: &RuleDef) -> Option<Counting> {
    const NAMES: [(u16, &str); 7] = [
        (Same::SOURCE_IP, "srcip"),
        (Same::USER, "user"),
        (Same::SRC_PORT, "srcport"),
        (Same::DST_PORT, "dstport"),
        (Same::ID, "id"),
        (Same::LOCATION, "location"),
        (Same::DIFFERENT_URL, "other url"),
    ];
    if let Some(target) = &def.counting.target {
        // Of each network one event is enough.
        let same = match target.counts {
            Counts::NetworksOf(kind) => vec![kind.as_str(), "but other network"],
            Counts::AccountsOfSource => vec!["srcip", "but other account"],
        };
        return Some(Counting { events: target.wanted, timeframe_seconds: def.counting.timeframe, same });
    }
    def.counting.is_composite().then(|| Counting {
        // `frequency` earlier events and one more are looked for besides the event itself.
        events: def.counting.frequency.unwrap_or(0).saturating_add(2),
        timeframe_seconds: def.counting.timeframe,
        same: NAMES.iter().filter(|(bit, _)| def.counting.same.has(*bit)).map(|(_, name)| *name).collect(),
    })
}

/// The elements of all rules of `file`, to those of earlier definitions of the same rules.
fn collect_elements(file: &Arc<SourceFile>, written: &mut HashMap<RuleId, Vec<Written>>) {
    // Problems have been reported by the parser of rules.
    let groups = source::elements(file, &mut Vec::new());
    for rule in groups.iter().flat_map(|group| &group.children) {
        let Some(id) = rule.attribute_ignoring_case("id").and_then(|id| id.value.value.parse().ok()) else { continue };
        let overwrites = rule.attribute_ignoring_case("overwrite").is_some_and(|value| value.value.value == "yes");
        let known = written.entry(RuleId(id)).or_default();
        if known.is_empty() || overwrites {
            known.extend(rule.children.iter().map(element));
        }
    }
}

fn element(element: &Element) -> Written {
    let attribute = |attribute: &crate::xml::Attribute| (attribute.name.value.clone(), attribute.value.value.clone());
    Written {
        name: element.name.value.to_ascii_lowercase(),
        attributes: element.attributes.iter().map(attribute).collect(),
        value: element.text.value.clone(),
        span: element.span.clone(),
    }
}
