//! Decoder files, rule files and events as values: only what both readings are compared on.

/// The language of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    OsMatch,
    OsRegex,
    Pcre2,
}

/// A pattern as written, and for PCRE2 what it means to the `regex` crate.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub dialect: Dialect,
    pub text: String,
    pub meaning: String,
}

/// Where in the log a pattern of a decoder starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offset {
    Start,
    AfterParent,
    AfterPrematch,
    AfterRegex,
}

/// One `<decoder>`.
#[derive(Clone, Debug)]
pub(crate) struct Decoder {
    pub name: String,
    pub parent: Option<String>,
    pub program_name: Option<Pattern>,
    pub prematch: Option<(Pattern, Offset)>,
    pub regex: Option<(Pattern, Offset)>,
    pub order: Vec<String>,
    pub kind: &'static str,
    pub use_own_name: bool,
}

/// One condition of a rule.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// `<decoded_as>`.
    DecodedAs(String),
    /// A pattern on the log or on a field, by element name without `_pcre2`.
    Pattern(&'static str, Pattern),
    /// `<action>`.
    Action(String),
    /// `<srcip>` or `<dstip>`, possibly repeated.
    Address(&'static str, Vec<String>),
    /// `<field name="…">`.
    Dynamic(String, Pattern),
}

/// What a composite rule looks back at.
#[derive(Clone, Debug)]
pub(crate) enum Earlier {
    Sid(u32),
    Group(String),
    Regex(Pattern),
}

/// One `<rule>`; `group` is the string of the group around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    pub id: u32,
    pub level: u32,
    pub maxsize: u32,
    pub frequency: u32,
    pub timeframe: Option<i64>,
    pub ignore: i64,
    pub is_inaccurate: bool,
    pub noalert: bool,
    pub overwrite: bool,
    pub category: Option<&'static str>,
    pub if_sid: Vec<u32>,
    pub if_group: Option<String>,
    pub if_level: Option<u32>,
    pub earlier: Option<Earlier>,
    pub same: Vec<&'static str>,
    pub conditions: Vec<Condition>,
    pub options: Vec<&'static str>,
    pub group: String,
}

/// A line with the parts that a header gives it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Seconds since the line before.
    pub pause: i64,
    pub host: Option<&'static str>,
    /// Only with a host.
    pub program: Option<&'static str>,
    pub log: String,
}

impl Line {
    /// The whole line.
    pub(crate) fn text(&self) -> String {
        match (self.host, self.program) {
            (Some(host), Some(program)) => format!("Oct 11 22:14:15 {host} {program}[77]: {}", self.log),
            (Some(host), None) => format!("Oct 11 22:14:15 {host} {}", self.log),
            (None, _) => self.log.clone(),
        }
    }
}

/// Everything that one comparison needs.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub decoders: Vec<Decoder>,
    pub rules: Vec<Rule>,
    pub lines: Vec<Line>,
}

/// What is compared for each line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub decoder: Option<String>,
    /// By name.
    pub fields: Vec<(String, String)>,
    pub rule: Option<(u32, u32)>,
    pub recorded: bool,
    pub mailed: bool,
    /// Lines shown as earlier events of a composite rule, newest first.
    pub evidence: Vec<String>,
}

/// OSSEC's seven roots in order.
pub(crate) const KINDS: [&str; 7] = ["syslog", "firewall", "ids", "web-log", "squid", "windows", "ossec"];

/// Whose answer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// OSSEC's.
    Ossec,
    /// Ours: `docs/compatibility.md` lists where it differs.
    Default,
}
