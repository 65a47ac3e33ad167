//! Makes events of what the responder had to restore, so that rules alert them: not one for each
//! repair, of which a storm makes a hundred each second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hids_core::fim::{TextStyle, text};
use hids_core::model::{Channel, FileNotice, FimEvent, LogBatch, LogSource, Restored, Timestamp};

use crate::respond::ReportView;

/// After one has been told, those that follow are added up for this long.
const PAUSE: Duration = Duration::from_secs(60);

/// What has been told.
#[derive(Debug, Default)]
pub(super) struct RestoredNews {
    told: u64,
    next: Option<Instant>,
}

impl RestoredNews {
    /// What is to be told now. It counts as told only after [`RestoredNews::told`].
    pub(super) fn news(&self, report: &ReportView, now: Instant) -> Option<Restored> {
        let times = report.restored.saturating_sub(self.told);
        if times == 0 || self.next.is_some_and(|next| now < next) {
            return None;
        }
        let reason = report.restored_because.clone().unwrap_or_default();
        Some(Restored { reason, times, blocked: report.blocked as u64 })
    }

    /// The news are on their way.
    pub(super) fn told(&mut self, news: &Restored, now: Instant) {
        self.told += news.times;
        self.next = Some(now + PAUSE);
    }
}

/// The event that rules see.
pub(super) fn batch(news: Restored, time: Timestamp) -> LogBatch {
    let source = Arc::new(LogSource { location: "nftables".into(), channel: Channel::Syscheck });
    let mut batch = LogBatch::new(source, time);
    let news = FimEvent::Restored(news);
    let text = text(&news, TextStyle::default());
    batch.push_notice(&text, Arc::new(FileNotice { sequence: 0, time, alerted: true, news }));
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_of_repairs_is_told_at_once_and_then_once_a_minute_with_its_number() {
        let start = Instant::now();
        let at = |tenths: u64| start + Duration::from_millis(100 * tenths);
        let mut news = RestoredNews::default();
        let mut told = Vec::new();
        // 1,038 flushes in 8 s, then quiet.
        for tenth in 0..700 {
            let restored = (tenth * 13).min(1038);
            let report = ReportView { restored, restored_because: Some("x".into()), ..ReportView::default() };
            if let Some(found) = news.news(&report, at(tenth)) {
                news.told(&found, at(tenth));
                told.push(found.times);
            }
        }
        assert_eq!(told, [13, 1025]);
    }

    #[test]
    fn what_could_not_be_handed_on_is_told_later() {
        let (news, report) = (RestoredNews::default(), ReportView { restored: 1, ..ReportView::default() });
        assert!(news.news(&report, Instant::now()).is_some());
        assert_eq!(news.news(&report, Instant::now()).map(|news| news.times), Some(1));
    }
}
