//! The resolved configuration: absolute paths, durations, checked values.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use hids_core::model::{Level, RuleId};
use ipnet::IpNet;

/// Everything, split by the stage that acts on it.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where things are.
    pub paths: Paths,
    /// Log sources.
    pub collect: Vec<LogSourceConfig>,
    /// Decoders, rules and the engine's options.
    pub analysis: AnalysisConfig,
    /// Active responses.
    pub respond: RespondConfig,
    /// Mail.
    pub mail: MailConfig,
    /// Alert and archive files.
    pub record: RecordConfig,
    /// Alerts sent to syslog servers.
    pub syslog_outputs: Vec<SyslogOutputConfig>,
    /// File integrity.
    pub syscheck: SyscheckConfig,
    /// Rootkit checks.
    pub rootcheck: RootcheckConfig,
    /// Daily reports.
    pub reports: Vec<ReportConfig>,
}

/// Where files are read and written.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// The configuration file that was read.
    pub config_file: PathBuf,
    /// What relative paths in it resolve against: OSSEC's install directory (`/var/ossec`), else the
    /// directory of the configuration file.
    pub base: PathBuf,
    /// Alert files: `ROOT/logs` (OSSEC's layout under `/var/ossec`, else `/var/log/hids`).
    pub logs: PathBuf,
    /// State that must survive a restart (`/var/lib/hids`; `ROOT/state` with `--root`).
    pub state: PathBuf,
    /// Sockets and the pid file (`/run/hids`; `ROOT/run` with `--root`).
    pub run: PathBuf,
    /// Executables of active responses (`BASE/active-response/bin`).
    pub response_programs: PathBuf,
}

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
        /// A `SYSLOG_IDENTIFIER`, or `None` for everything.
        identifier: Option<String>,
    },
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
    /// `<memory_size>`: events kept for correlation, at least 2048, default 8192.
    pub memory_size: usize,
    /// Answer exactly as OSSEC does, holes included (`--strict-ossec`).
    pub strict_ossec: bool,
    /// `analysisd.default_timeframe` (360 s).
    pub default_timeframe: Duration,
}

/// `<command>` and `<active-response>` together with the never-block list.
#[derive(Clone, Debug, Default)]
pub struct RespondConfig {
    /// `<disabled>` for all.
    pub disabled: bool,
    /// Enabled responses in file order.
    pub responses: Vec<ResponseConfig>,
    /// `<white_list>` addresses and networks; a negated entry (`!net`) excludes from the list; first match decides.
    pub never_block: Vec<(IpNet, NeverBlock)>,
    /// `<white_list>` host names: compared with the text of the source address.
    pub never_block_names: Vec<String>,
    /// `<repeated_offenders>`: block times of the second, third … offence, at most five.
    pub repeated_offenders: Vec<Duration>,
}

/// What a white_list entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeverBlock {
    /// Never block it.
    Protect,
    /// `!`: an exception, may be blocked.
    Except,
}

/// One enabled `<active-response>` with its `<command>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseConfig {
    /// Name of the command.
    pub name: String,
    /// How it is carried out.
    pub action: ResponseAction,
    /// The `<executable>` in the response directory (`BASE/active-response/bin/firewall-drop.sh`), whether
    /// it exists or not: active-responses.log names it, for native blocks too.
    pub executable: PathBuf,
    /// Fields the event must have (`<expect>`).
    pub expects: Vec<Expect>,
    /// Which rules it is bound to; any of them suffices. None given: never bound.
    pub level: Option<Level>,
    /// `<rules_id>`.
    pub rules: Vec<RuleId>,
    /// `<rules_group>`, an os_regex tried on the rule's group string.
    pub group_pattern: Option<String>,
    /// How long it lasts; `None` = never undone.
    pub timeout: Option<Duration>,
}

/// How a response is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseAction {
    /// Natively: the address goes into the nftables set (firewall-drop, nftables-drop, firewalld-drop, host-deny, route-null, …).
    Block,
    /// By running an executable in the response directory.
    Program(PathBuf),
}

/// A field that a response needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// `srcip`.
    SrcIp,
    /// `user`.
    User,
    /// `filename`.
    FileName,
}

/// Mail options of `<global>` and all `<email_alerts>`.
#[derive(Clone, Debug, Default)]
pub struct MailConfig {
    /// `<email_notification>`.
    pub enabled: bool,
    /// `<email_to>`.
    pub to: Vec<String>,
    /// `<email_from>`.
    pub from: String,
    /// `<email_reply_to>`.
    pub reply_to: Option<String>,
    /// `<email_idsname>`.
    pub ids_name: Option<String>,
    /// `<smtp_server>`.
    pub transport: MailTransport,
    /// `<helo_server>`.
    pub helo: Option<String>,
    /// `<email_maxperhour>`, 1–9999, default 12.
    pub max_per_hour: u32,
    /// `maild.groupping`: collect what arrives close together into one mail.
    pub grouping: bool,
    /// `maild.full_subject`.
    pub full_subject: bool,
    /// `<email_alerts>` sections.
    pub granular: Vec<GranularMail>,
}

/// How mail leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailTransport {
    /// An SMTP server.
    Smtp {
        /// Name or address.
        host: String,
        /// Port, default 25.
        port: u16,
        /// `<secure_smtp>`.
        tls: MailTls,
        /// `<smtp_user>` and `<smtp_password>` with `<auth_smtp>`.
        login: Option<(String, String)>,
    },
    /// A sendmail-like program, run directly without a shell.
    Program(PathBuf),
}

impl Default for MailTransport {
    fn default() -> Self {
        Self::Smtp { host: "localhost".into(), port: 25, tls: MailTls::Opportunistic, login: None }
    }
}

/// Encryption towards the SMTP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// STARTTLS when offered, without checking the certificate; clear text otherwise (as mail servers do).
    Opportunistic,
    /// `<secure_smtp>yes`: TLS is required (implicit on port 465, STARTTLS elsewhere), certificate checked.
    Required,
    /// `<secure_smtp>yes` and `<smtp_tls_verify>no`.
    RequiredUnverified,
}

/// One `<email_alerts>` section: all given criteria must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GranularMail {
    /// Recipient.
    pub to: String,
    /// Minimum level.
    pub level: Option<Level>,
    /// Rules.
    pub rules: Vec<RuleId>,
    /// os_match on the group string.
    pub group: Option<String>,
    /// os_match on the location (`HOST->PATH`).
    pub location: Option<String>,
    /// Send at once.
    pub do_not_delay: bool,
    /// In a mail of its own.
    pub do_not_group: bool,
}

/// Alert and archive files.
#[derive(Clone, Debug, Default)]
pub struct RecordConfig {
    /// alerts.json: on unless `<jsonout_output>no`.
    pub json: bool,
    /// `<logall>`.
    pub archive: bool,
    /// `<logall_json>`.
    pub archive_json: bool,
    /// `<custom_alert_output>`.
    pub custom_layout: Option<String>,
    /// `monitord.compress`.
    pub compress: bool,
    /// `monitord.sign`: write checksum files.
    pub checksums: bool,
}

/// One `<syslog_output>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogOutputConfig {
    /// Host or address.
    pub server: String,
    /// Port.
    pub port: u16,
    /// Layout.
    pub format: SyslogFormat,
    /// Minimum level.
    pub level: Option<Level>,
    /// Rules.
    pub rules: Vec<RuleId>,
    /// os_match on the group string.
    pub group: Option<String>,
    /// os_match on the location.
    pub location: Option<String>,
    /// Full host name instead of the short one.
    pub use_fqdn: bool,
    /// TCP instead of UDP.
    pub tcp: bool,
    /// TLS over TCP.
    pub tls: bool,
    /// `<tls_verify>`: the server's certificate is checked.
    pub tls_verify: bool,
    /// `<tls_ca>`: the authority to check it against; otherwise the system's.
    pub tls_ca: Option<PathBuf>,
}

/// Layout of a `<syslog_output>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyslogFormat {
    /// OSSEC's own.
    Default,
    /// ArcSight CEF.
    Cef,
    /// JSON.
    Json,
    /// Splunk key=value.
    Splunk,
}

/// `<syscheck>`: kept whole; acted upon by the file-integrity stage.
#[derive(Clone, Debug, Default)]
pub struct SyscheckConfig {
    /// `<disabled>`.
    pub disabled: bool,
    /// `<frequency>`.
    pub frequency: Duration,
    /// `<scan_time>` as minutes after midnight.
    pub scan_time: Option<u16>,
    /// `<scan_day>` as days, Monday = bit 0.
    pub scan_days: Option<u8>,
    /// `<scan_on_start>`.
    pub scan_on_start: bool,
    /// `<directories>`, one entry per path.
    pub directories: Vec<WatchedDirectory>,
    /// `<ignore>`.
    pub ignore: Vec<PathPattern>,
    /// `<nodiff>`.
    pub no_diff: Vec<PathPattern>,
    /// `<skip_nfs>`.
    pub skip_nfs: bool,
    /// `<auto_ignore>`.
    pub auto_ignore: bool,
    /// `<alert_new_files>`.
    pub alert_new_files: bool,
    /// `<prefilter_cmd>` split into words.
    pub prefilter: Vec<String>,
}

/// A path under `<directories>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchedDirectory {
    /// Absolute path or wildcard pattern.
    pub path: PathBuf,
    /// What is compared.
    pub checks: Checks,
    /// `realtime`.
    pub realtime: bool,
    /// `report_changes`.
    pub report_changes: bool,
    /// `restrict`, os_match.
    pub restrict: Option<String>,
    /// `no_recurse`.
    pub no_recurse: bool,
}

/// What is compared of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// MD5 sum.
    pub md5: bool,
    /// SHA-1 sum.
    pub sha1: bool,
    /// SHA-256 sum.
    pub sha256: bool,
    /// Size.
    pub size: bool,
    /// Owner.
    pub owner: bool,
    /// Group.
    pub group: bool,
    /// Permissions.
    pub permissions: bool,
}

/// A path to leave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPattern {
    /// Case-insensitive prefix of the full path.
    Prefix(String),
    /// os_match on the full path.
    Sregex(String),
}

/// `<rootcheck>`: kept whole; acted upon by the rootcheck stage.
#[derive(Clone, Debug, Default)]
pub struct RootcheckConfig {
    /// `<disabled>`.
    pub disabled: bool,
    /// `<frequency>`.
    pub frequency: Duration,
    /// `<scanall>`.
    pub scan_all: bool,
    /// `<readall>`.
    pub read_all: bool,
    /// `<skip_nfs>`.
    pub skip_nfs: bool,
    /// `<base_directory>`.
    pub base_directory: PathBuf,
    /// `<rootkit_files>`.
    pub rootkit_files: Option<PathBuf>,
    /// `<rootkit_trojans>`.
    pub rootkit_trojans: Option<PathBuf>,
    /// `<system_audit>`.
    pub system_audit: Vec<PathBuf>,
    /// `<ignore>`.
    pub ignore: Vec<PathBuf>,
    /// Names of `check_*` options set to `no`.
    pub switched_off: Vec<String>,
}

/// One `<reports>` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportConfig {
    /// `<title>`.
    pub title: String,
    /// `<email_to>`.
    pub to: Vec<String>,
    /// Filters: name and value.
    pub filters: Vec<(String, String)>,
    /// Related-entries tables: name and value.
    pub relations: Vec<(String, String)>,
    /// `<showlogs>`.
    pub show_logs: bool,
}

impl RespondConfig {
    /// Whether `address` is protected by `<white_list>`: the first entry that matches decides.
    pub fn protects(&self, address: IpAddr) -> bool {
        self.never_block
            .iter()
            .find(|(net, _)| net.contains(&address))
            .is_some_and(|(_, says)| *says == NeverBlock::Protect)
    }
}
