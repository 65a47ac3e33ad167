//! `<syslog_output>`: alerts to syslog servers, over UDP, TCP or TLS.
//!
//! Best effort, as the protocol is: one bounded queue and one thread per server, drops are counted.
//! A stream that breaks is opened again with growing waits; what was not yet written is kept.

mod server;
mod tls;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use hids_core::model::Alert;
use hids_core::render::{SyslogLayout, syslog_message, visible_string};
use jiff::tz::TimeZone;

use super::criteria::{Criteria, CriteriaError, Subject};
use crate::config::SyslogOutputConfig;

/// Messages waiting per server; more are dropped and counted.
const QUEUE: usize = 4096;

/// The syslog outputs cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SyslogError {
    /// A pattern cannot be used.
    #[error(transparent)]
    Criteria(#[from] CriteriaError),
    /// The thread cannot be started.
    #[error("cannot start a syslog output thread")]
    Thread(#[source] io::Error),
    /// TLS cannot be set up.
    #[error("cannot set up TLS towards {server}: {reason}")]
    Tls {
        /// Which.
        server: String,
        /// Why.
        reason: String,
    },
}

/// One server, for `hidsctl status`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct SyslogReport {
    /// `server:port`.
    pub server: String,
    /// Messages sent since start.
    pub sent: u64,
    /// Messages dropped because the queue was full or the server did not come back before the end.
    pub dropped: u64,
    /// Why nothing goes out at the moment, if nothing does.
    #[serde(rename = "error")]
    pub failing_because: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    sent: AtomicU64,
    dropped: AtomicU64,
    stopping: AtomicBool,
    failing_because: Mutex<Option<String>>,
}

struct Output {
    name: String,
    criteria: Criteria,
    layout: SyslogLayout,
    host: String,
    queue: Sender<String>,
    shared: Arc<Shared>,
}

/// The running syslog outputs.
pub(crate) struct SyslogHandle {
    outputs: Vec<(String, Arc<Shared>)>,
    stop: Option<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl SyslogHandle {
    /// One report per server.
    pub(crate) fn report(&self) -> Vec<SyslogReport> {
        let report = |(server, shared): &(String, Arc<Shared>)| SyslogReport {
            server: server.clone(),
            sent: shared.sent.load(Ordering::Relaxed),
            dropped: shared.dropped.load(Ordering::Relaxed),
            failing_because: shared.failing_because.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        };
        self.outputs.iter().map(report).collect()
    }

    /// Sends what is queued to servers that take it and ends the threads.
    pub(crate) fn stop(mut self) {
        self.outputs.iter().for_each(|(_, shared)| shared.stopping.store(true, Ordering::Relaxed));
        drop(self.stop.take());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Starts the outputs of `configs`; each committed alert comes from `alerts`.
///
/// `hostname` is this machine's name, fully qualified if known; the short form is used unless
/// `<use_fqdn>` says otherwise.
pub(crate) fn start(
    configs: &[SyslogOutputConfig],
    alerts: Receiver<Arc<Alert>>,
    hostname: &str,
    zone: TimeZone,
) -> Result<SyslogHandle, SyslogError> {
    let (stop, stopped) = bounded(0);
    let mut handle = SyslogHandle { outputs: Vec::new(), stop: Some(stop), threads: Vec::new() };
    let mut outputs = Vec::new();
    for config in configs {
        let criteria = Criteria::new(config.level, &config.rules, config.group.as_deref(), config.location.as_deref())?;
        let shared = Arc::new(Shared::default());
        let (queue, messages) = bounded(QUEUE);
        let name = format!("{}:{}", config.server, config.port);
        let mut server = server::Server::new(config, &name, messages, Arc::clone(&shared))?;
        let thread = std::thread::Builder::new().name("syslog-out".into()).spawn(move || server.run());
        handle.threads.push(thread.map_err(SyslogError::Thread)?);
        handle.outputs.push((name.clone(), Arc::clone(&shared)));
        let short = hostname.split('.').next().unwrap_or(hostname);
        let host = if config.use_fqdn { hostname } else { short }.to_owned();
        outputs.push(Output { name, criteria, layout: config.layout, host, queue, shared });
    }
    let distributor = std::thread::Builder::new().name("syslog-out".into());
    let thread = distributor.spawn(move || distribute(&outputs, &alerts, &stopped, &zone));
    handle.threads.push(thread.map_err(SyslogError::Thread)?);
    Ok(handle)
}

/// Gives each alert to the outputs that want it, until the alerts or the daemon end.
fn distribute(outputs: &[Output], alerts: &Receiver<Arc<Alert>>, stopped: &Receiver<()>, zone: &TimeZone) {
    loop {
        crossbeam_channel::select! {
            recv(alerts) -> alert => match alert {
                Ok(alert) => offer(outputs, &alert, zone),
                Err(_) => return,
            },
            recv(stopped) -> _ => break,
        }
    }
    alerts.try_iter().for_each(|alert| offer(outputs, &alert, zone));
}

fn offer(outputs: &[Output], alert: &Alert, zone: &TimeZone) {
    let location = format!("{}->{}", visible_string(&alert.hostname), visible_string(alert.source.location.as_bytes()));
    let rule = &alert.rule;
    let subject = Subject { level: rule.level, rule: rule.id, group: &rule.group, location: &location };
    for output in outputs.iter().filter(|output| output.criteria.hold(subject)) {
        let message = syslog_message(alert, output.layout, &output.host, zone);
        if let Err(TrySendError::Full(_)) = output.queue.try_send(message)
            && output.shared.dropped.fetch_add(1, Ordering::Relaxed) == 0
        {
            tracing::warn!(server = %output.name, queue = QUEUE,
                help = "see hidsctl status for counters; all alerts are in alerts.log",
                "syslog server too slow: messages dropped");
        }
    }
}

#[cfg(test)]
mod tests;
