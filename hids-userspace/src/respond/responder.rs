//! The responder's thread: takes requests, lets the planner decide, and carries it out.
//!
//! Owns the planner, the link to nf_tables, the ledger and the evidence. Order within a batch:
//! the kernel first (that is what must be quick), then the ledger, the evidence, the action log,
//! and last the programs. Nothing here waits for a disk sync, a program or an administrator.
//!
//! On stop, blocks stay in the kernel and undo calls stay in the ledger: the next start goes on
//! with both (OSSEC runs all pending undo calls when it stops, and forgets them when it crashes).

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, never, select_biased};
use hids_core::model::{Alert, Level, Timestamp};
use hids_core::respond::{Action, MachineAddresses, Planner, ProgramCall};
use tracing::{error, warn};

use super::carry_out::{Batch, Store, in_hand};
use super::clock;
use super::kernel::Kernel;
use super::mode::Mode;
use super::policy;
use super::protected::AddressSensor;
use super::request::{ReportView, Request};
use super::script::{Runner, ScriptCounters, ScriptLimits};
use super::watch::{Notice, Watch, Watched};
use crate::config::RespondConfig;
use crate::sys::crash::{self, InHand, Part};

/// Requests handled between two writes to the kernel.
const MOST_PER_BATCH: usize = 1024;
/// Longest sleep while something is to end: the wall clock may jump.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// How long a stop waits for response programs.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Questions of administrators that wait; more are refused at once.
const MOST_QUESTIONS: usize = 64;
/// Resolver files are looked at no more often.
const RESOLVERS_EVERY: Duration = Duration::from_secs(1);

/// What the responder needs to start.
#[derive(Clone, Debug)]
pub struct ResponderOptions {
    /// Responses and never-block list.
    pub config: RespondConfig,
    /// State directory; the responder keeps its files in `respond/` below it (`respond-dry-run/`).
    pub state: PathBuf,
    /// Directory of active-responses.log.
    pub logs: PathBuf,
    /// Whether decisions are carried out.
    pub mode: Mode,
    /// Bounds of programs.
    pub scripts: ScriptLimits,
    /// Resolver files; `None`: the system's.
    pub resolver_files: Option<Vec<PathBuf>>,
}

/// The responder cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No thread.
    #[error("cannot start the responder thread")]
    Thread(#[source] std::io::Error),
}

/// The running responder. It ends when every sender of its requests is gone.
pub struct ResponderHandle {
    thread: JoinHandle<()>,
    questions: Sender<Request>,
    published: Arc<Mutex<ReportView>>,
    programs: Arc<ScriptCounters>,
}

impl ResponderHandle {
    /// Where administrators ask: a flood of alerts, which fills the other channel, does not keep a
    /// question waiting for more than the alerts that were there before it.
    pub fn questions(&self) -> Sender<Request> {
        self.questions.clone()
    }

    /// How the responder fared after its last batch, without waiting for it.
    pub fn report(&self) -> ReportView {
        let mut report = self.published.lock().unwrap_or_else(PoisonError::into_inner).clone();
        report.programs.take(&self.programs);
        report
    }

    /// Waits until the responder has handled everything and synced its ledger. Drop the request
    /// senders first.
    pub fn join(self) {
        if self.thread.join().is_err() {
            warn!("the responder thread panicked");
        }
    }
}

/// Starts the responder: restores the state from before, writes it to the kernel, takes requests.
///
/// Returns when the blocks from before are in the kernel (or it is known that they cannot be).
pub fn start(options: ResponderOptions, requests: Receiver<Request>) -> Result<ResponderHandle, StartError> {
    let policy = policy::policy(&options.config);
    let (ready, is_ready) = bounded(1);
    let (questions, asked) = bounded(MOST_QUESTIONS);
    let published = Arc::<Mutex<ReportView>>::default();
    let programs = Arc::<ScriptCounters>::default();
    let (published_there, programs_there) = (Arc::clone(&published), Arc::clone(&programs));
    let thread = std::thread::Builder::new().name("respond".into()).spawn(move || {
        let mut responder = Responder::new(options, policy, published_there, programs_there);
        let _ = ready.send(());
        responder.run(&requests, asked);
    });
    let thread = thread.map_err(StartError::Thread)?;
    // An error means that the thread is gone, which `join` reports.
    let _ = is_ready.recv();
    Ok(ResponderHandle { thread, questions, published, programs })
}

/// Removes table `inet hids` with all blocks, for the removal of the program.
pub fn remove_table() -> Result<(), super::NftError> {
    super::Nft::open()?.remove_table()
}

pub(super) struct Responder {
    pub(super) mode: Mode,
    pub(super) config: RespondConfig,
    pub(super) planner: Planner,
    pub(super) kernel: Kernel,
    pub(super) store: Store,
    pub(super) runner: Runner,
    pub(super) addresses_trouble: Option<String>,
    pub(super) distrusted: Vec<String>,
    sensor: Option<AddressSensor>,
    resolver_files: Option<Vec<PathBuf>>,
    resolvers_seen: (Instant, Vec<Option<(SystemTime, u64)>>),
    notices: Receiver<Notice>,
    done: Receiver<ProgramCall>,
    watch: Option<Watch>,
    notice_sender: Sender<Notice>,
    own_port: Arc<AtomicU32>,
    published: Arc<Mutex<ReportView>>,
}

impl Responder {
    fn new(
        options: ResponderOptions,
        policy: hids_core::respond::Policy,
        published: Arc<Mutex<ReportView>>,
        programs: Arc<ScriptCounters>,
    ) -> Self {
        let (notice_sender, notices) = bounded(4);
        let (done_sender, done) = bounded(256);
        let own_port = Arc::new(AtomicU32::new(0));
        let protected = policy::protected(&options.config, MachineAddresses::default());
        let mut responder = Self {
            mode: options.mode,
            planner: Planner::new(policy, protected),
            kernel: Kernel::new(Arc::clone(&own_port)),
            store: Store::new(&options.state, &options.logs, options.mode, policy::scripts(&options.config)),
            runner: Runner::new(options.scripts, done_sender, programs),
            config: options.config,
            addresses_trouble: None,
            distrusted: Vec::new(),
            sensor: None,
            resolver_files: options.resolver_files,
            resolvers_seen: (Instant::now(), Vec::new()),
            notices,
            done,
            watch: None,
            notice_sender,
            own_port,
            published,
        };
        // Before anything is blocked or restored it must be known what never may be.
        responder.read_addresses(&mut Batch::default());
        responder.look_at_programs();
        responder.restore();
        // Only now: the kernel would make a notification for each restored block.
        responder.watch();
        let now = clock::read().wall;
        responder.kernel.check_structure(responder.planner.blocks(), responder.planner.protected(), now);
        responder.publish();
        responder
    }

    /// Watches as much as can be watched now.
    fn watch(&mut self) {
        self.watch.take();
        let watched = if self.mode == Mode::Act { Watched::TableAndAddresses } else { Watched::Addresses };
        let start = |watched| Watch::start(watched, Arc::clone(&self.own_port), self.notice_sender.clone());
        // Without nf_tables the addresses are watched all the same.
        match start(watched).or_else(|_| start(Watched::Addresses)) {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => {
                warn!(%error, consequence = "changes to nftables and to the addresses of this host are detected \
                                             late", "cannot monitor nftables and addresses")
            }
        }
    }

    fn restore(&mut self) {
        let restored = self.store.open();
        let mut batch = Batch::default();
        let now = clock::read();
        batch.take_actions(self.planner.restore(restored, now), None);
        batch.clock = Some(now);
        if self.mode == Mode::Act {
            self.kernel.start(self.planner.blocks(), self.planner.protected(), now.wall);
        }
        self.finish(batch);
    }

    /// The wall clock; what follows from its having been set goes into `batch`.
    pub(super) fn now(&mut self, batch: &mut Batch) -> Timestamp {
        let now = clock::read();
        let retimed = self.planner.follow_clock(now);
        if !retimed.is_empty() {
            warn!(blocks = self.planner.blocks().len(), "system clock changed; blocks keep their remaining time");
            batch.take_actions(retimed, None);
            batch.clock = Some(now);
        }
        now.wall
    }

    fn publish(&self) {
        let report = self.report();
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }

    fn run(&mut self, requests: &Receiver<Request>, mut questions: Receiver<Request>) {
        loop {
            let mut batch = Batch::default();
            let (notices, done) = (self.notices.clone(), self.done.clone());
            select_biased! {
                recv(questions) -> question => match question {
                    Ok(question) => self.take_question(question, requests, &mut batch),
                    Err(_) => questions = never(),
                },
                recv(requests) -> request => match request {
                    Ok(request) => self.take_requests(request, requests, &mut batch),
                    Err(_) => break,
                },
                recv(notices) -> notice => if let Ok(notice) = notice { self.take_notice(notice, &mut batch) },
                recv(done) -> call => if let Ok(call) = call { batch.take_done(call) },
                default(self.sleep()) => {}
            }
            self.finish(batch);
            self.publish();
        }
        self.watch.take();
        self.wait_for_programs();
        self.store.close();
    }

    /// Programs that are running or waiting may end, so that what they did is recorded. One that
    /// takes longer is undone by the next start.
    fn wait_for_programs(&mut self) {
        let end = Instant::now() + STOP_PATIENCE;
        while self.runner.counters().pending.load(Ordering::Relaxed) > 0 && Instant::now() < end {
            self.take_ended(Duration::from_millis(50));
        }
        self.take_ended(Duration::ZERO);
    }

    fn take_ended(&mut self, patience: Duration) {
        let mut batch = Batch::default();
        if let Ok(call) = self.done.recv_timeout(patience) {
            batch.take_done(call);
        }
        self.done.try_iter().for_each(|call| batch.take_done(call));
        self.store.record(&batch, &self.planner, clock::read().wall);
    }

    /// Answers a question behind the alerts that were there before it.
    fn take_question(&mut self, question: Request, requests: &Receiver<Request>, batch: &mut Batch) {
        let waiting = requests.len();
        for _ in 0..waiting {
            match requests.try_recv() {
                Ok(request) => self.take_requests(request, &never(), batch),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let done = std::mem::take(batch);
        self.finish(done);
        self.answer(question);
    }

    fn take_requests(&mut self, first: Request, more: &Receiver<Request>, batch: &mut Batch) {
        let rest = more.try_iter().take(MOST_PER_BATCH - 1);
        for request in std::iter::once(first).chain(rest) {
            match request {
                Request::Alert(alert) => {
                    let now = self.now(batch);
                    let actions = self.plan(&alert, now);
                    batch.take_actions(actions, Some(&alert));
                }
                other => {
                    // What an administrator sees or does comes after what was decided before.
                    let done = std::mem::take(batch);
                    self.finish(done);
                    self.answer(other);
                }
            }
        }
    }

    fn take_notice(&mut self, notice: Notice, batch: &mut Batch) {
        let now = self.now(batch);
        match notice {
            Notice::TableChanged => self.kernel.check_structure(self.planner.blocks(), self.planner.protected(), now),
            Notice::Elements { found, after_change } => {
                self.kernel.check_elements(&found, after_change, self.planner.blocks(), self.planner.protected(), now);
                self.read_resolvers(batch);
            }
            Notice::AddressesChanged => self.read_addresses(batch),
        }
    }

    /// What is to be done about `alert`; should deciding it end the program, the alert is known afterwards.
    pub(super) fn plan(&mut self, alert: &Alert, now: Timestamp) -> Vec<Action> {
        crash::working_on(in_hand(alert), || {
            #[cfg(feature = "faults")]
            hids_core::faults::strike("plan", &alert.full_log);
            self.planner.plan(alert, now)
        })
    }

    /// Carries out a batch and whatever has become due.
    pub(super) fn finish(&mut self, batch: Batch) {
        match batch.alerts() {
            None => self.carry_out(batch),
            Some((first, last)) if first.id == last.id => crash::working_on(in_hand(&first), || self.carry_out(batch)),
            Some((first, last)) => {
                let text = format!("what was to be done about some of the alerts {} to {}", first.id, last.id);
                let (part, number) = (Part::Responder, first.id.sequence);
                let hand = InHand { part, place: b"", number, bytes: text.as_bytes() };
                crash::working_on(hand, || self.carry_out(batch));
            }
        }
    }

    fn carry_out(&mut self, mut batch: Batch) {
        if batch.has_blocks() {
            self.read_resolvers(&mut batch);
        }
        let now = self.now(&mut batch);
        batch.take_actions(self.planner.expire(now), None);
        if self.mode == Mode::Act {
            self.kernel.write(&batch.changed, self.planner.blocks(), self.planner.protected(), now);
            self.retry_kernel(now);
        }
        self.store.record(&batch, &self.planner, now);
        self.run_programs(batch.calls);
    }

    fn retry_kernel(&mut self, now: Timestamp) {
        if self.kernel.retry_at().is_none() {
            return;
        }
        self.kernel.retry(self.planner.blocks(), self.planner.protected(), now);
        // Where nf_tables was missing at the start, its table could not be watched either.
        let is_watched = self.watch.as_ref().is_some_and(|watch| watch.watched() == Watched::TableAndAddresses);
        if !is_watched && self.kernel.trouble().is_none() {
            self.watch();
        }
    }

    fn run_programs(&mut self, calls: Vec<(ProgramCall, Level)>) {
        for (call, level) in calls {
            if self.mode == Mode::DryRun {
                continue;
            }
            if let Some((call, cause)) = self.runner.run(call, level) {
                self.store.program_dropped(&mut self.planner, call, cause, clock::read().wall);
            }
        }
    }

    fn sleep(&self) -> Duration {
        let due = self.planner.next_due().map(|due| due.since(clock::read().wall).min(LONGEST_SLEEP));
        let other = [self.kernel.retry_at(), self.store.retry_at()];
        let other = other.into_iter().flatten().map(|at| at.saturating_duration_since(Instant::now()));
        due.into_iter().chain(other).min().unwrap_or(Duration::from_secs(3600))
    }

    fn read_resolvers(&mut self, batch: &mut Batch) {
        if self.resolvers_seen.0.elapsed() < RESOLVERS_EVERY {
            return;
        }
        let stamp = self.sensor.as_ref().map(AddressSensor::resolver_stamp).unwrap_or_default();
        let is_new = self.resolvers_seen.1 != stamp;
        self.resolvers_seen = (Instant::now(), stamp);
        if is_new || self.addresses_trouble.is_some() {
            self.read_addresses(batch);
        }
    }

    fn read_addresses(&mut self, batch: &mut Batch) {
        if self.sensor.is_none() {
            let opened = match &self.resolver_files {
                Some(files) => AddressSensor::open_with(files.clone()),
                None => AddressSensor::open(),
            };
            self.sensor = opened.inspect_err(|error| self.addresses_trouble = Some(error.to_string())).ok();
        }
        let Some(sensor) = &self.sensor else { return };
        self.resolvers_seen = (Instant::now(), sensor.resolver_stamp());
        match sensor.read() {
            Ok(machine) => {
                self.addresses_trouble = None;
                if machine != *self.planner.protected().machine() {
                    let actions = self.planner.set_protected(policy::protected(&self.config, machine));
                    batch.take_actions(actions, None);
                }
            }
            Err(error) => {
                warn!(%error, consequence = "previously known addresses stay protected", "cannot read the addresses of this host");
                self.addresses_trouble = Some(error.to_string());
            }
        }
    }

    /// Says which programs would not be run.
    fn look_at_programs(&mut self) {
        self.distrusted = policy::distrusted(&self.config);
        for said in &self.distrusted {
            error!(reason = %said, "untrusted active response program");
        }
    }

    /// Takes another configuration.
    pub(super) fn reload(&mut self, config: RespondConfig) {
        let policy = policy::policy(&config);
        let machine = self.planner.protected().machine().clone();
        self.planner.set_policy(policy);
        self.store.set_scripts(policy::scripts(&config));
        let actions = self.planner.set_protected(policy::protected(&config, machine));
        self.config = config;
        self.look_at_programs();
        let mut batch = Batch::default();
        batch.take_actions(actions, None);
        self.finish(batch);
    }
}
