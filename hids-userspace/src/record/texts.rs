//! Renders a batch for the files of its days.

use std::collections::BTreeMap;

use hids_core::join::Placement;
use hids_core::model::{Alert, Timestamp};
use hids_core::render::{self, Kinship};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::batch::{Batch, Summary};
use super::day::{Day, Kind};
use crate::config::RecordConfig;
use crate::sys::crash::{self, InHand, Part};

/// Texts by day and kind of file.
pub(super) struct Texts<'a> {
    config: &'a RecordConfig,
    zone: &'a TimeZone,
    /// The days that texts belong to, the open one first.
    pub days: Vec<Day>,
    pub texts: BTreeMap<(Date, Kind), Vec<u8>>,
}

impl<'a> Texts<'a> {
    /// Renders `batch`; `open` is the day of the open files.
    pub(super) fn of(batch: &Batch, config: &'a RecordConfig, zone: &'a TimeZone, open: Option<Day>) -> Self {
        let mut texts = Self { config, zone, days: open.into_iter().collect(), texts: BTreeMap::new() };
        for (alert, place) in batch.alerts().filter(|(alert, _)| alert.recorded) {
            crash::working_on(in_hand(alert), || match place {
                Placement::Now => {
                    texts.text(alert, alert.time);
                    texts.json(alert, Kinship::default());
                }
                Placement::Joined(group) => texts.json(alert, Kinship { group: Some(group), tally: None }),
                Placement::Folded => {}
            });
        }
        for summary in &batch.summaries {
            crash::working_on(text_in_hand(summary), || texts.summary(summary));
        }
        texts.others(batch);
        texts
    }

    fn summary(&mut self, summary: &Summary) {
        self.text(&summary.alert, summary.alert.time);
        if summary.held.is_folded() {
            self.json(summary.held.lead(), Kinship { group: None, tally: Some(summary.held.tally()) });
        }
    }

    fn text(&mut self, alert: &Alert, time: Timestamp) {
        #[cfg(feature = "faults")]
        hids_core::faults::strike("text", &alert.full_log);
        let (layout, zone) = (self.config.custom_layout.as_ref(), self.zone);
        let out = self.out(time, Kind::AlertsLog);
        match layout {
            Some(layout) => render::custom_alert(out, layout, alert),
            None => render::alert_log(out, alert, zone),
        }
    }

    fn json(&mut self, alert: &Alert, kinship: Kinship) {
        #[cfg(feature = "faults")]
        hids_core::faults::strike("record", &alert.full_log);
        if self.config.json {
            let zone = self.zone;
            render::alert_json_of_many(self.out(alert.time, Kind::AlertsJson), alert, zone, kinship);
        }
    }

    fn others(&mut self, batch: &Batch) {
        let (config, zone) = (self.config, self.zone);
        for event in &batch.processed.archived {
            let (part, place) = (Part::Recorder, event.source.location.as_bytes());
            crash::working_on(InHand { part, place, number: 0, bytes: &event.full_log }, || {
                if config.archive {
                    render::archive_line(self.out(event.time, Kind::ArchiveLog), event, zone);
                }
                if config.archive_json {
                    render::archive_json(self.out(event.time, Kind::ArchiveJson), event, zone);
                }
            });
        }
        for event in &batch.processed.firewall {
            render::firewall_line(self.out(event.time, Kind::FirewallLog), event, zone);
        }
    }

    fn out(&mut self, time: Timestamp, kind: Kind) -> &mut Vec<u8> {
        let date = self.date_of(time);
        self.texts.entry((date, kind)).or_default()
    }

    /// The day in whose file something received at `time` goes: never one before the open one.
    fn date_of(&mut self, time: Timestamp) -> Date {
        if let Some(day) = self.days.last().filter(|day| time < day.ends) {
            return day.date;
        }
        let day = Day::of(time, self.zone);
        let date = day.date;
        self.days.push(day);
        date
    }
}

/// An alert, should writing it end the program.
pub(super) fn in_hand(alert: &Alert) -> InHand<'_> {
    InHand {
        part: Part::Recorder,
        place: alert.source.location.as_bytes(),
        number: alert.id.sequence,
        bytes: &alert.full_log,
    }
}

/// The text of joined alerts, each of which has its record.
pub(super) fn text_in_hand(summary: &Summary) -> InHand<'_> {
    let lead = summary.held.lead();
    InHand { part: Part::JoinedText, number: summary.held.id.sequence, ..in_hand(lead) }
}
