//! The kernel's view: BPF programs that are tried, attached and counted, and probes of what else the
//! kernel offers.
//!
//! Owns the loaded programs. Nothing here can stop the daemon: what does not work is a
//! [`Degradation`] with its reason, what is lost by it and what to do about it, in the
//! [`SensorReport`] that `hidsctl status` shows. It never decides anything about an event.

mod bpf;
mod degradation;
pub mod files;
pub mod guard;
mod object;
mod probe;
mod report;
pub mod selftest;
mod subvolumes;
mod tier;
pub mod who;

pub use degradation::Degradation;
pub use probe::FanotifyLevel;
pub use report::{HookReport, SensorReport, TierReport};
pub use tier::Tier;
pub use who::{Processes, ProcessesReport, Procfs, WhoLookup};

use std::sync::Arc;

use crate::platform::error_chain::error_chain;
use bpf::Programs;
use selftest::{OperationUnderTest, SelfTest, SelfTestError};
use tracing::{debug, warn};

/// The running sensors; dropping it detaches and unloads every program.
#[derive(Debug)]
pub struct SensorsHandle {
    programs: Option<Programs>,
    processes: Option<Arc<Processes>>,
    tiers: Vec<TierReport>,
    self_test: Option<Result<SelfTest, String>>,
}

/// Tries every tier, attaches what works and logs once what does not.
///
/// Takes some tens of milliseconds (the kernel checks each program), so start-up should not wait
/// for it.
pub fn start() -> SensorsHandle {
    let (programs, processes, tracepoint) = match watch_processes() {
        Ok((programs, processes)) => {
            let report = TierReport::available(Tier::Tracepoint, describe(&programs));
            (Some(programs), Some(Arc::new(processes)), report)
        }
        Err(why) => (None, None, TierReport::unavailable(Tier::Tracepoint, &why)),
    };
    let lsm = match bpf::probe_lsm() {
        Ok(()) => TierReport::available(Tier::Lsm, "the kernel accepts LSM programs"),
        Err(why) => TierReport::unavailable(Tier::Lsm, &why),
    };
    let fanotify = match probe::fanotify() {
        Ok(level) => {
            let decides = if probe::fanotify_permission_events() { "can" } else { "cannot" };
            TierReport::available(Tier::Fanotify, format!("{}; open calls {decides} be blocked", level.describe()))
        }
        Err(why) => TierReport::unavailable(Tier::Fanotify, &why),
    };
    let scan = TierReport::available(Tier::Scan, "files can always be compared at intervals");
    let handle = SensorsHandle { programs, processes, tiers: vec![lsm, tracepoint, fanotify, scan], self_test: None };
    handle.log();
    handle
}

/// Whether this kernel takes the programs that refuse writes, found out by loading one.
pub fn can_refuse_writes() -> Result<(), Degradation> {
    bpf::probe_lsm()
}

/// Attaches the programs that tell who a process is, and starts the table of processes.
fn watch_processes() -> Result<(Programs, Processes), Degradation> {
    let mut programs = Programs::attach()?;
    let maps = programs.take_processes()?;
    let processes = Processes::start(maps).map_err(Degradation::Processes)?;
    Ok((programs, processes))
}

fn describe(programs: &Programs) -> String {
    let known = "every process is tracked from fork until after exit";
    match programs.without_cgroups() {
        None => known.to_owned(),
        Some(why) => format!("{known}; removed control groups are not: {}", why.with_sources()),
    }
}

impl SensorsHandle {
    /// Tells who a process is: from the kernel's programs where they are attached, else from `/proc`.
    pub fn who(&self) -> Arc<dyn WhoLookup> {
        match &self.processes {
            Some(processes) => Arc::clone(processes) as Arc<dyn WhoLookup>,
            None => Arc::new(Procfs::default()),
        }
    }

    /// Sizes and counters of the table of processes; `None` where no program is attached.
    pub fn processes(&self) -> Option<ProcessesReport> {
        self.processes.as_ref().map(|processes| processes.report())
    }

    /// Records of processes that the kernel's programs gave up, for whatever reason, since the start.
    pub fn processes_lost(&self) -> u64 {
        let hooks = self.programs.as_ref().map(Programs::counters).unwrap_or_default();
        hooks.iter().flat_map(|hook| hook.dropped.values()).sum()
    }

    /// What works, what does not and why, with the counters as they are now.
    pub fn report(&self) -> SensorReport {
        let hooks = self.programs.as_ref().map(Programs::counters).unwrap_or_default();
        let (self_test, self_test_trouble) = match self.self_test.clone() {
            None => (None, None),
            Some(Ok(proven)) => (Some(proven), None),
            Some(Err(why)) => (None, Some(why)),
        };
        let processes = self.processes();
        SensorReport { tiers: self.tiers.clone(), hooks, processes, self_test, self_test_trouble }
    }

    /// Takes what [`selftest::run`] proved, logs once what it did not, and reports it from now on.
    pub fn take_self_test(&mut self, result: Result<SelfTest, SelfTestError>) {
        let names = |operations: Vec<OperationUnderTest>| {
            let names: Vec<&str> = operations.into_iter().map(OperationUnderTest::name).collect();
            names.join(", ")
        };
        match &result {
            Ok(proven) => {
                let (unseen, anonymous) = (names(proven.unseen().collect()), names(proven.anonymous().collect()));
                if !unseen.is_empty() {
                    warn!(
                        operations = unseen,
                        marks = proven.marks.name(),
                        consequence = "such changes are detected by scans only",
                        help = "see hidsctl status for the self-test results",
                        "the file sensor does not detect all operations"
                    );
                }
                if !anonymous.is_empty() {
                    debug!(operations = anonymous, "the process of these operations is unknown after it has exited");
                }
            }
            // That there is none has been said.
            Err(SelfTestError::Sensor(_)) => {}
            Err(why) => warn!(
                why = error_chain(why),
                consequence = "file sensor used without verification",
                "file sensor self-test failed to run"
            ),
        }
        self.self_test = Some(result.map_err(|why| error_chain(&why)));
    }

    fn log(&self) {
        for tier in &self.tiers {
            if tier.available {
                debug!(tier = tier.tier.name(), detail = %tier.detail, "kernel sensor available");
            } else {
                let (lost, help) = (tier.lost.as_deref().unwrap_or_default(), tier.help.as_deref().unwrap_or_default());
                warn!(tier = tier.tier.name(), reason = %tier.detail, lost, help, "kernel sensor unavailable");
            }
        }
    }
}
