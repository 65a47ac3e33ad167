//! Directories, derived from the location of the configuration.

use std::path::{Path, PathBuf};

use super::Paths;

/// OSSEC's install directory.
const OSSEC_HOME: &str = "/var/ossec";

/// The paths that belong to a configuration file.
///
/// A file `X/etc/ossec.conf` in an OSSEC installation is taken over as it is: relative paths
/// resolve against `X`, alert files go to `X/logs`. `root` moves what is written, never what is
/// read.
pub(super) fn resolve(config_file: &Path, root: Option<&Path>) -> Paths {
    let config_file = absolute(config_file);
    let folder = config_file.parent().unwrap_or(Path::new("/")).to_owned();
    let home = folder.parent().filter(|home| folder.ends_with("etc") && is_ossec_home(home));
    let (base, logs) = match home {
        Some(home) => (home.to_owned(), home.join("logs")),
        None => (folder, PathBuf::from("/var/log/hids")),
    };
    let response_programs = base.join("active-response/bin");
    let (logs, state, run) = match root.map(absolute) {
        Some(root) => (root.join("logs"), root.join("state"), root.join("run")),
        None => (logs, "/var/lib/hids".into(), "/run/hids".into()),
    };
    Paths { config_file, base, logs, state, run, response_programs }
}

impl Paths {
    /// Whether the configuration is that of an OSSEC installation, whose layout is kept.
    pub fn is_ossec_installation(&self) -> bool {
        self.config_file.parent() != Some(self.base.as_path())
    }
}

/// `path` from the root directory; it need not exist.
pub(super) fn absolute(path: &Path) -> PathBuf {
    // Fails only for an empty path or without a current directory.
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn is_ossec_home(home: &Path) -> bool {
    home == Path::new(OSSEC_HOME)
        || ["rules", "active-response", "queue"].iter().any(|folder| home.join(folder).is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ossec_installation_keeps_its_layout() {
        let paths = resolve(Path::new("/var/ossec/etc/ossec.conf"), None);
        assert_eq!(paths.base, Path::new("/var/ossec"));
        assert_eq!(paths.logs, Path::new("/var/ossec/logs"));
        assert_eq!(paths.response_programs, Path::new("/var/ossec/active-response/bin"));
    }

    #[test]
    fn a_file_elsewhere_resolves_against_its_folder() {
        let paths = resolve(Path::new("/etc/hids/ossec.conf"), None);
        assert_eq!(paths.base, Path::new("/etc/hids"));
        assert_eq!(paths.logs, Path::new("/var/log/hids"));
    }

    #[test]
    fn a_root_moves_what_is_written_only() {
        let paths = resolve(Path::new("/var/ossec/etc/ossec.conf"), Some(Path::new("/tmp/x")));
        assert_eq!(paths.base, Path::new("/var/ossec"));
        assert_eq!(paths.logs, Path::new("/tmp/x/logs"));
        assert_eq!(paths.state, Path::new("/tmp/x/state"));
        assert_eq!(paths.run, Path::new("/tmp/x/run"));
    }
}
