//! What the daemon holds of the mail stage: options, report, start and stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::route::{MailError, Routes};
use super::thread::Sender;
use super::{plan, smtp};
use crate::config::MailConfig;
use crate::notify::spool::MailSpool;

/// What the mail thread must be told besides its configuration.
#[derive(Clone, Debug)]
pub struct MailOptions {
    /// This machine's name, as fully qualified as known: for HELO and the Message-ID.
    pub hostname: String,
    /// Zone whose clock hours `email_maxperhour` counts.
    pub zone: TimeZone,
    /// Waits.
    pub timing: MailTiming,
}

/// Waits of the mail thread; the defaults are meant for production.
#[derive(Clone, Copy, Debug)]
pub struct MailTiming {
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

/// What the mail stage has done, for `hidsctl status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct MailReport {
    /// Alerts waiting to be mailed.
    pub waiting: u64,
    /// Mails sent since start.
    pub mails: u64,
    /// Alerts in them.
    pub alerts: u64,
    /// Tries that failed since start; nothing is lost by them.
    pub failures: u64,
    /// Recipients that a server refused while it took the mail for others.
    pub refused_recipients: u64,
    /// Mails given up and kept under `state/mail/failed`.
    pub given_up: u64,
    /// Alerts that a full spool reduced to counts in the next mail.
    pub omitted: u64,
    /// Whether `email_maxperhour` is reached.
    pub limit_reached: bool,
    /// Why mail does not go out at the moment, if it does not.
    pub failing_because: Option<String>,
}

/// The running mail stage.
#[derive(Debug)]
pub struct MailHandle {
    spool: MailSpool,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    stop_wait: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub stopping: AtomicBool,
    pub report: Mutex<MailReport>,
}

impl MailHandle {
    /// Counters and state.
    pub fn report(&self) -> MailReport {
        let mut report = self.shared.report.lock().unwrap_or_else(PoisonError::into_inner).clone();
        report.waiting = self.spool.len() as u64;
        report.omitted = self.spool.omitted();
        report
    }

    /// Sends what waits if that is possible at once and ends the thread. What cannot be sent stays
    /// on disk.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.spool.wake();
        let Some(thread) = self.thread.take() else { return };
        let until = Instant::now() + self.stop_wait;
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        if thread.is_finished() {
            let _ = thread.join();
        } else {
            tracing::warn!(
                waiting = self.spool.len(),
                "the mail server does not answer; what waits is sent after the next start"
            );
        }
    }
}

impl Drop for MailHandle {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts sending what `spool` gives out.
pub fn start(config: MailConfig, spool: MailSpool, options: MailOptions) -> Result<MailHandle, MailError> {
    let routes = Routes::new(&config)?;
    let shared = Arc::new(Shared::default());
    let stop_wait = options.timing.stop;
    let mut sender = Sender::new(config, routes, spool.clone(), Arc::clone(&shared), options);
    let thread =
        std::thread::Builder::new().name("mail".into()).spawn(move || sender.run()).map_err(MailError::Thread)?;
    Ok(MailHandle { spool, shared, thread: Some(thread), stop_wait })
}
