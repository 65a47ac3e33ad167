//! Output configuration.

use std::path::PathBuf;

use hids_core::model::{Level, RuleId};
use hids_core::render::SyslogLayout;

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
    /// `<email_layout>`; OSSEC's in the strict mode.
    pub layout: MailLayout,
    /// `<email_urgent_level>`: alerts of this level and above are mailed when `max_per_hour` is reached, too.
    pub urgent_level: Option<Level>,
    /// A granular recipient's mail has only the alerts that fit its criteria; else, as with OSSEC, the
    /// whole mail in which one of them is.
    pub granular_apart: bool,
    /// `<email_alerts>` sections.
    pub granular: Vec<GranularMail>,
}

/// What a mail looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MailLayout {
    /// The number and the worst in the subject; what was done, what happened, and OSSEC's text of each alert.
    #[default]
    Summary,
    /// OSSEC's subject, and OSSEC's text of each alert.
    Ossec,
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
    Program(MailProgram),
}

/// A program that takes a mail on its standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailProgram {
    /// Absolute path.
    pub path: PathBuf,
    /// Its arguments; where none are configured those that programs of its name need.
    pub arguments: Vec<String>,
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
    /// `<alert_grouping>`: alerts of one cause are one text and one mail entry.
    pub join: bool,
    /// `<alert_fold_above>`: equal alerts a minute that are written one by one; 0 = all.
    pub fold_above: u32,
    /// `<disk_reserve>`: bytes of the disk that records leave free.
    pub reserve: DiskReserve,
    /// `monitord.compress`.
    pub compress: bool,
    /// `monitord.sign`: write checksum files.
    pub checksums: bool,
}

/// How much of the disk of `logs` is left free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskReserve {
    /// 1 % of the filesystem, at most 128 MiB.
    #[default]
    Usual,
    /// So many bytes; 0 = nothing.
    Bytes(u64),
}

/// One `<syslog_output>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogOutputConfig {
    /// Host or address.
    pub server: String,
    /// Port.
    pub port: u16,
    /// Layout.
    pub layout: SyslogLayout,
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
