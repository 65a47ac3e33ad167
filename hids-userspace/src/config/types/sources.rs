//! Log source and analysis configuration.

use std::path::PathBuf;
use std::time::Duration;

use hids_core::model::Level;
use hids_core::sender::TrustedBy;

/// One `<localfile>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSourceConfig {
    /// What is read.
    pub input: LogInput,
    /// How lines become events.
    pub format: LogFormat,
}

/// What a `<localfile>` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogInput {
    /// A path as written (made absolute); may hold `* ? [` wildcards and strftime `%` parts.
    File {
        /// The path pattern.
        pattern: String,
    },
    /// A command whose output is read every so often.
    Command {
        /// The command line as written.
        command_line: String,
        /// What alerts show; the command line if no `<alias>` is given. OSSEC turns `:` into `\`.
        alias: String,
        /// Time between two runs.
        every: Duration,
        /// One event per line, or all output as one event.
        output: CommandOutput,
    },
    /// The systemd journal.
    Journal {
        /// What is taken of it: entries that any of these selects.
        selections: Vec<JournalSelection>,
        /// Senders that an administrator trusts, besides those that are known.
        trusted: Vec<TrustedConfig>,
    },
}

/// Which entries one `<localfile>` takes of the journal; all where nothing is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalSelection {
    /// The `SYSLOG_IDENTIFIER` that an entry must have.
    pub identifier: Option<String>,
    /// What its fields must be, all of it.
    pub conditions: Vec<FieldCondition>,
}

impl JournalSelection {
    /// Whether it takes everything.
    pub fn is_everything(&self) -> bool {
        self.identifier.is_none() && self.conditions.is_empty()
    }

    /// The fields that it asks for.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.conditions.iter().map(|condition| condition.field.as_str())
    }
}

/// What a field of the journal must be (`<filter>`, `<unit>`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldCondition {
    /// Its name.
    pub field: String,
    /// Whether an entry without the field is taken.
    pub ignore_if_missing: bool,
    /// What its value must be.
    pub test: FieldTest,
}

/// What the value of a field must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldTest {
    /// A PCRE2 pattern that must match somewhere in it.
    Pattern(String),
    /// One of these.
    OneOf(Vec<String>),
}

/// A sender that an administrator trusts (`<trusted>`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedConfig {
    /// The identifier; `None`: any.
    pub identifier: Option<String>,
    /// The account that it runs as, by name or number.
    pub user: String,
    /// What else it must be.
    pub by: TrustedBy,
}

/// How a command's output becomes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandOutput {
    /// `command`: each line is `ossec: output: 'ALIAS': LINE`.
    Lines,
    /// `full_command`: `ossec: output: 'ALIAS':` newline OUTPUT, empty lines dropped.
    Whole,
}

/// How the lines of a file become events (`<log_format>`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line, one event: syslog, generic, iis, squid, apache, snort-fast, syslog-pipe.
    Line,
    /// Snort "full" alerts joined into one fast-style line.
    SnortFull,
    /// Nmap greppable output, to the host-information channel.
    NmapGreppable,
    /// MySQL log.
    Mysql,
    /// MS SQL log: continuation lines appended with a blank.
    Mssql,
    /// PostgreSQL log: events start with `[YYYY-MM-DD`.
    Postgresql,
    /// Another OSSEC's alerts.log.
    OssecAlert,
    /// djb multilog with TAI64N stamps.
    DjbMultilog,
    /// Every n lines joined with a blank.
    MultiLine(u32),
    /// Indented lines continue the line before.
    MultiLineIndented,
    /// Linux audit: lines of one `msg=audit(ID)` joined.
    Audit,
    /// ModSecurity serial audit log: sections joined.
    ModsecAudit,
    /// Journal entries.
    Journald,
}

impl LogFormat {
    /// Those of files by name, except for `multi-line:N`.
    pub const NAMES: [(&'static str, Self); 17] = [
        ("syslog", Self::Line),
        ("generic", Self::Line),
        ("iis", Self::Line),
        ("squid", Self::Line),
        ("apache", Self::Line),
        ("snort-fast", Self::Line),
        ("syslog-pipe", Self::Line),
        ("snort-full", Self::SnortFull),
        ("nmapg", Self::NmapGreppable),
        ("mysql_log", Self::Mysql),
        ("mssql_log", Self::Mssql),
        ("postgresql_log", Self::Postgresql),
        ("ossecalert", Self::OssecAlert),
        ("djb-multilog", Self::DjbMultilog),
        ("multi-line_indented", Self::MultiLineIndented),
        ("audit", Self::Audit),
        ("modsec-audit", Self::ModsecAudit),
    ];
}

/// How much of earlier events rules remember.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleMemory {
    /// `analysisd.sid_prev_matched_max`: in the strict mode, events of a rule that `if_matched_sid` looks
    /// back on (128).
    pub events_of_rule: usize,
    /// `analysisd.fts_list_size`: recent combinations of intrusion detection events that a new one is
    /// compared with (32).
    pub fts_list_size: usize,
    /// `analysisd.fts_min_size_for_str`: leading characters that such combinations share more of (14).
    pub fts_shared_prefix: usize,
}

/// What the engine needs.
#[derive(Clone, Debug, Default)]
pub struct AnalysisConfig {
    /// Decoder files in load order.
    pub decoder_files: Vec<PathBuf>,
    /// Rule files in load order.
    pub rule_files: Vec<PathBuf>,
    /// `<list>` entries: as written (rules refer to it by this text) and the absolute path.
    pub lists: Vec<(String, PathBuf)>,
    /// `<log_alert_level>`, default 1.
    pub record_level: Level,
    /// `<email_alert_level>`, default 7.
    pub mail_level: Level,
    /// `<memory_size>`: events that composite rules look back on in the strict mode, at least 2048,
    /// default 8192.
    pub memory_size: usize,
    /// What else rules remember by internal options.
    pub memory: RuleMemory,
    /// `analysisd.decoder_order_size`: most fields of a decoder's `<order>` (256).
    pub decoder_order_size: usize,
    /// `analysisd.log_fw`: whether `firewall.log` is written and the actions of firewalls are made one of
    /// five words (yes).
    pub log_fw: bool,
    /// Answer exactly as OSSEC does, holes included (`--strict-ossec`).
    pub strict_ossec: bool,
    /// `<hardened_decoders>`, default yes: the addresses of OSSEC's own decoders are read by hardened ones.
    pub hardened_decoders: bool,
    /// `analysisd.default_timeframe` (360 s).
    pub default_timeframe: Duration,
}
