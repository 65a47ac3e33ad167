//! What the mail stage has done.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

/// What the mail stage has done, for `hidsctl status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct MailReport {
    /// Alerts waiting to be mailed, for whatever reason.
    #[serde(rename = "queued")]
    pub waiting: u64,
    /// Mails sent since start.
    pub mails: u64,
    /// Alerts in them.
    pub alerts: u64,
    /// Tries that failed since start; nothing is lost by them.
    pub failures: u64,
    /// Recipients that a server refused while it took the mail for others.
    #[serde(rename = "rejected_recipients")]
    pub refused_recipients: u64,
    /// Mails given up and kept under `state/mail/failed`.
    #[serde(rename = "abandoned")]
    pub given_up: u64,
    /// Alerts that a full spool reduced to counts in the next mail.
    pub omitted: u64,
    /// Whether `email_maxperhour` is reached.
    pub limit_reached: bool,
    /// Alerts that wait because of it.
    #[serde(rename = "waiting")]
    pub limited: u64,
    /// Until when, RFC 3339.
    pub waiting_until: Option<String>,
    /// The highest level among them.
    pub waiting_worst_level: Option<u16>,
    /// Mails sent beyond the limit because of urgent alerts, since start.
    pub urgent_mails: u64,
    /// Why mail does not go out at the moment, if it does not.
    #[serde(rename = "error")]
    pub failing_because: Option<String>,
}

/// What the thread and its handle share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub stopping: AtomicBool,
    pub report: Mutex<MailReport>,
}
