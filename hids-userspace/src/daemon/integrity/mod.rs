//! File integrity as the daemon runs it: the sensor of file events, and the stage that joins it with
//! the baseline.
//!
//! | Channel | Holds | When full |
//! | --- | --- | --- |
//! | sensor → fim | 64 batches of events | the sensor waits; the kernel's queue holds events, and tells when it overflows |
//! | guard → fim | 1,024 refusals | dropped and counted by the guard |

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use hids_core::fim::{Policy, Schedule};
use hids_core::model::LogBatch;
use jiff::tz::TimeZone;
use tracing::error;

use super::protection::Protection;
use crate::config::{Config, SyscheckConfig};
use crate::fim::examine::{ExamineOptions, Prefilter};
use crate::fim::policy_def;
use crate::fim::request::{FimRequest, FimView};
use crate::fim::scan::ScanOptions;
use crate::fim::watch::{self, FimHandle, FimInputs, FimOptions};
use crate::sensors::files::{self, FilesHandle, FilesOptions, FilesTuning};
use crate::sensors::guard::GuardMode;
use crate::sensors::{self, SensorsHandle, WhoLookup};

/// Batches between the sensor and the stage.
const SENSED: usize = 64;

/// Refusals between the guard and the stage.
const REFUSALS: usize = 1024;

/// How long a start waits for the kernel's marks; what is marked later is told as a gap.
const MARKS_PATIENCE: Duration = Duration::from_secs(10);

/// The running parts.
#[derive(Debug)]
pub(super) struct Integrity {
    fim: FimHandle,
    files: Option<FilesHandle>,
    protection: Protection,
    /// Why there is no sensor although one is wanted.
    without_sensor: Option<String>,
}

/// How file integrity stands when it does not run.
#[derive(Debug)]
pub(super) enum State {
    /// `<syscheck>` watches nothing.
    Off,
    /// It runs.
    Runs(Box<Integrity>),
    /// It cannot run, for this reason.
    Failed(String),
}

impl State {
    /// Starts what `<syscheck>` asks for. What fails here does not keep the daemon from its other work.
    ///
    /// Where events are wanted, the sensors are started before: who did something can only be told of
    /// processes that the kernel's programs have seen.
    pub(super) fn start(config: &Config, committed: u64, batches: Sender<LogBatch>) -> (Self, Option<SensorsHandle>) {
        if config.syscheck.disabled || config.syscheck.directories.is_empty() {
            return (Self::Off, None);
        }
        let sensors = wants_events(&config.syscheck).then(sensors::start);
        let who = sensors.as_ref().map(SensorsHandle::who);
        let state = Self::started(Integrity::start(config, committed, who, batches));
        (state, sensors)
    }

    fn started(integrity: Result<Integrity, watch::FimError>) -> Self {
        match integrity {
            Ok(integrity) => Self::Runs(Box::new(integrity)),
            Err(why) => {
                let why = format!("{:#}", anyhow::Error::from(why));
                error!(
                    why,
                    lost = "changes of files are not seen",
                    help = "hidsctl fim verify, or remove fim.redb for a new baseline",
                    "file integrity does not run"
                );
                Self::Failed(why)
            }
        }
    }

    /// Whether everything that happened before the start has been found, or never will be.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::Runs(integrity) => integrity.fim.is_caught_up(),
            Self::Off | Self::Failed(_) => true,
        }
    }

    /// The part `fim` of `hidsctl status`.
    pub(super) fn status(&self) -> serde_json::Value {
        match self {
            Self::Off => serde_json::Value::Null,
            Self::Failed(why) => serde_json::json!({ "enabled": false, "trouble": why }),
            Self::Runs(integrity) => {
                let (view, files) = integrity.report();
                let mut status = serde_json::json!(view);
                if let Some(map) = status.as_object_mut() {
                    map.insert("sensor".into(), serde_json::json!(files));
                    map.insert("guard".into(), serde_json::json!(integrity.protection.report()));
                }
                status
            }
        }
    }

    /// What an administrator has to know first.
    pub(super) fn problems(&self) -> Vec<String> {
        match self {
            Self::Off => Vec::new(),
            Self::Failed(why) => vec![format!("file integrity does not run: {why}")],
            Self::Runs(integrity) => {
                let view = integrity.fim.report();
                let trouble = view.trouble.map(|why| format!("changes of files are not alerted: {why}"));
                let gaps = match view.gaps.len() {
                    0 => None,
                    count => Some(format!("changes of files may be missed in {count} places until they are scanned")),
                };
                let blind = integrity.without_sensor.as_ref();
                let blind = blind.map(|why| format!("changes of files are found by scans only: {why}"));
                trouble.into_iter().chain(gaps).chain(blind).chain(integrity.protection.problem()).collect()
            }
        }
    }

    /// Watches by another configuration from now on, if it runs.
    pub(super) fn reload(&self, config: &Config) {
        if let Self::Runs(integrity) = self {
            integrity.reload(config);
        }
    }

    /// Whether `config` asks for something that only a start gives.
    pub(super) fn needs_restart(&self, config: &Config) -> bool {
        let wanted = !config.syscheck.disabled && !config.syscheck.directories.is_empty();
        match self {
            Self::Runs(integrity) => {
                let protects = Protection::is_wanted(&config.syscheck);
                !wanted
                    || (integrity.files.is_none() && wants_events(&config.syscheck))
                    || (protects && matches!(integrity.protection, Protection::NotWanted))
            }
            Self::Off | Self::Failed(_) => wanted,
        }
    }

    /// Answers `hidsctl fim`; may take long.
    pub(super) fn answer(&self, request: FimRequest) -> Result<serde_json::Value, String> {
        match self {
            Self::Runs(integrity) => integrity.answer(request),
            Self::Off if request == FimRequest::Status => {
                serde_json::to_value(FimView::default()).map_err(|error| error.to_string())
            }
            Self::Off => Err("file integrity is off: <syscheck> watches nothing".to_owned()),
            Self::Failed(why) => Err(format!("file integrity does not run: {why}")),
        }
    }
}

impl Integrity {
    fn start(
        config: &Config,
        committed: u64,
        who: Option<Arc<dyn WhoLookup>>,
        batches: Sender<LogBatch>,
    ) -> Result<Self, watch::FimError> {
        let syscheck = &config.syscheck;
        let policy = Arc::new(Policy::compile(policy_def(syscheck, config.analysis.strict_ossec)));
        let (sensed_sender, sensed) = bounded(SENSED);
        let (refusal_sender, refusals) = bounded(REFUSALS);
        let protection = match &who {
            Some(who) => Protection::start(syscheck, Arc::clone(who), refusal_sender),
            None => Protection::NotWanted,
        };
        let files = who.map(|who| {
            files::start(
                FilesOptions {
                    policy: Arc::clone(&policy),
                    who,
                    own_pid: Some(std::process::id()),
                    tuning: FilesTuning::default(),
                },
                sensed_sender,
            )
        });
        let (files, without_sensor) = match files {
            None => (None, None),
            Some(Ok(files)) => (Some(files), None),
            Some(Err(why)) => {
                error!(
                    why = why.with_sources(),
                    lost = "changes are found by scans only",
                    help = why.help(),
                    "realtime watching of files does not work"
                );
                (None, Some(why.with_sources()))
            }
        };
        if let Some(files) = &files {
            files.wait_ready(MARKS_PATIENCE);
        }
        let options = FimOptions {
            state: config.paths.state.clone(),
            policy,
            schedule: schedule(syscheck),
            scan_on_start: syscheck.scan_on_start,
            scan: scan_options(syscheck),
            text_limit: syscheck.diff_size_limit,
            summarise_updates: syscheck.summarise_updates,
            zone: TimeZone::system(),
            committed,
        };
        let fim = watch::start(options, FimInputs { sensed, refusals, batches })?;
        if let Some(news) = protection.news() {
            fim.tell_protection(news);
        }
        Ok(Self { fim, files, protection, without_sensor })
    }

    /// Watches by another configuration from now on.
    pub(super) fn reload(&self, config: &Config) {
        let policy = Arc::new(Policy::compile(policy_def(&config.syscheck, config.analysis.strict_ossec)));
        if let Some(files) = &self.files {
            files.replace_policy(Arc::clone(&policy));
        }
        self.fim.replace(policy, schedule(&config.syscheck), scan_options(&config.syscheck));
        if let Some(news) = self.protection.reload(&config.syscheck) {
            self.fim.tell_protection(news);
        }
    }

    /// What `hidsctl status` shows.
    pub(super) fn report(&self) -> (FimView, Option<files::FilesReport>) {
        let view = FimView { protection: self.protection.text(), ..self.fim.report() };
        (view, self.files.as_ref().map(FilesHandle::report))
    }

    fn answer(&self, request: FimRequest) -> Result<serde_json::Value, String> {
        match request {
            FimRequest::Status => serde_json::to_value(self.report().0).map_err(|error| error.to_string()),
            FimRequest::Protect { enforce } => {
                let (mode, by) = match enforce {
                    true => (GuardMode::Enforce, "hidsctl fim protect on"),
                    false => (GuardMode::Monitor, "hidsctl fim protect off"),
                };
                let news = self.protection.switch(mode, by)?;
                self.fim.tell_protection(news);
                Ok(serde_json::json!({ "enforced": enforce }))
            }
            request => self.fim.answer(request),
        }
    }

    /// The sensor first, then what takes from it.
    pub(super) fn stop(self) {
        if let Some(files) = self.files {
            files.stop();
        }
        self.fim.stop();
    }
}

fn wants_events(config: &SyscheckConfig) -> bool {
    config.directories.iter().any(|watched| watched.realtime || watched.who || watched.protect)
}

fn schedule(config: &SyscheckConfig) -> Schedule {
    Schedule { frequency: config.frequency, time: config.scan_time, days: config.scan_days }
}

fn scan_options(config: &SyscheckConfig) -> ScanOptions {
    let words = config.prefilter.iter().map(|word| word.clone().into_bytes());
    let prefilter = Prefilter::from_words(words).map(Arc::new);
    ScanOptions {
        nice: Some(i32::from(config.scan_nice)),
        rate_bytes_per_second: config.scan_rate_mib.map(|mib| u64::from(mib) << 20),
        examine: ExamineOptions { prefilter, ..ExamineOptions::default() },
        ..ScanOptions::default()
    }
}
