//! Who is suspected after a death: a pure decision.

use hids_core::model::{LogBatch, SetAside};
use serde::{Deserialize, Serialize};

use crate::collect::PieceAt;
use crate::sys::crash::{CrashRecord, Part, signal_name};

/// Most suspects at a time; each death adds one, and each one that is met goes away.
const MOST_SUSPECTS: usize = 64;

/// What becomes of the line when it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// It is tried again: the first death proves nothing.
    Watch,
    /// It is left out.
    SetAside,
}

/// A line in whose hands the daemon died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Suspect {
    /// Whether the collector had it; else the analysis.
    pub of_collector: bool,
    /// The part's own name of the place; without a NUL for the collector.
    pub place: String,
    /// For the collector the offset in the file; for the analysis how many lines of the source come before it.
    pub number: u64,
    /// Whether `number` counts from the position committed last.
    pub exact: bool,
    /// BLAKE3 of its bytes, in hexadecimal digits.
    pub digest: String,
    /// The signal.
    pub cause: String,
    /// What is done.
    pub verdict: Verdict,
}

/// The place of a batch in the analysis.
pub(in crate::daemon) struct BatchPlace<'a> {
    /// Name of the source's position, empty when the source has none.
    pub key: &'a str,
    /// What alerts show.
    pub location: &'a str,
    /// Where the source stands after the batch.
    pub position: &'a str,
}

impl<'a> BatchPlace<'a> {
    pub fn of(batch: &'a LogBatch) -> Self {
        let (key, position) = batch.position.as_ref().map_or(("", ""), |at| (&*at.key, at.value.as_str()));
        Self { key, location: &batch.source.location, position }
    }

    /// As one text; names of sources hold no NUL, since they are paths or ours.
    pub fn render(&self) -> String {
        format!("{}\0{}\0{}", self.key, self.location, self.position)
    }

    pub fn parse(text: &'a str) -> Self {
        let mut parts = text.splitn(3, '\0');
        let mut next = || parts.next().unwrap_or_default();
        Self { key: next(), location: next(), position: next() }
    }
}

/// What a start knows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::daemon) struct Found {
    pub(super) suspects: Vec<Suspect>,
    /// A line that cannot come again, because its source keeps no position.
    pub lost: Option<SetAside>,
    /// What the log is told of the last death.
    pub death: Option<(String, &'static str)>,
}

impl Found {
    /// What follows from the suspects of before and the record of the last death.
    pub(super) fn new(mut suspects: Vec<Suspect>, record: Option<CrashRecord>) -> Self {
        let Some(record) = record else { return Self { suspects, ..Self::default() } };
        let place = String::from_utf8_lossy(&record.place).into_owned();
        let death = Some((signal_name(record.signal).to_owned(), name(record.part)));
        if record.part == Part::Analysis && BatchPlace::parse(&place).key.is_empty() {
            let lost = Some(set_aside(&record, &place));
            return Self { suspects, lost, death };
        }
        let digest = digest(&record.bytes);
        let of_collector = record.part == Part::Collector;
        let same = |known: &Suspect| {
            known.of_collector == of_collector
                && source(&known.place) == source(&place)
                // The collector's place says all; what followed it in the file may have grown.
                && if of_collector { known.number == record.number } else { known.digest == digest }
        };
        let known = suspects.iter().position(same).map(|at| suspects.remove(at));
        let is_certain = known.is_some() || (record.careful && !of_collector);
        suspects.push(Suspect {
            of_collector,
            number: record.number,
            exact: record.careful,
            digest,
            cause: signal_name(record.signal).to_owned(),
            verdict: if is_certain { Verdict::SetAside } else { Verdict::Watch },
            place,
        });
        let too_many = suspects.len().saturating_sub(MOST_SUSPECTS);
        suspects.drain(..too_many);
        Self { suspects, lost: None, death }
    }

    /// What the collector leaves out.
    pub(in crate::daemon) fn pieces(&self) -> Vec<PieceAt> {
        let aside = self.suspects.iter().filter(|one| one.of_collector && one.verdict == Verdict::SetAside);
        let piece = |one: &Suspect| PieceAt { place: one.place.clone(), offset: one.number, cause: one.cause.clone() };
        aside.map(piece).collect()
    }
}

/// The part of a place that stays the same while the source goes on.
fn source(place: &str) -> &str {
    place.split('\0').next().unwrap_or_default()
}

pub(super) fn name(part: Part) -> &'static str {
    match part {
        Part::Analysis => "analysis",
        Part::Collector => "collector",
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn set_aside(record: &CrashRecord, place: &str) -> SetAside {
    let place = BatchPlace::parse(place);
    SetAside {
        location: place.location.to_owned(),
        position: "none: what this source gave is not read again".to_owned(),
        part: name(record.part).to_owned(),
        cause: signal_name(record.signal).to_owned(),
        line: record.bytes.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn death(part: Part, careful: bool, place: &str, number: u64) -> Option<CrashRecord> {
        let (place, bytes) = (place.as_bytes().to_vec(), b"a line".to_vec());
        Some(CrashRecord { signal: 11, part, place, number, careful, bytes })
    }

    // Item 10: a first death proves nothing, the second one does; SIGKILL leaves no record.
    #[test]
    fn a_line_is_set_aside_after_the_second_death_of_it_and_never_after_sigkill() {
        for (part, place, careful) in
            [(Part::Analysis, "file:a\0/a\0v;1", true), (Part::Collector, "file:a 1:2", false)]
        {
            let first = Found::new(Vec::new(), death(part, false, place, 7));
            assert_eq!(first.suspects[0].verdict, Verdict::Watch);
            let killed = Found::new(first.suspects.clone(), None);
            assert_eq!(killed.suspects, first.suspects, "SIGKILL changes nothing");
            let second = Found::new(killed.suspects, death(part, careful, place, 7));
            assert_eq!(second.suspects.len(), 1);
            assert_eq!(second.suspects[0].verdict, Verdict::SetAside);
        }
    }

    #[test]
    fn a_death_in_a_careful_life_is_that_of_the_line_in_hand() {
        let first = Found::new(Vec::new(), death(Part::Analysis, false, "file:a\0/a\0v;1", 7));
        let other = Found::new(first.suspects, death(Part::Analysis, true, "file:b\0/b\0v;1", 0));
        let verdicts: Vec<_> = other.suspects.iter().map(|one| one.verdict).collect();
        assert_eq!(verdicts, [Verdict::Watch, Verdict::SetAside]);
    }

    #[test]
    fn a_line_of_a_source_without_positions_is_told_at_once() {
        let found = Found::new(Vec::new(), death(Part::Analysis, false, "\0uptime\0", 0));
        assert!(found.suspects.is_empty());
        assert_eq!(found.lost.map(|lost| (lost.location, lost.line)), Some(("uptime".into(), b"a line".to_vec())));
    }

    #[test]
    fn another_offset_is_another_piece_for_the_collector() {
        let first = Found::new(Vec::new(), death(Part::Collector, false, "file:a 1:2", 7));
        let second = Found::new(first.suspects, death(Part::Collector, false, "file:a 1:2", 99));
        assert!(second.suspects.iter().all(|one| one.verdict == Verdict::Watch));
    }
}
