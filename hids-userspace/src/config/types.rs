//! The resolved configuration: absolute paths, durations, checked values.

mod checks;
mod outputs;
mod responses;
mod sources;

use std::path::PathBuf;

pub use checks::*;
pub use outputs::*;
pub use responses::*;
pub use sources::*;

/// Everything, split by the stage that acts on it.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where things are.
    pub paths: Paths,
    /// Log sources.
    pub collect: Vec<LogSourceConfig>,
    /// Decoders, rules and the engine's options.
    pub analysis: AnalysisConfig,
    /// Active responses.
    pub respond: RespondConfig,
    /// Mail.
    pub mail: MailConfig,
    /// Alert and archive files.
    pub record: RecordConfig,
    /// Alerts sent to syslog servers.
    pub syslog_outputs: Vec<SyslogOutputConfig>,
    /// File integrity.
    pub syscheck: SyscheckConfig,
    /// Rootkit checks.
    pub rootcheck: RootcheckConfig,
    /// Daily reports.
    pub reports: Vec<ReportConfig>,
}

/// Where files are read and written.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    /// The configuration file that was read.
    pub config_file: PathBuf,
    /// What relative paths in it resolve against: OSSEC's install directory (`/var/ossec`), else the
    /// directory of the configuration file.
    pub base: PathBuf,
    /// Alert files: `ROOT/logs` (OSSEC's layout under `/var/ossec`, else `/var/log/hids`).
    pub logs: PathBuf,
    /// State that must survive a restart (`/var/lib/hids`; `ROOT/state` with `--root`).
    pub state: PathBuf,
    /// Sockets and the pid file (`/run/hids`; `ROOT/run` with `--root`).
    pub run: PathBuf,
    /// Executables of active responses (`BASE/active-response/bin`).
    pub response_programs: PathBuf,
}
