//! Texts of alerts.log, alerts.json, the archives, mail and syslog output.
//!
//! Owns the layouts (OSSEC's, so that tools that read them go on working) and the escaping of
//! hostile bytes for each of them. Never reads a clock, a file or the environment: the time zone is
//! an argument.
//!
//! The promise of every function here: whatever bytes a log line, host name or field holds, the
//! number of records a reader sees is the number written, and no field of one can be forged from
//! the text of another.

mod alert_json;
mod alert_log;
mod archive;
mod custom;
mod json;
mod mail;
mod parse;
mod syscheck;
mod syslog;
mod text;

pub use alert_json::{Kinship, alert_json, alert_json_of_many, alert_view_json};
pub use alert_log::{alert_log, local_time};
pub use archive::{ArchivedEvent, FirewallEvent, archive_json, archive_line, firewall_line};
pub use custom::custom_alert;
pub use mail::{mail_body, mail_subject};
pub use parse::{ParsedAlert, parse_alert_log};
pub use syscheck::file_notice_json;
pub use syslog::{SyslogLayout, syslog_message};
pub use text::{LINE_LIMIT_BYTES, header_text, visible, visible_string};

#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;
