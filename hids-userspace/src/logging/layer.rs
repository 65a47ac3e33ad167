//! Takes the events of `tracing` and hands them to where the log goes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::Serialize;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, registry};

use super::entry::Entry;
use super::journal::{Journal, SOCKET};
use super::ossec_log::{self, OssecLogReport};
use super::stderr::{self, Form};

static LOST: AtomicU64 = AtomicU64::new(0);
static DESTINATION: OnceLock<&'static str> = OnceLock::new();
static IS_LEAVING: AtomicBool = AtomicBool::new(false);

/// Where the log goes, for `hidsctl status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LogReport {
    /// `journal`, `journal stream` (through standard error) or `standard error`.
    pub destination: &'static str,
    /// Entries that were not accepted in time.
    pub lost: u64,
    /// `ossec.log`, where it is written.
    pub ossec_log: Option<OssecLogReport>,
}

/// Counters and state.
pub(crate) fn report() -> LogReport {
    LogReport {
        destination: DESTINATION.get().copied().unwrap_or("none"),
        lost: LOST.load(Ordering::Relaxed),
        ossec_log: ossec_log::report(),
    }
}

/// Starts logging; `verbose` counts `-v`. `HIDS_LOG` (for example `hids_userspace::collect=debug`) overrides it.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => "info",
        1 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env("HIDS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let is_journal = stderr::is_journal();
    let journal = is_journal.then(|| Journal::connect(SOCKET.into()).ok()).flatten();
    let destination = match (&journal, is_journal) {
        (Some(_), _) => "journal",
        (None, true) => "journal stream",
        (None, false) => "standard error",
    };
    let _ = DESTINATION.set(destination);
    let output = match journal {
        Some(journal) => Output::Journal(Mutex::new(journal)),
        None => Output::Stderr(Form::find(is_journal)),
    };
    // A second call (tests) keeps the first logger.
    let _ = registry().with(filter).with(Log(output)).try_init();
}

/// What follows are the last words of a process that ends at once. By then the journal may not have looked up yet whose
/// entry it is, and would show it to nobody who asks for the unit: of its stream on standard error it knows that.
pub(crate) fn say_last_words() {
    IS_LEAVING.store(true, Ordering::Relaxed);
}

struct Log(Output);

enum Output {
    Journal(Mutex<Journal>),
    Stderr(Form),
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let entry = Entry::of(event);
        let lost = match &self.0 {
            Output::Journal(_) if IS_LEAVING.load(Ordering::Relaxed) => Form::Prefixed.write(&entry),
            Output::Journal(journal) => journal.lock().unwrap_or_else(PoisonError::into_inner).write(&entry),
            Output::Stderr(form) => form.write(&entry),
        };
        LOST.fetch_add(lost, Ordering::Relaxed);
        ossec_log::write(&entry);
    }
}
