//! Output of commands.
use crate::config::LogSourceConfig;
/// Placeholder for the thread of one command.
#[derive(Debug)]
pub(super) struct CommandHandle(LogSourceConfig);
impl CommandHandle {
    pub(super) fn start(c: LogSourceConfig, _: &super::CollectTuning, _: super::outlet::Outlet, _: &super::report::SourceRegistry) -> Option<Self> { Some(Self(c)) }
    pub(super) fn config(&self) -> &LogSourceConfig { &self.0 }
    pub(super) fn stop(self) {}
}
