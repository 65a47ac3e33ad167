//! The daemon's own directories: made, and looked at before anything is put into them.
//!
//! Positions, blocks and the baseline are believed, and whoever can put a socket into the run
//! directory steers the daemon: both directories must be root's own. The logs are only written, and
//! never through a link, so that a directory of OSSEC's user (`ossec`, mode 0770) is as good as ever.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use tracing::warn;

use super::problem::Problem;
use super::wiring::StartError;
use crate::config::Paths;
use crate::trust::{self, Distrust};

/// Makes the directories; what does not keep the daemon from starting is given back.
///
/// # Errors
/// When one cannot be made, or others can write to the state or the run directory.
pub(super) fn prepare(paths: &Paths) -> Result<Vec<Problem>, StartError> {
    for directory in [&paths.logs, &paths.state, &paths.run] {
        make_private(directory)?;
    }
    let mut problems = Vec::new();
    let mut problem = |directory: &Path, distrust: Distrust, what: &str| {
        let remedy = distrust.remedy().unwrap_or_default();
        warn!(directory = %directory.display(), reason = %distrust, consequence = what, help = %remedy, "untrusted directory");
        problems.push(Problem::warning(format!("{distrust}: {what}"), remedy));
    };
    for directory in [&paths.state, &paths.run] {
        if let Err(distrust) = trust::directory(directory) {
            let remedy = distrust.remedy().unwrap_or_default();
            return Err(StartError::Distrusted { remedy, fault: distrust });
        }
        if let Err(distrust) = trust::way_to(directory)
            && distrust.is_of_rights()
        {
            problem(directory, distrust, "other users could replace a directory of hidsd");
        }
    }
    let is_ossecs = paths.logs.starts_with(&paths.base);
    match trust::directory(&paths.logs) {
        Err(distrust) if distrust.is_of_rights() && (!is_ossecs || matches!(distrust, Distrust::Everybody { .. })) => {
            problem(&paths.logs, distrust, "other users could remove or replace alert files");
        }
        _ => {}
    }
    Ok(problems)
}

/// Makes a directory that only root and its group may enter, with its parents.
fn make_private(path: &Path) -> Result<(), StartError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(path)
        .map_err(|source| StartError::Directory { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    fn paths(base: &Path) -> Paths {
        Paths {
            base: base.join("ossec"),
            logs: base.join("logs"),
            state: base.join("state"),
            run: base.join("run"),
            ..Paths::default()
        }
    }

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    }

    #[test]
    fn state_and_run_directories_that_others_can_write_to_are_refused_with_the_remedy() {
        // M6
        let place = tempfile::tempdir().expect("a directory");
        let paths = paths(place.path());
        assert_eq!(prepare(&paths).expect("good directories"), []);
        for directory in [&paths.state, &paths.run] {
            for bad in [0o777, 0o770, 0o1777] {
                mode(directory, bad);
                let Err(StartError::Distrusted { remedy, fault }) = prepare(&paths) else { panic!("{bad:o}") };
                assert_eq!(fault.path(), directory);
                assert!(remedy.starts_with("chmod "), "{remedy}");
            }
            mode(directory, 0o750);
        }
        if rustix::process::geteuid().is_root() {
            chown(&paths.state, Some(65534), None).expect("given away");
            let Err(StartError::Distrusted { remedy, .. }) = prepare(&paths) else { panic!("not refused") };
            assert_eq!(remedy, format!("chown -h root {}", paths.state.display()));
        }
    }

    #[test]
    fn logs_of_ossecs_user_are_good_and_others_are_a_problem() {
        // M6
        if !hids_tests::require::root() {
            return;
        }
        let place = tempfile::tempdir().expect("a directory");
        let mut paths = paths(place.path());
        prepare(&paths).expect("made");
        mode(&paths.logs, 0o770);
        chown(&paths.logs, Some(65534), Some(65534)).expect("given away");
        assert_eq!(prepare(&paths).expect("it starts").len(), 1);
        paths.base = place.path().to_owned();
        assert_eq!(prepare(&paths).expect("it starts"), []);
        mode(&paths.logs, 0o777);
        chown(&paths.logs, Some(0), None).expect("taken back");
        assert_eq!(prepare(&paths).expect("it starts").len(), 1);
    }

    #[test]
    fn a_way_that_others_can_change_is_a_problem() {
        // M6
        let place = tempfile::tempdir().expect("a directory");
        let open = place.path().join("open");
        std::fs::create_dir(&open).expect("a directory");
        let paths = paths(&open);
        prepare(&paths).expect("made");
        mode(&open, 0o777);
        assert_eq!(prepare(&paths).expect("it starts").len(), 2, "state and run");
    }
}
