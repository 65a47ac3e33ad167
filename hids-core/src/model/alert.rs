//! Alert: a fired rule with its event.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AlertId, AttackedTarget, FileNotice, Level, LogSource, RuleId, Timestamp, UntrustedSender};

/// Everything that outputs and responses need to know of an event that a rule matched.
///
/// All byte strings come from a log: each output escapes them for its own format.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alert {
    /// Its name, unique over restarts.
    pub id: AlertId,
    /// When the event was received.
    pub time: Timestamp,
    /// The rule that won.
    pub rule: Arc<RuleFacts>,
    /// How often that rule has fired since start, this time included.
    pub fired_times: u64,
    /// The rules that matched on the way, root first, the winning rule last.
    pub chain: Arc<[RuleStep]>,
    /// Whether it goes into alerts.log and alerts.json.
    pub recorded: bool,
    /// Whether it is mailed (OSSEC's mail flag).
    pub mailed: bool,
    /// The decoder, if one took the line.
    pub decoder: Option<DecoderNames>,
    /// The decoded fields in the order in which they were extracted.
    pub fields: Fields,
    /// Host name from the line, or this machine's.
    pub hostname: Vec<u8>,
    /// Program name from the line.
    pub program_name: Option<Vec<u8>>,
    /// Where the line comes from.
    pub source: Arc<LogSource>,
    /// The whole line.
    pub full_log: Vec<u8>,
    /// Where in `full_log` the text after the syslog header starts.
    pub log_offset: usize,
    /// For composite rules: the earlier lines that counted, newest first (at most 11 as in OSSEC).
    pub evidence: Vec<EvidenceLine>,
    /// For rules with `<target>` or `<if_target_of>`: what many sources are directed at.
    #[serde(default)]
    pub target: Option<Box<AttackedTarget>>,
    /// For `check_diff`: the output before this one.
    pub previous_output: Option<Vec<u8>>,
    /// What file integrity told, when the event is its. `full_log` is then its text: several lines of ours,
    /// in which hostile names are escaped already.
    pub notice: Option<Arc<FileNotice>>,
    /// Who sent the line, where that is not confirmed to be the program that it names: then nothing may be done
    /// to anybody because of it. The lines in `evidence` were sent so, too.
    pub untrusted: Option<Arc<UntrustedSender>>,
}

/// An earlier line that helped a composite rule to fire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceLine {
    /// When it was received.
    pub time: Timestamp,
    /// The whole line.
    pub full_log: Vec<u8>,
}

/// What an output may say about a rule; made once when rules are compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFacts {
    /// Number.
    pub id: RuleId,
    /// Level.
    pub level: Level,
    /// `<description>`.
    pub description: String,
    /// The group string as OSSEC prints it: file group and own group joined, `syslog,sshd,`.
    pub group: String,
    /// `<cve>`.
    pub cve: Option<String>,
    /// `<info>` of type text or link.
    pub info: Option<String>,
    /// The techniques of MITRE ATT&CK in `<mitre>`; empty in the strict mode, whose outputs are OSSEC's.
    #[serde(default)]
    pub mitre: Vec<String>,
    /// `frequency` as written, for composite rules.
    pub frequency: Option<u32>,
    /// Whether an active response may be bound to it (level above 0, accuracy not 0, no `no_ar`).
    pub may_respond: bool,
}

impl RuleFacts {
    /// The single group names, in order.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.group.split(',').map(str::trim).filter(|name| !name.is_empty())
    }
}

/// One rule on the way from a root to the rule that won.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStep {
    /// Number.
    pub id: RuleId,
    /// Level.
    pub level: Level,
    /// `<description>`.
    pub description: String,
}

/// Names of the decoder that took a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecoderNames {
    /// What alerts show: the parent's name unless `use_own_name`.
    pub name: Arc<str>,
    /// The parent's name, when a child decoder took the line.
    pub parent: Option<Arc<str>>,
}

/// Name of a decoded field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FieldName {
    /// Address of the peer.
    SrcIp,
    /// Address of this side.
    DstIp,
    /// Port of the peer.
    SrcPort,
    /// Port of this side.
    DstPort,
    /// User who acted.
    SrcUser,
    /// User who was acted upon; `user` in decoders.
    DstUser,
    /// Protocol.
    Protocol,
    /// Action.
    Action,
    /// Event id.
    Id,
    /// URL.
    Url,
    /// `data` or `extra_data`.
    Data,
    /// Status.
    Status,
    /// Name of the system.
    SystemName,
    /// File name.
    FileName,
    /// A field of the decoder's own.
    Dynamic(Arc<str>),
}

impl FieldName {
    /// Those that are not a decoder's own, in the order of their numbers.
    pub const FIXED: [Self; 14] = [
        Self::SrcIp,
        Self::DstIp,
        Self::SrcPort,
        Self::DstPort,
        Self::SrcUser,
        Self::DstUser,
        Self::Protocol,
        Self::Action,
        Self::Id,
        Self::Url,
        Self::Data,
        Self::Status,
        Self::SystemName,
        Self::FileName,
    ];

    /// The name used in `hidsctl logtest --json` and in alerts.json.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Dynamic(name) => name,
            fixed => fixed.fixed_name().unwrap_or_default(),
        }
    }

    /// The same, of the fields that are not a decoder's own.
    pub fn fixed_name(&self) -> Option<&'static str> {
        Some(match self {
            Self::SrcIp => "srcip",
            Self::DstIp => "dstip",
            Self::SrcPort => "srcport",
            Self::DstPort => "dstport",
            Self::SrcUser => "srcuser",
            Self::DstUser => "dstuser",
            Self::Protocol => "protocol",
            Self::Action => "action",
            Self::Id => "id",
            Self::Url => "url",
            Self::Data => "data",
            Self::Status => "status",
            Self::SystemName => "systemname",
            Self::FileName => "filename",
            Self::Dynamic(_) => return None,
        })
    }

    /// The name under which a value of JSON is shown: one that is also a field of OSSEC's gets `field_`, so that a
    /// client's `srcip` is not taken for the peer's address.
    pub fn apart(path: &str) -> Cow<'_, str> {
        let is_fixed =
            Self::FIXED.iter().any(|name| name.fixed_name().is_some_and(|name| name.eq_ignore_ascii_case(path)));
        if is_fixed || path.eq_ignore_ascii_case("user") { format!("field_{path}").into() } else { path.into() }
    }
}

/// A decoded field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Which.
    pub name: FieldName,
    /// Its bytes, hostile.
    pub value: Vec<u8>,
}

/// Decoded fields in extraction order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields(pub Vec<Field>);

impl Fields {
    /// The value of `name`, if it was extracted.
    pub fn value(&self, name: &FieldName) -> Option<&[u8]> {
        self.0.iter().find(|field| field.name == *name).map(|field| field.value.as_slice())
    }
}
