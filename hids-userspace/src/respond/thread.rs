//! The responder's thread: takes requests, and lets the [`Responder`] carry out what is decided about them.
//!
//! On stop, blocks stay in the kernel and undo calls stay in the ledger: the next start goes on
//! with both (OSSEC runs all pending undo calls when it stops, and forgets them when it crashes).

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, never, select_biased};
use hids_core::respond::ProgramCall;
use tracing::warn;

use super::addresses::OwnAddresses;
use super::answer::{answer, report};
use super::carry_out::{Batch, Store};
use super::mode::Mode;
use super::policy;
use super::request::{ReportView, Request};
use super::responder::Responder;
use super::script::{Runner, ScriptCounters, ScriptLimits};
use super::watch::Notice;
use crate::config::RespondConfig;

/// Requests handled between two writes to the kernel.
const MOST_PER_BATCH: usize = 1024;
/// How long a stop waits for response programs.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Questions of administrators that wait; more are refused at once.
const MOST_QUESTIONS: usize = 64;

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
    let (ready, is_ready) = bounded(1);
    let (questions, asked) = bounded(MOST_QUESTIONS);
    let published = Arc::<Mutex<ReportView>>::default();
    let programs = Arc::<ScriptCounters>::default();
    let (published_there, programs_there) = (Arc::clone(&published), Arc::clone(&programs));
    let thread = std::thread::Builder::new().name("respond".into()).spawn(move || {
        let mut stage = Stage::start(options, published_there, programs_there);
        let _ = ready.send(());
        stage.run(&requests, asked);
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

/// What the thread takes from, and what it does with it.
struct Stage {
    responder: Responder,
    notices: Receiver<Notice>,
    done: Receiver<ProgramCall>,
    published: Arc<Mutex<ReportView>>,
}

impl Stage {
    fn start(options: ResponderOptions, published: Arc<Mutex<ReportView>>, programs: Arc<ScriptCounters>) -> Self {
        let ResponderOptions { config, state, logs, mode, scripts, resolver_files } = options;
        let (notice_sender, notices) = bounded(4);
        let (done_sender, done) = bounded(256);
        let store = Store::new(&state, &logs, mode, policy::scripts(&config));
        let runner = Runner::new(scripts, done_sender, programs);
        let addresses = OwnAddresses::new(resolver_files);
        let responder = Responder::start(config, mode, store, runner, addresses, notice_sender);
        let stage = Self { responder, notices, done, published };
        stage.publish();
        stage
    }

    fn publish(&self) {
        let report = report(&self.responder);
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
                recv(notices) -> notice => if let Ok(notice) = notice { self.responder.take_notice(notice, &mut batch) },
                recv(done) -> call => if let Ok(call) = call { batch.take_done(call) },
                default(self.responder.sleep()) => {}
            }
            self.responder.finish(batch);
            self.publish();
        }
        self.responder.end_watch();
        self.wait_for_programs();
        self.responder.store.close();
    }

    /// Programs that are running or waiting may end, so that what they did is recorded. One that
    /// takes longer is undone by the next start.
    fn wait_for_programs(&mut self) {
        let end = Instant::now() + STOP_PATIENCE;
        while self.responder.runner.counters().pending.load(Ordering::Relaxed) > 0 && Instant::now() < end {
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
        self.responder.record(&batch);
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
        self.responder.finish(done);
        answer(&mut self.responder, question);
    }

    fn take_requests(&mut self, first: Request, more: &Receiver<Request>, batch: &mut Batch) {
        let rest = more.try_iter().take(MOST_PER_BATCH - 1);
        for request in std::iter::once(first).chain(rest) {
            match request {
                Request::Alert(alert) => {
                    let now = self.responder.now(batch);
                    let actions = self.responder.plan(&alert, now);
                    batch.take_actions(actions, Some(&alert));
                }
                other => {
                    // What an administrator sees or does comes after what was decided before.
                    let done = std::mem::take(batch);
                    self.responder.finish(done);
                    answer(&mut self.responder, other);
                }
            }
        }
    }
}
