//! From the command line to the end of the process.

use std::panic;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hids_core::diag::{Diagnostic, Severity, has_errors};
use hids_core::engine::{Engine, OssecProgram};
use tracing::{error, info, warn};

use super::analysis;
use super::beside;
use super::lock::StateLock;
use super::logins;
use super::places;
use super::ready::{Notice, notify};
use super::running::Running;
use super::script_log;
use super::signals::{Signals, Wish};
use super::wiring::Stages;
use crate::cli::daemon::DaemonArgs;
use crate::cli::exit::Exit;
use crate::config::{self, Config, LoadOptions};
use crate::control;
use crate::respond::Mode;
use crate::sys::memory;

/// How often counters of losses are looked at: some dozen reads of kernel maps.
const LOSSES_EVERY: Duration = Duration::from_secs(5);

/// Runs the daemon until it is asked to stop.
pub fn run(args: &DaemonArgs) -> Exit {
    let started = Instant::now();
    end_on_panic();
    let options = args.common.load_options(args.strict_ossec);
    let (ready, diagnostics) = load(&options);
    for diagnostic in &diagnostics {
        eprint!("{}", diagnostic.render());
    }
    let Some(loaded) = ready else {
        error!("the configuration has errors; hidsd does not start (hidsctl check shows them again)");
        return Exit::No;
    };
    if let Some(why) = beside::refusal(&beside::running(Path::new("/proc"))) {
        if !args.beside_ossec {
            error!("{why}");
            return Exit::No;
        }
        warn!("{why}: it was");
    }
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Act };
    match serve(loaded, options, mode, started) {
        Ok(()) => Exit::Success,
        Err(error) => {
            error!(error = format!("{error:#}"), "hidsd cannot run");
            Exit::Failed
        }
    }
}

/// A panic in any thread ends the daemon, however it was built: one that lacks a stage would look as
/// if it ran. The service manager starts it again, and nothing is lost, as after any crash.
fn end_on_panic() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |broken| {
        tell(broken);
        error!(
            thread = thread::current().name(),
            help = "please report this",
            "an invariant of hidsd is broken; it ends"
        );
        process::abort();
    }));
}

/// A configuration that can be used.
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) engine: Engine,
    /// Parts of it that this machine does not have what they need for: missing response programs and the like.
    pub(super) unusable: Vec<String>,
}

/// The code of warnings that a response program is missing or cannot be used: its responses do not happen.
const UNUSABLE: &str = "C089";

/// The configuration with its engine, if both are free of errors, and everything there is to say.
pub(super) fn load(options: &LoadOptions) -> (Option<Loaded>, Vec<Diagnostic>) {
    let loaded = config::load(options);
    let mut diagnostics = loaded.diagnostics;
    let Some(config) = loaded.config.filter(|_| !has_errors(&diagnostics)) else { return (None, diagnostics) };
    let (engine, of_rules) = analysis::compile_as(&config, OssecProgram::Daemon);
    diagnostics.extend(of_rules);
    diagnostics.extend(logins::check(&config.collect));
    diagnostics.extend(analysis::nothing_watched(&config));
    // Notes are for `hidsctl check`; the daemon's log keeps to what needs attention.
    diagnostics.retain(|diagnostic| diagnostic.severity > Severity::Note);
    let is_unusable = |one: &&Diagnostic| one.code == UNUSABLE;
    let unusable = diagnostics.iter().filter(is_unusable).map(|one| one.message.clone()).collect();
    (engine.map(|engine| Loaded { config, engine, unusable }), diagnostics)
}

fn serve(loaded: Loaded, options: LoadOptions, mode: Mode, started: Instant) -> anyhow::Result<()> {
    let config = &loaded.config;
    let distrusted = places::prepare(&config.paths)?;
    let _lock = StateLock::take(&config.paths.state)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start tokio")?;
    let run = config.paths.run.clone();
    if mode == Mode::Act {
        script_log::provide(config);
    }
    let Loaded { config, engine, unusable } = loaded;
    let mut stages = Stages::start(&config, engine, mode)?;
    stages.distrusted = distrusted;
    let daemon = Arc::new(Running::new(config, unusable, options, mode, stages));
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen().context("cannot listen for signals")?;
        let control = control::serve(&run, Arc::clone(&daemon));
        tokio::pin!(control);
        let (mut announced, mut is_caught_up) = (false, false);
        let mut losses = tokio::time::interval(LOSSES_EVERY);
        losses.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                wish = signals.next() => match wish {
                    Wish::Stop => return Ok(()),
                    // Beside the loop: it may take long, and the next signal may be to stop.
                    Wish::Reload => {
                        let daemon = Arc::clone(&daemon);
                        tokio::spawn(async move { daemon.reload_and_log().await });
                    }
                },
                ended = &mut control => return ended.context("the control socket"),
                // Only after the socket has been polled once does it listen.
                () = std::future::ready(()), if !announced => {
                    announced = true;
                    info!(pid = process::id(), milliseconds = started.elapsed().as_millis() as u64, "hidsd is ready");
                    notify(Notice::Ready);
                    notify(Notice::Status("watching; comparing files with the baseline"));
                    let daemon = Arc::clone(&daemon);
                    tokio::task::spawn_blocking(move || {
                        daemon.start_rest();
                        memory::give_back();
                    });
                }
                () = caught_up(&daemon), if announced && !is_caught_up => {
                    is_caught_up = true;
                    info!(
                        milliseconds = started.elapsed().as_millis() as u64,
                        "changes of files from before the start have been found"
                    );
                    notify(Notice::Status("watching"));
                }
                _ = losses.tick() => {
                    daemon.tell_losses();
                    daemon.tell_restored();
                }
            }
        }
    });
    notify(Notice::Stopping);
    info!("hidsd stops");
    // Conversations that are still open end with the runtime; then nobody else holds the daemon.
    drop(runtime);
    if let Some(daemon) = Arc::into_inner(daemon) {
        daemon.stop();
    }
    outcome
}

/// Waits until what happened to files while the daemon was down has been found and is on its way.
async fn caught_up(daemon: &Running) {
    const LOOK: Duration = Duration::from_millis(20);
    while !daemon.is_caught_up() {
        tokio::time::sleep(LOOK).await;
    }
    daemon.until_recorded().await;
}
