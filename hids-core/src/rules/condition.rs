//! Conditions of rules on a single event.

use memchr::memmem;

use super::address::AddressList;
use super::def::{CompiledRule, TextField};
use super::event::RuleEvent;
use super::list::{ListField, ListTest};
use super::state::RuleState;
use super::time_window::{TimeRange, Weekdays};
use crate::decode::{FieldId, NameId};
use crate::model::RuleId;
use crate::pattern::{Pattern, Required};

/// First bytes of lines of well-known search engines' address ranges (OSSEC `generic_samples.c`).
const CRAWLERS: [&[u8]; 8] =
    [b"66.249.", b"72.14.", b"209.85.", b"65.55.", b"207.46.", b"74.6.", b"72.30.", b"67.195."];

/// One condition.
#[derive(Debug)]
pub(super) enum Condition {
    DecodedAs(NameId),
    /// With what the message must contain for the pattern to match.
    Text(TextField, Pattern, Option<Required>),
    /// A pattern for the URL that is one of [`RuleSet::urls`](super::set::RuleSet::urls).
    RareUrl(Pattern),
    /// The part of the event is there and the pattern does not match it.
    NotText(TextField, Pattern),
    Action {
        wanted: Box<[u8]>,
        negated: bool,
    },
    /// Fields of the decoders' own; one of them must fit, or be there and not fit.
    Field {
        fields: Box<[FieldId]>,
        pattern: Pattern,
        negated: bool,
    },
    Address(FieldId, AddressList),
    Compiled(CompiledRule),
    MinimumLength(usize),
    Time(TimeRange),
    Weekday(Weekdays),
    /// `check_diff`
    Differs,
    /// `if_fts`
    FirstTime,
    List(ListTest),
    /// A condition that nothing can fulfil, by the name of its element.
    Never(&'static str),
}

impl Condition {
    /// The element that explanations name.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::DecodedAs(_) => "decoded_as",
            Self::Text(field, ..) | Self::NotText(field, _) => field.name(),
            Self::RareUrl(_) => TextField::Url.name(),
            Self::Action { .. } => "action",
            Self::Field { .. } => "field",
            Self::Address(FieldId::SRC_IP, _) => "srcip",
            Self::Address(..) => "dstip",
            Self::Compiled(_) => "compiled_rule",
            Self::MinimumLength(_) => "maxsize",
            Self::Time(_) => "time",
            Self::Weekday(_) => "weekday",
            Self::Differs => "check_diff",
            Self::FirstTime => "if_fts",
            Self::List(_) => "list",
            Self::Never(name) => name,
        }
    }

    pub(super) fn limit_hits(&self) -> u64 {
        match self {
            Self::Text(_, pattern, _)
            | Self::RareUrl(pattern)
            | Self::NotText(_, pattern)
            | Self::Field { pattern, .. } => pattern.limit_hits(),
            _ => 0,
        }
    }

    /// Whether the event passes; `check_diff` and `if_fts` remember it even if a later condition fails.
    pub(super) fn passes(&self, rule: RuleId, event: &RuleEvent<'_>, state: &mut RuleState) -> bool {
        match self {
            Self::Time(range) => range.contains(state.clock(event.now).minute),
            Self::Weekday(days) => days.contains(state.clock(event.now).weekday),
            Self::Differs => state.differs(rule, event),
            Self::FirstTime => state.is_first_time(event),
            _ => self.holds(event),
        }
    }

    /// Whether nothing but the message, its program and its fields decides.
    pub(super) fn asks_only_message(&self) -> bool {
        match self {
            Self::Time(_) | Self::Weekday(_) | Self::Differs | Self::FirstTime => false,
            Self::Text(field, ..) | Self::NotText(field, _) => *field != TextField::Hostname,
            Self::List(test) => test.field != ListField::Hostname,
            _ => true,
        }
    }

    /// Whether the event fulfils a condition that asks neither time nor state.
    pub(super) fn holds(&self, event: &RuleEvent<'_>) -> bool {
        match self {
            Self::DecodedAs(name) => event.decoder == Some(*name),
            Self::Text(TextField::Match | TextField::Regex, pattern, required) => {
                let known = required.as_ref().and_then(|required| required.matches(event.seen));
                known.unwrap_or_else(|| pattern.is_match(event.log))
            }
            Self::Text(field, pattern, required) => {
                let possible = required.as_ref().is_none_or(|required| event.may_match_field(required));
                possible && text(*field, event).is_some_and(|text| pattern.is_match(text))
            }
            Self::RareUrl(pattern) => {
                !event.is_common_url && event.field(FieldId::URL).is_some_and(|url| pattern.is_match(url))
            }
            Self::NotText(field, pattern) => text(*field, event).is_some_and(|text| !pattern.is_match(text)),
            Self::Action { wanted, negated } => {
                event.field(FieldId::ACTION).is_some_and(|action| (action == &**wanted) != *negated)
            }
            Self::Field { fields, pattern, negated } => {
                let fits = |text: &[u8]| pattern.is_match(text) != *negated;
                fields.iter().any(|&field| event.field(field).is_some_and(fits))
            }
            Self::Address(field, list) => event.field(*field).is_some_and(|address| list.contains(address)),
            Self::Compiled(rule) => compiled(*rule, event),
            Self::MinimumLength(length) => event.log.len() >= *length,
            Self::List(test) => list_key(test.field, event).is_some_and(|key| test.passes(key)),
            Self::Time(_) | Self::Weekday(_) | Self::Differs | Self::FirstTime | Self::Never(_) => false,
        }
    }
}

/// The cheapest of what a rule asks, kept with its parent: most rules are refused by it without being
/// looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    pub rule: u32,
    decoder: Option<NameId>,
    literals: Option<Required>,
}

impl Gate {
    /// The gate of a rule with these conditions. What stands behind a condition that remembers the
    /// event is left out: it must be remembered even if the rule is refused then.
    pub(super) fn new(rule: u32, conditions: &[Condition]) -> Self {
        let mut gate = Self { rule, decoder: None, literals: None };
        for condition in conditions {
            match condition {
                Condition::Differs | Condition::FirstTime => break,
                Condition::DecodedAs(name) => gate.decoder = Some(*name),
                Condition::Text(TextField::Match | TextField::Regex, _, Some(required)) => {
                    gate.literals = gate.literals.or(Some(*required));
                }
                _ => {}
            }
        }
        gate
    }

    /// Whether the rule may pass.
    pub(super) fn is_open(&self, event: &RuleEvent<'_>) -> bool {
        self.decoder.is_none_or(|name| event.decoder == Some(name))
            && self.literals.is_none_or(|literals| literals.may_match(event.seen))
    }
}

fn text<'a>(field: TextField, event: &RuleEvent<'a>) -> Option<&'a [u8]> {
    match field {
        TextField::Match | TextField::Regex => Some(event.log),
        TextField::ProgramName => event.program_name,
        TextField::Hostname => Some(event.hostname),
        TextField::Id => event.field(FieldId::ID),
        TextField::Url => event.field(FieldId::URL),
        TextField::User => event.field(FieldId::DST_USER).or_else(|| event.field(FieldId::SRC_USER)),
        TextField::Status => event.field(FieldId::STATUS),
        TextField::ExtraData => event.field(FieldId::DATA),
        TextField::SrcPort => event.field(FieldId::SRC_PORT),
        TextField::DstPort => event.field(FieldId::DST_PORT),
        TextField::Action => event.field(FieldId::ACTION),
        TextField::SrcGeoIp | TextField::DstGeoIp => None,
    }
}

fn list_key<'a>(field: ListField, event: &RuleEvent<'a>) -> Option<&'a [u8]> {
    match field {
        ListField::Field(field) => event.field(field),
        ListField::User => event.field(FieldId::SRC_USER).or_else(|| event.field(FieldId::DST_USER)),
        ListField::Hostname => Some(event.hostname),
        ListField::ProgramName => event.program_name,
    }
}

fn compiled(rule: CompiledRule, event: &RuleEvent<'_>) -> bool {
    match rule {
        CompiledRule::SrcUserDstUser => match (event.field(FieldId::SRC_USER), event.field(FieldId::DST_USER)) {
            (Some(source), Some(destination)) => source == destination,
            _ => true,
        },
        CompiledRule::IdSize => event.field(FieldId::ID).is_some_and(|id| id.len() >= 10),
        CompiledRule::WindowsUsersDiffer => windows_users_differ(event.log).unwrap_or(false),
        CompiledRule::SimpleHttpRequest => {
            let method = event.field(FieldId::ACTION);
            let url = event.field(FieldId::URL);
            method.is_none_or(|method| method == b"GET") && url.is_some_and(|url| !url.contains(&b'?'))
        }
        CompiledRule::ValidCrawler => CRAWLERS.iter().any(|prefix| event.log.starts_with(prefix)),
    }
}

/// `Target Account Name: x` against `Caller User Name: y`, each up to a tab or two blanks.
fn windows_users_differ(log: &[u8]) -> Option<bool> {
    let value = |name: &[u8]| {
        let rest = &log[memmem::find(log, name)?..];
        Some(&rest[memchr::memchr(b':', rest)? + 1..])
    };
    let (target, caller) = (value(b"Target Account Name")?, value(b"Caller User Name")?);
    for (at, byte) in target.iter().enumerate() {
        if caller.get(at) != Some(byte) {
            return Some(true);
        }
        if *byte == b'\t' || target[at..].starts_with(b"  ") {
            break;
        }
    }
    Some(false)
}
