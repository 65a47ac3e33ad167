//! Finds the suspects among the lines that the analysis gets.

use std::time::{Duration, Instant};

use hids_core::model::{FimEvent, LogBatch, SetAside};

use super::files::SuspectsFile;
use super::suspect::{BatchPlace, Found, Suspect, Verdict, digest, is_piece, name};
use crate::sys::crash::{self, Part};

/// A suspect that has not come by then does not come any more: its file was removed or rewritten.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long the daemon stays careful after the last suspect: such lines come in groups.
const AFTERWARDS: Duration = Duration::from_secs(60);

/// What is done with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::daemon) struct Handling {
    /// Whether it is analysed.
    pub analyse: bool,
    /// Whether its alert is written.
    pub record: bool,
    /// Whether something is done about its alert.
    pub respond: bool,
    /// What is left out, to be told.
    pub told: Vec<SetAside>,
}

impl Handling {
    /// Everything.
    pub(crate) const USUAL: Self = Self { analyse: true, record: true, respond: true, told: Vec::new() };

    fn leave_out(&mut self, part: Part) {
        match part {
            Part::Recorder => self.record = false,
            Part::Responder => self.respond = false,
            _ => self.analyse = false,
        }
    }
}

/// What follows from a commit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::daemon) struct AfterCommit {
    /// Nobody is left to look for, and the time afterwards is over.
    pub is_over: bool,
    /// Suspects that did not come again.
    pub lost: Vec<SetAside>,
}

/// The suspects, while the daemon is careful.
#[derive(Debug)]
pub(in crate::daemon) struct Watch {
    suspects: Vec<Suspect>,
    file: SuspectsFile,
    /// Those met in the batch in hand.
    met: Vec<Suspect>,
    until: Instant,
}

impl Watch {
    /// `None` when there is nobody to look for. The process is careful until it is dropped.
    pub(in crate::daemon) fn new(found: Found, file: SuspectsFile) -> Option<Self> {
        if !found.is_careful() {
            return None;
        }
        file.write(&found.suspects);
        crash::be_careful(true);
        let mut watch = Self { suspects: found.suspects, file, met: Vec::new(), until: Instant::now() };
        watch.prolong();
        Some(watch)
    }

    /// What to do with line `index` of `batch`.
    pub(in crate::daemon) fn judge(&mut self, batch: &LogBatch, index: usize, line: &[u8]) -> Handling {
        let mut handling = Handling::USUAL;
        if self.suspects.is_empty() {
            return handling;
        }
        let (own, digest) = (BatchPlace::of(batch), digest(line));
        let is_it = |one: &Suspect| {
            let place = BatchPlace::parse(&one.place);
            !is_piece(one.part)
                && if place.key.is_empty() { place.location == own.location } else { place.key == own.key }
                && (!one.exact || one.number == index as u64)
                && one.digest == digest
        };
        while let Some(at) = self.suspects.iter().position(is_it) {
            let suspect = self.suspects.remove(at);
            if suspect.verdict == Verdict::SetAside {
                handling.leave_out(suspect.part);
                handling.told.push(SetAside {
                    location: batch.source.location.clone(),
                    position: format!("line {} of {} before {}", index + 1, batch.len(), own.position),
                    part: name(suspect.part).to_owned(),
                    cause: suspect.cause.clone(),
                    line: line.to_vec(),
                });
            }
            self.met.push(suspect);
        }
        handling
    }

    /// `batch` has been committed.
    pub(in crate::daemon) fn has_committed(&mut self, batch: &LogBatch) -> AfterCommit {
        for notice in &batch.notices {
            if let FimEvent::SetAside(aside) = &notice.news {
                let is_it = |one: &Suspect| {
                    one.verdict == Verdict::SetAside
                        && match one.part {
                            Part::Collector => aside.position == format!("{} offset {}", one.place, one.number),
                            Part::Journal => aside.position == one.place,
                            _ => false,
                        }
                };
                let met = self.suspects.iter().position(is_it).map(|at| self.suspects.remove(at));
                // The reader of the journal looks at older entries once more after a start.
                let look_back = met.iter().filter(|one| one.part == Part::Journal);
                self.suspects.extend(look_back.map(|one| Suspect { verdict: Verdict::Told, ..one.clone() }));
                self.met.extend(met);
            }
        }
        if !self.met.is_empty() {
            self.met.clear();
            self.file.write(&self.suspects);
            self.prolong();
        }
        self.look_at_the_time()
    }

    fn prolong(&mut self) {
        let is_looking = self.suspects.iter().any(|one| one.verdict != Verdict::Told);
        self.until = Instant::now() + if is_looking { PATIENCE } else { AFTERWARDS };
    }

    fn look_at_the_time(&mut self) -> AfterCommit {
        if Instant::now() < self.until {
            return AfterCommit::default();
        }
        let (told, gone): (Vec<_>, _) =
            std::mem::take(&mut self.suspects).into_iter().partition(|one| one.verdict == Verdict::Told);
        self.file.write(&told);
        // A piece that the collector tried again and survived is not told of; nobody knows whether it has come.
        let gone = gone.iter().filter(|one| one.verdict == Verdict::SetAside || !is_piece(one.part));
        AfterCommit { is_over: true, lost: gone.map(Suspect::to_lost).collect() }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        crash::be_careful(false);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hids_core::model::{Channel, LogSource, SourcePosition, Timestamp};

    use super::*;

    const PLACE: &str = "file:a\0/a\0v;1";

    fn batch(lines: &[&str]) -> LogBatch {
        let source = Arc::new(LogSource { location: "/a".into(), channel: Channel::Log });
        let mut batch = LogBatch::new(source, Timestamp::from_unix_seconds(1));
        lines.iter().for_each(|line| batch.push(line.as_bytes()));
        batch.position = Some(SourcePosition { key: "file:a".into(), value: "v;2".into() });
        batch
    }

    fn suspect(part: Part, number: u64, verdict: Verdict) -> Suspect {
        let (place, cause) = (PLACE.to_owned(), "SIGSEGV".to_owned());
        Suspect { part, place, number, exact: true, digest: digest(b"x"), line: "78".into(), cause, verdict }
    }

    fn watch(suspects: Vec<Suspect>, directory: &tempfile::TempDir) -> Watch {
        let file = SuspectsFile::at(directory.path());
        Watch { suspects, file, met: Vec::new(), until: Instant::now() + PATIENCE }
    }

    #[test]
    fn only_the_line_at_that_number_is_kept_from_the_parts_that_crashed_at_it() {
        let directory = tempfile::tempdir().expect("tempdir");
        let suspects = vec![
            suspect(Part::Recorder, 1, Verdict::SetAside),
            suspect(Part::Responder, 1, Verdict::SetAside),
            suspect(Part::Analysis, 3, Verdict::Watch),
        ];
        let mut watch = watch(suspects, &directory);
        let batch = batch(&["x", "x", "x", "x"]);
        let handlings: Vec<_> = (0..4).map(|index| watch.judge(&batch, index, b"x")).collect();
        assert!(handlings[1].analyse && !handlings[1].record && !handlings[1].respond);
        let parts: Vec<_> = handlings[1].told.iter().map(|told| told.part.as_str()).collect();
        assert_eq!(parts, ["recorder", "responder"]);
        assert!([0, 2, 3].iter().all(|at| handlings[*at] == Handling::USUAL));
        assert_eq!(watch.has_committed(&batch), AfterCommit::default());
        assert!(watch.suspects.is_empty());
    }

    #[test]
    fn who_does_not_come_again_is_told_but_for_what_the_collector_has_survived() {
        let directory = tempfile::tempdir().expect("tempdir");
        let suspects = vec![
            suspect(Part::Recorder, 0, Verdict::Watch),
            suspect(Part::Collector, 0, Verdict::Watch),
            suspect(Part::Journal, 0, Verdict::Told),
        ];
        let mut watch = watch(suspects, &directory);
        watch.until = Instant::now();
        let after = watch.has_committed(&batch(&["y"]));
        assert!(after.is_over);
        let lost: Vec<_> = after.lost.iter().map(|lost| (lost.part.as_str(), lost.line.as_slice())).collect();
        assert_eq!(lost, [("recorder", &b"x"[..])]);
    }
}
