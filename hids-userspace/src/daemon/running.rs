//! The daemon while it runs: answers the control socket, reloads, stops.

use std::process;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hids_core::diag::{Diagnostic, Severity};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tracing::{error, info};

use super::lifecycle::load;
use super::losses::Losses;
use super::status;
use super::wiring::Stages;
use crate::config::{Config, LoadOptions};
use crate::control::{Answer, Reply, Request};
use crate::fim::request::FimRequest;
use crate::respond::{self, Mode};
use crate::sensors::files::MarkChoice;
use crate::sensors::selftest::{self, Actor, SelfTestOptions};
use crate::sensors::{self, SensorReport, SensorsHandle};
use crate::sys::memory;

/// How long the responder may take to answer a question.
const RESPONDER_PATIENCE: Duration = Duration::from_secs(20);

/// How long a status waits for the newest counters.
const REPORT_PATIENCE: Duration = Duration::from_millis(500);

/// How long a reload waits for the collector, which may itself wait for a full disk.
const COLLECTOR_PATIENCE: Duration = Duration::from_secs(5);

/// The stages together with what the daemon must remember to answer and to reload.
pub(super) struct Running {
    options: LoadOptions,
    mode: Mode,
    started: Instant,
    state: Mutex<State>,
    sensors: Mutex<Option<SensorsHandle>>,
    losses: Mutex<Losses>,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
}

struct State {
    config: Config,
    stages: Stages,
}

impl Running {
    /// Around stages that run.
    pub(super) fn new(config: Config, options: LoadOptions, mode: Mode, stages: Stages) -> Self {
        Self {
            options,
            mode,
            started: Instant::now(),
            state: Mutex::new(State { config, stages }),
            sensors: Mutex::new(None),
            losses: Mutex::default(),
            reloading: tokio::sync::Mutex::new(()),
        }
    }

    /// Tries the kernel sensors, unless they run already, and proves what the one of file events sees.
    /// Takes some tenths of a second, so readiness does not wait for it.
    pub(super) fn start_sensors(&self) {
        let (started, directory) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.stages.sensors.take(), state.config.paths.state.clone())
        };
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

    /// Tells the log what the kernel's programs have lost since it was told last.
    pub(super) fn tell_losses(&self) {
        let sensors = self.sensors.lock().unwrap_or_else(PoisonError::into_inner);
        let processes = sensors.as_ref().map_or(0, SensorsHandle::processes_lost);
        drop(sensors);
        let refusals = self.state.lock().unwrap_or_else(PoisonError::into_inner).stages.integrity.refusals_lost();
        let mut losses = self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        losses.note(processes, refusals, Instant::now());
    }

    /// Reads everything again; what is wrong is logged, and the old state stays.
    pub(super) async fn reload_and_log(&self) {
        if let Err(why) = self.reload().await {
            error!(%why, "the configuration was not read again; the old one stays in force");
        }
    }

    /// Whether what happened to files before the start has been found.
    pub(super) fn is_caught_up(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stages.integrity.is_ready()
    }

    /// Waits until what was found is recorded; not for ever, since the disk may be full.
    pub(super) async fn until_recorded(&self) {
        const PATIENCE: Duration = Duration::from_secs(2);
        let recorded = self.state.lock().unwrap_or_else(PoisonError::into_inner).stages.analysis.committed();
        let _ = tokio::task::spawn_blocking(move || recorded.recv_timeout(PATIENCE)).await;
    }

    /// Stops every stage.
    pub(super) fn stop(self) {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.stages.stop();
    }

    /// Parses and compiles everything first, then swaps; an error leaves all as it was.
    async fn reload(&self) -> Result<Value, String> {
        let _one_at_a_time = self.reloading.lock().await;
        let options = self.options.clone();
        let loaded = tokio::task::spawn_blocking(move || load(&options)).await;
        let (ready, diagnostics) = loaded.map_err(|error| format!("reading the configuration failed: {error}"))?;
        let said: String = diagnostics.iter().map(Diagnostic::render).collect();
        let Some((config, engine)) = ready else { return Err(format!("{said}the old configuration stays in force")) };
        // While the recorder waits, all stages before it do, and none could be exchanged.
        if let Some(why) = self.recording_waits_because() {
            return Err(format!(
                "alerts cannot be written ({why}); the old configuration stays in force until they can be"
            ));
        }
        self.ask(|reply| respond::Request::Reload(Box::new(config.respond.clone()), reply)).await?.map_err(
            |error| format!("the active responses cannot be used: {error}; the old configuration stays in force"),
        )?;
        let (restart_for, found) = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.stages.analysis.replace(engine);
            let found = state.stages.collector.reload(config.collect.clone());
            let State { config: old, stages } = &mut *state;
            stages.reload_mail(old, &config);
            stages.integrity.reload(&config);
            let mut unchangeable = unchangeable(&state.config, &config);
            unchangeable.extend(state.stages.integrity.needs_restart(&config).then_some("file integrity"));
            state.config = config;
            (unchangeable, found)
        };
        // An answer before the new logs have been found would promise lines that are then passed over.
        let _ = tokio::task::spawn_blocking(move || found.recv_timeout(COLLECTOR_PATIENCE)).await;
        let warnings = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning).count();
        info!(warnings, "the configuration was read again");
        let _ = tokio::task::spawn_blocking(memory::give_back).await;
        Ok(json!({ "reloaded": true, "warnings": warnings, "needs_restart": restart_for }))
    }

    fn recording_waits_because(&self) -> Option<String> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.stages.recorder.report().waiting_because
    }

    /// Asks the responder and waits for its answer.
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> respond::Request) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        let questions = self.state.lock().unwrap_or_else(PoisonError::into_inner).stages.responder.questions();
        questions.try_send(request(reply)).map_err(|_| "the responder is overloaded; try again".to_owned())?;
        match tokio::time::timeout(RESPONDER_PATIENCE, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            _ => Err("the responder did not answer; see hidsctl status and the daemon's log".into()),
        }
    }

    /// The responder's counters as they are now; after its last batch when it has too much to do to answer.
    async fn respond_report(&self) -> respond::ReportView {
        let (reply, answer) = oneshot::channel();
        let questions = self.state.lock().unwrap_or_else(PoisonError::into_inner).stages.responder.questions();
        if questions.try_send(respond::Request::Report(reply)).is_ok()
            && let Ok(Ok(report)) = tokio::time::timeout(REPORT_PATIENCE, answer).await
        {
            return report;
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stages.responder.report()
    }

    async fn status(&self) -> Result<Value, String> {
        let respond = self.respond_report().await;
        let sensors: Option<SensorReport> =
            self.sensors.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(SensorsHandle::report);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let daemon = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "pid": process::id(),
            "uptime_seconds": self.started.elapsed().as_secs(),
            "memory_bytes": status::resident_bytes(),
            "mode": if self.mode == Mode::Act { "acting" } else { "dry-run" },
            "config": state.config.paths.config_file,
        });
        Ok(status::of(daemon, &state.stages, &respond, sensors.as_ref()))
    }

    /// Answers about file integrity on a thread of its own: a check of a million entries takes seconds.
    async fn fim(&self, request: FimRequest) -> Result<Value, String> {
        let integrity = self.state.lock().unwrap_or_else(PoisonError::into_inner).stages.integrity.clone();
        let answer = tokio::task::spawn_blocking(move || integrity.answer(request)).await;
        answer.map_err(|error| format!("the question could not be answered: {error}"))?
    }

    async fn take(&self, request: Request) -> Result<Value, String> {
        let value = |value: serde_json::Result<Value>| value.map_err(|error| error.to_string());
        match request {
            Request::Status => self.status().await,
            Request::Reload => self.reload().await,
            Request::BlocksList { after, most } => {
                let page = respond::Page { after, most };
                value(serde_json::to_value(self.ask(|reply| respond::Request::List(page, reply)).await?))
            }
            Request::BlocksAdd { address, seconds, reason } => {
                let duration = seconds.map(Duration::from_secs);
                let added = self.ask(|reply| respond::Request::Add { address, duration, reason, reply }).await?;
                value(serde_json::to_value(added.map_err(|refusal| format!("{address} is not blocked: {refusal}"))?))
            }
            Request::BlocksRemove { address } => {
                let removed = self.ask(|reply| respond::Request::Remove { address, reply }).await?;
                if removed { Ok(json!({ "removed": address })) } else { Err(format!("{address} is not blocked")) }
            }
            Request::BlocksFlush => {
                Ok(json!({ "removed": self.ask(|reply| respond::Request::Flush { reply }).await? }))
            }
            Request::Fim(request) => self.fim(request).await,
            Request::Why { address } => {
                value(serde_json::to_value(self.ask(|reply| respond::Request::Why { address, reply }).await?))
            }
        }
    }
}

impl Answer for Running {
    async fn answer(&self, request: Request) -> Reply {
        match self.take(request).await {
            Ok(value) => Reply::Ok(value),
            Err(why) => Reply::Refused(why),
        }
    }
}

/// Parts of the configuration that changed but are only read at start.
fn unchangeable(old: &Config, new: &Config) -> Vec<&'static str> {
    let differs = |old: &dyn std::fmt::Debug, new: &dyn std::fmt::Debug| format!("{old:?}") != format!("{new:?}");
    let mut parts = Vec::new();
    if old.mail.enabled != new.mail.enabled {
        parts.push("mail");
    }
    if differs(&old.record, &new.record) {
        parts.push("alert files");
    }
    if differs(&old.syslog_outputs, &new.syslog_outputs) {
        parts.push("syslog outputs");
    }
    if !parts.is_empty() {
        tracing::warn!(
            parts = parts.join(", "),
            help = "restart hidsd",
            "changes of these parts are only taken up at start"
        );
    }
    parts
}
