//! The stage of file integrity, which runs as soon as its baseline can be opened.
//!
//! At the start it is tried at once. Where the baseline is held by another process, cannot be read or
//! made, the daemon does its other work and tries again, with longer and longer pauses. What happened
//! meanwhile is found then as after a time in which the daemon was down, and told as a gap.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use hids_core::fim::Policy;
use hids_core::model::{Damage, LogBatch, Protection as ProtectionNews, Refusal};
use jiff::tz::TimeZone;
use tracing::{error, info};

use super::options::{schedule, wants_events};
use super::wildcards;
use crate::config::Config;
use crate::fim::monitor::{self, FimError, FimHandle, FimInputs, FimOptions};
use crate::fim::policy_def;
use crate::fim::scan_options::scan_options;
use crate::platform::error_chain::error_chain;
use crate::sensors::WhoLookup;
use crate::sensors::files::{self, FilesHandle, FilesOptions, FilesTuning};

/// Batches between the sensor and the stage.
const SENSED: usize = 64;
/// How long a start waits for the kernel's marks; what is marked later is told as a gap.
const MARKS_PATIENCE: Duration = Duration::from_secs(10);
/// How long the first try waits for a baseline that is held: by a daemon that was killed, by a child that
/// it was just starting, by somebody who looks at it.
const HELD_PATIENCE: Duration = Duration::from_secs(10);
/// The pause after the first failure; it is doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Switches of protection that wait to be told.
const MOST_NEWS: usize = 64;

/// What runs.
#[derive(Debug)]
pub(super) struct Parts {
    pub fim: FimHandle,
    pub files: Option<FilesHandle>,
    /// Why there is no sensor although one is wanted, and what to do.
    pub without_sensor: Option<(String, &'static str)>,
}

impl Parts {
    fn follow(&self, config: &Config) {
        self.watch_by(policy_of(config, &self.fim.roots()), config);
    }

    fn watch_by(&self, policy: Policy, config: &Config) {
        let policy = Arc::new(policy);
        if let Some(files) = &self.files {
            files.replace_policy(Arc::clone(&policy));
        }
        self.fim.replace(policy, schedule(&config.syscheck), scan_options(&config.syscheck));
    }
}

/// What is needed to start, whenever that is.
#[derive(Clone)]
pub(super) struct Means {
    pub config: Config,
    /// Grows with each configuration.
    pub version: u64,
    /// The notice that was recorded last when the daemon started; none is handed on before the stage runs.
    pub committed: u64,
    /// Where events are wanted.
    pub who: Option<Arc<dyn WhoLookup>>,
    pub refusals: Receiver<Refusal>,
    pub batches: Sender<LogBatch>,
}

/// Why it does not run yet.
#[derive(Clone, Debug)]
struct Waiting {
    why: String,
    help: &'static str,
    next: Instant,
}

/// Shared by whoever asks and the thread of the stage.
struct Shared {
    means: Mutex<Means>,
    parts: OnceLock<Parts>,
    waiting: Mutex<Option<Waiting>>,
    /// What was found wrong with the baseline and is not in its history yet.
    damages: Mutex<Vec<Damage>>,
    /// What is told once it runs.
    news: Mutex<Vec<ProtectionNews>>,
}

/// See the module.
pub(super) struct Stage {
    shared: Arc<Shared>,
    /// The thread that tries again, and looks for new directories, ends when the sender is gone.
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Stage").field("parts", &self.shared.parts).finish_non_exhaustive()
    }
}

impl Stage {
    /// Starts the stage, now or later.
    pub(super) fn start(means: Means) -> Self {
        let shared = Arc::new(Shared {
            means: Mutex::new(means),
            parts: OnceLock::new(),
            waiting: Mutex::default(),
            damages: Mutex::default(),
            news: Mutex::default(),
        });
        let first = shared.try_once(HELD_PATIENCE, Try::First);
        if let Err(why) = &first {
            error!(
                why = text(why),
                consequence = "file changes are reported once it can be opened",
                help = help(why),
                "cannot open the file integrity baseline; will retry"
            );
            shared.wait_for(why, FIRST_PAUSE);
        }
        let (stop, stopped) = bounded(0);
        let of_thread = Arc::clone(&shared);
        let run = move || {
            if first.is_ok() || of_thread.try_again(&stopped) {
                wildcards::follow(&stopped, || of_thread.look_for_directories());
            }
        };
        let thread = match thread::Builder::new().name("fim-stage".into()).spawn(run) {
            Ok(thread) => Some((stop, thread)),
            Err(error) => {
                error!(%error, consequence = "no retry if the baseline cannot be opened; new directories matching a \
                                              wildcard are monitored only after a reload", help = "restart hidsd",
                    "cannot start a file integrity thread");
                None
            }
        };
        Self { shared, thread }
    }

    /// What runs, if it does.
    pub(super) fn parts(&self) -> Option<&Parts> {
        self.shared.parts.get()
    }

    /// Who is who, where events are wanted.
    pub(super) fn who(&self) -> Option<Arc<dyn WhoLookup>> {
        lock(&self.shared.means).who.clone()
    }

    /// Why it does not run and when it is tried again; what to do.
    pub(super) fn trouble(&self) -> Option<(String, &'static str)> {
        if self.parts().is_some() {
            return None;
        }
        let waiting = lock(&self.shared.waiting).clone()?;
        let seconds = waiting.next.saturating_duration_since(Instant::now()).as_secs();
        Some((format!("{}; retrying in {seconds} s", waiting.why), waiting.help))
    }

    /// Tells of protection, now or when it runs.
    pub(super) fn tell_protection(&self, news: ProtectionNews) {
        let mut waiting = lock(&self.shared.news);
        match self.parts() {
            Some(parts) => parts.fim.report_protection(news),
            None if waiting.len() < MOST_NEWS => waiting.push(news),
            // The last one says how it stands.
            None => _ = waiting.last_mut().map(|last| *last = news),
        }
    }

    /// Watches by another configuration from now on, or from when it runs.
    pub(super) fn reload(&self, config: &Config) {
        let mut means = lock(&self.shared.means);
        means.config = config.clone();
        means.version += 1;
        if let Some(parts) = self.parts() {
            parts.follow(config);
        }
    }

    /// The sensor first, then what takes from it.
    pub(super) fn stop(self) {
        let Self { shared, thread } = self;
        if let Some((stop, thread)) = thread {
            drop(stop);
            if thread.join().is_err() {
                error!("a file integrity thread panicked");
            }
        }
        // Nobody else has it: that thread has ended.
        let Some(parts) = Arc::into_inner(shared).and_then(|shared| shared.parts.into_inner()) else { return };
        if let Some(files) = parts.files {
            files.stop();
        }
        parts.fim.stop();
    }
}

/// Which try it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Try {
    First,
    Later,
}

impl Shared {
    /// Tries until it runs; false when the daemon stops before that.
    fn try_again(&self, stopped: &Receiver<()>) -> bool {
        for pause in pauses() {
            if stopped.recv_timeout(pause.0) != Err(RecvTimeoutError::Timeout) {
                return false;
            }
            match self.try_once(Duration::ZERO, Try::Later) {
                Ok(()) => {
                    info!("baseline available: file integrity started, comparing all files with it");
                    return true;
                }
                // The log has it already; status shows how it stands.
                Err(why) => self.wait_for(&why, pause.1),
            }
        }
        false
    }

    /// Monitors what has appeared under a wildcard since the last look.
    fn look_for_directories(&self) {
        let Some(parts) = self.parts.get() else { return };
        // Held while looking: a reload that comes meanwhile replaces what is found.
        let means = lock(&self.means);
        if !wildcards::may_appear(&means.config) {
            return;
        }
        let known = parts.fim.roots();
        let policy = policy_of(&means.config, &known);
        let added = wildcards::added(&policy, &known);
        if added > 0 {
            info!(added, "monitoring new directories that match a wildcard of <directories>");
            parts.watch_by(policy, &means.config);
        }
    }

    fn wait_for(&self, why: &FimError, pause: Duration) {
        *lock(&self.waiting) = Some(Waiting { why: text(why), help: help(why), next: Instant::now() + pause });
    }

    /// The baseline first: as long as it cannot be opened nothing else is started.
    fn try_once(&self, patience: Duration, which: Try) -> Result<(), FimError> {
        // A copy: whoever reads the configuration again does not wait for a large baseline.
        let means = lock(&self.means).clone();
        let opened = monitor::open(&means.config.paths.state, means.committed, patience, &mut lock(&self.damages))?;
        let parts = start(&means, opened, which)?;
        let (now, mut news) = (lock(&self.means), lock(&self.news));
        let parts = self.parts.get_or_init(|| parts);
        if now.version != means.version {
            parts.follow(&now.config);
        }
        news.drain(..).for_each(|news| parts.fim.report_protection(news));
        *lock(&self.waiting) = None;
        Ok(())
    }
}

/// The sensor before the stage, so that nothing happens unseen between the scan of a tree and its marks.
fn start(means: &Means, opened: monitor::Opened, which: Try) -> Result<Parts, FimError> {
    let syscheck = &means.config.syscheck;
    let policy = Arc::new(policy_of(&means.config, &opened.roots()?));
    let (sensed_sender, sensed) = bounded(SENSED);
    let who = means.who.clone().filter(|_| wants_events(syscheck));
    let files = who.map(|who| {
        let policy = Arc::clone(&policy);
        let own_pid = Some(std::process::id());
        files::start(FilesOptions { policy, who, own_pid, tuning: FilesTuning::default() }, sensed_sender)
    });
    let (files, without_sensor) = match files {
        None => (None, None),
        Some(Ok(files)) => (Some(files), None),
        Some(Err(why)) => {
            error!(
                why = why.with_sources(),
                consequence = "changes are detected by scans only",
                help = why.help(),
                "realtime file monitoring unavailable"
            );
            (None, Some((why.with_sources(), why.help())))
        }
    };
    if let Some(files) = &files {
        files.wait_ready(MARKS_PATIENCE);
    }
    let options = FimOptions {
        state: means.config.paths.state.clone(),
        policy,
        schedule: schedule(syscheck),
        scan_on_start: syscheck.scan_on_start,
        is_late: which == Try::Later,
        scan: scan_options(syscheck),
        text_limit: syscheck.diff_size_limit,
        summarise_updates: syscheck.summarise_updates,
        zone: TimeZone::system(),
        committed: means.committed,
    };
    let inputs = FimInputs { sensed, refusals: means.refusals.clone(), batches: means.batches.clone() };
    let fim = monitor::start(opened, options, inputs)?;
    Ok(Parts { fim, files, without_sensor })
}

/// `known`: roots that were watched before.
fn policy_of(config: &Config, known: &[Vec<u8>]) -> Policy {
    Policy::compile(policy_def(&config.syscheck, &config.paths, config.analysis.strict_ossec, known))
}

/// Each pause with the one after it.
fn pauses() -> impl Iterator<Item = (Duration, Duration)> {
    let next = |pause: Duration| (pause * 2).min(LONGEST_PAUSE);
    std::iter::successors(Some(FIRST_PAUSE), move |pause| Some(next(*pause))).map(move |pause| (pause, next(pause)))
}

fn text(why: &FimError) -> String {
    error_chain(why)
}

fn help(why: &FimError) -> &'static str {
    match why {
        FimError::Store(why) => why.help(),
        FimError::Thread(_) => "check the service's limits on threads and open files",
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_ten_seconds_to_five_minutes_and_never_end() {
        let seconds: Vec<u64> = pauses().take(8).map(|(pause, _)| pause.as_secs()).collect();
        assert_eq!(seconds, [10, 20, 40, 80, 160, 300, 300, 300]);
        assert!(pauses().take(20).collect::<Vec<_>>().windows(2).all(|pair| pair[0].1 == pair[1].0));
    }
}
