//! A rule as an administrator writes it.

use super::list::{ListField, Lookup};
use super::targets::Counts;
use crate::decode::source::PatternDef;
use crate::decode::{EventKind, FtsFields};
use crate::diag::Span;
use crate::model::{Level, RuleId};
use crate::xml::{Element, Text};

/// Level under which OSSEC sorts rules of level 0.
pub(super) const LEVEL_OF_ZERO: u16 = 99;
/// How much more an accurate rule counts than an inaccurate one while rules are sorted.
pub(super) const ACCURATE: u32 = 100;

/// What a text condition of a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextField {
    Match,
    Regex,
    ProgramName,
    Hostname,
    Id,
    Url,
    User,
    Status,
    ExtraData,
    SrcPort,
    DstPort,
    SrcGeoIp,
    DstGeoIp,
    /// Only with a `type`; the element alone is no pattern.
    Action,
}

impl TextField {
    /// All of them, with the names of their plain elements and their PCRE2 elements.
    pub(super) const ALL: [(Self, &'static str, &'static str); 13] = [
        (Self::Match, "match", "match_pcre2"),
        (Self::Regex, "regex", "pcre2"),
        (Self::ProgramName, "program_name", "program_name_pcre2"),
        (Self::Hostname, "hostname", "hostname_pcre2"),
        (Self::Id, "id", "id_pcre2"),
        (Self::Url, "url", "url_pcre2"),
        (Self::User, "user", "user_pcre2"),
        (Self::Status, "status", "status_pcre2"),
        (Self::ExtraData, "extra_data", "extra_data_pcre2"),
        (Self::SrcPort, "srcport", "srcport_pcre2"),
        (Self::DstPort, "dstport", "dstport_pcre2"),
        (Self::SrcGeoIp, "srcgeoip", "srcgeoip_pcre2"),
        (Self::DstGeoIp, "dstgeoip", "dstgeoip_pcre2"),
    ];

    /// The element with which its plain form is written.
    pub(super) fn name(self) -> &'static str {
        Self::ALL.get(self as usize).map_or("action", |(_, plain, _)| plain)
    }

    /// The element with which its PCRE2 form is written.
    pub(super) fn pcre2_name(self) -> &'static str {
        Self::ALL.get(self as usize).map_or("action", |(_, _, pcre2)| pcre2)
    }
}

/// Tests on an earlier event of a composite rule, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Same(pub u16);

impl Same {
    pub(super) const SOURCE_IP: u16 = 1;
    pub(super) const USER: u16 = 2;
    pub(super) const SRC_PORT: u16 = 4;
    pub(super) const DST_PORT: u16 = 8;
    pub(super) const ID: u16 = 16;
    pub(super) const LOCATION: u16 = 32;
    pub(super) const DIFFERENT_URL: u16 = 64;
    pub(super) const DIFFERENT_SRC_GEOIP: u16 = 128;
    /// Accepted without effect, as in OSSEC.
    pub(super) const WITHOUT_EFFECT: u16 = 256;

    pub(super) fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
}

/// Code that rules can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CompiledRule {
    SrcUserDstUser,
    IdSize,
    WindowsUsersDiffer,
    SimpleHttpRequest,
    ValidCrawler,
}

/// A word of `<options>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AlertOption {
    Mail,
    NoMail,
    Log,
    NoLog,
    NoResponse,
}

/// A look-up as written.
#[derive(Clone, Debug)]
pub(super) struct ListDef {
    pub name: Text,
    pub field: ListField,
    pub lookup: Lookup,
    pub value: Option<PatternDef>,
}

/// An action as written.
#[derive(Clone, Debug, Default)]
pub(super) struct ActionDef {
    pub value: String,
    pub negated: bool,
}

/// Which groups of conditions OSSEC looks at in a rule: two marks that conditions set when they are
/// read, and that an overwriting rule replaces by its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gates {
    /// Source and destination port.
    pub packet: bool,
    /// User, status, host name and extra data.
    pub extra: bool,
}

impl Gates {
    /// Whether a PCRE2 condition that was kept is still tested.
    pub(super) fn opens(self, field: TextField) -> bool {
        match field {
            TextField::SrcPort | TextField::DstPort => self.packet,
            TextField::User | TextField::Status | TextField::Hostname | TextField::ExtraData => self.extra,
            _ => true,
        }
    }
}

/// A rule as written.
#[derive(Clone, Debug)]
pub struct RuleDef {
    /// Number.
    pub id: RuleId,
    /// Level as written.
    pub level: Level,
    /// The whole element.
    pub span: Span,
    pub(super) id_span: Span,
    pub(super) accuracy: u32,
    pub(super) overwrite: bool,
    /// Whether it is one of the rules that every rule set has.
    pub(super) built_in: bool,
    pub(super) category: Option<(EventKind, Span)>,
    pub(super) parents: ParentsDef,
    pub(super) counting: CountingDef,
    pub(super) texts: TextsDef,
    pub(super) conditions: ConditionsDef,
    pub(super) outcome: OutcomeDef,
}

/// Which rules it stands below, as written.
#[derive(Clone, Debug, Default)]
pub(super) struct ParentsDef {
    pub if_sid: Option<Text>,
    pub if_group: Option<Text>,
    pub if_level: Option<Text>,
}

/// Which earlier events it counts, as written.
#[derive(Clone, Debug, Default)]
pub(super) struct CountingDef {
    pub timeframe: Option<u32>,
    pub frequency: Option<u32>,
    pub if_matched_sid: Option<Text>,
    pub if_matched_group: Option<Text>,
    pub if_matched_regex: Option<PatternDef>,
    pub same: Same,
    pub target: Option<TargetDef>,
    pub if_target_of: Option<Text>,
}

/// `<target networks="12">account</target>` or `<different_accounts>12</different_accounts>`, as written.
#[derive(Clone, Debug)]
pub(super) struct TargetDef {
    pub counts: Counts,
    pub wanted: u32,
}

impl TargetDef {
    /// With which it is written.
    pub(super) fn element(&self) -> &'static str {
        match self.counts {
            Counts::NetworksOf(_) => "target",
            Counts::AccountsOfSource => "different_accounts",
        }
    }
}

impl CountingDef {
    /// Whether the rule looks at earlier events.
    pub(super) fn is_composite(&self) -> bool {
        self.if_matched_sid.is_some() || self.if_matched_group.is_some() || self.if_matched_regex.is_some()
    }

    /// Whether it asks what earlier events were directed at.
    pub(super) fn asks_target(&self) -> bool {
        self.target.is_some() || self.if_target_of.is_some()
    }
}

/// Conditions on texts, as written.
#[derive(Clone, Debug, Default)]
pub(super) struct TextsDef {
    pub plain: Vec<(TextField, PatternDef)>,
    pub pcre2: Vec<(TextField, PatternDef)>,
    /// Of an overwritten rule: which of its own PCRE2 conditions are still tested.
    pub gates: Option<Gates>,
}

impl TextsDef {
    /// The plain condition on `field`.
    pub(super) fn plain(&self, field: TextField) -> Option<&PatternDef> {
        self.plain.iter().find(|(known, _)| *known == field).map(|(_, pattern)| pattern)
    }

    /// The PCRE2 condition on `field`, if it is tested.
    pub(super) fn pcre2(&self, field: TextField) -> Option<&PatternDef> {
        let is_open = self.gates.is_none_or(|gates| gates.opens(field));
        self.pcre2.iter().find(|(known, _)| is_open && *known == field).map(|(_, pattern)| pattern)
    }

    /// All of them, tested or not.
    pub(super) fn all(&self) -> impl Iterator<Item = &(TextField, PatternDef)> + Clone {
        self.plain.iter().chain(&self.pcre2)
    }
}

/// Other conditions on the event, as written.
#[derive(Clone, Debug, Default)]
pub(super) struct ConditionsDef {
    pub maxsize: usize,
    pub decoded_as: Option<Text>,
    pub action: Option<ActionDef>,
    pub srcip: Vec<Text>,
    pub dstip: Vec<Text>,
    pub fields: Vec<(Text, PatternDef)>,
    pub time: Option<Text>,
    pub weekday: Option<Text>,
    pub lists: Vec<ListDef>,
    pub compiled: Option<CompiledRule>,
    pub check_diff: bool,
    pub if_fts: bool,
}

/// What follows when it matches, as written.
#[derive(Clone, Debug, Default)]
pub(super) struct OutcomeDef {
    pub ignore_seconds: u32,
    pub noalert: bool,
    pub group: String,
    pub ignore_fields: Option<FtsFields>,
    pub check_if_ignored: Option<FtsFields>,
    pub options: Vec<AlertOption>,
    pub description: String,
    pub cve: Option<String>,
    pub info: Option<String>,
    pub mitre: Vec<String>,
}

impl RuleDef {
    /// Names in `<field>`.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.conditions.fields.iter().map(|(name, _)| name.value.as_str())
    }

    /// A rule without anything but its place and its file's group.
    pub(super) fn empty(element: &Element, file_group: &str) -> RuleDef {
        RuleDef {
            id: RuleId(0),
            level: Level(0),
            span: element.span.clone(),
            id_span: element.span.clone(),
            accuracy: 1,
            overwrite: false,
            built_in: false,
            category: None,
            parents: ParentsDef::default(),
            counting: CountingDef::default(),
            texts: TextsDef::default(),
            conditions: ConditionsDef::default(),
            outcome: OutcomeDef { group: file_group.to_owned(), ..OutcomeDef::default() },
        }
    }

    /// The level by which OSSEC sorts and compares rules while it loads them: level 0 counts as 99, and an
    /// inaccurate rule (`accuracy="0"`) stays below all others (`src/analysisd/rules.c`).
    pub(super) fn loading_level(&self) -> u32 {
        let level = if self.level.0 == 0 { LEVEL_OF_ZERO } else { self.level.0 };
        u32::from(level) * if self.accuracy == 0 { 1 } else { ACCURATE }
    }

    /// The level that alerts show; 99 means 0.
    ///
    /// OSSEC takes the level of an inaccurate rule back wrongly: 0 becomes 99 (K31).
    pub(super) fn effective_level(&self, strict_ossec: bool) -> Level {
        if !strict_ossec {
            return if self.level.0 == LEVEL_OF_ZERO { Level(0) } else { self.level };
        }
        let level = match self.loading_level() {
            level if level == u32::from(LEVEL_OF_ZERO) * ACCURATE => 0,
            level if level >= ACCURATE => level / ACCURATE,
            level => level,
        };
        Level(u16::try_from(level).unwrap_or(u16::MAX))
    }
}
