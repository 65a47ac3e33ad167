//! One `<rule>` element to its definition.

use super::parse::{AlertOption, CompiledRule, RuleDef, Same, TextField};
use crate::decode::source::{self, PatternDef, unknown_name};
use crate::decode::{EventKind, FtsFields};
use crate::diag::{Diagnostic, Span};
use crate::model::{Level, RuleId};
use crate::pattern::Dialect;
use crate::xml::{Attribute, Element, Text};

const ATTRIBUTES: [&str; 9] =
    ["id", "level", "maxsize", "timeframe", "frequency", "ignore", "accuracy", "noalert", "overwrite"];

const TEXTS: [(&str, TextField); 13] = [
    ("match", TextField::Match),
    ("regex", TextField::Regex),
    ("program_name", TextField::ProgramName),
    ("hostname", TextField::Hostname),
    ("id", TextField::Id),
    ("url", TextField::Url),
    ("user", TextField::User),
    ("status", TextField::Status),
    ("extra_data", TextField::ExtraData),
    ("srcport", TextField::SrcPort),
    ("dstport", TextField::DstPort),
    ("srcgeoip", TextField::SrcGeoIp),
    ("dstgeoip", TextField::DstGeoIp),
];

const OTHERS: [&str; 42] = [
    "pcre2",
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
    "check_diff",
    "if_fts",
    "ignore",
    "check_if_ignored",
    "options",
    "description",
    "group",
    "cve",
    "info",
    "match_pcre2",
    "url_pcre2",
    "id_pcre2",
];

/// Of these the last one counts; other repeated elements are joined or all apply.
const SINGLE: [&str; 9] = [
    "decoded_as",
    "category",
    "time",
    "weekday",
    "compiled_rule",
    "if_level",
    "if_matched_sid",
    "ignore",
    "check_if_ignored",
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
pub(super) fn rule(element: &Element, file_group: &str, diagnostics: &mut Vec<Diagnostic>) -> Option<RuleDef> {
    let mut reader = Reader { diagnostics };
    let mut def = reader.attributes(element, file_group)?;
    if element.children.is_empty() {
        reader.error("R006", &format!("rule {} has no condition", def.id), &element.span);
    }
    for child in &element.children {
        reader.element(child, &mut def);
    }
    source::note_replaced("R024", element, &SINGLE, reader.diagnostics);
    let needs_context = def.frequency.is_some() || def.same.0 != 0;
    if needs_context && !def.is_composite() && !def.check_diff {
        let message = format!(
            "rule {} has frequency or same_… without if_matched_sid, if_matched_group or if_matched_regex",
            def.id
        );
        reader.error("R007", &message, &def.id_span.clone());
    }
    Some(def)
}

pub(super) struct Reader<'d> {
    pub(super) diagnostics: &'d mut Vec<Diagnostic>,
}

impl Reader<'_> {
    pub(super) fn error(&mut self, code: &'static str, message: &str, span: &Span) {
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
                "maxsize" => def.maxsize = self.number(attribute, 4).unwrap_or(0) as usize,
                "timeframe" => def.timeframe = self.number(attribute, 5),
                "frequency" => def.frequency = self.number(attribute, 4),
                "ignore" => def.ignore_seconds = self.number(attribute, 6).unwrap_or(0),
                "accuracy" => def.accuracy = self.number(attribute, 4).unwrap_or(1),
                "noalert" => def.noalert = true,
                "overwrite" => match attribute.value.value.as_str() {
                    "yes" => def.overwrite = true,
                    "no" => {}
                    _ => self.error("R008", "overwrite is yes or no", &attribute.value.span),
                },
                _ => self.diagnostics.push(unknown_name("R009", "rule attribute", &attribute.name, &ATTRIBUTES)),
            }
        }
        let (Some(id), Some(level)) = (id, level) else {
            self.error("R005", "a rule needs an id and a level", &element.span);
            return None;
        };
        def.id = RuleId(id);
        def.level = Level(level as u16);
        Some(def)
    }

    /// Digits only; OSSEC reads at most `digits` of them.
    fn number(&mut self, attribute: &Attribute, digits: usize) -> Option<u32> {
        let text = &attribute.value.value;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("{} wants a number, found \"{text}\"", attribute.name.value);
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
        let text = || element.text.clone();
        match name.as_str() {
            "decoded_as" => def.decoded_as = Some(text()),
            "category" => match EventKind::parse(&element.text.value) {
                Some(kind) => def.category = Some((kind, element.text.span.clone())),
                None => self.diagnostics.push(unknown_name("R012", "category", &element.text, &EventKind::NAMES)),
            },
            "action" => def.action.get_or_insert_default().push_str(&element.text.value),
            "srcip" => def.srcip.push(text()),
            "dstip" => def.dstip.push(text()),
            "field" => self.field(element, def),
            "time" => def.time = Some(text()),
            "weekday" => def.weekday = Some(text()),
            "list" => def.lists.extend(self.list(element)),
            "compiled_rule" => def.compiled = self.compiled(&element.text),
            "if_sid" => join(&mut def.if_sid, &element.text),
            "if_group" => join(&mut def.if_group, &element.text),
            "if_level" => def.if_level = Some(text()),
            "if_matched_sid" => def.if_matched_sid = Some(text()),
            "if_matched_group" => join(&mut def.if_matched_group, &element.text),
            "if_matched_regex" => append(&mut def.if_matched_regex, Dialect::OsRegex, &element.text),
            "check_diff" => def.check_diff = true,
            "if_fts" => def.if_fts = true,
            "ignore" => def.ignore_fields = self.fields(&element.text),
            "check_if_ignored" => def.check_if_ignored = self.fields(&element.text),
            "options" => def.options.extend(self.option(&element.text)),
            "description" => def.description.push_str(&element.text.value.replacen('\n', " ", 1)),
            "group" => def.group.push_str(&element.text.value),
            "cve" => def.cve.get_or_insert_default().push_str(&element.text.value),
            "info" => self.info(element, def),
            _ => self.same(element, &name, def),
        }
    }

    /// `match`, `url_pcre2` and the like; repeated elements are joined, as in OSSEC.
    fn text_condition(&mut self, element: &Element, name: &str, def: &mut RuleDef) -> bool {
        let (base, is_pcre2) = match name {
            "pcre2" => ("regex", true),
            _ => name.strip_suffix("_pcre2").map_or((name, false), |base| (base, true)),
        };
        let Some((_, field)) = TEXTS.iter().find(|(text, _)| *text == base) else { return false };
        if let Some(attribute) = element.attributes.first() {
            self.diagnostics.push(
                Diagnostic::error("R013", format!("<{name}> takes no attribute")).at(attribute.name.span.clone()),
            );
        }
        let dialect = match (is_pcre2, field) {
            (true, _) => Dialect::Pcre2,
            (false, TextField::Regex) => Dialect::OsRegex,
            (false, _) => Dialect::OsMatch,
        };
        let texts = if is_pcre2 { &mut def.pcre2_texts } else { &mut def.texts };
        match texts.iter_mut().find(|(known, _)| known == field) {
            Some((_, pattern)) => pattern.text.push_str(&element.text.value),
            None => {
                let text = element.text.value.clone();
                texts.push((*field, PatternDef { dialect, text, span: element.text.span.clone() }));
            }
        }
        true
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
                if def.same.0 & clear == 0 {
                    let message =
                        format!("{name} only takes back a same_… before it; here it has no effect, as in OSSEC");
                    self.warning("R014", &message, &element.span);
                }
                def.same.0 &= !clear;
                return;
            }
        };
        def.same.0 |= set;
        if matches!(set, Same::WITHOUT_EFFECT | Same::DIFFERENT_SRC_GEOIP) {
            let follows = if set == Same::WITHOUT_EFFECT {
                "it has no effect, as in OSSEC"
            } else {
                "without GeoIP data the rule never fires"
            };
            self.warning("R014", &format!("{name}: {follows}"), &element.span);
        }
    }

    fn unknown(&mut self, element: &Element) {
        let known: Vec<&str> = TEXTS.iter().map(|(name, _)| *name).chain(OTHERS).collect();
        self.diagnostics.push(unknown_name("R015", "rule element", &element.name, &known));
    }

    fn field(&mut self, element: &Element, def: &mut RuleDef) {
        match element.attributes.as_slice() {
            [name] if name.name.value.eq_ignore_ascii_case("name") => {
                let text = element.text.value.clone();
                let pattern = PatternDef { dialect: Dialect::OsRegex, text, span: element.text.span.clone() };
                def.fields.push((name.value.clone(), pattern));
            }
            _ => self.error("R016", "a <field> has exactly one attribute, name", &element.span),
        }
    }

    fn fields(&mut self, text: &Text) -> Option<FtsFields> {
        let fields = FtsFields::parse(&text.value);
        if fields.is_none() {
            self.error(
                "R017",
                "a name in this list is no field; known: user, srcip, dstip, id, location, data, name",
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
                self.diagnostics.push(unknown_name("R019", "option", text, &OPTIONS));
                return None;
            }
        };
        Some(found)
    }

    fn info(&mut self, element: &Element, def: &mut RuleDef) {
        let kind = element.attribute("type").map_or("text", |attribute| attribute.value.value.as_str());
        match kind {
            "text" | "link" => def.info.get_or_insert_default().push_str(&element.text.value),
            "cve" => def.cve.get_or_insert_default().push_str(&element.text.value),
            "osvdb" => {
                let message = "that database is gone; an info of type osvdb is not shown";
                self.diagnostics.push(Diagnostic::note("R023", message).at(element.span.clone()));
            }
            _ => {
                let span = element.attributes.first().map_or(&element.span, |attribute| &attribute.value.span);
                self.error("R020", "the type of an info is text, link, cve or osvdb", span);
            }
        }
    }
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
        None => *slot = Some(PatternDef { dialect, text: text.value.clone(), span: text.span.clone() }),
    }
}
