//! What the mail thread must be told besides its configuration.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::{plan, smtp};
use crate::contracts::standing::Standings;

/// Name, zone and waits.
#[derive(Clone, Debug)]
pub(crate) struct MailOptions {
    /// This machine's name, as fully qualified as known: for HELO and the Message-ID.
    pub hostname: String,
    /// Zone whose clock hours `email_maxperhour` counts.
    pub zone: TimeZone,
    /// Waits.
    pub timing: MailTiming,
    /// Who knows what was done about the alerts.
    pub standings: Arc<dyn Standings>,
}

/// Waits of the mail thread; the defaults are meant for production.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MailTiming {
    /// Quiet time after the last alert before a group is sent.
    pub quiet: Duration,
    /// Longest wait for quiet.
    pub longest: Duration,
    /// Wait before the second try of a mail that did not go out; doubles with each.
    pub first_retry: Duration,
    /// Longest wait between two tries.
    pub longest_retry: Duration,
    /// Longest wait for a connection and for each answer of the server.
    pub timeout: Duration,
    /// How long a deferred recipient may hold back the mail for the others.
    pub hold_for_deferred: Duration,
    /// How long a mail is tried that the server refuses for good.
    pub refused_for: Duration,
    /// How long the end of the daemon waits for the last mail.
    pub stop: Duration,
}

impl Default for MailTiming {
    fn default() -> Self {
        Self {
            quiet: plan::QUIET,
            longest: plan::LONGEST,
            first_retry: Duration::from_secs(30),
            longest_retry: Duration::from_secs(15 * 60),
            timeout: smtp::TIMEOUT,
            hold_for_deferred: Duration::from_secs(30 * 60),
            refused_for: Duration::from_secs(3 * 24 * 3600),
            stop: Duration::from_secs(10),
        }
    }
}
