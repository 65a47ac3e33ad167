//! Takes parts of a new configuration up while the stages run.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use jiff::tz::TimeZone;
use tracing::{error, info, warn};

use super::integrity;
use super::parts::{differs, integrity_starts_anew, is_on};
use super::state::{State, lock};
use super::wiring::{COMMITTED, open_spool, start_mail};
use crate::config::Config;
use crate::contracts::alert_spool::AlertSpool;
use crate::fim;
use crate::notify::mail::MailError;
use crate::notify::spool::SpoolError;
use crate::notify::syslog;
use crate::platform::error_chain::error_chain;
use crate::platform::hostname;
use crate::record::{Reconfiguration, ReconfigureError, SpoolChange};
use crate::respond::Mode;
use crate::sensors::{SensorsHandle, WhoLookup};

/// Why a part runs as before.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTakenUp {
    /// What is mailed cannot be kept.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// No mail can be sent.
    #[error(transparent)]
    Mail(#[from] MailError),
    /// Alerts are recorded as before.
    #[error(transparent)]
    Record(#[from] ReconfigureError),
    /// File integrity cannot be stopped meanwhile.
    #[error("a file integrity request is still running")]
    RequestRuns,
}

/// How long questions about files that are being answered are waited for.
const ANSWERS_PATIENCE: Duration = Duration::from_secs(10);
/// How long what file integrity has handed on may take to be recorded.
const COMMIT_PATIENCE: Duration = Duration::from_secs(5);

/// Alert files, mail and syslog outputs. What cannot be taken up stays as it was and is logged; afterwards
/// `running` says what runs. May take as long as a mail server does to answer, so not with the state locked.
pub(super) fn outputs(state: &Mutex<State>, wanted: &Config, mode: Mode) {
    syslog_outputs(state, wanted, mode);
    mail(state, wanted, mode);
    let mut state = lock(state);
    if differs(&state.running.record, &wanted.record) {
        let change = Reconfiguration { config: wanted.record.clone(), spool: SpoolChange::Keep, after_commit: None };
        match state.stages.recorder.reconfigure(change) {
            Ok(()) => state.running.record = wanted.record.clone(),
            Err(error) => error!(error = error_chain(&error), "alert file options not applied yet"),
        }
    }
}

/// The new outputs run before alerts go to them; the old ones send what they have.
fn syslog_outputs(state: &Mutex<State>, wanted: &Config, mode: Mode) {
    if !differs(&lock(state).running.syslog_outputs, &wanted.syslog_outputs) {
        return;
    }
    let (sender, alerts) = bounded(COMMITTED);
    let started = match wanted.syslog_outputs.as_slice() {
        [] => Ok(None),
        _ if mode == Mode::DryRun => Ok(None),
        outputs => syslog::start(outputs, alerts, &hostname::full(), TimeZone::system()).map(Some),
    };
    let started = match started {
        Ok(started) => started,
        Err(why) => return error!(error = %why, "invalid new syslog outputs; keeping the previous ones"),
    };
    let old = {
        let mut state = lock(state);
        let config = state.running.record.clone();
        let change = Reconfiguration { config, spool: SpoolChange::Keep, after_commit: Some(sender) };
        if let Err(error) = state.stages.recorder.reconfigure(change) {
            error!(error = error_chain(&error), "new syslog outputs not applied yet");
            drop(state);
            started.into_iter().for_each(syslog::SyslogHandle::stop);
            return;
        }
        state.running.syslog_outputs = wanted.syslog_outputs.clone();
        std::mem::replace(&mut state.stages.syslog, started)
    };
    old.into_iter().for_each(syslog::SyslogHandle::stop);
}

/// Sends mail by the new configuration, or no longer; what waits in the spool is kept.
fn mail(state: &Mutex<State>, wanted: &Config, mode: Mode) {
    let (running, old) = {
        let mut state = lock(state);
        if !differs(&state.running.mail, &wanted.mail) {
            return;
        }
        let old = state.stages.mail.take();
        (state.running.clone(), old)
    };
    // One sender at a time: the old one ends first, within its ten seconds.
    old.into_iter().for_each(crate::notify::mail::MailHandle::stop);
    let mut state = lock(state);
    match try_mail(&mut state, wanted, mode) {
        Ok(()) => state.running.mail = wanted.mail.clone(),
        Err(error) => {
            error!(error = error_chain(&error), "invalid new mail options; keeping the previous ones");
            let questions = state.stages.responder.questions();
            let spool = state.stages.spool.clone().filter(|_| running.mail.enabled);
            state.stages.mail = spool.and_then(|spool| start_mail(&running, &spool, questions).ok());
        }
    }
}

fn try_mail(state: &mut State, wanted: &Config, mode: Mode) -> Result<(), NotTakenUp> {
    let wants = wanted.mail.enabled && mode == Mode::Act;
    if wants && state.stages.spool.is_none() {
        state.stages.spool = open_spool(wanted, mode, &TimeZone::system())?;
    }
    let spool = state.stages.spool.clone().filter(|_| wants);
    let questions = || state.stages.responder.questions();
    let mail = spool.as_ref().map(|spool| start_mail(wanted, spool, questions())).transpose()?;
    let was_on = state.running.mail.enabled && mode == Mode::Act;
    let change = match spool {
        Some(spool) => {
            spool.set_full_subject(wanted.mail.full_subject);
            if was_on { SpoolChange::Keep } else { SpoolChange::On(Box::new(spool) as Box<dyn AlertSpool + Send>) }
        }
        None => SpoolChange::Off,
    };
    let change = Reconfiguration { config: state.running.record.clone(), spool: change, after_commit: None };
    if let Err(error) = state.stages.recorder.reconfigure(change) {
        mail.into_iter().for_each(crate::notify::mail::MailHandle::stop);
        return Err(error.into());
    }
    state.stages.mail = mail;
    Ok(())
}

/// Starts file integrity for the first time. Until it stands, questions about files wait.
pub(super) fn first_integrity(state: &Mutex<State>, who: Option<Arc<dyn WhoLookup>>) -> Option<SensorsHandle> {
    let (config, committed, batches) = {
        let state = lock(state);
        (state.running.clone(), state.stages.committed_notice, state.stages.batches.clone())
    };
    let (integrity, sensors) = integrity::State::start(&config, committed, batches, who);
    lock(state).stages.integrity = Arc::new(integrity);
    sensors
}

/// File integrity: changes what can be changed while it runs, else stops it and starts it again, which finds
/// what happens meanwhile as a start of the daemon does.
pub(super) fn integrity(
    state: &Mutex<State>,
    wanted: &Config,
    who: Option<Arc<dyn WhoLookup>>,
) -> Result<Option<SensorsHandle>, NotTakenUp> {
    let (running, current) = {
        let state = lock(state);
        (state.running.clone(), Arc::clone(&state.stages.integrity))
    };
    if !integrity_starts_anew(&running.syscheck, &wanted.syscheck) {
        if is_on(&wanted.syscheck) {
            current.reload(wanted);
        }
        lock(state).running.syscheck = wanted.syscheck.clone();
        return Ok(None);
    }
    drop(current);
    let old = std::mem::replace(&mut lock(state).stages.integrity, Arc::new(integrity::State::Starting));
    let old = match alone(old) {
        Ok(old) => old,
        Err(busy) => {
            lock(state).stages.integrity = busy;
            return Err(NotTakenUp::RequestRuns);
        }
    };
    let stops_protecting = old.protects() && !wanted.syscheck.directories.iter().any(|watched| watched.protect);
    old.stop();
    let committed = last_committed(state);
    let batches = lock(state).stages.batches.clone();
    let (started, sensors) = integrity::State::start(wanted, committed, batches, who);
    let mut state = lock(state);
    state.stages.integrity = Arc::new(started);
    state.running.syscheck = wanted.syscheck.clone();
    drop(state);
    if stops_protecting {
        warn!(
            help = "hidsctl fim unlock",
            "no <directories> has protect=\"yes\" any more; existing protection stays active until it is unlocked"
        );
    }
    info!(on = is_on(&wanted.syscheck), "file integrity restarted with the new configuration");
    Ok(sensors)
}

/// `shared` once nobody else holds it, or back after a while.
fn alone<T>(mut shared: Arc<T>) -> Result<T, Arc<T>> {
    let until = Instant::now() + ANSWERS_PATIENCE;
    loop {
        shared = match Arc::try_unwrap(shared) {
            Ok(alone) => return Ok(alone),
            Err(shared) if Instant::now() >= until => return Err(shared),
            Err(shared) => shared,
        };
        thread::sleep(Duration::from_millis(20));
    }
}

/// The notice of file integrity that is recorded last; what was handed on is waited for.
fn last_committed(state: &Mutex<State>) -> u64 {
    let recorded = lock(state).stages.analysis.committed();
    let _ = recorded.recv_timeout(COMMIT_PATIENCE);
    let state = lock(state);
    let position = state.stages.recorder.position(fim::monitor::POSITION);
    position.and_then(|at| at.parse().ok()).unwrap_or(state.stages.committed_notice)
}
