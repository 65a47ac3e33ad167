//! A daemon that watches files, for what is measured with one.

use std::path::Path;
use std::time::{Duration, Instant};

use hids_tests::daemon::{Daemon, wait_for};

/// How long the daemon may take for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// A daemon that watches `tree`, at rest.
pub(super) fn watching(tree: &Path) -> Daemon {
    let mut daemon = Daemon::new(&format!(
        "<syscheck><alert_new_files>yes</alert_new_files>\
         <directories check_all=\"yes\" whodata=\"yes\">{}</directories></syscheck>\
         <rootcheck><disabled>yes</disabled></rootcheck>",
        tree.display()
    ));
    daemon.start();
    wait_for_rest(&daemon);
    daemon
}

/// Waits until nothing is left to be looked at or told.
pub(super) fn wait_for_rest(daemon: &Daemon) {
    let began = Instant::now();
    let is_at_rest = || {
        let status = daemon.hidsctl_json(&["fim", "status"])?;
        let none = |key: &str| status[key].as_array().is_none_or(Vec::is_empty);
        let zero = |key: &str| status[key].as_u64() == Some(0);
        (none("scans") && none("gaps") && zero("pending") && zero("unreported")).then_some(())
    };
    while began.elapsed() < PATIENCE && is_at_rest().is_none() {
        std::thread::sleep(Duration::from_millis(50));
    }
    wait_for("file integrity to be at rest", is_at_rest);
}
