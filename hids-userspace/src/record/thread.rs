//! Record thread.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded, select};
use hids_core::engine::SavedState;
use hids_core::join::{Held, JoinOptions, Joiner, Placement};
use hids_core::model::Alert;

use super::batch::{Batch, Processed, Summary};
use super::days::Days;
use super::error::RecordError;
use super::handle::{RecordHandle, Shared};
use super::order::{Order, Reconfiguration};
use super::reconfigure::reconfigure;
use super::recorder::Recorder;
use super::texts::in_hand;
use crate::platform::clock::now;
use crate::platform::error_chain::error_chain;
use crate::sys::crash;

/// Longest time until what is committed is durable.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How long the channel must be quiet for an earlier sync.
const QUIET: Duration = Duration::from_millis(200);
/// How often today's files are looked after when nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Batches taken together into one write.
const MERGE_BATCHES: usize = 256;
/// Alerts and events taken together into one write.
const MERGE_ITEMS: usize = 4096;
/// Waits between two tries to write: first and longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long a failing write is tried when we are asked to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Starts recording what comes out of `batches`; committed alerts go on to `after_commit`.
///
/// `batches` is bounded by whoever makes it: while the disk is full nothing is taken from it, so
/// that everything before it waits. Ends by [`RecordHandle::stop`] or when all senders are gone.
pub(crate) fn start(
    recorder: Recorder,
    batches: Receiver<Processed>,
    after_commit: Sender<Arc<Alert>>,
) -> std::io::Result<RecordHandle> {
    let shared = Arc::new(Shared::default());
    shared.kept_bytes.store(recorder.kept_bytes(), Ordering::Relaxed);
    *shared.today.lock().unwrap_or_else(PoisonError::into_inner) = recorder.day_counts();
    let (stop, stopped) = bounded(0);
    let (orders, taken_orders) = bounded(1);
    shared.take_finish_options(&recorder);
    let (days, finisher) = Days::start(&recorder, &shared)?;
    let mut recorder = recorder;
    let mut stage = Stage {
        joiner: Joiner::new(join_options(&recorder)),
        recovered: recorder.take_recovered(),
        started: Instant::now(),
        recorder,
        batches,
        after_commit,
        stopped,
        orders: taken_orders,
        days,
        shared: Arc::clone(&shared),
        failure: Failure::default(),
        rule_state: None,
        synced: Instant::now(),
    };
    let thread = std::thread::Builder::new().name("record".into()).spawn(move || stage.run())?;
    Ok(RecordHandle { shared, orders, stop: Some(stop), threads: vec![thread, finisher] })
}

fn join_options(recorder: &Recorder) -> JoinOptions {
    JoinOptions { joins: recorder.config.join, fold_above: recorder.config.fold_above }
}

/// A problem that lasts: told once when it begins, when it changes and when it is over.
#[derive(Debug, Default)]
struct Failure {
    message: Option<String>,
    tries: u64,
}

struct Stage {
    recorder: Recorder,
    joiner: Joiner,
    /// Texts that the last run held back when it was killed.
    recovered: Vec<Held>,
    /// The joiner counts from here: it must not see the clock set back.
    started: Instant,
    batches: Receiver<Processed>,
    after_commit: Sender<Arc<Alert>>,
    stopped: Receiver<()>,
    orders: Receiver<Order>,
    days: Days,
    shared: Arc<Shared>,
    failure: Failure,
    /// What rules remember, to be saved after the next sync.
    rule_state: Option<Box<SavedState>>,
    synced: Instant,
}

impl Stage {
    fn run(&mut self) {
        self.look();
        loop {
            let wait = if self.recorder.needs_sync() { QUIET } else { self.idle_time() };
            let due = self.due_in();
            let is_due_first = due.is_some_and(|due| due < wait);
            let batch = select! {
                recv(self.batches) -> batch => match batch {
                    Ok(batch) => Some(batch),
                    Err(_) => break,
                },
                recv(self.stopped) -> _ => break,
                recv(self.orders) -> order => {
                    // The handle that gives orders lives until this thread has ended.
                    if !order.into_iter().all(|order| self.carry_out(order)) {
                        return;
                    }
                    continue;
                }
                default(due.map_or(wait, |due| due.min(wait))) => None,
            };
            let idle = batch.is_none() && !is_due_first;
            if batch.is_some() || self.due_in() == Some(Duration::ZERO) {
                let merged = batch.map_or_else(Processed::default, |batch| self.merge(batch));
                let now = self.started.elapsed();
                let complete = self.joiner.take_due(now);
                if !self.write(merged, complete) {
                    return;
                }
            }
            self.look();
            if idle || self.synced.elapsed() >= SYNC_EVERY {
                self.sync();
            }
        }
        while let Ok(batch) = self.batches.try_recv() {
            let merged = self.merge(batch);
            if !self.write(merged, Vec::new()) {
                return;
            }
        }
        let rest = self.joiner.take_all();
        if self.write(Processed::default(), rest) {
            self.sync();
        }
    }

    /// `false` as [`Self::record`].
    fn carry_out(&mut self, order: Order) -> bool {
        let (change, reply) = match order {
            Order::Position(key, reply) => {
                let _ = reply.send(self.recorder.position(&key));
                return true;
            }
            Order::Reconfigure(change, reply) => (*change, reply),
        };
        let Reconfiguration { config, spool, after_commit } = change;
        let old = join_options(&self.recorder);
        let done = reconfigure(&mut self.recorder, config, spool, now());
        let mut is_written = true;
        if done.is_ok() {
            self.shared.take_finish_options(&self.recorder);
            self.after_commit = after_commit.unwrap_or_else(|| self.after_commit.clone());
            let new = join_options(&self.recorder);
            if (old.joins, old.fold_above) != (new.joins, new.fold_above) {
                let rest = self.joiner.take_all();
                is_written = self.write(Processed::default(), rest);
                self.joiner = Joiner::new(new);
            }
        }
        // Whoever asked may have gone; what was done is done.
        let _ = reply.send(done);
        is_written
    }

    /// How long until a text that is held back is complete.
    fn due_in(&self) -> Option<Duration> {
        if !self.recovered.is_empty() {
            return Some(Duration::ZERO);
        }
        self.joiner.next_due().map(|due| due.saturating_sub(self.started.elapsed()))
    }

    /// Decides what is joined and folded, once, and writes it, until it succeeds. `false` as
    /// [`Self::record`].
    fn write(&mut self, processed: Processed, complete: Vec<Held>) -> bool {
        let Some(first) = processed.alerts.first().cloned() else { return self.join_and_record(processed, complete) };
        // What is not about a single alert is taken for the first one's: it is tried again line by line.
        crash::working_on(in_hand(&first), || self.join_and_record(processed, complete))
    }

    fn join_and_record(&mut self, processed: Processed, mut complete: Vec<Held>) -> bool {
        let now = self.started.elapsed();
        complete.append(&mut self.recovered);
        let places: Vec<_> = processed.alerts.iter().map(|alert| self.joiner.offer(alert, now)).collect();
        let kept = |held: &Held| Some((held.id.sequence, serde_json::to_value(held).ok()?));
        let held = self.joiner.changed().filter_map(kept).collect();
        let summaries = complete.into_iter().map(Summary::new).collect();
        let is_written = self.record(Batch { processed, places, summaries, held });
        self.shared.held.store(self.joiner.len() as u64, Ordering::Relaxed);
        is_written
    }

    /// Until midnight, but look after the files every so often.
    fn idle_time(&self) -> Duration {
        let midnight = self.recorder.day_ends().map(|ends| ends.since(now()) + Duration::from_millis(1));
        midnight.map_or(LOOK_EVERY, |left| left.min(LOOK_EVERY))
    }

    /// Takes more of what is waiting, so that a flood costs few writes.
    fn merge(&self, mut batch: Processed) -> Processed {
        for _ in 1..MERGE_BATCHES {
            if batch.alerts.len() + batch.archived.len() >= MERGE_ITEMS {
                break;
            }
            let Ok(next) = self.batches.try_recv() else { break };
            batch.append(next);
        }
        batch
    }

    /// Writes until it succeeds. `false`: we were asked to stop and it still fails.
    fn record(&mut self, batch: Batch) -> bool {
        let mut wait = RETRY.0;
        let mut patience = None;
        loop {
            match self.recorder.write_batch(&batch) {
                Ok(()) => break,
                Err(error) => self.failed(&error),
            }
            let is_stopped = self.stopped.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected);
            if is_stopped || self.shared.impatient.load(Ordering::Relaxed) {
                let until = *patience.get_or_insert_with(|| Instant::now() + STOP_PATIENCE);
                if Instant::now() >= until {
                    tracing::error!(
                        alerts = batch.processed.alerts.len(),
                        help = "their lines are analysed again at the next start",
                        "stopped before the last alerts were written"
                    );
                    return false;
                }
                if is_stopped {
                    std::thread::sleep(RETRY.0);
                }
                wait = RETRY.0;
            } else {
                wait = (wait * 2).min(RETRY.1);
            }
        }
        self.succeeded();
        self.count(&batch);
        if batch.processed.rule_state.is_some() {
            self.rule_state = batch.processed.rule_state;
        }
        true
    }

    /// Counts, and hands on to the syslog outputs: each alert, of folded ones the record.
    fn count(&mut self, batch: &Batch) {
        let (mut recorded, mut joined, mut folded) = (0, 0, 0);
        for (alert, place) in batch.alerts().filter(|(alert, _)| alert.recorded) {
            recorded += 1;
            match place {
                Placement::Folded => {
                    folded += 1;
                    continue;
                }
                Placement::Joined(_) => joined += 1,
                Placement::Now => {}
            }
            self.hand_on(Arc::clone(alert));
        }
        for summary in batch.summaries.iter().filter(|summary| summary.held.is_folded()) {
            self.hand_on(Arc::new(summary.alert.clone()));
        }
        if recorded > 0 {
            *self.shared.today.lock().unwrap_or_else(PoisonError::into_inner) = self.recorder.day_counts();
        }
        self.shared.alerts.fetch_add(recorded, Ordering::Relaxed);
        self.shared.joined.fetch_add(joined, Ordering::Relaxed);
        self.shared.folded.fetch_add(folded, Ordering::Relaxed);
        self.shared.archived.fetch_add(batch.processed.archived.len() as u64, Ordering::Relaxed);
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
    }

    fn hand_on(&self, alert: Arc<Alert>) {
        if let Err(TrySendError::Full(_)) = self.after_commit.try_send(alert) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn look(&mut self) {
        if let Err(error) = self.days.look(&mut self.recorder) {
            self.failed(&error);
        }
    }

    fn sync(&mut self) {
        self.synced = Instant::now();
        if let Err(error) = self.recorder.sync() {
            return self.failed(&error);
        }
        if !self.days.look_failed() {
            self.succeeded();
        }
        self.save_rule_state();
    }

    /// A failure keeps nothing from going on; the next sync tries again.
    fn save_rule_state(&mut self) {
        let Some(state) = &self.rule_state else { return };
        let trouble = self.recorder.save_rule_state(state).err().map(|error| error.to_string());
        if trouble.is_none() {
            self.rule_state = None;
        }
        let mut shown = self.shared.rule_state_trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = trouble.as_ref().filter(|_| shown.is_none()) {
            tracing::warn!(%error, consequence = "at a restart, first-seen and diff rules start with empty state",
                "cannot save the rule state; will retry");
        }
        *shown = trouble;
    }

    fn failed(&mut self, error: &RecordError) {
        self.shared.failures.fetch_add(1, Ordering::Relaxed);
        self.failure.tries += 1;
        let message = error_chain(&error);
        if self.failure.message.as_ref() != Some(&message) {
            tracing::error!(error = %message, help = "free disk space or make the directory writable; nothing is \
                                                      lost in the meantime",
                "cannot write alerts; analysis paused, will retry");
            *self.shared.waiting_because.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.clone());
            self.failure.message = Some(message);
        }
    }

    fn succeeded(&mut self) {
        if self.failure.message.take().is_some() {
            tracing::info!(tries = self.failure.tries, "writing alerts resumed");
            self.failure.tries = 0;
            *self.shared.waiting_because.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}
