//! Children of one name: each extracts what it can of the same line, one after the other
//! (`src/analysisd/decoders/decoders_list.c`).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::decoder::Decoder;
use super::parse::{DecoderDef, Offset};
use crate::diag::Diagnostic;

/// What is known of the groups while decoders are added.
pub(super) struct Groups {
    strict_ossec: bool,
    /// The last child of each parent that has a name.
    named: HashMap<(u16, Arc<str>), u16>,
    /// All children of each parent, in load order.
    chains: HashMap<u16, Vec<u16>>,
    /// The first decoder of the group of each further one.
    heads: HashMap<u16, u16>,
    /// Decoders to which a later one of their name was added.
    going_on: HashSet<u16>,
}

impl Groups {
    pub(super) fn new(strict_ossec: bool) -> Self {
        let (named, chains, heads) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { strict_ossec, named, chains, heads, going_on: HashSet::new() }
    }

    /// Puts the decoder `index` below `parent`: neighbours of the same name form a group.
    ///
    /// By default two that are not neighbours do so, too, if the later one says `after_regex`, and are
    /// two decoders otherwise; OSSEC is asked by [`finish`](Self::finish) (K34).
    pub(super) fn attach(
        &mut self,
        decoders: &mut [Decoder],
        (parent, index): (u16, u16),
        def: &DecoderDef,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let own_name = Arc::clone(&decoders[usize::from(index)].own_name);
        let chain = self.chains.entry(parent).or_default();
        let before = chain.last().copied();
        chain.push(index);
        let earlier = self.named.insert((parent, own_name), index);
        let starts_after_regex = def.regex.as_ref().is_some_and(|regex| regex.offset == Some(Offset::AfterRegex));
        // One that asks for values of its own is another form of the service's lines, not more of the same.
        let is_json = decoders[usize::from(parent)].is_json();
        let has_conditions = !def.json.wants.is_empty() || def.prematch.is_some() || def.program_name.is_some();
        let belongs = |earlier: &u16| {
            let is_neighbour = Some(*earlier) == before;
            if is_json {
                is_neighbour && !has_conditions
            } else {
                is_neighbour || self.strict_ossec || starts_after_regex
            }
        };
        let Some(earlier) = earlier.filter(belongs) else {
            if starts_after_regex {
                let message = "after_regex needs a decoder of the same name and parent before this one";
                diagnostics.push(Diagnostic::error("D023", message).at(def.name.span.clone()));
            }
            decoders[usize::from(parent)].children.push(index);
            return;
        };
        if Some(earlier) != before {
            diagnostics.push(not_a_neighbour(def, self.strict_ossec));
        }
        let head = *self.heads.get(&earlier).unwrap_or(&earlier);
        check(&decoders[usize::from(head)], def, diagnostics);
        self.going_on.insert(earlier);
        self.heads.insert(index, head);
        decoders[usize::from(head)].followers.push(index);
    }

    /// Puts the decoders together that OSSEC takes together, when all are there: a decoder with a later
    /// one of its name goes on with the next of its parent, whatever that one's name.
    pub(super) fn finish(self, decoders: &mut [Decoder]) {
        if !self.strict_ossec {
            return;
        }
        for (parent, chain) in self.chains {
            let mut children = Vec::new();
            let mut goes_on = false;
            for index in chain {
                decoders[usize::from(index)].followers.clear();
                match children.last() {
                    Some(&head) if goes_on => decoders[usize::from(head)].followers.push(index),
                    _ => children.push(index),
                }
                goes_on = self.going_on.contains(&index);
            }
            decoders[usize::from(parent)].children = children;
        }
    }
}

fn check(first: &Decoder, def: &DecoderDef, diagnostics: &mut Vec<Diagnostic>) {
    let error = |code, message: &str| Diagnostic::error(code, message).at(def.name.span.clone());
    if def.prematch.is_some() || def.fts.is_some() {
        diagnostics.push(
            error("D024", "a subsequent decoder of a group with the same name cannot have prematch or fts")
                .help("use a different name unless it continues the previous one"),
        );
    }
    if let (Some(first), Some(own)) = (&first.regex, &def.regex)
        && first.pattern.dialect() != own.pattern.dialect
    {
        diagnostics.push(error("D025", "all decoders of a group must use the same syntax, either regex or pcre2"));
    }
}

fn not_a_neighbour(def: &DecoderDef, strict_ossec: bool) -> Diagnostic {
    let message = match strict_ossec {
        true => {
            "another decoder separates this one from the previous one with the same name: as in OSSEC, that decoder \
             is treated as part of the previous one"
        }
        false => {
            "another decoder separates this one from the previous one with the same name; they form a group \
             nevertheless, while OSSEC treats that decoder as part of the previous one"
        }
    };
    Diagnostic::warning("D028", message)
        .at(def.name.span.clone())
        .help("place decoders with the same name next to each other")
}
