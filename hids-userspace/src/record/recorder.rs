//! Writes batches and commits them.

use std::path::PathBuf;

use hids_core::engine::SavedState;
use hids_core::join::{Held, Placement};
use hids_core::model::Timestamp;
use jiff::tz::TimeZone;

use super::batch::Batch;
#[cfg(test)]
use super::batch::Processed;
use super::day::{Day, Kind};
use super::error::RecordError;
use super::journal::{Journal, Progress, Record};
use super::mark::{self, Mark, MarkFile, Phase, now_seconds};
use super::output::OutputFile;
use super::recover::{self, Recovered};
use super::reserve;
use super::root::Root;
use super::rule_state::RuleStateFile;
use super::texts::{Texts, in_hand, text_in_hand};
use super::today::DayCounts;
use crate::config::RecordConfig;
use crate::contracts::alert_spool::{AlertSpool, MailItem};
use crate::platform::error_chain::error_chain;
use crate::sys::crash;

/// What a [`Recorder`] needs.
pub(crate) struct RecorderOptions {
    /// What is written.
    pub config: RecordConfig,
    /// The directory `logs`.
    pub logs: PathBuf,
    /// Directory of the journal.
    pub state: PathBuf,
    /// Zone of dates in file names and texts.
    pub zone: TimeZone,
    /// Where mailed alerts go.
    pub spool: Option<Box<dyn AlertSpool + Send>>,
    /// Number of joined alerts whose text is not written, because the program ended at it.
    pub left_out: Option<u64>,
}

/// Owns the alert files and the journal.
pub(crate) struct Recorder {
    pub(super) config: RecordConfig,
    pub(super) root: Root,
    pub(super) zone: TimeZone,
    pub(super) spool: Option<Box<dyn AlertSpool + Send>>,
    journal: Journal,
    pub(super) progress: Progress,
    day: Option<Day>,
    /// Today's files.
    open: Vec<(Kind, OutputFile)>,
    /// Files of days that ended within the batch being written.
    closing: Vec<OutputFile>,
    /// Whether something was committed since the last sync.
    unsynced: bool,
    rule_state: RuleStateFile,
    mark: MarkFile,
    kept_bytes: u64,
    recovered_held: Vec<Held>,
}

impl Recorder {
    /// Reads the journal, cuts the files back to what it covers and starts a new journal.
    ///
    /// Output files are opened by the first [`Self::tick`] or [`Self::write_batch`], so that a full disk
    /// does not keep the daemon from starting.
    pub(crate) fn open(mut options: RecorderOptions) -> Result<(Self, Recovered), RecordError> {
        let root = Root::open(&options.logs)?;
        let (lock, records) = Journal::read(&options.state)?;
        let rule_state = RuleStateFile::new(&options.state);
        let boot = recover::boot_id();
        let (mut progress, lost) = recover::progress(&records, &boot, &root, options.spool.as_deref());
        let mut recovered = recover::cut_back(&progress, &root, &boot)?;
        recovered.lost_batches = lost;
        recovered.rule_state = rule_state.load();
        // Entries of the spool bore the alerts' numbers before they had their own.
        if progress.next_mail == 0 {
            progress.next_mail = progress.next_sequence;
        }
        if let Some(spool) = &mut options.spool {
            spool.drop_from(progress.next_mail).map_err(RecordError::Spool)?;
            spool.sync().map_err(RecordError::Spool)?;
            spool.committed(progress.next_mail);
        }
        progress.files.clear();
        progress.next_sequence = recovered.next_sequence;
        progress.run = Some(mark::new_run());
        let (left_out, recovered_held) =
            recover::held(&mut progress).into_iter().partition(|held| Some(held.id.sequence) == options.left_out);
        recovered.left_out = Vec::into_iter(left_out).next();
        options.left_out.iter().for_each(|number| _ = progress.held.remove(number));
        let journal = lock.start(&progress, &boot)?;
        let recorder = Self {
            config: options.config,
            root,
            zone: options.zone,
            spool: options.spool,
            journal,
            progress,
            day: None,
            open: Vec::new(),
            closing: Vec::new(),
            unsynced: false,
            rule_state,
            mark: MarkFile::default(),
            kept_bytes: recovered.kept_bytes,
            recovered_held,
        };
        Ok((recorder, recovered))
    }

    /// Appends a batch to its files and commits it. On an error nothing of it remains: the call may
    /// be repeated.
    pub(super) fn write_batch(&mut self, batch: &Batch) -> Result<(), RecordError> {
        let result = self
            .announce(batch)
            .and_then(|()| self.append(batch))
            .and_then(|()| self.stage(batch))
            .and_then(|mailed| self.commit(batch, mailed));
        if result.is_err() {
            self.undo();
        }
        result
    }

    /// [`Self::write_batch`] of alerts that stand for themselves.
    #[cfg(test)]
    pub(super) fn write(&mut self, processed: &Processed) -> Result<(), RecordError> {
        self.write_batch(&Batch::plain(processed.clone()))
    }

    /// As far as a kill right before the first byte gets.
    #[cfg(test)]
    pub(super) fn begin(&mut self, processed: &Processed) -> Result<(), RecordError> {
        self.announce(&Batch::plain(processed.clone()))
    }

    /// What a run before held back when it was killed.
    pub(super) fn take_recovered(&mut self) -> Vec<Held> {
        std::mem::take(&mut self.recovered_held)
    }

    /// Bytes of an alert file that the journal did not know at the start.
    pub(super) fn kept_bytes(&self) -> u64 {
        self.kept_bytes
    }

    /// Says beside the files that a batch is about to be written, if the disk has room for any.
    fn announce(&mut self, batch: &Batch) -> Result<(), RecordError> {
        if !batch.has_output() {
            return Ok(());
        }
        reserve::check(&self.root, self.config.reserve)?;
        let next = self.progress.next_sequence.max(batch.processed.next_sequence);
        self.mark(self.progress.commit + 1, Phase::Open, next)
    }

    fn mark(&mut self, commit: u64, phase: Phase, next: u64) -> Result<(), RecordError> {
        let run = self.progress.run.clone().unwrap_or_default();
        self.mark.write(&self.root, &Mark { run, commit, phase, time: now_seconds(), next })
    }

    /// Opens today's files if they are not open, goes to the next day at midnight and reopens files
    /// that were moved away by hand.
    pub(crate) fn tick(&mut self, now: Timestamp) -> Result<(), RecordError> {
        let today = Day::of(now, &self.zone);
        let rotate = match &self.day {
            None => true,
            Some(day) if today.date > day.date => true,
            // The clock had been far ahead: do not stay in that day's file for ever.
            Some(day) => today.date < day.date.yesterday().unwrap_or(day.date),
        };
        let moved = self.open.iter().any(|(_, file)| !file.is_in_place(&self.root));
        if !rotate && !moved {
            return Ok(());
        }
        let result = self.enter(today).and_then(|()| self.commit(&Batch::default(), self.progress.next_mail));
        if result.is_err() {
            self.undo();
        }
        result
    }

    /// Makes everything committed so far durable: files and spool first, then the journal.
    pub(crate) fn sync(&mut self) -> Result<(), RecordError> {
        if !self.unsynced {
            return Ok(());
        }
        self.sync_outputs()?;
        self.journal.append(&Record { synced: true, ..Record::default() })?;
        self.journal.sync()?;
        self.unsynced = false;
        if self.journal.wants_compaction() {
            self.journal.compact(&self.progress)?;
        }
        Ok(())
    }

    /// Saves what rules remember. Only after a [`Self::sync`] of the batch that it came with: a line
    /// that is analysed again after a crash must not find itself remembered.
    pub(crate) fn save_rule_state(&self, state: &SavedState) -> std::io::Result<()> {
        self.rule_state.save(state)
    }

    /// Whether [`Self::sync`] has something to do.
    pub(crate) fn needs_sync(&self) -> bool {
        self.unsynced
    }

    /// The position committed last under `key`.
    pub(super) fn position(&self, key: &str) -> Option<String> {
        self.progress.positions.get(key).cloned()
    }

    /// Alerts recorded on the day of the last one.
    pub(super) fn day_counts(&self) -> DayCounts {
        self.progress.today.clone()
    }

    /// When the day of the open files ends.
    pub(crate) fn day_ends(&self) -> Option<Timestamp> {
        self.day.as_ref().map(|day| day.ends)
    }

    /// The day of the open files.
    pub(super) fn today(&self) -> Option<jiff::civil::Date> {
        self.day.as_ref().map(|day| day.date)
    }

    fn sync_outputs(&mut self) -> Result<(), RecordError> {
        self.open.iter().map(|(_, file)| file).chain(&self.closing).try_for_each(OutputFile::sync)?;
        self.spool.as_mut().map_or(Ok(()), |spool| spool.sync()).map_err(RecordError::Spool)
    }

    /// Renders and appends, day by day: one write per file and day.
    fn append(&mut self, batch: &Batch) -> Result<(), RecordError> {
        let (config, zone) = (self.config.clone(), self.zone.clone());
        let Texts { texts, days, .. } = Texts::of(batch, &config, &zone, self.day.clone());
        for ((date, kind), text) in texts {
            if let Some(day) = days.iter().find(|day| day.date == date) {
                self.enter_if_new(day)?;
            }
            self.file(kind)?.append(&text)?;
        }
        Ok(())
    }

    fn enter_if_new(&mut self, day: &Day) -> Result<(), RecordError> {
        if self.day.as_ref().is_some_and(|open| open.date == day.date) {
            return Ok(());
        }
        self.enter(day.clone())
    }

    /// Opens the files of `day` and names them in the journal before anything is written to them:
    /// what a crash leaves in them beyond that is cut away.
    pub(super) fn enter(&mut self, day: Day) -> Result<(), RecordError> {
        let mut open = Vec::new();
        for kind in self.kinds() {
            open.push((kind, OutputFile::open(&self.root, kind.path(day.date))?));
        }
        for (_, file) in &open {
            self.root.sync_parent(&file.path)?;
        }
        let record = Record { files: open.iter().map(|(_, file)| file.mark()).collect(), ..Record::default() };
        self.journal.append(&record)?;
        self.progress.apply(&record);
        for (kind, file) in &open {
            let link = PathBuf::from(kind.directory()).join(kind.link());
            if let Err(error) = self.root.relink(&file.path, &link) {
                tracing::warn!(link = %self.root.path.join(&link).display(), %error,
                    "cannot create the link to the current file; the file itself is written");
            }
        }
        let ended = std::mem::replace(&mut self.open, open);
        self.closing.extend(ended.into_iter().map(|(_, file)| file));
        self.day = Some(day);
        Ok(())
    }

    fn kinds(&self) -> impl Iterator<Item = Kind> + use<> {
        let config = self.config.clone();
        Kind::ALL.into_iter().filter(move |kind| match kind {
            Kind::ArchiveLog => config.archive,
            Kind::ArchiveJson => config.archive_json,
            Kind::AlertsJson => config.json,
            Kind::AlertsLog | Kind::FirewallLog => true,
        })
    }

    fn file(&mut self, kind: Kind) -> Result<&mut OutputFile, RecordError> {
        let path = self.root.path.join(kind.directory());
        self.open
            .iter_mut()
            .find(|(open, _)| *open == kind)
            .map(|(_, file)| file)
            .ok_or_else(|| RecordError::Open { path, source: std::io::Error::from(std::io::ErrorKind::NotFound) })
    }

    /// Puts what is mailed into the spool; gives the number of the next entry.
    fn stage(&mut self, batch: &Batch) -> Result<u64, RecordError> {
        let mut next = self.progress.next_mail;
        let Some(spool) = &mut self.spool else { return Ok(next) };
        let singles = batch.alerts().filter(|(alert, place)| alert.mailed && *place == Placement::Now);
        let singles = singles.map(|(alert, _)| (in_hand(alert), MailItem::single(0, alert)));
        let summaries = batch.summaries.iter().filter(|summary| summary.alert.mailed).map(|summary| {
            let (alert, held) = (&summary.alert, &summary.held);
            (text_in_hand(summary), MailItem { number: 0, alert, count: held.count, rules: &held.rules })
        });
        for (hand, item) in singles.chain(summaries) {
            let staged = crash::working_on(hand, || spool.stage(MailItem { number: next, ..item }));
            staged.map_err(RecordError::Spool)?;
            next += 1;
        }
        Ok(next)
    }

    pub(super) fn commit(&mut self, batch: &Batch, next_mail: u64) -> Result<(), RecordError> {
        let processed = &batch.processed;
        let grown = |file: &OutputFile| file.is_changed().then(|| file.mark());
        let current: Vec<PathBuf> = self.open.iter().map(|(_, file)| file.path.clone()).collect();
        let record = Record {
            commit: Some((self.progress.commit + 1, now_seconds())),
            next_sequence: Some(self.progress.next_sequence.max(processed.next_sequence)),
            mailed: (next_mail > self.progress.next_mail).then(|| next_mail - 1),
            next_mail: (next_mail > self.progress.next_mail).then_some(next_mail),
            held: batch.held.clone(),
            released: batch.summaries.iter().map(|summary| summary.held.id.sequence).collect(),
            positions: processed.positions.iter().map(|at| (at.key.to_string(), at.value.clone())).collect(),
            files: self.open.iter().filter_map(|(_, file)| grown(file)).collect(),
            // A file that ended within this batch is durable before it is no longer watched over.
            closed: self.closing.iter().map(|file| file.path.clone()).filter(|path| !current.contains(path)).collect(),
            today: self.counted(batch),
            ..Record::default()
        };
        self.closing.iter().try_for_each(OutputFile::sync)?;
        self.journal.append(&record)?;
        self.progress.apply(&record);
        self.open.iter_mut().for_each(|(_, file)| file.commit());
        self.unsynced = true;
        if let Some(spool) = &mut self.spool {
            spool.committed(self.progress.next_mail);
        }
        for file in self.closing.drain(..) {
            if file.is_empty() && file.is_in_place(&self.root) && !current.contains(&file.path) {
                let _ = self.root.remove(&file.path);
            }
        }
        if batch.has_output() {
            // It is committed whether this succeeds or not: only a restored state would be known later.
            let _ = self.mark(self.progress.commit, Phase::Done, self.progress.next_sequence);
        }
        Ok(())
    }

    /// Today's alerts with those of `batch`, if it has any.
    fn counted(&self, batch: &Batch) -> Option<DayCounts> {
        let mut recorded = batch.alerts().map(|(alert, _)| &**alert).filter(|alert| alert.recorded).peekable();
        recorded.peek()?;
        Some(self.progress.today.with(recorded, &self.zone))
    }

    /// Takes back what a failed batch left in files and spool.
    pub(super) fn undo(&mut self) {
        let files = self.open.iter_mut().map(|(_, file)| file).chain(&mut self.closing);
        for error in files.filter_map(|file| file.undo().err()) {
            tracing::warn!(error = error_chain(&error), "cannot roll back a partially written batch yet");
        }
        if let Some(spool) = &mut self.spool
            && let Err(error) = spool.drop_from(self.progress.next_mail)
        {
            tracing::warn!(%error, "cannot remove alerts of a failed batch from the mail spool yet");
        }
    }
}
