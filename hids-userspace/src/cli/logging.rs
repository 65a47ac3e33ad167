//! Logging to standard error, which systemd forwards to the journal.

use tracing_subscriber::EnvFilter;

/// Starts logging; `verbose` counts `-v`. `HIDS_LOG` (for example `hids_userspace::collect=debug`) overrides it.
pub(super) fn start(verbose: u8) {
    let level = match verbose {
        0 => "info",
        1 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env("HIDS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // A second call (tests) keeps the first logger.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal)
        .with_target(false)
        .try_init();
}
