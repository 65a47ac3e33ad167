//! From the start to the end of the daemon.

use std::io;
use std::panic;
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::beside;
use super::format::{self, FormatError};
use super::load::{Loaded, load};
use super::lock::{LockError, StateLock};
use super::places;
use super::ready::{Notice, notify};
use super::running::Running;
use super::script_log;
use super::signals::{Signals, Wish};
use super::wiring::{Stages, StartError};
use crate::config::{Config, LoadOptions};
use crate::control::{self, ControlError};
use crate::logging::{self, OssecLog};
use crate::respond::Mode;
use crate::sys::memory;

/// How often counters of losses are looked at: some dozen reads of kernel maps.
const LOSSES_EVERY: Duration = Duration::from_secs(5);

/// How the daemon is to run.
#[derive(Clone, Debug)]
pub(crate) struct DaemonOptions {
    /// Which configuration, and how it is read.
    pub load: LoadOptions,
    /// Whether responses are carried out.
    pub mode: Mode,
    /// Start although OSSEC's own daemons run on this machine.
    pub beside_ossec: bool,
}

/// Why the daemon does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DaemonError {
    /// They have been printed.
    #[error("configuration has errors; not starting (see hidsctl check)")]
    Configuration,
    /// Both would act on the same files and addresses.
    #[error("{0}")]
    BesideOssec(String),
    /// A stage cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The state is not for this version.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The state directory is in use, or cannot be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// No asynchronous runtime.
    #[error("cannot start the async runtime")]
    Runtime(#[source] io::Error),
    /// Signals cannot be received.
    #[error("cannot install signal handlers")]
    Signals(#[source] io::Error),
    /// The control socket has ended.
    #[error("the control socket")]
    Control(#[source] ControlError),
}

/// Runs the daemon until it is asked to stop.
///
/// # Errors
/// When it cannot start, or cannot go on.
pub(crate) fn run(options: DaemonOptions) -> Result<(), DaemonError> {
    let started = Instant::now();
    end_on_panic();
    let (ready, diagnostics) = load(&options.load);
    for diagnostic in &diagnostics {
        eprint!("{}", diagnostic.render());
    }
    let loaded = ready.ok_or(DaemonError::Configuration)?;
    if let Some(why) = beside::refusal(&beside::running(Path::new("/proc"))) {
        if !options.beside_ossec {
            return Err(DaemonError::BesideOssec(why));
        }
        warn!(reason = %why, help = "stop OSSEC, or expect each block and mail twice", "started beside OSSEC, as --beside-ossec asks");
    }
    serve(loaded, options, started)
}

/// A panic in any thread ends the daemon, however it was built: one that lacks a stage would look as
/// if it ran. The service manager starts it again, and nothing is lost, as after any crash.
fn end_on_panic() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |broken| {
        tell(broken);
        logging::say_last_words();
        error!(thread = thread::current().name(), help = "please report this", "internal error in hidsd; exiting");
        process::abort();
    }));
}

fn serve(loaded: Loaded, options: DaemonOptions, started: Instant) -> Result<(), DaemonError> {
    let DaemonOptions { load, mode, .. } = options;
    let config = &loaded.config;
    let distrusted = places::prepare(&config.paths)?;
    let _lock = StateLock::take(&config.paths.state)?;
    format::claim(&config.paths.state)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(DaemonError::Runtime)?;
    let run = config.paths.run.clone();
    let _ossec_log = open_ossec_log(config);
    if mode == Mode::Act {
        script_log::provide(config);
    }
    let Loaded { config, engine, unusable } = loaded;
    let mut stages = Stages::start(&config, engine, mode)?;
    stages.distrusted = distrusted;
    let daemon = Arc::new(Running::new(config, unusable, load, mode, stages));
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen().map_err(DaemonError::Signals)?;
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
                ended = &mut control => return ended.map_err(DaemonError::Control),
                // Only after the socket has been polled once does it listen.
                () = std::future::ready(()), if !announced => {
                    announced = true;
                    info!(pid = process::id(), milliseconds = started.elapsed().as_millis() as u64, "startup completed");
                    notify(Notice::Ready);
                    notify(Notice::Status("monitoring; comparing files with the baseline"));
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
                        "comparison with the baseline completed"
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
    info!("shutting down");
    // Conversations that are still open end with the runtime; then nobody else holds the daemon.
    drop(runtime);
    if let Some(daemon) = Arc::into_inner(daemon) {
        daemon.stop();
    }
    outcome
}

/// OSSEC's own log, where OSSEC's directories are used. Without it everything else works as well.
fn open_ossec_log(config: &Config) -> Option<OssecLog> {
    let path = config.paths.is_ossec_installation().then(|| config.paths.logs.join("ossec.log"))?;
    let started = OssecLog::start(path.clone());
    started
        .inspect_err(|error| warn!(path = %path.display(), %error, "cannot start the thread that writes ossec.log"))
        .ok()
}

/// Waits until what happened to files while the daemon was down has been found and is on its way.
async fn caught_up(daemon: &Running) {
    const LOOK: Duration = Duration::from_millis(20);
    while !daemon.is_caught_up() {
        tokio::time::sleep(LOOK).await;
    }
    daemon.until_recorded().await;
}
