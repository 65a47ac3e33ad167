//! One `<rule>` element to its definition.

use super::def::{AlertOption, CompiledRule, RuleDef, Same, TargetDef, TextField};
use super::list_reader::list;
use super::targets::{Counts, MOST_NETWORKS};
use super::wazuh;
use crate::decode::attributes::{self, Asked, Obeys, Reading};
use crate::decode::source::{self, PatternDef, unknown_name};
use crate::decode::{EventKind, FtsFields};
use crate::diag::{Diagnostic, MOST_OF_A_KIND, Span};
use crate::model::{Level, RuleId, TargetKind};
use crate::pattern::Dialect;
use crate::xml::{Attribute, Element, Text};

const ATTRIBUTES: [&str; 9] =
    ["id", "level", "maxsize", "timeframe", "frequency", "ignore", "accuracy", "noalert", "overwrite"];

const OTHERS: [&str; 42] = [
    "decoded_as",
    "category",
    "action",
    "srcip",
    "dstip",
    "field",
    "time",
    "weekday",
    "list",
    "compiled_rule",
    "if_sid",
    "if_group",
    "if_level",
    "if_matched_sid",
    "if_matched_group",
    "if_matched_regex",
    "same_source_ip",
    "same_user",
    "same_src_port",
    "same_dst_port",
    "same_id",
    "same_location",
    "different_url",
    "different_srcgeoip",
    "different_srcip",
    "not_same_source_ip",
    "not_same_id",
    "not_same_user",
    "not_same_agent",
    "target",
    "if_target_of",
    "different_accounts",
    "check_diff",
    "if_fts",
    "ignore",
    "check_if_ignored",
    "options",
    "description",
    "group",
    "cve",
    "info",
    "mitre",
];

/// Of these the last one counts; other repeated elements are joined or all apply.
const SINGLE: [&str; 12] = [
    "decoded_as",
    "category",
    "time",
    "weekday",
    "compiled_rule",
    "if_level",
    "if_matched_sid",
    "ignore",
    "check_if_ignored",
    "target",
    "if_target_of",
    "different_accounts",
];

const OPTIONS: [&str; 5] = ["alert_by_email", "no_email_alert", "log_alert", "no_log", "no_ar"];

const COMPILED: [&str; 5] = [
    "comp_srcuser_dstuser",
    "check_id_size",
    "comp_mswin_targetuser_calleruser_diff",
    "is_simple_http_request",
    "is_valid_crawler",
];

/// The definition of `element`; `None` when it has no number or level.
pub(super) fn rule(
    element: &Element,
    file_group: &str,
    reading: Reading,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<RuleDef> {
    let before = diagnostics.len();
    let mut reader = Reader { reading, diagnostics };
    let mut def = reader.attributes(element, file_group)?;
    if element.children.is_empty() {
        reader.error("R006", &format!("rule {} has no condition", def.id), &element.span);
    }
    for child in &element.children {
        reader.element(child, &mut def);
    }
    source::note_replaced("R024", element, &SINGLE, reader.diagnostics);
    reader.targets(element, &def);
    if reading == Reading::Ossec && def.counting.asks_target() {
        // OSSEC has no such rule, so that it does not matter what it makes of the attributes.
        let later = reader.diagnostics.split_off(before);
        reader.diagnostics.extend(later.into_iter().filter(|problem| problem.code != "R013"));
    }
    let needs_context = def.counting.frequency.is_some() || def.counting.same.0 != 0;
    if needs_context && !def.counting.is_composite() && !def.conditions.check_diff {
        let message = format!(
            "rule {} has frequency or same_… without if_matched_sid, if_matched_group or if_matched_regex",
            def.id
        );
        reader.error("R007", &message, &def.id_span.clone());
    }
    Some(def)
}

struct Reader<'d> {
    reading: Reading,
    diagnostics: &'d mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn error(&mut self, code: &'static str, message: &str, span: &Span) {
        self.diagnostics.push(Diagnostic::error(code, message).at(span.clone()));
    }

    fn warning(&mut self, code: &'static str, message: &str, span: &Span) {
        self.diagnostics.push(Diagnostic::warning(code, message).at(span.clone()));
    }

    fn attributes(&mut self, element: &Element, file_group: &str) -> Option<RuleDef> {
        let mut def = RuleDef::empty(element, file_group);
        let (mut id, mut level) = (None, None);
        for attribute in &element.attributes {
            match attribute.name.value.to_ascii_lowercase().as_str() {
                "id" => {
                    id = self.number(attribute, 6);
                    def.id_span = attribute.value.span.clone();
                }
                "level" => level = self.number(attribute, 4),
                "maxsize" => def.conditions.maxsize = self.number(attribute, 4).unwrap_or(0) as usize,
                "timeframe" => def.counting.timeframe = self.number(attribute, 5),
                "frequency" => def.counting.frequency = self.number(attribute, 4),
                "ignore" => def.outcome.ignore_seconds = self.number(attribute, 6).unwrap_or(0),
                "accuracy" => def.accuracy = self.number(attribute, 4).unwrap_or(1),
                "noalert" => def.outcome.noalert = true,
                "overwrite" => match attribute.value.value.as_str() {
                    "yes" => def.overwrite = true,
                    "no" => {}
                    _ => self.error("R008", "overwrite must be yes or no", &attribute.value.span),
                },
                _ => self.diagnostics.push(unknown_name("R009", "rule attribute", &attribute.name, &ATTRIBUTES)),
            }
        }
        let (Some(id), Some(level)) = (id, level) else {
            self.error("R005", "a rule requires an id and a level", &element.span);
            return None;
        };
        def.id = RuleId(id);
        def.level = Level(level as u16);
        Some(def)
    }

    /// How many networks or accounts are wanted.
    fn wanted(&mut self, text: &Text, name: &str) -> Option<u32> {
        let number = text.value.parse().ok().filter(|number| (2..=MOST_NETWORKS).contains(number));
        if number.is_none() {
            let message = format!("{name} must be a number from 2 to {MOST_NETWORKS}, found \"{}\"", text.value);
            self.error("R071", &message, &text.span);
        }
        number
    }

    /// Digits only; OSSEC reads at most `digits` of them.
    fn number(&mut self, attribute: &Attribute, digits: usize) -> Option<u32> {
        let text = &attribute.value.value;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("{} must be a number, found \"{text}\"", attribute.name.value);
            self.error("R010", &message, &attribute.value.span);
            return None;
        }
        if text.len() > digits {
            let message = format!("only the first {digits} digits of {} are used", attribute.name.value);
            self.warning("R011", &message, &attribute.value.span);
        }
        text[..text.len().min(digits)].parse().ok()
    }

    fn element(&mut self, element: &Element, def: &mut RuleDef) {
        let name = element.name.value.to_ascii_lowercase();
        if self.text_condition(element, &name, def) {
            return;
        }
        let asked = self.asked(element, &name);
        let text = || element.text.clone();
        match name.as_str() {
            "decoded_as" => def.conditions.decoded_as = Some(text()),
            "category" => match EventKind::parse(&element.text.value) {
                Some(kind) => def.category = Some((kind, element.text.span.clone())),
                None => self.diagnostics.push(unknown_name("R012", "category", &element.text, &EventKind::NAMES)),
            },
            "action" => action(element, asked, def),
            "srcip" => def.conditions.srcip.push(address(text(), asked)),
            "dstip" => def.conditions.dstip.push(address(text(), asked)),
            "field" => self.field(element, asked, def),
            "time" => def.conditions.time = Some(text()),
            "weekday" => def.conditions.weekday = Some(text()),
            "list" => def.conditions.lists.extend(list(element, self.diagnostics)),
            "compiled_rule" => def.conditions.compiled = self.compiled(&element.text),
            "if_sid" => join(&mut def.parents.if_sid, &element.text),
            "if_group" => join(&mut def.parents.if_group, &element.text),
            "if_level" => def.parents.if_level = Some(text()),
            "if_matched_sid" => def.counting.if_matched_sid = Some(text()),
            "if_matched_group" => join(&mut def.counting.if_matched_group, &element.text),
            "if_matched_regex" => append(&mut def.counting.if_matched_regex, Dialect::OsRegex, &element.text),
            "target" => def.counting.target = self.target(element),
            "different_accounts" => def.counting.target = self.different_accounts(element),
            "if_target_of" => def.counting.if_target_of = Some(text()),
            "check_diff" => def.conditions.check_diff = true,
            "if_fts" => def.conditions.if_fts = true,
            "ignore" => def.outcome.ignore_fields = self.fields(&element.text),
            "check_if_ignored" => def.outcome.check_if_ignored = self.fields(&element.text),
            "options" => def.outcome.options.extend(self.option(&element.text)),
            "description" => def.outcome.description.push_str(&element.text.value.replacen('\n', " ", 1)),
            "group" => def.outcome.group.push_str(&element.text.value),
            "cve" => def.outcome.cve.get_or_insert_default().push_str(&element.text.value),
            "info" => self.info(element, def),
            "mitre" => self.mitre(element, def),
            _ => self.same(element, &name, def),
        }
    }

    /// `match`, `url_pcre2` and the like; repeated elements are joined, as in OSSEC.
    fn text_condition(&mut self, element: &Element, name: &str, def: &mut RuleDef) -> bool {
        let Some((field, _, pcre2)) = TextField::ALL.iter().find(|(_, plain, pcre2)| [*plain, *pcre2].contains(&name))
        else {
            return false;
        };
        let is_pcre2 = *pcre2 == name;
        let obeys = if is_pcre2 { Obeys::Negate } else { Obeys::Both };
        let asked = attributes::read(element, &[], obeys, self.reading, "R013", self.diagnostics);
        let own = match (is_pcre2, field) {
            (true, _) => Dialect::Pcre2,
            (false, TextField::Regex) => Dialect::OsRegex,
            (false, _) => Dialect::OsMatch,
        };
        let texts = if is_pcre2 { &mut def.texts.pcre2 } else { &mut def.texts.plain };
        add_text(texts, *field, &element.text, own, asked);
        true
    }

    /// The attributes of an element that is no text condition.
    fn asked(&mut self, element: &Element, name: &str) -> Asked {
        let (known, obeys): (&[&str], Obeys) = match name {
            "list" => return Asked::default(),
            "info" => (&["type"], Obeys::Nothing),
            "target" => (&["networks"], Obeys::Nothing),
            "field" => (&["name"], Obeys::Both),
            "action" => (&[], Obeys::Both),
            "srcip" | "dstip" => (&[], Obeys::Negate),
            _ if !OTHERS.contains(&name) => return Asked::default(),
            _ => (&[], Obeys::Nothing),
        };
        attributes::read(element, known, obeys, self.reading, "R013", self.diagnostics)
    }

    fn same(&mut self, element: &Element, name: &str, def: &mut RuleDef) {
        let set = match name {
            "same_source_ip" => Same::SOURCE_IP,
            "same_user" => Same::USER,
            "same_src_port" => Same::SRC_PORT,
            "same_dst_port" => Same::DST_PORT,
            "same_location" => Same::LOCATION,
            "different_srcgeoip" => Same::DIFFERENT_SRC_GEOIP,
            "different_srcip" => Same::WITHOUT_EFFECT,
            _ if element.name.value == "same_id" => Same::ID,
            _ if element.name.value == "different_url" => Same::DIFFERENT_URL,
            _ => {
                let clear = match name {
                    "not_same_source_ip" => Same::SOURCE_IP,
                    "not_same_id" => Same::ID,
                    "not_same_user" => Same::USER,
                    "not_same_agent" => 0,
                    _ => return self.unknown(element),
                };
                if def.counting.same.0 & clear == 0 {
                    let message = format!("{name} only cancels a preceding same_…; here it has no effect, as in OSSEC");
                    self.warning("R014", &message, &element.span);
                }
                def.counting.same.0 &= !clear;
                return;
            }
        };
        def.counting.same.0 |= set;
        if matches!(set, Same::WITHOUT_EFFECT | Same::DIFFERENT_SRC_GEOIP) {
            let follows = if set == Same::WITHOUT_EFFECT {
                "it has no effect, as in OSSEC"
            } else {
                "GeoIP data is not supported: the rule never fires"
            };
            self.warning("R014", &format!("{name}: {follows}"), &element.span);
        }
    }

    /// `<target networks="12">account</target>`: events are counted per account, from how many networks they come.
    fn target(&mut self, element: &Element) -> Option<TargetDef> {
        let kind = TargetKind::parse(&element.text.value);
        if kind.is_none() {
            self.diagnostics.push(unknown_name("R070", "target", &element.text, &TargetKind::NAMES));
        }
        let Some(attribute) = element.attribute_ignoring_case("networks") else {
            self.error("R071", "a <target> requires the attribute networks", &element.span);
            return None;
        };
        let wanted = self.wanted(&attribute.value, "networks")?;
        Some(TargetDef { counts: Counts::NetworksOf(kind?), wanted })
    }

    /// `<different_accounts>12</different_accounts>`: accounts are counted per source.
    fn different_accounts(&mut self, element: &Element) -> Option<TargetDef> {
        let wanted = self.wanted(&element.text, "different_accounts")?;
        Some(TargetDef { counts: Counts::AccountsOfSource, wanted })
    }

    /// What cannot stand beside `<target>` or `<if_target_of>`.
    fn targets(&mut self, element: &Element, def: &RuleDef) {
        let counting = &def.counting;
        if !counting.asks_target() {
            return;
        }
        let span = &element.span;
        if counting.target.is_some() && counting.if_target_of.is_some() {
            self.error("R072", &format!("rule {} has both a target and if_target_of", def.id), span);
        }
        if counting.is_composite() || counting.frequency.is_some() || counting.same.0 != 0 {
            let message = format!(
                "rule {} has target, different_accounts or if_target_of beside if_matched_…, same_… or frequency",
                def.id
            );
            self.diagnostics.push(
                Diagnostic::error("R072", message)
                    .at(span.clone())
                    .help("targets are counted by networks: use if_group or if_sid, and timeframe"),
            );
        }
        if def.parents.if_sid.is_none() && def.parents.if_group.is_none() && !def.overwrite {
            let message =
                format!("rule {} with target, different_accounts or if_target_of has no if_sid or if_group", def.id);
            self.error("R072", &message, span);
        }
    }

    fn unknown(&mut self, element: &Element) {
        let known = TextField::ALL.iter().flat_map(|(_, plain, pcre2)| [*plain, *pcre2]).chain(OTHERS);
        let known: Vec<&str> = known.filter(|_| self.diagnostics.len() < MOST_OF_A_KIND * 10).collect();
        let problem = unknown_name("R015", "rule element", &element.name, &known);
        self.diagnostics.push(match wazuh::element(&element.name.value) {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    fn field(&mut self, element: &Element, asked: Asked, def: &mut RuleDef) {
        let Some(name) = element.attribute_ignoring_case("name") else {
            self.error("R016", "a <field> requires the attribute name", &element.span);
            return;
        };
        let pattern = PatternDef::new(asked.dialect.unwrap_or(Dialect::OsRegex), &element.text);
        def.conditions.fields.push((name.value.clone(), PatternDef { negated: asked.negated, ..pattern }));
    }

    fn fields(&mut self, text: &Text) -> Option<FtsFields> {
        let fields = FtsFields::parse(&text.value);
        if fields.is_none() {
            self.error(
                "R017",
                "a name in this list is not a field; supported: user, srcip, dstip, id, location, data, name",
                &text.span,
            );
        }
        fields
    }

    fn compiled(&mut self, text: &Text) -> Option<CompiledRule> {
        let found = match text.value.as_str() {
            "comp_srcuser_dstuser" => CompiledRule::SrcUserDstUser,
            "check_id_size" => CompiledRule::IdSize,
            "comp_mswin_targetuser_calleruser_diff" => CompiledRule::WindowsUsersDiffer,
            "is_simple_http_request" => CompiledRule::SimpleHttpRequest,
            "is_valid_crawler" => CompiledRule::ValidCrawler,
            _ => {
                self.diagnostics.push(unknown_name("R018", "compiled rule", text, &COMPILED));
                return None;
            }
        };
        Some(found)
    }

    fn option(&mut self, text: &Text) -> Option<AlertOption> {
        let found = match text.value.as_str() {
            "alert_by_email" => AlertOption::Mail,
            "no_email_alert" => AlertOption::NoMail,
            "log_alert" => AlertOption::Log,
            "no_log" => AlertOption::NoLog,
            "no_ar" => AlertOption::NoResponse,
            _ => {
                let problem = unknown_name("R019", "option", text, &OPTIONS);
                self.diagnostics.push(match wazuh::option(&text.value) {
                    Some(help) => problem.help(help),
                    None => problem,
                });
                return None;
            }
        };
        Some(found)
    }

    fn info(&mut self, element: &Element, def: &mut RuleDef) {
        let kind = element.attribute("type").map_or("text", |attribute| attribute.value.value.as_str());
        match kind {
            "text" | "link" => def.outcome.info.get_or_insert_default().push_str(&element.text.value),
            "cve" => def.outcome.cve.get_or_insert_default().push_str(&element.text.value),
            "osvdb" => {
                let message = "OSVDB was discontinued; info of type osvdb is not shown";
                self.diagnostics.push(Diagnostic::note("R023", message).at(element.span.clone()));
            }
            _ => {
                let span = element.attributes.first().map_or(&element.span, |attribute| &attribute.value.span);
                self.error("R020", "the type of info must be text, link, cve or osvdb", span);
            }
        }
    }

    /// Wazuh's element. Its children beside `<id>` say in words what the id says, so they are not kept.
    fn mitre(&mut self, element: &Element, def: &mut RuleDef) {
        let ids = element.children.iter().filter(|child| child.name.value.eq_ignore_ascii_case("id"));
        for id in ids.clone() {
            let text = id.text.value.trim();
            if is_technique(text) {
                if !def.outcome.mitre.iter().any(|known| known == text) {
                    def.outcome.mitre.push(text.to_owned());
                }
                continue;
            }
            let message = format!("\"{text}\" is not the id of an ATT&CK technique; it is not used");
            let problem = Diagnostic::warning("R025", message).at(id.text.span.clone());
            self.diagnostics.push(problem.help("write T1110, or T1110.001 for a sub-technique"));
        }
        if ids.count() == 0 {
            let problem = Diagnostic::warning("R025", "<mitre> has no <id>").at(element.span.clone());
            self.diagnostics.push(problem.help("<mitre><id>T1110</id></mitre>"));
        }
    }
}

/// `T1110` or `T1110.001`, as MITRE numbers techniques of ATT&CK.
fn is_technique(text: &str) -> bool {
    let are_digits = |text: &str, most: usize| text.len() == most && text.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix('T').is_some_and(|number| match number.split_once('.') {
        Some((technique, part)) => are_digits(technique, 4) && are_digits(part, 3),
        None => are_digits(number, 4),
    })
}

/// The texts of repeated elements are joined, as in OSSEC; the attributes of the first one count.
fn add_text(texts: &mut Vec<(TextField, PatternDef)>, field: TextField, text: &Text, own: Dialect, asked: Asked) {
    match texts.iter_mut().find(|(known, _)| *known == field) {
        Some((_, pattern)) => pattern.text.push_str(&text.value),
        None => {
            let pattern = PatternDef::new(asked.dialect.unwrap_or(own), text);
            texts.push((field, PatternDef { negated: asked.negated, ..pattern }));
        }
    }
}

/// OSSEC's action is the text itself; with a `type` it is a pattern.
fn action(element: &Element, asked: Asked, def: &mut RuleDef) {
    match asked.dialect {
        Some(dialect) => add_text(&mut def.texts.plain, TextField::Action, &element.text, dialect, asked),
        None => {
            let action = def.conditions.action.get_or_insert_default();
            action.value.push_str(&element.text.value);
            action.negated |= asked.negated;
        }
    }
}

/// `negate` stands for the `!` of an entry.
fn address(mut text: Text, asked: Asked) -> Text {
    if asked.negated {
        text.value = match text.value.strip_prefix('!') {
            Some(address) => address.to_owned(),
            None => format!("!{}", text.value),
        };
    }
    text
}

fn join(slot: &mut Option<Text>, text: &Text) {
    match slot {
        Some(known) => known.value.push_str(&text.value),
        None => *slot = Some(text.clone()),
    }
}

fn append(slot: &mut Option<PatternDef>, dialect: Dialect, text: &Text) {
    match slot {
        Some(known) => known.text.push_str(&text.value),
        None => *slot = Some(PatternDef::new(dialect, text)),
    }
}
