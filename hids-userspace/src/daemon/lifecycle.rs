//! From the command line to the end of the process.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::panic;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hids_core::diag::{Diagnostic, Severity, has_errors};
use hids_core::engine::{Engine, OssecProgram};
use tracing::{error, info};

use super::analysis;
use super::lock::StateLock;
use super::ready::{Notice, notify};
use super::running::Running;
use super::signals::{Signals, Wish};
use super::wiring::{Stages, StartError};
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
    let Some((config, engine)) = ready else {
        error!("the configuration has errors; hidsd does not start (hidsctl check shows them again)");
        return Exit::No;
    };
    let mode = if args.dry_run { Mode::DryRun } else { Mode::Act };
    match serve(config, engine, options, mode, started) {
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

/// The configuration with its engine, if both are free of errors, and everything there is to say.
pub(super) fn load(options: &LoadOptions) -> (Option<(Config, Engine)>, Vec<Diagnostic>) {
    let loaded = config::load(options);
    let mut diagnostics = loaded.diagnostics;
    let Some(config) = loaded.config.filter(|_| !has_errors(&diagnostics)) else { return (None, diagnostics) };
    let (engine, of_rules) = analysis::compile_as(&config, OssecProgram::Daemon);
    diagnostics.extend(of_rules);
    // Notes are for `hidsctl check`; the daemon's log keeps to what needs attention.
    diagnostics.retain(|diagnostic| diagnostic.severity > Severity::Note);
    (engine.map(|engine| (config, engine)), diagnostics)
}

fn serve(config: Config, engine: Engine, options: LoadOptions, mode: Mode, started: Instant) -> anyhow::Result<()> {
    for directory in [&config.paths.logs, &config.paths.state, &config.paths.run] {
        make_private(directory)?;
    }
    let _lock = StateLock::take(&config.paths.state)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start tokio")?;
    let run = config.paths.run.clone();
    let stages = Stages::start(&config, engine, mode)?;
    let daemon = Arc::new(Running::new(config, options, mode, stages));
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen().context("cannot listen for signals")?;
        let control = control::serve(&run, Arc::clone(&daemon));
        tokio::pin!(control);
        let mut announced = false;
        let mut losses = tokio::time::interval(LOSSES_EVERY);
        losses.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                wish = signals.next() => match wish {
                    Wish::Stop => return Ok(()),
                    Wish::Reload => daemon.reload_and_log().await,
                },
                ended = &mut control => return ended.context("the control socket"),
                // Only after the socket has been polled once does it listen.
                () = caught_up(&daemon), if !announced => {
                    announced = true;
                    info!(pid = process::id(), milliseconds = started.elapsed().as_millis() as u64, "hidsd is ready");
                    notify(Notice::Ready);
                    let daemon = Arc::clone(&daemon);
                    tokio::task::spawn_blocking(move || {
                        daemon.start_sensors();
                        memory::give_back();
                    });
                }
                _ = losses.tick() => daemon.tell_losses(),
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

/// Makes a directory that only root and its group may enter, with its parents.
fn make_private(path: &Path) -> Result<(), StartError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(path)
        .map_err(|source| StartError::Directory { path: path.to_owned(), source })
}
