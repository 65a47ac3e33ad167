//! Mail thread: sends queued alerts and retries on failure.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use hids_core::model::Timestamp;
use hids_core::render::visible_string;
use jiff::tz::TimeZone;

use super::compose::{self, Content, Layout, TEXT_LIMIT_BYTES};
use super::options::MailOptions;
use super::plan::{self, Arrival, Grouping, Plan, retry_after};
use super::program;
use super::report::{MailReport, Shared};
use super::route::{Part, Route, Routes};
use super::smtp::{Deferred, Refused, SendError, Server};
use crate::config::{MailConfig, MailLayout, MailTransport};
use crate::notify::spool::MailSpool;
use crate::platform::clock::now;

/// How often the thread looks up when nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How long a mail waits for the responder to say what was done.
const STANDINGS_PATIENCE: Duration = Duration::from_secs(2);

/// An alert that waits.
#[derive(Debug)]
struct Alert {
    sequence: u64,
    bytes: usize,
    level: u16,
    route: Route,
    arrived: Instant,
}

impl Alert {
    fn arrival(&self) -> Arrival {
        Arrival { at: self.arrived, at_once: self.route.at_once, alone: self.route.alone }
    }
}

/// `email_maxperhour` is reached.
#[derive(Clone, Copy, Debug)]
struct Limit {
    until: Instant,
    /// The same for people.
    ends: Timestamp,
    /// Whether urgent alerts may be mailed all the same.
    has_room_for_urgent: bool,
}

/// A mail that does not go out.
#[derive(Debug)]
struct Failure {
    message: String,
    since: Instant,
    tries: u32,
    next: Instant,
}

/// How a try to send a mail ended; what failed is recorded already.
enum Sent {
    /// The server took it, but for these recipients.
    Yes(Vec<Refused>),
    /// Not now.
    No,
}

pub(super) struct Sender {
    config: MailConfig,
    routes: Routes,
    spool: MailSpool,
    waiting: VecDeque<Alert>,
    /// The hourly limit was reached while alerts waited: they go out as one mail.
    collecting: bool,
    /// Most alerts in the next mail; lowered to find the one whose text a server refuses.
    most: usize,
    /// The alert at the front goes out without its log.
    without_log: bool,
    failure: Option<Failure>,
    /// Of a group that is sent as several mails: its alerts, and how many of the mails went out.
    under_way: Option<(usize, usize)>,
    shared: Arc<Shared>,
    options: MailOptions,
}

impl Sender {
    pub(super) fn new(
        config: MailConfig,
        routes: Routes,
        spool: MailSpool,
        shared: Arc<Shared>,
        options: MailOptions,
    ) -> Self {
        Self {
            config,
            routes,
            spool,
            waiting: VecDeque::new(),
            collecting: false,
            most: usize::MAX,
            without_log: false,
            failure: None,
            under_way: None,
            shared,
            options,
        }
    }

    /// Sends until the daemon ends.
    pub(super) fn run(&mut self) {
        let mut seen = 0;
        loop {
            self.take_committed();
            let stopping = self.shared.stopping.load(Ordering::Relaxed);
            let wait = match self.next(stopping) {
                Plan::Send(count) => {
                    self.send(count.min(self.most));
                    if !stopping {
                        continue;
                    }
                    Duration::ZERO
                }
                Plan::Wait(until) => until.saturating_duration_since(Instant::now()).min(LOOK_EVERY),
                Plan::Idle => LOOK_EVERY,
            };
            if stopping {
                return;
            }
            seen = self.spool.wait(seen, wait);
        }
    }

    /// Looks at what was committed since the last time.
    fn take_committed(&mut self) {
        let sent_below = self.spool.state().sent_below;
        while self.waiting.front().is_some_and(|alert| alert.sequence < sent_below) {
            self.waiting.pop_front();
        }
        let last = self.waiting.back().map_or(sent_below.saturating_sub(1), |alert| alert.sequence);
        for waiting in self.spool.committed_after(last) {
            let (level, route) = match self.spool.read(waiting.sequence) {
                Ok(Some(entry)) => (entry.level.0, self.routes.route(&entry)),
                Ok(None) => continue,
                Err(error) => {
                    tracing::error!(sequence = waiting.sequence, %error, "cannot read an alert in the mail spool");
                    (0, Route::default())
                }
            };
            let bytes = usize::try_from(waiting.bytes).unwrap_or(usize::MAX);
            self.waiting.push_back(Alert { sequence: waiting.sequence, bytes, level, route, arrived: Instant::now() });
        }
    }

    fn next(&mut self, stopping: bool) -> Plan {
        if self.waiting.is_empty() && self.spool.omitted() == 0 {
            return Plan::Idle;
        }
        if let Some(failure) = &self.failure
            && (stopping || failure.next > Instant::now())
        {
            return Plan::Wait(failure.next);
        }
        if let Some((count, _)) = self.under_way {
            return Plan::Send(count);
        }
        if let Some(limit) = self.limit() {
            self.collecting = true;
            let plan = self.next_beyond(&limit);
            self.report_limited(matches!(plan, Plan::Wait(_)).then_some(limit));
            return plan;
        }
        self.report_limited(None);
        let grouping = match (self.collecting || stopping, self.config.grouping) {
            (true, _) => Grouping::Everything,
            (false, true) => Grouping::Together,
            (false, false) => Grouping::Single,
        };
        let arrivals = self.waiting.iter().map(Alert::arrival);
        plan::plan(arrivals, grouping, self.options.timing.quiet, self.options.timing.longest)
    }

    /// The hourly limit, if this clock hour's mails are used up.
    fn limit(&self) -> Option<Limit> {
        let (hour, left) = clock_hour(now(), &self.options.zone);
        let state = self.spool.state();
        let most = self.config.max_per_hour.max(1);
        let is_reached = state.hour == hour && state.sent >= most;
        is_reached.then(|| Limit {
            until: Instant::now() + left,
            ends: now().plus(left),
            has_room_for_urgent: state.urgent_sent < most,
        })
    }

    /// Urgent alerts do not wait for the next hour. They are grouped as ever, and take along what waits.
    fn next_beyond(&self, limit: &Limit) -> Plan {
        let urgent = self.config.urgent_level.filter(|_| limit.has_room_for_urgent);
        let arrivals = self.waiting.iter().filter(|alert| urgent.is_some_and(|level| alert.level >= level.0));
        let arrivals = arrivals.map(Alert::arrival);
        match plan::plan(arrivals, Grouping::Together, self.options.timing.quiet, self.options.timing.longest) {
            Plan::Send(_) => Plan::Send(self.waiting.len()),
            Plan::Wait(until) => Plan::Wait(until.min(limit.until)),
            Plan::Idle => Plan::Wait(limit.until),
        }
    }

    fn report_limited(&self, limit: Option<Limit>) {
        let (count, worst) = (self.waiting.len() as u64, self.waiting.iter().map(|alert| alert.level).max());
        self.report(|report| {
            report.limit_reached = limit.is_some();
            report.limited = if limit.is_some() { count } else { 0 };
            report.waiting_worst_level = worst.filter(|_| limit.is_some());
            report.waiting_until = limit.map(|limit| limit.ends.rfc3339(&self.options.zone));
        });
    }

    /// Sends the mails of a group, those that went out before a failure excepted.
    fn send(&mut self, count: usize) {
        let (count, first) = self.under_way.take().unwrap_or((count, 0));
        let mut refused = Vec::new();
        for (number, part) in self.parts(count).iter().enumerate().skip(first) {
            match self.send_part(number, part, count) {
                Sent::Yes(mut some) => refused.append(&mut some),
                Sent::No => {
                    self.under_way = (number > 0).then_some((count, number));
                    return self.report_refused(&refused);
                }
            }
        }
        self.sent(count, &refused);
    }

    fn parts(&self, count: usize) -> Vec<Part> {
        let routes: Vec<&Route> = self.waiting.iter().take(count).map(|alert| &alert.route).collect();
        if self.config.granular_apart {
            return self.routes.parts(&routes);
        }
        vec![Part { recipients: self.routes.recipients(routes.into_iter()), alerts: (0..count).collect() }]
    }

    fn send_part(&mut self, number: usize, part: &Part, count: usize) -> Sent {
        let content = match self.content(number, &part.alerts) {
            Ok(content) => content,
            Err(error) => {
                return self.failed(&SendError::Later(format!("the mail spool cannot be read: {error}")));
            }
        };
        let recipients = &part.recipients;
        let ids_name = self.config.ids_name.as_deref();
        let message = match compose::message(&content, &self.routes, recipients, ids_name, &self.options.hostname) {
            Ok(message) => message.formatted(),
            Err(error) => return self.failed(&SendError::Refused(format!("the mail cannot be put together: {error}"))),
        };
        match self.deliver(recipients, &message) {
            Ok(refused) => {
                if let Some(failure) = self.failure.take() {
                    tracing::info!(tries = failure.tries, "mail delivery resumed");
                }
                self.report(|report| report.mails += 1);
                Sent::Yes(refused)
            }
            // The global recipients have theirs; the next alerts must not wait for this one.
            Err(SendError::Refused(reason) | SendError::RefusedText(reason) | SendError::Deferred(reason))
                if number > 0 =>
            {
                self.keep_part(part, &content, &message, reason)
            }
            Err(SendError::RefusedText(reason)) if !self.without_log => self.narrow(count, reason),
            Err(SendError::Refused(reason) | SendError::RefusedText(reason)) => {
                self.refused(count, &content, &message, reason)
            }
            Err(error) => self.failed(&error),
        }
    }

    /// A mail of granular recipients that the server does not take is kept in a file.
    fn keep_part(&mut self, part: &Part, content: &Content, message: &[u8], reason: String) -> Sent {
        match self.spool.keep_failed(&format!("{}.eml", content.name()), message) {
            Ok(path) => {
                tracing::error!(reason = %reason, kept = %path.display(), alerts = part.alerts.len(),
                    help = "fix the address in <email_alerts> and send the file manually",
                    "mail rejected for recipients of <email_alerts>; delivered to the others");
                self.failure = None;
                self.report(|report| {
                    report.given_up += 1;
                    report.refused_recipients += part.recipients.len() as u64;
                });
                Sent::Yes(Vec::new())
            }
            Err(error) => self.failed(&SendError::Later(format!("{reason}; and it cannot be kept: {error}"))),
        }
    }

    /// The text is refused: an attacker may have put into a log what a mail filter looks for, and
    /// must not keep the other alerts back by it. Halves the mail; an alert that is refused alone
    /// goes out without its log.
    fn narrow(&mut self, count: usize, reason: String) -> Sent {
        tracing::warn!(reason = %reason, alerts = count, "mail text rejected by the server; splitting the mail");
        self.without_log = count == 1;
        self.most = count.div_ceil(2);
        self.failed(&SendError::RefusedText(reason));
        if let Some(failure) = &mut self.failure {
            failure.next = Instant::now() + self.options.timing.first_retry;
        }
        Sent::No
    }

    fn content(&self, part: usize, alerts: &[usize]) -> std::io::Result<Content> {
        let chosen = || alerts.iter().filter_map(|&index| self.waiting.get(index));
        let sizes: Vec<_> = chosen().map(|alert| (alert.level, alert.bytes)).collect();
        let shown = compose::choose(&sizes, TEXT_LIMIT_BYTES);
        let mut problem = None;
        let standings = |addresses| self.options.standings.ask(addresses, STANDINGS_PATIENCE);
        let layout = match self.config.layout {
            MailLayout::Ossec => Layout::Ossec,
            MailLayout::Summary => Layout::Summary { standings: &standings, now: now(), zone: &self.options.zone },
        };
        let entries = chosen().zip(shown).filter_map(|(alert, is_shown)| {
            match self.spool.read(alert.sequence) {
                Ok(entry) if self.without_log => entry.map(|entry| (compose::without_log(entry), is_shown)),
                Ok(entry) => entry.map(|entry| (entry, is_shown)),
                // Damaged on disk: the others must not wait for it.
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => None,
                Err(error) => {
                    problem = Some(error);
                    None
                }
            }
        });
        // What a full spool left out may be none of a granular recipient's business.
        let omitted = if part == 0 { self.spool.state().omitted } else { Vec::new() };
        let content = Content { part, ..compose::content(entries, &omitted, &layout) };
        problem.map_or(Ok(content), Err)
    }

    fn deliver(&self, recipients: &[lettre::Address], mail: &[u8]) -> Result<Vec<Refused>, SendError> {
        match &self.config.transport {
            MailTransport::Program(program) => program::send(program, mail).map(|()| Vec::new()),
            MailTransport::Smtp { host, port, tls, login } => {
                let helo = self.config.helo.as_deref().unwrap_or(&self.options.hostname);
                let server = Server {
                    host: host.clone(),
                    port: *port,
                    tls: *tls,
                    login: login.clone(),
                    helo: visible_string(helo.as_bytes()).replace(' ', ""),
                    timeout: self.options.timing.timeout,
                };
                let hold = self.options.timing.hold_for_deferred;
                let held = self.failure.as_ref().is_some_and(|failure| failure.since.elapsed() >= hold);
                let deferred = if held { Deferred::LeaveOut } else { Deferred::Wait };
                server.send(&self.routes.from, recipients, mail, deferred)
            }
        }
    }

    fn report_refused(&self, refused: &[Refused]) {
        for one in refused {
            tracing::error!(recipient = %one.address, answer = %one.answer,
                help = "fix the address in ossec.conf", "recipient rejected; mail delivered to the others");
        }
        self.report(|report| report.refused_recipients += refused.len() as u64);
    }

    fn sent(&mut self, count: usize, refused: &[Refused]) {
        self.report_refused(refused);
        self.collecting = false;
        self.report(|report| {
            report.alerts += count as u64;
            report.failing_because = None;
        });
        self.remove(count);
    }

    /// Takes the first `count` alerts out of the spool and counts the mail.
    fn remove(&mut self, count: usize) {
        let last = self.waiting.iter().take(count).next_back().map(|alert| alert.sequence);
        let (hour, _) = clock_hour(now(), &self.options.zone);
        let (most, mut is_urgent) = (self.config.max_per_hour.max(1), false);
        let result = self.spool.update(|state| {
            state.sent_below = last.map_or(state.sent_below, |last| state.sent_below.max(last + 1));
            if state.hour != hour {
                (state.hour, state.sent, state.urgent_sent) = (hour, 0, 0);
            }
            is_urgent = state.sent >= most;
            *(if is_urgent { &mut state.urgent_sent } else { &mut state.sent }) += 1;
            state.omitted.clear();
            state.refused_since = None;
        });
        self.report(|report| report.urgent_mails += u64::from(is_urgent));
        self.waiting.drain(..count);
        self.most = usize::MAX;
        self.without_log = false;
        self.under_way = None;
        if let Err(error) = result {
            // In memory it is done; only a restart before the next success would send it twice.
            tracing::error!(%error, "mail sent, but cannot update the mail spool");
        }
    }

    /// The server refuses this mail: tried for some days, then kept in a file of its own.
    fn refused(&mut self, count: usize, content: &Content, message: &[u8], reason: String) -> Sent {
        let seconds = now().unix_seconds();
        let since = self.spool.state().refused_since.unwrap_or(seconds);
        let patience = i64::try_from(self.options.timing.refused_for.as_secs()).unwrap_or(i64::MAX);
        if seconds - since < patience {
            if let Err(error) = self.spool.update(|state| state.refused_since = Some(since)) {
                tracing::warn!(%error, "cannot write the mail spool");
            }
            return self.failed(&SendError::Refused(reason));
        }
        match self.spool.keep_failed(&format!("{}.eml", content.name()), message) {
            Ok(path) => {
                tracing::error!(reason = %reason, kept = %path.display(), alerts = count,
                    help = "fix the mail options in ossec.conf and send the file manually",
                    "mail rejected for days; giving up");
                self.failure = None;
                self.remove(count);
                self.report(|report| report.given_up += 1);
                Sent::No
            }
            Err(error) => self.failed(&SendError::Later(format!("{reason}; and it cannot be kept: {error}"))),
        }
    }

    fn failed(&mut self, error: &SendError) -> Sent {
        let message = error.to_string();
        let timing = self.options.timing;
        let before = self.failure.take();
        if before.as_ref().is_none_or(|failure| failure.message != message) {
            tracing::warn!(reason = %message, waiting = self.waiting.len(),
                help = "alerts are kept on disk and sent once delivery works again", "mail delivery failed");
        }
        let (since, tries) = before.map_or((Instant::now(), 1), |failure| (failure.since, failure.tries + 1));
        let next = Instant::now() + retry_after(tries, timing.first_retry, timing.longest_retry);
        self.report(|report| {
            report.failures += 1;
            report.failing_because = Some(message.clone());
        });
        self.failure = Some(Failure { message, since, tries, next });
        Sent::No
    }

    fn report(&self, change: impl FnOnce(&mut MailReport)) {
        change(&mut self.shared.report.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The clock hour of `time` in `zone`, and how long it still lasts.
fn clock_hour(time: Timestamp, zone: &TimeZone) -> (i64, Duration) {
    let local = time.unix_seconds() + i64::from(time.in_zone(zone).offset().seconds());
    let left = 3600 - local.rem_euclid(3600);
    (local.div_euclid(3600), Duration::from_secs(left.unsigned_abs()))
}
