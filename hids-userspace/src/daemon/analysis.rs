//! The analysis thread: owns the engine, numbers alerts, feeds responses first and records after.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, select};
use hids_core::decode::EventKind;
use hids_core::engine::{Engine, Losses, Outcome, SavedState};
use hids_core::fim::TextStyle;
use hids_core::model::{
    Alert, AlertId, Channel, DecoderNames, EventRef, Field, FieldName, Fields, FileNotice, FimEvent, LogBatch,
    LogSource, SetAside, Timestamp, UntrustedSender,
};
use hids_core::render::{ArchivedEvent, FirewallEvent};
use serde::Serialize;

use super::alert_log::{self, AlertLog};
use super::set_aside::{BatchPlace, Handling, Quarantine, Watch};
use crate::config::Config;
use crate::record::Processed;
use crate::respond;
use crate::sys::crash::{self, InHand, Part};

/// How long an alert may wait for the responder before it goes unanswered (and is counted).
const RESPONDER_PATIENCE: Duration = Duration::from_secs(5);

/// How often what rules remember is saved at most.
const SAVE_EVERY: Duration = Duration::from_secs(3);
/// How often the log can say what rules have lost.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// What the analysis has done since start.
#[derive(Debug, Default)]
pub(super) struct AnalysisCounters {
    events: AtomicU64,
    matched: AtomicU64,
    dropped: AtomicU64,
    alerts: AtomicU64,
    unanswered: AtomicU64,
    set_aside: AtomicU64,
    losses: Mutex<Losses>,
}

/// The counters as they are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct AnalysisReport {
    /// Lines analysed.
    pub events: u64,
    /// Lines that a rule matched, level 0 included.
    pub matched: u64,
    /// Events that went no further: scans of hosts that found nothing new, and with
    /// `--strict-ossec` the lines that OSSEC throws away.
    pub dropped: u64,
    /// Alerts.
    pub alerts: u64,
    /// Alerts that the responder did not take within 5 s: whatever response they would have led to is missing.
    #[serde(rename = "responses_lost")]
    pub unanswered: u64,
    /// Lines left out because the daemon crashed at them.
    #[serde(rename = "quarantined")]
    pub set_aside: u64,
    /// Batches waiting.
    #[serde(rename = "queued")]
    pub waiting: usize,
    /// Most batches that can wait; then the collector waits.
    #[serde(rename = "queue_capacity")]
    pub waiting_at_most: usize,
    /// Rules in force.
    pub rules: usize,
    /// What rules cut or forgot for lack of room since they were loaded; looked at every few seconds.
    pub losses: Losses,
}

/// The running analysis.
#[derive(Debug)]
pub(super) struct AnalysisHandle {
    counters: Arc<AnalysisCounters>,
    waiting: Receiver<LogBatch>,
    engines: Sender<Box<NewRules>>,
    /// The same channel: an engine that another one replaces before it is taken comes out here.
    untaken: Receiver<Box<NewRules>>,
    barriers: Sender<Sender<()>>,
    rules: std::sync::atomic::AtomicUsize,
    thread: JoinHandle<()>,
}

/// Where the analysis takes from and gives to.
#[derive(Debug)]
pub(super) struct AnalysisChannels {
    /// What collectors have read.
    pub batches: Receiver<LogBatch>,
    /// The responder.
    pub responder: Sender<respond::Request>,
    /// The record stage.
    pub recorder: Sender<Processed>,
}

/// What the last life of the daemon leaves to the analysis.
#[derive(Debug)]
pub(super) struct Inherited {
    /// Number of the first alert.
    pub next_sequence: u64,
    /// Lines that may have killed it.
    pub(super) watch: Option<Watch>,
    /// Where lines are kept that did.
    pub(super) quarantine: Quarantine,
}

/// Starts the thread; it ends when every sender of `batches` is gone.
pub(super) fn start(
    engine: Engine,
    config: &Config,
    inherited: Inherited,
    channels: AnalysisChannels,
) -> io::Result<AnalysisHandle> {
    let counters = Arc::<AnalysisCounters>::default();
    let (engines, new_engines) = crossbeam_channel::bounded(1);
    let untaken = new_engines.clone();
    let (barriers, new_barriers) = crossbeam_channel::bounded(1);
    let waiting = channels.batches.clone();
    let rules = engine.rule_count().into();
    let mut analysis = Analysis {
        engine,
        remembered: Remembered { saved_changes: 0, next_save: Instant::now() },
        alert_log: AlertLog::new(alert_log::is_wanted(config), Instant::now()),
        told: Told { losses: Losses::default(), next_look: Instant::now() },
        archives: archives(config),
        firewall_log: config.analysis.log_fw,
        next_sequence: inherited.next_sequence,
        watch: inherited.watch,
        quarantine: inherited.quarantine,
        counters: Arc::clone(&counters),
        responder: channels.responder,
        recorder: channels.recorder,
    };
    let thread = thread::Builder::new()
        .name("analysis".into())
        .spawn(move || analysis.run(&channels.batches, &new_engines, &new_barriers))?;
    Ok(AnalysisHandle { counters, waiting, engines, untaken, barriers, rules, thread })
}

impl AnalysisHandle {
    /// Counters.
    pub(super) fn report(&self) -> AnalysisReport {
        AnalysisReport {
            events: self.counters.events.load(Relaxed),
            matched: self.counters.matched.load(Relaxed),
            dropped: self.counters.dropped.load(Relaxed),
            alerts: self.counters.alerts.load(Relaxed),
            unanswered: self.counters.unanswered.load(Relaxed),
            set_aside: self.counters.set_aside.load(Relaxed),
            waiting: self.waiting.len(),
            waiting_at_most: self.waiting.capacity().unwrap_or(0),
            rules: self.rules.load(Relaxed),
            losses: *self.counters.losses.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Analyses with another engine from the next batch on. Counts of composite rules start anew.
    ///
    /// Never waits: an engine that the thread has not come to take is not needed any more.
    pub(super) fn replace(&self, engine: Engine, config: &Config) {
        self.rules.store(engine.rule_count(), Relaxed);
        let mut engine = Box::new(NewRules {
            engine,
            archives: archives(config),
            firewall_log: config.analysis.log_fw,
            logs_alerts: alert_log::is_wanted(config),
        });
        // The thread only ends when the daemon stops; then the engine is not needed either.
        while let Err(TrySendError::Full(back)) = self.engines.try_send(engine) {
            let _ = self.untaken.try_recv();
            engine = back;
        }
    }

    /// Disconnects when every batch that waits now is recorded and committed.
    pub(super) fn committed(&self) -> Receiver<()> {
        let (until_committed, committed) = crossbeam_channel::bounded(0);
        // Full = another one waits because nothing can be recorded now, and this one is not worth waiting for.
        let _ = self.barriers.try_send(until_committed);
        committed
    }

    /// Waits until everything has been analysed. The collectors have stopped before.
    pub(super) fn join(self) {
        drop((self.engines, self.barriers));
        if self.thread.join().is_err() {
            tracing::error!("the analysis thread panicked");
        }
    }
}

/// What a reload gives to the thread.
struct NewRules {
    engine: Engine,
    archives: bool,
    firewall_log: bool,
    logs_alerts: bool,
}

/// Whether events are kept for the archives.
fn archives(config: &Config) -> bool {
    config.record.archive || config.record.archive_json
}

/// What of the rules' memory is saved already.
struct Remembered {
    /// [`Engine::state_changes`] when it was saved last.
    saved_changes: u64,
    next_save: Instant,
}

/// What the log says of losses already.
struct Told {
    losses: Losses,
    next_look: Instant,
}

struct Analysis {
    engine: Engine,
    remembered: Remembered,
    told: Told,
    alert_log: AlertLog,
    archives: bool,
    /// Whether `firewall.log` is written.
    firewall_log: bool,
    next_sequence: u64,
    /// While there are lines to look for, each line is answered and committed before the next one is taken.
    watch: Option<Watch>,
    quarantine: Quarantine,
    counters: Arc<AnalysisCounters>,
    responder: Sender<respond::Request>,
    recorder: Sender<Processed>,
}

impl Analysis {
    fn run(
        &mut self,
        batches: &Receiver<LogBatch>,
        engines: &Receiver<Box<NewRules>>,
        barriers: &Receiver<Sender<()>>,
    ) {
        let (mut engines, mut barriers) = (engines.clone(), barriers.clone());
        loop {
            let save = match self.has_unsaved() {
                true => crossbeam_channel::at(self.remembered.next_save),
                false => crossbeam_channel::never(),
            };
            select! {
                recv(batches) -> batch => match batch {
                    Ok(batch) => self.take(batch),
                    Err(_) => break,
                },
                recv(engines) -> engine => match engine {
                    Ok(new) => {
                        self.archives = new.archives;
                        self.alert_log.switch(new.logs_alerts);
                        self.firewall_log = new.firewall_log;
                        self.change_engine(new.engine);
                    }
                    Err(_) => engines = crossbeam_channel::never(),
                },
                recv(barriers) -> barrier => match barrier {
                    Ok(until_committed) => self.pass(until_committed, batches),
                    Err(_) => barriers = crossbeam_channel::never(),
                },
                recv(save) -> _ => self.save(),
            }
        }
        if self.has_unsaved() {
            self.save();
        }
    }

    /// Sends a barrier behind every batch that waits.
    fn pass(&mut self, until_committed: Sender<()>, batches: &Receiver<LogBatch>) {
        batches.try_iter().take(batches.len()).for_each(|batch| self.take(batch));
        let _ = self.recorder.send(Processed { until_committed: vec![until_committed], ..Processed::default() });
    }

    fn has_unsaved(&self) -> bool {
        self.engine.state_changes() != self.remembered.saved_changes
    }

    /// Hands what rules remember to the record stage, behind the batches that it comes from.
    fn save(&mut self) {
        let rule_state = Some(self.remembered_state());
        let _ = self.recorder.send(Processed { rule_state, ..Processed::default() });
    }

    fn remembered_state(&mut self) -> Box<SavedState> {
        self.remembered =
            Remembered { saved_changes: self.engine.state_changes(), next_save: Instant::now() + SAVE_EVERY };
        Box::new(self.engine.state())
    }

    /// The new rules remember what the old ones did, first-time combinations and the like.
    fn change_engine(&mut self, mut engine: Engine) {
        let unsaved = self.has_unsaved();
        engine.restore_state(&self.engine.state());
        self.engine = engine;
        self.told.losses = Losses::default();
        // A number that no count of changes will reach.
        self.remembered.saved_changes = if unsaved { u64::MAX } else { self.engine.state_changes() };
    }

    /// Says what rules have lost or given up since the start, when that has changed.
    fn tell_losses(&mut self) {
        let now = Instant::now();
        if now < self.told.next_look {
            return;
        }
        self.told.next_look = now + LOOK_EVERY;
        let losses = self.engine.losses();
        if losses == self.told.losses {
            return;
        }
        self.told.losses = losses;
        *self.counters.losses.lock().unwrap_or_else(PoisonError::into_inner) = losses;
        tracing::warn!(
            patterns_given_up = losses.pattern_limit_hits,
            addresses_not_taken = losses.addresses_not_taken,
            shortened_lines = losses.shortened_lines,
            forgotten_single_events = losses.forgotten_single_events,
            forgotten_counts = losses.forgotten_counts,
            forgotten_combinations = losses.forgotten_combinations,
            forgotten_windows = losses.forgotten_windows,
            lost_outputs = losses.lost_outputs,
            help = "run hidsctl check to find slow patterns",
            "rule evaluation hit a limit (pattern steps or memory); counters since the rules were loaded"
        );
    }

    fn take(&mut self, batch: LogBatch) {
        self.tell_losses();
        let mut processed = Processed::default();
        let place = BatchPlace::of(&batch).render();
        // Whose outputs the record stage gets: of a careful daemon's batch, which is one line, there is one.
        let mut recorded = None;
        for (index, event) in batch.events().enumerate() {
            let watch = self.watch.as_mut();
            let mut handling = watch.map_or(Handling::USUAL, |watch| watch.judge(&batch, index, event.line));
            for aside in std::mem::take(&mut handling.told) {
                self.set_aside(aside, event.received, &mut processed);
            }
            if !handling.analyse {
                continue;
            }
            if let Some(FimEvent::SetAside(aside)) = event.notice.map(|notice| &notice.news) {
                self.keep(aside, event.received);
            }
            let (part, place, number) = (Part::Analysis, place.as_bytes(), index as u64);
            let hand = InHand { part, place, number, bytes: event.line };
            let sender = batch.untrusted_sender(index);
            let before = processed.outputs();
            crash::working_on(hand, || self.analyse(event, sender, &handling, &mut processed));
            if processed.outputs() > before {
                recorded = Some(hand);
            }
        }
        self.counters.events.fetch_add(batch.len() as u64, Relaxed);
        processed.positions.extend(batch.position.clone());
        processed.next_sequence = self.next_sequence;
        match recorded.filter(|_| self.watch.is_some()) {
            Some(hand) => crash::working_on(hand, || self.hand_on(processed, &batch)),
            None => self.hand_on(processed, &batch),
        }
    }

    /// One event: its alert goes to the responder at once, and all it led to into `processed`.
    fn analyse(
        &mut self,
        event: EventRef<'_>,
        sender: Option<&Arc<UntrustedSender>>,
        handling: &Handling,
        processed: &mut Processed,
    ) {
        #[cfg(feature = "faults")]
        if memchr::memmem::find(event.line, b"@fault-analysis-segv@").is_some() {
            crash::fault();
        }
        let outcome = match sender {
            Some(sender) => self.engine.process_untrusted(event, sender, event.received),
            None => self.engine.process(event, event.received),
        };
        if outcome.dropped().is_some() {
            self.counters.dropped.fetch_add(1, Relaxed);
            return;
        }
        if self.archives && handling.record {
            processed.archived.push(archived(&outcome, event.received));
        }
        if self.firewall_log && handling.record && outcome.kind() == EventKind::Firewall {
            processed.firewall.extend(firewall(&outcome, event.received));
        }
        self.counters.matched.fetch_add(u64::from(outcome.rule().is_some()), Relaxed);
        if !outcome.is_alert() {
            return;
        }
        let id = AlertId { epoch_seconds: event.received.unix_seconds(), sequence: self.next_sequence };
        let Some(alert) = outcome.to_alert(id).map(Arc::new) else { return };
        self.next_sequence += 1;
        self.counters.alerts.fetch_add(1, Relaxed);
        // Others are only asked about: why nothing was done against their source.
        let is_asked_for = outcome.may_respond() || alert.fields.value(&FieldName::SrcIp).is_some();
        if is_asked_for && handling.respond {
            self.respond(&alert);
        }
        if handling.record {
            self.alert_log.log(&alert, Instant::now());
            processed.alerts.push(alert);
        }
    }

    /// The careful mode waits until it has been carried out.
    fn respond(&self, alert: &Arc<Alert>) {
        let request = respond::Request::Alert(Arc::clone(alert));
        if self.responder.send_timeout(request, RESPONDER_PATIENCE).is_err() {
            self.counters.unanswered.fetch_add(1, Relaxed);
            tracing::error!(alert = %alert.id, rule = alert.rule.id.0, consequence = "no active response to this alert",
                "the responder took nothing for 5 s");
        } else if self.watch.is_some() {
            let (until_done, done) = crossbeam_channel::bounded(0);
            let _ = self.responder.send(respond::Request::Barrier(until_done));
            let _ = done.recv();
        }
    }

    /// Leaves a line out and alerts that, in the same batch: both are committed together.
    fn set_aside(&mut self, aside: SetAside, received: Timestamp, processed: &mut Processed) {
        let batch = notice_of(aside, received);
        for event in batch.events() {
            if let Some(FimEvent::SetAside(aside)) = event.notice.map(|notice| &notice.news) {
                self.keep(aside, received);
            }
            self.analyse(event, None, &Handling::USUAL, processed);
        }
    }

    /// Only what is committed is kept in the file: a later line of the batch may end the daemon as well, and
    /// then this one comes again.
    fn keep(&mut self, aside: &SetAside, received: Timestamp) {
        self.quarantine.hold(aside.clone(), received);
        self.counters.set_aside.fetch_add(1, Relaxed);
    }

    /// Waits while the disk is full; ends only with the daemon. The careful mode waits for the commit, too.
    fn hand_on(&mut self, mut processed: Processed, batch: &LogBatch) {
        let Some(watch) = &mut self.watch else {
            let _ = self.recorder.send(processed);
            return self.quarantine.keep_held();
        };
        let (until_committed, committed) = crossbeam_channel::bounded(0);
        processed.until_committed.push(until_committed);
        let _ = self.recorder.send(processed);
        let _ = committed.recv();
        self.quarantine.keep_held();
        let after = watch.has_committed(batch);
        if after.is_over {
            self.watch = None;
            self.tell_lost(after.lost, batch.received);
        }
    }

    /// Tells of suspects that did not come again.
    fn tell_lost(&mut self, lost: Vec<SetAside>, now: Timestamp) {
        let mut processed = Processed::default();
        lost.into_iter().for_each(|aside| self.set_aside(aside, now, &mut processed));
        processed.next_sequence = self.next_sequence;
        let _ = self.recorder.send(processed);
        self.quarantine.keep_held();
    }
}

/// News of a line that was set aside, as a batch of its own without a position.
pub(super) fn notice_of(aside: SetAside, received: Timestamp) -> LogBatch {
    let source = Arc::new(LogSource { location: "hidsd".to_owned(), channel: Channel::Syscheck });
    let news = FimEvent::SetAside(Box::new(aside));
    let text = hids_core::fim::text(&news, TextStyle::default());
    let mut batch = LogBatch::new(source, received);
    batch.push_notice(&text, Arc::new(FileNotice { sequence: 0, time: received, alerted: true, news }));
    batch
}

/// The event for archives.log and archives.json.
fn archived(outcome: &Outcome<'_>, received: Timestamp) -> ArchivedEvent {
    let decoder = |name: &Arc<str>| DecoderNames { name: Arc::clone(name), parent: outcome.decoder_parent().cloned() };
    ArchivedEvent {
        time: received,
        hostname: outcome.hostname().to_vec(),
        program_name: outcome.program_name().map(<[u8]>::to_vec),
        source: Arc::clone(outcome.source()),
        full_log: outcome.full_log().to_vec(),
        log_offset: outcome.log_offset(),
        decoder: outcome.decoder().map(decoder),
        fields: owned_fields(outcome),
        rule: outcome.rule().map(|rule| (Arc::clone(rule), outcome.fired_times())),
        notice: outcome.notice().cloned(),
    }
}

/// The event for firewall.log, if it has what that log shows (OSSEC throws others away altogether).
fn firewall(outcome: &Outcome<'_>, received: Timestamp) -> Option<FirewallEvent> {
    let fields = owned_fields(outcome);
    let shown = [FieldName::Action, FieldName::SrcIp, FieldName::DstIp, FieldName::Protocol];
    shown.iter().all(|name| fields.value(name).is_some()).then(|| FirewallEvent {
        time: received,
        hostname: outcome.hostname().to_vec(),
        source: Arc::clone(outcome.source()),
        fields,
    })
}

fn owned_fields(outcome: &Outcome<'_>) -> Fields {
    Fields(outcome.fields().map(|(name, value)| Field { name: name.clone(), value: value.to_vec() }).collect())
}
