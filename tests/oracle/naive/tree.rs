//! The rule tree and its evaluation: `decoders-and-rules.md` sections 4.2, 4.3 and 4.6.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Event;
use super::context::{Memory, sender};
use super::patterns::{matches, os_match, word_matches};
use crate::model::{Condition, Dialect, Earlier, KINDS, Mode, Rule};

/// All rules in load order, with what events left behind.
pub(crate) struct Tree {
    nodes: Vec<Node>,
    memory: Memory,
    mode: Mode,
}

/// A rule in the tree.
struct Node {
    /// Its level is the one that alerts show.
    rule: Rule,
    /// The level by which it is sorted: level 0 before all others, inaccurate rules behind all others.
    loading_level: u32,
    /// Of an overwritten rule, whether its new definition has conditions on addresses or ports, and whether
    /// it has further ones: PCRE2 conditions of these kinds are tested only then (D8).
    marks: Option<(bool, bool)>,
    children: Vec<usize>,
    /// When it last was not ignored, by source address; in OSSEC's reading all sources are one.
    ignored_since: Vec<(Option<String>, i64)>,
}

fn loading_level(rule: &Rule) -> u32 {
    let level = if rule.level == 0 { 99 } else { rule.level };
    if rule.is_inaccurate { level } else { level * 100 }
}

/// D10: OSSEC takes the level of an inaccurate rule back wrongly. By default it stays (K31).
fn shown_level(rule: &Rule, mode: Mode) -> u32 {
    if rule.level == 0 && rule.is_inaccurate && mode == Mode::Ossec { 99 } else { rule.level }
}

/// What a line led to.
pub(crate) struct Judgement {
    pub rule: Option<(u32, u32)>,
    pub recorded: bool,
    pub mailed: bool,
    pub evidence: Vec<String>,
}

impl Tree {
    /// Roots and `rules`, in load order.
    pub(crate) fn new(rules: &[Rule], mode: Mode) -> Self {
        let root = |(index, kind): (usize, &&'static str)| Rule {
            id: index as u32 + 1,
            noalert: true,
            category: Some(*kind),
            group: format!("{kind},"),
            ..Rule::default()
        };
        let mut tree = Self { nodes: Vec::new(), memory: Memory::new(mode), mode };
        KINDS.iter().enumerate().map(root).for_each(|root| tree.push(root));
        rules.iter().for_each(|rule| tree.add(rule.clone()));
        tree
    }

    fn push(&mut self, rule: Rule) {
        let loading_level = loading_level(&rule);
        let rule = Rule { level: shown_level(&rule, self.mode), ..rule };
        let (children, ignored_since) = (Vec::new(), Vec::new());
        self.nodes.push(Node { rule, loading_level, marks: None, children, ignored_since });
    }

    fn add(&mut self, rule: Rule) {
        if rule.overwrite {
            return self.overwrite(rule);
        }
        let parents = self.parents(&rule);
        assert!(!parents.is_empty(), "rule {} has no parent", rule.id);
        let new = self.nodes.len();
        self.push(rule);
        for parent in parents {
            // Before the first that sorts behind it. An overwritten rule stays where it is, but what
            // is added later compares with its new level: the level is one value of the rule.
            let key = |index: usize| self.nodes[index].loading_level;
            let mut children = self.nodes[parent].children.clone();
            let at = children.iter().position(|&sibling| key(sibling) < key(new)).unwrap_or(children.len());
            children.insert(at, new);
            self.nodes[parent].children = children;
        }
        self.mark_earlier(new);
    }

    /// Places in the tree: one below each place of each parent.
    fn places(&self, index: usize) -> usize {
        let parents: Vec<usize> =
            (0..self.nodes.len()).filter(|&parent| self.nodes[parent].children.contains(&index)).collect();
        if parents.is_empty() { 1 } else { parents.into_iter().map(|parent| self.places(parent)).sum() }
    }

    /// By exactly one mechanism.
    fn parents(&self, rule: &Rule) -> Vec<usize> {
        let those = |wanted: &dyn Fn(&Node) -> bool| -> Vec<usize> {
            (0..self.nodes.len()).filter(|&index| wanted(&self.nodes[index])).collect()
        };
        if !rule.if_sid.is_empty() {
            return those(&|node| rule.if_sid.contains(&node.rule.id));
        }
        if let Some(level) = rule.if_level {
            // In OSSEC no inaccurate rule has a level that high (D10, K31).
            let shown_zero = |level: u32| if level == 0 { 99 } else { level };
            return match self.mode {
                Mode::Ossec => those(&|node| node.loading_level >= level * 100),
                Mode::Default => those(&|node| shown_zero(node.rule.level) >= level),
            };
        }
        if let Some(group) = &rule.if_group {
            return those(&|node| word_matches(group, &node.rule.group));
        }
        match &rule.earlier {
            Some(Earlier::Sid(id)) => those(&|node| node.rule.id == *id),
            Some(Earlier::Group(group)) => those(&|node| word_matches(group, &node.rule.group)),
            _ => {
                let category = rule.category.unwrap_or("syslog");
                those(&|node| node.rule.id < 10 && node.rule.category == Some(category))
            }
        }
    }

    /// Tells the memory which rules feed the list of the composite rule `new`.
    fn mark_earlier(&mut self, new: usize) {
        match &self.nodes[new].rule.earlier {
            Some(Earlier::Sid(id)) => {
                let referenced = self.nodes.iter().position(|node| node.rule.id == *id).expect("it was loaded");
                self.memory.feeds_sid(referenced);
            }
            Some(Earlier::Group(group)) => {
                // The rule itself is in the tree by then.
                let in_group = (0..=new).filter(|&index| os_match(group, &self.nodes[index].rule.group));
                let feeding = in_group.map(|index| (index, self.places(index))).collect();
                self.memory.feeds_group(new, feeding);
            }
            _ => {}
        }
    }

    /// Replaces values in place; PCRE2 conditions and `field` stay, and so does the place in the tree. A
    /// composite rule is a plain one from then on if the new one is (D7).
    fn overwrite(&mut self, new: Rule) {
        let mode = self.mode;
        let node = self.nodes.iter_mut().find(|node| node.rule.id == new.id).expect("it was loaded");
        let stays = |condition: &&Condition| match condition {
            Condition::Pattern(_, pattern) => pattern.dialect == Dialect::Pcre2,
            Condition::Dynamic(..) => true,
            _ => false,
        };
        let is_first = node.marks.is_none();
        let has_plain = |name: &str| plain(&node.rule, name);
        let never_compiled = |condition: &&Condition| match condition {
            Condition::Pattern(name, _) => is_first && *name != "regex" && has_plain(name),
            _ => false,
        };
        let conditions = node.rule.conditions.iter();
        let kept: Vec<Condition> = conditions.filter(stays).filter(|kept| !never_compiled(kept)).cloned().collect();
        let replaced = new.conditions.iter().filter(|condition| !stays(condition)).cloned();
        let conditions = kept.into_iter().chain(replaced).collect();
        let has = |wanted: &[&str]| {
            new.conditions.iter().any(|condition| match condition {
                Condition::Pattern(name, _) | Condition::Address(name, _) => wanted.contains(name),
                _ => false,
            })
        };
        let packet = has(&["srcip", "dstip", "srcport", "dstport"]);
        let further = has(&["user", "status", "extra_data", "hostname", "program_name"]) || new.maxsize > 0;
        node.marks = Some((packet, further));
        node.loading_level = loading_level(&new);
        let category = node.rule.category;
        node.rule = Rule { conditions, category, level: shown_level(&new, mode), ..new };
    }

    /// Sections 4.3 and 4.4 for one event.
    pub(crate) fn judge(&mut self, event: Event) -> Judgement {
        let event = self.memory.remember(event);
        let mut evidence = Vec::new();
        let winner = (0..KINDS.len())
            .filter(|&root| self.nodes[root].rule.category == Some(self.memory.event(event).kind))
            .collect::<Vec<_>>()
            .into_iter()
            .find_map(|root| self.evaluate(root, event, &mut evidence));
        let Some(winner) = winner else {
            return Judgement { rule: None, recorded: false, mailed: false, evidence: Vec::new() };
        };
        let rule = Some((self.nodes[winner].rule.id, self.nodes[winner].rule.level));
        if self.nodes[winner].rule.level == 0 || self.is_ignored(winner, event) {
            return Judgement { rule, recorded: false, mailed: false, evidence: Vec::new() };
        }
        self.memory.store(event, winner);
        let (recorded, mailed) = flags(&self.nodes[winner].rule);
        if !recorded {
            evidence.clear();
        }
        Judgement { rule, recorded, mailed: recorded && mailed, evidence }
    }

    /// The rule that wins at or below `index`.
    fn evaluate(&mut self, index: usize, event: usize, evidence: &mut Vec<String>) -> Option<usize> {
        let rule = self.nodes[index].rule.clone();
        if !holds(&self.nodes[index], self.memory.event(event), self.mode) {
            return None;
        }
        if rule.earlier.is_some() {
            *evidence = self.memory.search(&self.nodes[index].rule, index, event, |id| {
                self.nodes.iter().position(|node| node.rule.id == id).expect("it was loaded")
            })?;
        }
        for child in self.nodes[index].children.clone() {
            if let Some(winner) = self.evaluate(child, event, evidence) {
                return Some(winner);
            }
        }
        (!rule.noalert).then_some(index)
    }

    fn is_ignored(&mut self, winner: usize, event: usize) -> bool {
        let event = self.memory.event(event);
        // K12 of docs/compatibility.md.
        let source = event.fields.get("srcip").filter(|_| self.mode == Mode::Default).map(|source| sender(source));
        let node = &mut self.nodes[winner];
        if node.rule.ignore == 0 {
            return false;
        }
        let window = node.ignored_since.iter().position(|(known, _)| *known == source);
        if window.is_some_and(|window| event.time - node.ignored_since[window].1 < node.rule.ignore) {
            return true;
        }
        node.ignored_since.retain(|(known, _)| *known != source);
        node.ignored_since.push((source, event.time));
        false
    }
}

/// Whether the alert is recorded and mailed: the levels 1 and 7, then the options in order.
fn flags(rule: &Rule) -> (bool, bool) {
    let (mut recorded, mut mailed) = (rule.level >= 1, rule.level >= 7);
    for option in &rule.options {
        match *option {
            "log_alert" => recorded = true,
            "no_log" => recorded = false,
            "alert_by_email" => mailed = true,
            "no_email_alert" => mailed = false,
            _ => {}
        }
    }
    (recorded, mailed)
}

/// Whether the rule has a plain condition of that name.
fn plain(rule: &Rule, name: &str) -> bool {
    rule.conditions.iter().any(|condition| {
        matches!(condition, Condition::Pattern(other, pattern) if *other == name && pattern.dialect != Dialect::Pcre2)
    })
}

/// Whether a PCRE2 condition is tested: not beside the plain form, of overwritten rules not always.
fn is_tested(node: &Node, name: &str) -> bool {
    let (packet, further) = node.marks.unwrap_or((true, true));
    let is_marked = match name {
        "srcport" | "dstport" => packet,
        "user" | "status" | "extra_data" | "hostname" => further,
        _ => true,
    };
    is_marked && (name == "url" || !plain(&node.rule, name))
}

/// All conditions but the search of earlier events.
fn holds(node: &Node, event: &Event, mode: Mode) -> bool {
    let rule = &node.rule;
    if rule.maxsize as usize > event.log.len() {
        return false;
    }
    // What holds no address is outside of every network, but not for rules that only silence (D6, K32).
    let takes_names = mode == Mode::Default && (rule.level > 0 || !node.children.is_empty());
    rule.conditions.iter().all(|condition| match condition {
        Condition::Pattern(name, pattern) if pattern.dialect == Dialect::Pcre2 && !is_tested(node, name) => true,
        Condition::Pattern(name, pattern) => subject(name, event).is_some_and(|text| matches(pattern, text)),
        Condition::DecodedAs(name) => event.decoder.as_ref() == Some(name),
        Condition::Action(text) => event.fields.get("action") == Some(text),
        Condition::Address(name, list) => event.fields.get(*name).is_some_and(|text| {
            let address = address(text, mode);
            (address.is_some() || takes_names) && address_fits(list, address)
        }),
        Condition::Dynamic(name, pattern) => event.fields.get(name).is_some_and(|text| matches(pattern, text)),
    })
}

/// The address in a field; OSSEC reads one number as an address, too.
fn address(text: &str, mode: Mode) -> Option<IpAddr> {
    let number = text.parse::<u32>().ok().filter(|_| mode == Mode::Ossec && !text.starts_with(['0', '+']));
    text.parse().ok().or_else(|| number.map(|number| IpAddr::V4(number.into())))
}

fn subject<'a>(name: &str, event: &'a Event) -> Option<&'a str> {
    let field = |name: &str| event.fields.get(name).map(String::as_str);
    match name {
        "match" | "regex" => Some(&event.log),
        "hostname" => Some(&event.host),
        "program_name" => event.program.as_deref(),
        "user" => field("dstuser").or_else(|| field("srcuser")),
        other => field(other),
    }
}

/// The first entry that holds the address decides; a last entry with `!` inverts the default.
fn address_fits(list: &[String], address: Option<IpAddr>) -> bool {
    for entry in list {
        let (is_negated, net) = match entry.strip_prefix('!') {
            Some(net) => (true, net),
            None => (false, entry.as_str()),
        };
        let net: IpNet = net.parse().or_else(|_| net.parse::<IpAddr>().map(IpNet::from)).expect("written by us");
        if address.is_some_and(|address| net.contains(&address)) {
            return !is_negated;
        }
    }
    list.last().is_some_and(|entry| entry.starts_with('!'))
}
