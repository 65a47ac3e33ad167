//! The responder's state, and how it carries out what the planner decides.
//!
//! Owns the planner, the link to nf_tables, the ledger and the evidence. Order within a batch:
//! the kernel first (that is what must be quick), then the ledger, the evidence, the action log,
//! and last the programs. Nothing here waits for a disk sync, a program or an administrator.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use hids_core::model::{Alert, Level, Timestamp};
use hids_core::respond::{Action, MachineAddresses, Planner, ProgramCall};
use tracing::{error, warn};

use super::addresses::OwnAddresses;
use super::carry_out::{Batch, Store, in_hand};
use super::clock;
use super::kernel::Kernel;
use super::mode::Mode;
use super::policy;
use super::script::Runner;
use super::watch::{Notice, Watch, Watched};
use crate::config::RespondConfig;
use crate::sys::crash::{self, InHand, Part};

/// Longest sleep while something is to end: the wall clock may jump.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// See the module.
pub(super) struct Responder {
    pub(super) mode: Mode,
    pub(super) config: RespondConfig,
    pub(super) planner: Planner,
    pub(super) kernel: Kernel,
    pub(super) store: Store,
    pub(super) runner: Runner,
    pub(super) addresses: OwnAddresses,
    pub(super) distrusted: Vec<String>,
    watch: Option<Watch>,
    notices: Sender<Notice>,
    own_port: Arc<AtomicU32>,
}

impl Responder {
    /// Restores the state from before and writes it to the kernel. What is watched is reported to `notices`.
    pub(super) fn start(
        config: RespondConfig,
        mode: Mode,
        store: Store,
        runner: Runner,
        addresses: OwnAddresses,
        notices: Sender<Notice>,
    ) -> Self {
        let own_port = Arc::new(AtomicU32::new(0));
        let protected = policy::protected(&config, MachineAddresses::default());
        let mut responder = Self {
            mode,
            planner: Planner::new(policy::policy(&config), protected),
            kernel: Kernel::new(Arc::clone(&own_port)),
            store,
            runner,
            config,
            addresses,
            distrusted: Vec::new(),
            watch: None,
            notices,
            own_port,
        };
        // Before anything is blocked or restored it must be known what never may be.
        responder.read_addresses(&mut Batch::default());
        responder.look_at_programs();
        responder.restore();
        // Only now: the kernel would make a notification for each restored block.
        responder.watch();
        let now = clock::read().wall;
        responder.kernel.check_structure(responder.planner.blocks(), responder.planner.protected(), now);
        responder
    }

    /// Watches as much as can be watched now.
    fn watch(&mut self) {
        self.watch.take();
        let watched = if self.mode == Mode::Act { Watched::TableAndAddresses } else { Watched::Addresses };
        let start = |watched| Watch::start(watched, Arc::clone(&self.own_port), self.notices.clone());
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

    /// Looks after what has changed in the kernel.
    pub(super) fn take_notice(&mut self, notice: Notice, batch: &mut Batch) {
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

    /// How long until something is to be done.
    pub(super) fn sleep(&self) -> Duration {
        let due = self.planner.next_due().map(|due| due.since(clock::read().wall).min(LONGEST_SLEEP));
        let other = [self.kernel.retry_at(), self.store.retry_at()];
        let other = other.into_iter().flatten().map(|at| at.saturating_duration_since(Instant::now()));
        due.into_iter().chain(other).min().unwrap_or(Duration::from_secs(3600))
    }

    /// Records what is done already, and carries nothing out.
    pub(super) fn record(&mut self, batch: &Batch) {
        self.store.record(batch, &self.planner, clock::read().wall);
    }

    /// Ends the watch.
    pub(super) fn end_watch(&mut self) {
        self.watch.take();
    }

    fn read_resolvers(&mut self, batch: &mut Batch) {
        if self.addresses.have_other_resolvers() {
            self.read_addresses(batch);
        }
    }

    fn read_addresses(&mut self, batch: &mut Batch) {
        let Some(machine) = self.addresses.read() else { return };
        if machine != *self.planner.protected().machine() {
            let actions = self.planner.set_protected(policy::protected(&self.config, machine));
            batch.take_actions(actions, None);
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
