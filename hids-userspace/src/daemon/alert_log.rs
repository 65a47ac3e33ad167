//! Alerts in the daemon's own log: `journalctl HIDS_RULE=5720`, `HIDS_SRCIP=…`, `HIDS_LEVEL=…`.
//!
//! The alert files are the record; this is for who looks into the journal first. Only alerts that are mailed are
//! logged, and some a second at most. And only where the whole journal is analysed, from which the daemon omits its own
//! entries and their copies in files: a syslog file that holds this log would make an alert of each alert.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hids_core::escape::visible_string;
use hids_core::model::{Alert, FieldName, FimEvent};
use tracing::info;

use crate::config::{Config, LogInput};

/// Alerts that are logged at once.
const BURST: u32 = 50;
/// After a burst, one each so often.
const PAUSE: Duration = Duration::from_millis(200);

/// How many alerts may be logged now.
#[derive(Debug)]
pub(super) struct AlertLog {
    is_on: bool,
    left: u32,
    filled: Instant,
    omitted: u64,
}

impl AlertLog {
    pub(super) fn new(is_on: bool, now: Instant) -> Self {
        Self { is_on, left: BURST, filled: now, omitted: 0 }
    }

    /// After a reload.
    pub(super) fn switch(&mut self, is_on: bool) {
        self.is_on = is_on;
    }

    /// Logs `alert` if it is its turn.
    pub(super) fn log(&mut self, alert: &Arc<Alert>, now: Instant) {
        if !self.is_on || !alert.mailed || !self.takes(now) {
            return;
        }
        let omitted = std::mem::take(&mut self.omitted);
        if omitted > 0 {
            info!(omitted, help = "hidsctl alerts shows all", "alerts came too fast to be logged one by one");
        }
        let field = |name| alert.fields.value(&name).map(visible_string);
        info!(
            rule = alert.rule.id.0,
            level = alert.rule.level.0,
            srcip = field(FieldName::SrcIp),
            user = field(FieldName::DstUser).or_else(|| field(FieldName::SrcUser)),
            path = path_of(alert).map(visible_string).or_else(|| field(FieldName::FileName)),
            location = alert.source.location,
            alert = %alert.id,
            "alert: {}",
            alert.rule.description
        );
    }

    fn takes(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_millis() / PAUSE.as_millis();
        let new = u32::try_from(passed).unwrap_or(u32::MAX);
        if new > 0 {
            self.left = self.left.saturating_add(new).min(BURST);
            self.filled = now;
        }
        let takes = self.left > 0;
        self.left = self.left.saturating_sub(1);
        self.omitted += u64::from(!takes);
        takes
    }
}

/// Whether this log is known wherever it is read: see the module.
pub(super) fn is_wanted(config: &Config) -> bool {
    let reads_all = |input: &LogInput| match input {
        LogInput::Journal { selections, .. } => selections.iter().any(|selection| selection.is_everything()),
        _ => false,
    };
    !config.analysis.strict_ossec && config.collect.iter().any(|source| reads_all(&source.input))
}

/// The file that an alert of file integrity is about.
fn path_of(alert: &Alert) -> Option<&[u8]> {
    match &alert.notice.as_ref()?.news {
        FimEvent::Change(change) => Some(&change.path),
        FimEvent::Refusal(refusal) => Some(&refusal.path),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_logged_in_part_and_counted() {
        let start = Instant::now();
        let mut log = AlertLog::new(true, start);
        assert_eq!((0..1000).filter(|_| log.takes(start)).count(), 50);
        assert_eq!(log.omitted, 950);
        assert_eq!((0..1000).filter(|_| log.takes(start + Duration::from_secs(1))).count(), 5);
        assert_eq!((0..1000).filter(|_| log.takes(start + Duration::from_secs(3600))).count(), 50);
    }
}
