//! File integrity as the daemon runs it: the sensor of file events, and the stage that joins it with
//! the baseline.
//!
//! | Channel | Holds | When full |
//! | --- | --- | --- |
//! | sensor → fim | 64 batches of events | the sensor waits; the kernel's queue holds events, and tells when it overflows |
//! | guard → fim | 1,024 refusals | dropped and counted by the guard |

mod options;
mod stage;
mod wildcards;
mod window;

use std::sync::Arc;

use crossbeam_channel::{Sender, bounded};
use hids_common::guard::GuardDrop;
use hids_core::model::{LogBatch, Timestamp};
use jiff::tz::TimeZone;

pub(super) use self::options::wants_events;
use self::stage::{Means, Parts, Stage};
use super::problem::Problem;
use super::protection::Protection;
use crate::config::Config;
use crate::fim::QueryError;
use crate::fim::protocol::{FimRequest, FimView};
use crate::sensors::files::{FilesHandle, FilesReport};
use crate::sensors::guard::GuardMode;
use crate::sensors::{self, SensorsHandle, WhoLookup};

/// Refusals between the guard and the stage.
const REFUSALS: usize = 1024;

/// How file integrity stands.
#[derive(Debug)]
pub(super) enum State {
    /// It is being started; the daemon does its other work meanwhile.
    Starting,
    /// `<syscheck>` watches nothing.
    Off,
    /// It runs, or waits for its baseline.
    On(Box<Integrity>),
}

/// What `<syscheck>` asks for. Protection does not need the baseline.
#[derive(Debug)]
pub(super) struct Integrity {
    stage: Stage,
    protection: Protection,
}

impl State {
    /// Starts what `<syscheck>` asks for. What fails here does not keep the daemon from its other work.
    ///
    /// Where events are wanted, the sensors are started before: who did something can only be told of
    /// processes that the kernel's programs have seen. `known` are sensors that run already.
    pub(super) fn start(
        config: &Config,
        committed: u64,
        batches: Sender<LogBatch>,
        known: Option<Arc<dyn WhoLookup>>,
    ) -> (Self, Option<SensorsHandle>) {
        if config.syscheck.disabled || config.syscheck.directories.is_empty() {
            return (Self::Off, None);
        }
        let wants_events = wants_events(&config.syscheck);
        let sensors = (wants_events && known.is_none()).then(sensors::start);
        let who = known.filter(|_| wants_events).or_else(|| sensors.as_ref().map(SensorsHandle::who));
        let (refusal_sender, refusals) = bounded(REFUSALS);
        let protection = match &who {
            Some(who) => Protection::start(&config.syscheck, Arc::clone(who), refusal_sender),
            None => Protection::NotWanted,
        };
        let stage = Stage::start(Means { config: config.clone(), version: 0, committed, who, refusals, batches });
        if let Some(news) = protection.news() {
            stage.tell_protection(news);
        }
        (Self::On(Box::new(Integrity { stage, protection })), sensors)
    }

    /// Whether everything that happened before the start has been found, as far as it can be now.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::On(integrity) => integrity.stage.parts().is_none_or(|parts| parts.fim.is_caught_up()),
            Self::Off => true,
            Self::Starting => false,
        }
    }

    /// Whether questions can be answered, if only by saying why nothing runs.
    pub(super) fn is_started(&self) -> bool {
        !matches!(self, Self::Starting)
    }

    /// Whether the kernel's guard is at work.
    pub(super) fn protects(&self) -> bool {
        matches!(self, Self::On(integrity) if integrity.protection.report().is_some())
    }

    /// The part `fim` of `hidsctl status`. `caught_up`: whether the changes from before the start are recorded.
    pub(super) fn status(&self, caught_up: bool) -> serde_json::Value {
        let integrity = match self {
            Self::Off => return serde_json::Value::Null,
            Self::Starting => return serde_json::json!({ "enabled": true, "caught_up": false }),
            Self::On(integrity) => integrity,
        };
        let (view, files) = integrity.report();
        let mut status = serde_json::json!(view);
        if let Some(map) = status.as_object_mut() {
            map.insert("caught_up".into(), (caught_up && self.is_ready()).into());
            map.insert("sensor".into(), serde_json::json!(files));
            map.insert("guard".into(), serde_json::json!(integrity.protection.report()));
        }
        status
    }

    /// What an administrator has to know first.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let Self::On(integrity) = self else { return Vec::new() };
        let mut problems = Vec::new();
        match integrity.stage.parts() {
            None => problems.extend(
                integrity
                    .stage
                    .trouble()
                    .map(|(why, help)| Problem::critical(format!("file integrity is not running: {why}"), help)),
            ),
            Some(parts) => problems.extend(of_parts(parts)),
        }
        problems.extend(integrity.protection.problem());
        problems
    }

    /// Watches by another configuration from now on, if it is on.
    pub(super) fn reload(&self, config: &Config) {
        if let Self::On(integrity) = self {
            integrity.reload(config);
        }
    }

    /// Answers `hidsctl fim`; may take long.
    pub(super) fn answer(&self, request: FimRequest) -> Result<serde_json::Value, QueryError> {
        match self {
            Self::On(integrity) => integrity.answer(request),
            Self::Off if request == FimRequest::Status => Ok(serde_json::to_value(FimView::default())?),
            Self::Off => Err(QueryError::Disabled),
            Self::Starting => Err(QueryError::Starting),
        }
    }

    /// Writes that the guard could not tell of; those that were told once for many are none.
    pub(super) fn refusals_lost(&self) -> u64 {
        let Self::On(integrity) = self else { return 0 };
        let report = integrity.protection.report();
        let counts = report.iter().flat_map(|report| &report.dropped);
        counts.filter(|(reason, _)| **reason != GuardDrop::Repeated.name()).map(|(_, count)| count).sum()
    }

    /// Ends what runs, if anything does.
    pub(super) fn stop(self) {
        if let Self::On(integrity) = self {
            integrity.stage.stop();
        }
    }
}

/// What is wrong with a stage that runs.
fn of_parts(parts: &Parts) -> Vec<Problem> {
    let mut problems = Vec::new();
    let view = parts.fim.report();
    problems.extend(view.trouble.map(|why| {
        let remedy = "free disk space below the state directory; if that is not the cause, run hidsctl fim verify";
        Problem::critical(format!("file changes are not reported: {why}"), remedy)
    }));
    problems.extend(view.windows.iter().filter(|window| window.everything).map(|window| {
        let (since, until) = (local(&window.opened), local(&window.ends));
        Problem::warning(
            format!("maintenance mode since {since}: file changes are accepted without alerts until {until}"),
            "hidsctl fim maintenance end",
        )
    }));
    if !view.gaps.is_empty() {
        let count = view.gaps.len();
        problems.push(Problem::warning(
            format!("file changes may have been missed in {count} directory trees; rescan in progress"),
            "wait for the rescan, which reports what changed (hidsctl fim status shows the directories)",
        ));
    }
    problems.extend(
        parts
            .without_sensor
            .as_ref()
            .map(|(why, help)| Problem::warning(format!("file changes are detected by scans only: {why}"), *help)),
    );
    problems
}

/// A time of a report as people read it.
fn local(time: &str) -> String {
    Timestamp::parse_rfc3339(time).map_or_else(|| time.to_owned(), |time| time.local_text(&TimeZone::system()))
}

impl Integrity {
    fn reload(&self, config: &Config) {
        self.stage.reload(config);
        if let Some(news) = self.protection.reload(&config.syscheck) {
            self.stage.tell_protection(news);
        }
    }

    /// What `hidsctl status` shows.
    fn report(&self) -> (FimView, Option<FilesReport>) {
        let protection = self.protection.text();
        match self.stage.parts() {
            Some(parts) => {
                let files = parts.files.as_ref().map(FilesHandle::report);
                (FimView { protection, ..parts.fim.report() }, files)
            }
            None => {
                let trouble = self.stage.trouble().map(|(why, _)| why);
                (FimView { enabled: true, trouble, protection, ..FimView::default() }, None)
            }
        }
    }

    fn answer(&self, request: FimRequest) -> Result<serde_json::Value, QueryError> {
        match request {
            FimRequest::Status => Ok(serde_json::to_value(self.report().0)?),
            FimRequest::Protect { enforce } => {
                let (mode, by) = match enforce {
                    true => (GuardMode::Enforce, "hidsctl fim protect on"),
                    false => (GuardMode::Monitor, "hidsctl fim protect off"),
                };
                let news = self.protection.switch(mode, by)?;
                self.stage.tell_protection(news);
                Ok(serde_json::json!({ "enforced": enforce }))
            }
            request => match self.stage.parts() {
                Some(parts) => match request {
                    FimRequest::WindowOpen(wish) => parts.fim.open_window(window::of(wish, self.stage.who())?),
                    request => parts.fim.answer(request),
                },
                None => {
                    let why = self.stage.trouble().unwrap_or_default().0;
                    Err(QueryError::NotRunning { why })
                }
            },
        }
    }
}
