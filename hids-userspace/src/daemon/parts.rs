//! The parts of a configuration, and which of them do not run as they were read last.

use std::fmt::Debug;

use crate::config::{Config, Paths, SyscheckConfig};

/// What of `wanted` does not run: what runs there is that of `running`.
///
/// Every field is named, so that a new one is not forgotten.
pub(super) fn not_running(running: &Config, wanted: &Config) -> Vec<&'static str> {
    let Config {
        paths: Paths { config_file: _, base, logs, state, run, response_programs },
        collect,
        analysis,
        respond,
        mail,
        record,
        syslog_outputs,
        syscheck,
        // Nothing acts on these two yet; `hidsctl check` says so.
        rootcheck: _,
        reports: _,
    } = wanted;
    let mut parts = Vec::new();
    let mut part =
        |name, running: &dyn Debug, wanted: &dyn Debug| parts.extend(differs(running, wanted).then_some(name));
    let old = &running.paths;
    part(
        "paths",
        &(&old.base, &old.logs, &old.state, &old.run, &old.response_programs),
        &(base, logs, state, run, response_programs),
    );
    part("log sources", &running.collect, collect);
    part("rules", &running.analysis, analysis);
    part("active responses", &running.respond, respond);
    part("mail", &running.mail, mail);
    part("alert files", &running.record, record);
    part("syslog outputs", &running.syslog_outputs, syslog_outputs);
    part("file integrity", &running.syscheck, syscheck);
    parts
}

/// Whether file integrity has to be stopped and started to go from one to the other; everything else of it
/// changes while it runs.
pub(super) fn integrity_starts_anew(old: &SyscheckConfig, new: &SyscheckConfig) -> bool {
    differs(&OfStart::new(old), &OfStart::new(new))
}

/// What file integrity takes at its start only.
#[derive(Debug)]
struct OfStart<'a> {
    _is_on: bool,
    _wants_events: bool,
    _protected: Vec<&'a [u8]>,
    _allowed: &'a dyn Debug,
    _summarise_updates: bool,
    _diff_size_limit: u64,
}

impl<'a> OfStart<'a> {
    fn new(config: &'a SyscheckConfig) -> Self {
        let SyscheckConfig {
            disabled,
            directories,
            summarise_updates,
            protect_allow,
            diff_size_limit,
            // Schedule, policy, speed and mode of protection: taken up while it runs.
            frequency: _,
            scan_time: _,
            scan_days: _,
            ignore: _,
            no_diff: _,
            skip_nfs: _,
            alert_new_files: _,
            prefilter: _,
            protect_mode: _,
            scan_rate_mib: _,
            scan_nice: _,
            // The rules count changes, and are compiled anew.
            auto_ignore: _,
            // Says something about the next start only.
            scan_on_start: _,
        } = config;
        Self {
            _is_on: is_on(config),
            _wants_events: !disabled && super::integrity::wants_events(config),
            _protected: directories.iter().filter(|watched| watched.protect).map(|watched| &*watched.root).collect(),
            _allowed: protect_allow,
            _summarise_updates: *summarise_updates,
            _diff_size_limit: *diff_size_limit,
        }
    }
}

/// Whether `<syscheck>` watches anything.
pub(super) fn is_on(config: &SyscheckConfig) -> bool {
    !config.disabled && !config.directories.is_empty()
}

/// Whether two parts are written differently: all of them can be shown, not all compared.
pub(super) fn differs(old: &dyn Debug, new: &dyn Debug) -> bool {
    format!("{old:?}") != format!("{new:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    // O-B4: what a reload has not taken up is compared with what runs.
    #[test]
    fn what_does_not_run_is_named_until_it_does() {
        let (running, mut wanted) = (Config::default(), Config::default());
        assert!(not_running(&running, &wanted).is_empty());
        wanted.mail.enabled = true;
        wanted.paths.logs = "/elsewhere".into();
        assert_eq!(not_running(&running, &wanted), ["paths", "mail"]);
        assert_eq!(not_running(&running, &wanted.clone()), ["paths", "mail"], "a second reload of the same");
        assert!(not_running(&running, &Config::default()).is_empty(), "taken back");
    }

    #[test]
    fn protection_of_another_tree_starts_file_integrity_anew_and_a_schedule_does_not() {
        let watched = |path: &str| crate::config::Watch { root: path.into(), protect: true, ..Default::default() };
        let old = SyscheckConfig { directories: vec![watched("/etc")], ..SyscheckConfig::default() };
        let other = SyscheckConfig { directories: vec![watched("/usr")], ..old.clone() };
        let schedule = SyscheckConfig { scan_time: Some(60), ..old.clone() };
        assert!(integrity_starts_anew(&old, &other));
        assert!(!integrity_starts_anew(&old, &schedule));
        assert!(integrity_starts_anew(&old, &SyscheckConfig { disabled: true, ..old.clone() }));
    }
}
