//! Definitions to a set of rules that can run.

use std::sync::Arc;

use super::address::{AddressList, Names};
use super::composite::Composite;
use super::condition::{Condition, Gate};
use super::count::{CountedRule, Counters};
use super::def::{AlertOption, CompiledRule, RuleDef, TextField};
use super::list::{ListTables, ListTest};
use super::options::RuleOptions;
use super::set::{Rule, RuleSet};
use super::targets::{Counts, TargetRule, TargetTest};
use super::time_window::{TimeRange, Weekdays};
use super::tree::{EventList, Tree};
use crate::decode::source::{MOST_HINTS, PatternDef, unknown_name};
use crate::decode::{DecoderSet, FieldId};
use crate::diag::Diagnostic;
use crate::model::{Level, RuleFacts, RuleId};
use crate::pattern::{Pattern, PrefilterBuilder, Union};
use crate::xml::Text;

/// Longest value of one element that OSSEC keeps; a longer condition vanishes there.
const OSSEC_MAX_VALUE_BYTES: usize = 2048;

/// Compiles rules in the order in which they were loaded. What their patterns require of a
/// line is added to `prefilter`.
pub fn compile(
    defs: Vec<RuleDef>,
    decoders: &DecoderSet,
    tables: &ListTables,
    options: RuleOptions,
    prefilter: &mut PrefilterBuilder,
    diagnostics: &mut Vec<Diagnostic>,
) -> RuleSet {
    let tree = Tree::build(defs, &options, diagnostics);
    let (unknown_decoders, targets) = (0, Vec::new());
    let mut compiler =
        Compiler { decoders, tables, options: &options, prefilter, diagnostics, unknown_decoders, targets };
    let mut rules: Vec<Rule> = (0..tree.rules.len()).map(|index| compiler.rule(&tree, index)).collect();
    let targets = compiler.targets.into_iter().map(|(_, rule)| rule);
    let targets = targets.filter(|_| !options.strict_ossec).collect();
    let urls = rare_urls(&mut rules);
    for (index, children) in tree.children.iter().enumerate() {
        let gate = |&child: &u32| Gate::new(child, &rules[child as usize].conditions);
        rules[index].children = children.iter().map(gate).collect();
    }
    let counters = if options.strict_ossec { Counters::default() } else { counters(&mut rules) };
    RuleSet {
        rules,
        counters,
        targets,
        roots: tree.roots,
        lists: tree.lists,
        keeps_all: tree.contexts.contains(&Some(EventList::All)),
        urls,
        options,
    }
}

/// Takes the patterns for URLs together that no literal text rules out. Rules of level 0 stand for what is common.
fn rare_urls(rules: &mut [Rule]) -> Union {
    let mut urls = Union::default();
    for rule in rules.iter_mut().filter(|rule| rule.facts.level.0 > 0) {
        for condition in &mut rule.conditions {
            let is_rare = matches!(condition, Condition::Text(TextField::Url, pattern, None) if urls.add(pattern));
            if is_rare && let Condition::Text(_, pattern, _) = std::mem::replace(condition, Condition::Never("url")) {
                *condition = Condition::RareUrl(pattern);
            }
        }
    }
    urls
}

/// What the composite rules count; their conditions on earlier events get its numbers.
fn counters(rules: &mut [Rule]) -> Counters {
    let counted = rules.iter_mut().map(|rule| CountedRule {
        context: rule.context.as_mut(),
        own_list: rule.own_list,
        group_lists: &rule.group_lists,
    });
    Counters::of(counted.collect())
}

struct Compiler<'a> {
    decoders: &'a DecoderSet,
    tables: &'a ListTables,
    options: &'a RuleOptions,
    prefilter: &'a mut PrefilterBuilder,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// How many decoders were named that do not exist.
    unknown_decoders: usize,
    /// The rules with `<target>` so far.
    targets: Vec<(RuleId, TargetRule)>,
}

impl Compiler<'_> {
    fn rule(&mut self, tree: &Tree, index: usize) -> Rule {
        let def = &tree.rules[index];
        let level = def.effective_level(self.options.strict_ossec);
        let (recorded, mailed) = self.flags(def, level);
        let mut conditions = Vec::new();
        self.conditions(def, self.names(tree, index), &mut conditions);
        let target = self.target(def, &mut conditions);
        // What a rule about targets does not want is an event of its other rules, never one that is swallowed.
        let is_silent_otherwise = def.counting.target.is_none() || self.options.strict_ossec;
        Rule {
            facts: Arc::new(RuleFacts {
                mitre: if self.options.strict_ossec { Vec::new() } else { def.outcome.mitre.clone() },
                ..facts(def, level)
            }),
            kind: tree.kinds[index],
            conditions: conditions.into(),
            context: tree.contexts[index].and_then(|list| self.context(def, list)),
            target,
            is_login: has_group(def, "authentication_success"),
            // Filled when all rules are compiled.
            children: Box::default(),
            noalert: def.outcome.noalert,
            recorded,
            mailed,
            ignore_seconds: if is_silent_otherwise { def.outcome.ignore_seconds } else { 0 },
            ignore_fields: def.outcome.ignore_fields,
            check_if_ignored: def.outcome.check_if_ignored.map(|fields| match self.options.strict_ossec {
                true => fields.as_tested_by_ossec(def.outcome.ignore_fields.unwrap_or_default()),
                false => fields,
            }),
            own_list: tree.own_list[index],
            group_lists: tree.group_lists[index].as_slice().into(),
            // More than a rule can ask for is the same (`frequency` has four digits).
            places: u32::try_from(tree.places[index]).unwrap_or(u32::MAX).max(1),
        }
    }

    /// Whether the rule's alerts are recorded and mailed; options apply in file order.
    fn flags(&self, def: &RuleDef, level: Level) -> (bool, bool) {
        let mut recorded = level >= self.options.record_level;
        let mut mailed = level >= self.options.mail_level;
        for option in &def.outcome.options {
            match option {
                AlertOption::Mail => mailed = true,
                AlertOption::NoMail => mailed = false,
                AlertOption::Log => recorded = true,
                AlertOption::NoLog => recorded = false,
                AlertOption::NoResponse => {}
            }
        }
        // Mail is read from what is recorded.
        (recorded, mailed && recorded)
    }

    fn context(&mut self, def: &RuleDef, list: EventList) -> Option<Composite> {
        let regex = match (&def.counting.if_matched_regex, list) {
            (Some(pattern), EventList::All) => Some(pattern.compile(self.options.subject(), self.diagnostics)?),
            _ => None,
        };
        Some(Composite {
            list,
            regex,
            frequency: def.counting.frequency.unwrap_or(0) as usize,
            timeframe_seconds: i64::from(def.counting.timeframe.unwrap_or(self.options.default_timeframe_seconds)),
            same: def.counting.same,
            // Filled when all rules are compiled.
            counter: None,
        })
    }

    /// What the rule asks about targets; the strict mode does not know such rules, and none of them ever fires.
    fn target(&mut self, def: &RuleDef, conditions: &mut Vec<Condition>) -> Option<TargetTest> {
        if !def.counting.asks_target() {
            return None;
        }
        let test = match (&def.counting.target, &def.counting.if_target_of) {
            (Some(target), _) => {
                let timeframe = def.counting.timeframe.unwrap_or(self.options.default_timeframe_seconds);
                let rule = TargetRule {
                    counts: target.counts,
                    wanted: target.wanted,
                    timeframe_seconds: timeframe,
                    silent_seconds: def.outcome.ignore_seconds,
                };
                self.targets.push((def.id, rule));
                Some(TargetTest::Counts(self.targets.len() as u32 - 1))
            }
            (None, Some(of)) => {
                let known = of.value.trim().parse().ok().map(RuleId);
                let at = self
                    .targets
                    .iter()
                    .position(|(id, rule)| Some(*id) == known && rule.counts != Counts::AccountsOfSource);
                if at.is_none() {
                    let message = format!("if_target_of: no rule {} with a target is defined before", of.value.trim());
                    let problem = Diagnostic::error("R073", message).at(of.span.clone());
                    self.diagnostics.push(problem.help("name one rule that has <target>, and load it earlier"));
                }
                at.map(|at| TargetTest::Attacked(at as u32))
            }
            (None, None) => None,
        };
        if self.options.strict_ossec || test.is_none() {
            let name = def.counting.target.as_ref().map_or("if_target_of", |target| target.element());
            conditions.insert(0, Condition::Never(name));
            return None;
        }
        test
    }

    /// What the rule makes of address fields that hold a name. A rule that only silences must not match more
    /// than OSSEC's; one that leads to an alert must not match less than it says.
    fn names(&self, tree: &Tree, index: usize) -> Names {
        let silences = tree.rules[index].effective_level(false) == Level(0) && tree.children[index].is_empty();
        match (self.options.strict_ossec, silences) {
            (true, _) => Names::NowhereAsOssec,
            (false, true) => Names::Nowhere,
            (false, false) => Names::Elsewhere,
        }
    }

    /// In the order in which OSSEC tests them.
    fn conditions(&mut self, def: &RuleDef, names: Names, out: &mut Vec<Condition>) {
        if let Some(name) = &def.conditions.decoded_as {
            match self.decoders.name_id(&name.value) {
                Some(id) => out.push(Condition::DecodedAs(id)),
                None if self.decoders.has_child(&name.value) => {
                    let message = format!(
                        "rule {} never matches: events of decoder {} have the name of its parent",
                        def.id, name.value
                    );
                    let problem = Diagnostic::warning("R056", message).at(name.span.clone());
                    self.diagnostics.push(
                        problem.help("use the parent's name, or set <use_own_name>true</use_own_name> in the decoder"),
                    );
                    out.push(Condition::Never("decoded_as"));
                }
                None => {
                    self.unknown_decoders += 1;
                    // Looking for a name that is alike takes as long as there are names.
                    let known: Vec<&str> =
                        self.decoders.names().filter(|_| self.unknown_decoders <= MOST_HINTS).collect();
                    self.diagnostics.push(unknown_name("R040", "decoder", name, &known));
                }
            }
        }
        self.texts(def, &[TextField::ProgramName, TextField::Id, TextField::Match, TextField::Regex], out);
        out.extend(
            def.conditions
                .action
                .as_ref()
                .map(|action| Condition::Action { wanted: action.value.as_bytes().into(), negated: action.negated }),
        );
        self.texts(def, &[TextField::Action], out);
        self.url(def, out);
        self.fields(def, out);
        self.addresses(&def.conditions.srcip, FieldId::SRC_IP, names, out);
        self.addresses(&def.conditions.dstip, FieldId::DST_IP, names, out);
        self.texts(def, &[TextField::SrcPort, TextField::DstPort], out);
        self.compiled_rule(def, out);
        self.texts(def, &[TextField::User, TextField::SrcGeoIp, TextField::DstGeoIp], out);
        if def.conditions.maxsize > 0 {
            out.push(Condition::MinimumLength(def.conditions.maxsize));
        }
        self.times(def, out);
        self.texts(def, &[TextField::ExtraData, TextField::Hostname, TextField::Status], out);
        if def.conditions.check_diff {
            out.push(Condition::Differs);
        }
        if def.conditions.if_fts {
            out.push(Condition::FirstTime);
        }
        self.lists(def, out);
    }

    /// The plain form of a condition hides its PCRE2 form, as in OSSEC.
    fn texts(&mut self, def: &RuleDef, fields: &[TextField], out: &mut Vec<Condition>) {
        for field in fields {
            let plain = def.texts.plain(*field).cloned().filter(|pattern| self.fits(pattern));
            let pcre2 = def.texts.pcre2(*field).cloned().filter(|pattern| self.fits(pattern));
            // `match` and `match_pcre2` are one condition; `regex` and `pcre2` another.
            if let (Some(_), Some(hidden)) = (&plain, &pcre2) {
                self.diagnostics.push(
                    Diagnostic::warning("R041", "not evaluated: the plain form of the same condition is also present")
                        .at(hidden.span.clone()),
                );
            }
            self.text(*field, plain.or(pcre2), out);
        }
    }

    fn url(&mut self, def: &RuleDef, out: &mut Vec<Condition>) {
        for url in [def.texts.plain(TextField::Url), def.texts.pcre2(TextField::Url)] {
            let url = url.cloned().filter(|pattern| self.fits(pattern));
            self.text(TextField::Url, url, out);
        }
    }

    fn text(&mut self, field: TextField, pattern: Option<PatternDef>, out: &mut Vec<Condition>) {
        let span = pattern.as_ref().map(|pattern| pattern.span.clone());
        let negated = pattern.as_ref().is_some_and(|pattern| pattern.negated);
        let compiled = pattern.and_then(|pattern| self.pattern(&pattern));
        out.extend(compiled.map(|pattern| {
            if negated {
                return Condition::NotText(field, pattern);
            }
            // Host and program names are not part of the message.
            let in_message = !matches!(field, TextField::Hostname | TextField::ProgramName);
            let required = if in_message { self.prefilter.add(&pattern) } else { None };
            Condition::Text(field, pattern, required)
        }));
        if matches!(field, TextField::SrcGeoIp | TextField::DstGeoIp)
            && let Some(Condition::Text(last, ..) | Condition::NotText(last, _)) = out.last()
            && *last == field
        {
            let problem =
                Diagnostic::warning("R042", "GeoIP data is not supported: a rule with this condition never matches");
            self.diagnostics.push(span.into_iter().fold(problem, Diagnostic::at));
        }
    }

    /// OSSEC drops a condition of 2048 bytes and more, so that the rule matches more.
    fn fits(&mut self, pattern: &PatternDef) -> bool {
        let vanishes = self.options.strict_ossec && pattern.text.len() >= OSSEC_MAX_VALUE_BYTES;
        if vanishes {
            self.diagnostics.push(
                Diagnostic::warning(
                    "R043",
                    "OSSEC drops a condition of 2048 bytes or more: the rule matches more events",
                )
                .at(pattern.span.clone()),
            );
        }
        !vanishes
    }

    fn pattern(&mut self, pattern: &PatternDef) -> Option<Pattern> {
        pattern.compile(self.options.subject(), self.diagnostics)
    }

    fn fields(&mut self, def: &RuleDef, out: &mut Vec<Condition>) {
        for (name, pattern) in &def.conditions.fields {
            let ids = self.decoders.fields().dynamic_named(&name.value);
            if ids.is_empty() {
                self.diagnostics.push(
                    Diagnostic::warning(
                        "R044",
                        format!("no decoder extracts the field \"{}\": the rule never matches", name.value),
                    )
                    .at(name.span.clone()),
                );
            }
            if let Some(compiled) = self.pattern(pattern) {
                out.push(Condition::Field { fields: ids.into(), pattern: compiled, negated: pattern.negated });
            }
        }
    }

    fn addresses(&mut self, entries: &[Text], field: FieldId, names: Names, out: &mut Vec<Condition>) {
        if entries.is_empty() {
            return;
        }
        let mut list = AddressList::new(names);
        for entry in entries {
            if !list.push(&entry.value) {
                self.diagnostics.push(
                    Diagnostic::error("R045", format!("\"{}\" is not an address", entry.value))
                        .at(entry.span.clone())
                        .help("use 192.0.2.1, 192.0.2.0/24, 2001:db8::/32 or any; prefix with ! to negate"),
                );
            }
        }
        out.push(Condition::Address(field, list));
    }

    fn compiled_rule(&mut self, def: &RuleDef, out: &mut Vec<Condition>) {
        let Some(compiled) = def.conditions.compiled else { return };
        if compiled == CompiledRule::ValidCrawler {
            self.diagnostics.push(
                Diagnostic::note(
                    "R046",
                    format!(
                        "rule {}: crawlers are identified by address only; host names are not resolved during analysis",
                        def.id
                    ),
                )
                .at(def.id_span.clone()),
            );
        }
        out.push(Condition::Compiled(compiled));
    }

    fn times(&mut self, def: &RuleDef, out: &mut Vec<Condition>) {
        if let Some(text) = &def.conditions.time {
            match TimeRange::parse(&text.value, self.options) {
                Some(range) => out.push(Condition::Time(range)),
                None => self.diagnostics.push(
                    Diagnostic::error("R047", format!("\"{}\" is not a time range", text.value))
                        .at(text.span.clone())
                        .help("6 pm - 8:30 am"),
                ),
            }
        }
        if let Some(text) = &def.conditions.weekday {
            match Weekdays::parse(&text.value, self.options) {
                Some(days) => out.push(Condition::Weekday(days)),
                None => self.diagnostics.push(
                    Diagnostic::error("R048", format!("\"{}\" is not a list of weekdays", text.value))
                        .at(text.span.clone())
                        .help("monday, tue, weekdays, weekends"),
                ),
            }
        }
    }

    fn lists(&mut self, def: &RuleDef, out: &mut Vec<Condition>) {
        // OSSEC keeps the last two.
        let kept = if self.options.strict_ossec { def.conditions.lists.len().saturating_sub(2) } else { 0 };
        for list in &def.conditions.lists[kept..] {
            let Some(table) = self.tables.table(&list.name.value, self.options) else {
                self.diagnostics.push(
                    Diagnostic::warning(
                        "L002",
                        format!("list {} is not configured: the rule never matches", list.name.value),
                    )
                    .at(list.name.span.clone())
                    .help("add <list>PATH</list> to <rules> in ossec.conf"),
                );
                out.push(Condition::Never("list"));
                continue;
            };
            let value = match &list.value {
                None => None,
                Some(pattern) => match self.pattern(pattern) {
                    Some(pattern) => Some(pattern),
                    None => continue,
                },
            };
            let strict_ossec = self.options.strict_ossec;
            out.push(Condition::List(ListTest { table, field: list.field, lookup: list.lookup, value, strict_ossec }));
        }
    }
}

fn has_group(def: &RuleDef, name: &str) -> bool {
    def.outcome.group.split(',').any(|group| group.trim() == name)
}

pub(super) fn facts(def: &RuleDef, level: Level) -> RuleFacts {
    RuleFacts {
        id: def.id,
        level,
        description: def.outcome.description.clone(),
        group: def.outcome.group.clone(),
        cve: def.outcome.cve.clone(),
        info: def.outcome.info.clone(),
        mitre: def.outcome.mitre.clone(),
        frequency: def.counting.frequency.filter(|_| def.counting.is_composite()),
        may_respond: level.0 > 0 && def.accuracy != 0 && !def.outcome.options.contains(&AlertOption::NoResponse),
    }
}
