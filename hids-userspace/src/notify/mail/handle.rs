//! What the daemon holds of the mail stage: start and stop.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::options::MailOptions;
use super::report::{MailReport, Shared};
use super::route::{MailError, Routes};
use super::thread::Sender;
use crate::config::MailConfig;
use crate::notify::spool::MailSpool;

/// The running mail stage.
#[derive(Debug)]
pub(crate) struct MailHandle {
    spool: MailSpool,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    stop_wait: Duration,
}

impl MailHandle {
    /// Counters and state.
    pub(crate) fn report(&self) -> MailReport {
        let mut report = self.shared.report.lock().unwrap_or_else(PoisonError::into_inner).clone();
        report.waiting = self.spool.len() as u64;
        report.omitted = self.spool.omitted();
        report
    }

    /// Sends what waits if that is possible at once and ends the thread. What cannot be sent stays
    /// on disk.
    pub(crate) fn stop(mut self) {
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
                "no response from the mail server; queued mail is sent after the next start"
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
pub(crate) fn start(config: MailConfig, spool: MailSpool, options: MailOptions) -> Result<MailHandle, MailError> {
    let routes = Routes::new(&config)?;
    let shared = Arc::new(Shared::default());
    let stop_wait = options.timing.stop;
    let mut sender = Sender::new(config, routes, spool.clone(), Arc::clone(&shared), options);
    let thread =
        std::thread::Builder::new().name("mail".into()).spawn(move || sender.run()).map_err(MailError::Thread)?;
    Ok(MailHandle { spool, shared, thread: Some(thread), stop_wait })
}
