//! The daemon while it runs: answers the control socket, reloads, stops.

use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hids_core::diag::{Diagnostic, Severity};
use hids_core::model::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::load::{Loaded, load};
use super::losses::Losses;
use super::problem::Problem;
use super::problems::Facts;
use super::request_error::RequestError;
use super::restored::{self, RestoredNews};
use super::state::{State, lock};
use super::take_up;
use super::wiring::Stages;
use super::{parts, status};
use crate::config::{self, AllowedNet, Config, LoadOptions, RespondConfig};
use crate::control::{Answer, Reply, Request};
use crate::fim::protocol::FimRequest;
use crate::platform::clock;
use crate::platform::error_chain::error_chain;
use crate::respond::{self, Mode};
use crate::sensors::files::MarkChoice;
use crate::sensors::selftest::{self, Actor, SelfTestOptions};
use crate::sensors::{self, SensorReport, SensorsHandle};
use crate::sys::memory;

/// How long the responder may take to answer a question.
const RESPONDER_PATIENCE: Duration = Duration::from_secs(20);

/// How long a status waits for the newest counters.
const REPORT_PATIENCE: Duration = Duration::from_millis(500);

/// How long a question about files waits for file integrity to start.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// How long a reload waits for the collector, which may itself wait for a full disk.
const COLLECTOR_PATIENCE: Duration = Duration::from_secs(5);

/// The stages together with what the daemon must remember to answer and to reload.
pub(super) struct Running {
    options: LoadOptions,
    mode: Mode,
    started: Instant,
    started_at: Timestamp,
    /// Shared with threads that take up what takes long.
    state: Arc<Mutex<State>>,
    sensors: Arc<Mutex<Option<SensorsHandle>>>,
    losses: Mutex<Losses>,
    restored: Mutex<RestoredNews>,
    /// One reload at a time; starting file integrity is one.
    reloading: Arc<tokio::sync::Mutex<()>>,
}

impl Running {
    /// Around stages that run.
    pub(super) fn new(
        config: Config,
        unusable: Vec<Problem>,
        options: LoadOptions,
        mode: Mode,
        stages: Stages,
    ) -> Self {
        Self {
            options,
            mode,
            started: Instant::now(),
            started_at: clock::now(),
            state: Arc::new(Mutex::new(State {
                running: config.clone(),
                wanted: config,
                stages,
                unusable,
                caught_up: false,
            })),
            sensors: Arc::default(),
            losses: Mutex::default(),
            restored: Mutex::default(),
            reloading: Arc::default(),
        }
    }

    /// Starts file integrity, tries the kernel sensors, unless they run already, and proves what the one of
    /// file events sees. Takes some tenths of a second and up to minutes, so readiness does not wait for it.
    pub(super) fn start_rest(&self) {
        let started = {
            let _one_at_a_time = self.reloading.blocking_lock();
            take_up::first_integrity(&self.state, None)
        };
        let directory = lock(&self.state).running.paths.state.clone();
        let watches_files = started.is_some();
        let handle = started.unwrap_or_else(sensors::start);
        let who = handle.who();
        *self.sensors.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
        if watches_files {
            let actor = Actor::this_program();
            let proven = selftest::run(&SelfTestOptions { directory, actor, who, marks: MarkChoice::Best });
            if let Some(handle) = self.sensors.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                handle.take_self_test(proven);
            }
        }
    }

    /// Hands on what the responder had to restore; what finds no room now is told the next time.
    pub(super) fn tell_restored(&self) {
        let (report, batches) = {
            let state = lock(&self.state);
            (state.stages.responder.report(), state.stages.batches.clone())
        };
        let mut restored = self.restored.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(news) = restored.news(&report, now)
            && batches.try_send(restored::batch(news.clone(), clock::now())).is_ok()
        {
            restored.told(&news, now);
        }
    }

    /// Tells the log what the kernel's programs have lost since it was told last.
    pub(super) fn tell_losses(&self) {
        let sensors = self.sensors.lock().unwrap_or_else(PoisonError::into_inner);
        let processes = sensors.as_ref().map_or(0, SensorsHandle::processes_lost);
        drop(sensors);
        let refusals = lock(&self.state).stages.integrity.refusals_lost();
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        losses.note(processes, refusals, Instant::now());
    }

    /// Reads everything again; what is wrong is logged, and the old state stays.
    pub(super) async fn reload_and_log(&self) {
        if let Err(why) = self.reload().await {
            error!(%why, "configuration reload failed; keeping the previous configuration");
        }
    }

    /// Whether what happened to files before the start has been found.
    pub(super) fn is_caught_up(&self) -> bool {
        lock(&self.state).stages.integrity.is_ready()
    }

    /// Waits until what was found is recorded; not for ever, since the disk may be full. `status` says so then.
    pub(super) async fn until_recorded(&self) {
        const PATIENCE: Duration = Duration::from_secs(2);
        let recorded = lock(&self.state).stages.analysis.committed();
        let _ = tokio::task::spawn_blocking(move || recorded.recv_timeout(PATIENCE)).await;
        lock(&self.state).caught_up = true;
    }

    /// Stops every stage.
    pub(super) fn stop(self) {
        if let Some(state) = Arc::into_inner(self.state) {
            state.into_inner().unwrap_or_else(PoisonError::into_inner).stages.stop();
        }
    }

    /// Parses and compiles everything first, then takes it up part by part; an error leaves all as it was.
    async fn reload(&self) -> Result<Value, RequestError> {
        let one_at_a_time = Arc::clone(&self.reloading).lock_owned().await;
        let options = self.options.clone();
        let loaded = tokio::task::spawn_blocking(move || load(&options)).await;
        let (ready, diagnostics) = loaded.map_err(RequestError::NotRead)?;
        let Some(loaded) = ready else {
            let rendered = diagnostics.iter().map(Diagnostic::render).collect();
            return Err(RequestError::Configuration { rendered });
        };
        // While the recorder waits, all stages before it do, and none could be exchanged.
        if let Some(why) = self.recording_waits_because() {
            return Err(RequestError::RecordingWaits { why });
        }
        let Loaded { config, engine, unusable } = loaded;
        self.ask(|reply| respond::Request::Reload(Box::new(config.respond.clone()), reply)).await?;
        let found = {
            let mut state = lock(&self.state);
            state.stages.analysis.replace(engine, &config);
            let found = state.stages.collector.reload(config.collect.clone());
            state.running.analysis = config.analysis.clone();
            state.running.collect = config.collect.clone();
            state.running.respond = config.respond.clone();
            (state.wanted, state.unusable) = (config.clone(), unusable);
            found
        };
        // An answer before the new logs have been found would promise lines that are then passed over.
        let _ = tokio::task::spawn_blocking(move || found.recv_timeout(COLLECTOR_PATIENCE)).await;
        let (state, sensors, mode) = (Arc::clone(&self.state), Arc::clone(&self.sensors), self.mode);
        let rest = tokio::task::spawn_blocking(move || {
            take_rest_up(&state, &sensors, &config, mode);
            drop(one_at_a_time);
            memory::give_back();
        });
        rest.await.map_err(RequestError::AppliedInPart)?;
        let waiting = self.needs_restart();
        let warnings = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning).count();
        info!(warnings, "configuration reloaded");
        if !waiting.is_empty() {
            warn!(
                parts = waiting.join(", "),
                help = "systemctl restart hidsd",
                "restart required to apply some changes"
            );
        }
        Ok(json!({ "reloaded": true, "warnings": warnings, "restart_required": waiting }))
    }

    /// Takes up the allow list alone; blocks of what it holds end.
    async fn reload_allow_list(&self) -> Result<Value, RequestError> {
        let _one_at_a_time = self.reloading.lock().await;
        let path = lock(&self.state).running.paths.config_file.clone();
        let read = tokio::task::spawn_blocking(move || config::load_allowed(&path)).await;
        let allowed = read.map_err(RequestError::NotRead)?.map_err(|rendered| RequestError::AllowList { rendered })?;
        let respond = respond_with(&lock(&self.state).running, &allowed);
        self.ask(|reply| respond::Request::Reload(Box::new(respond), reply)).await?;
        let mut state = lock(&self.state);
        (state.running.respond.allowed, state.wanted.respond.allowed) = (allowed.clone(), allowed);
        let entries = state.running.respond.allowed.len();
        info!(entries, "allow list reloaded");
        Ok(json!({ "entries": entries }))
    }

    /// Parts that do not run as the configuration has them.
    fn needs_restart(&self) -> Vec<&'static str> {
        let state = lock(&self.state);
        parts::not_running(&state.running, &state.wanted)
    }

    fn recording_waits_because(&self) -> Option<String> {
        lock(&self.state).stages.recorder.report().waiting_because
    }

    /// Asks the responder and waits for its answer.
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> respond::Request) -> Result<T, RequestError> {
        let (reply, answer) = oneshot::channel();
        let questions = lock(&self.state).stages.responder.questions();
        questions.try_send(request(reply)).map_err(|_| RequestError::Overloaded)?;
        match tokio::time::timeout(RESPONDER_PATIENCE, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            _ => Err(RequestError::NoResponse),
        }
    }

    /// The responder's counters as they are now; after its last batch when it has too much to do to answer.
    async fn respond_report(&self) -> respond::ReportView {
        let (reply, answer) = oneshot::channel();
        let questions = lock(&self.state).stages.responder.questions();
        if questions.try_send(respond::Request::Report(reply)).is_ok()
            && let Ok(Ok(report)) = tokio::time::timeout(REPORT_PATIENCE, answer).await
        {
            return report;
        }
        lock(&self.state).stages.responder.report()
    }

    async fn status(&self) -> Value {
        let respond = self.respond_report().await;
        let sensors: Option<SensorReport> =
            self.sensors.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(SensorsHandle::report);
        let waiting = self.needs_restart();
        let state = lock(&self.state);
        let daemon = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "pid": process::id(),
            "started": self.started_at.rfc3339(&TimeZone::system()),
            "uptime_seconds": self.started.elapsed().as_secs(),
            "memory_bytes": status::resident_bytes(),
            "mode": if self.mode == Mode::Act { "blocking" } else { "dry-run" },
            "config": state.running.paths.config_file,
            "restart_required": waiting,
        });
        let facts = Facts { respond: &respond, sensors: sensors.as_ref(), waiting: &waiting };
        status::of(daemon, &state, facts)
    }

    /// Answers about file integrity on a thread of its own: a check of a million entries takes seconds.
    async fn fim(&self, request: FimRequest) -> Result<Value, RequestError> {
        let until = Instant::now() + START_PATIENCE;
        let integrity = loop {
            let integrity = Arc::clone(&lock(&self.state).stages.integrity);
            if integrity.is_started() || Instant::now() >= until {
                break integrity;
            }
            drop(integrity);
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let answer = tokio::task::spawn_blocking(move || integrity.answer(request)).await;
        Ok(answer.map_err(RequestError::Panicked)??)
    }

    async fn take(&self, request: Request) -> Result<Value, RequestError> {
        match request {
            Request::Status => Ok(self.status().await),
            Request::Reload => self.reload().await,
            Request::AllowReload => self.reload_allow_list().await,
            Request::BlocksList { after, most } => {
                let page = respond::Page { after, most };
                Ok(serde_json::to_value(self.ask(|reply| respond::Request::List(page, reply)).await?)?)
            }
            Request::BlocksAdd { address, seconds, reason } => {
                let duration = seconds.map(Duration::from_secs);
                let added = self.ask(|reply| respond::Request::Add { address, duration, reason, reply }).await?;
                let added = added.map_err(|source| RequestError::NotBlockable { address, source })?;
                Ok(serde_json::to_value(added)?)
            }
            Request::BlocksRemove { address } => {
                let removed = self.ask(|reply| respond::Request::Remove { address, reply }).await?;
                if removed { Ok(json!({ "removed": address })) } else { Err(RequestError::NotBlocked(address)) }
            }
            Request::BlocksFlush => {
                Ok(json!({ "removed": self.ask(|reply| respond::Request::Flush { reply }).await? }))
            }
            Request::Fim(request) => self.fim(request).await,
            Request::Why { address } => {
                Ok(serde_json::to_value(self.ask(|reply| respond::Request::Why { address, reply }).await?)?)
            }
        }
    }
}

impl Answer for Running {
    async fn answer(&self, request: Request) -> Reply {
        match self.take(request).await {
            Ok(value) => Reply::Ok(value),
            Err(why) => Reply::Refused(error_chain(&why)),
        }
    }
}

fn respond_with(running: &Config, allowed: &[AllowedNet]) -> RespondConfig {
    RespondConfig { allowed: allowed.to_vec(), ..running.respond.clone() }
}

/// What takes longer than a moment; what fails is logged, and stays different between what runs and what is wanted.
fn take_rest_up(state: &Mutex<State>, sensors: &Mutex<Option<SensorsHandle>>, config: &Config, mode: Mode) {
    take_up::outputs(state, config, mode);
    let who = sensors.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(SensorsHandle::who);
    match take_up::integrity(state, config, who) {
        Ok(None) => {}
        Ok(Some(started)) => *sensors.lock().unwrap_or_else(PoisonError::into_inner) = Some(started),
        Err(why) => error!(why = error_chain(&why), "new file integrity options not applied yet"),
    }
}
