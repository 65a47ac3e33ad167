//! What a batch is in the files of its days.

use std::collections::BTreeMap;

use hids_core::join::Placement;
use hids_core::model::{Alert, Timestamp};
use hids_core::render::{self, Kinship};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::batch::Batch;
use super::day::{Day, Kind};
use crate::config::RecordConfig;

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
    pub fn of(batch: &Batch, config: &'a RecordConfig, zone: &'a TimeZone, open: Option<Day>) -> Self {
        let mut texts = Self { config, zone, days: open.into_iter().collect(), texts: BTreeMap::new() };
        for (alert, place) in batch.alerts().filter(|(alert, _)| alert.recorded) {
            match place {
                Placement::Now => {
                    texts.text(alert, alert.time);
                    texts.json(alert, Kinship::default());
                }
                Placement::Joined(group) => texts.json(alert, Kinship { group: Some(group), tally: None }),
                Placement::Folded => {}
            }
        }
        for summary in &batch.summaries {
            texts.text(&summary.alert, summary.alert.time);
            if summary.held.is_folded() {
                texts.json(summary.held.lead(), Kinship { group: None, tally: Some(summary.held.tally()) });
            }
        }
        texts.others(batch);
        texts
    }

    fn text(&mut self, alert: &Alert, time: Timestamp) {
        let (layout, zone) = (self.config.custom_layout.as_ref(), self.zone);
        let out = self.out(time, Kind::AlertsLog);
        match layout {
            Some(layout) => render::custom_alert(out, layout, alert),
            None => render::alert_log(out, alert, zone),
        }
    }

    fn json(&mut self, alert: &Alert, kinship: Kinship) {
        if self.config.json {
            let zone = self.zone;
            render::alert_json_of_many(self.out(alert.time, Kind::AlertsJson), alert, zone, kinship);
        }
    }

    fn others(&mut self, batch: &Batch) {
        let (config, zone) = (self.config, self.zone);
        for event in &batch.processed.archived {
            if config.archive {
                render::archive_line(self.out(event.time, Kind::ArchiveLog), event, zone);
            }
            if config.archive_json {
                render::archive_json(self.out(event.time, Kind::ArchiveJson), event, zone);
            }
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
