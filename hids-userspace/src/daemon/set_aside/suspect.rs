//! Selects the suspect line after a crash: a pure decision.

use hids_core::join::Held;
use hids_core::model::{LogBatch, SetAside};
use serde::{Deserialize, Serialize};

use crate::collect::PieceAt;
use crate::sys::crash::{CrashRecord, Part, signal_name};

/// Most suspects at a time; each death adds one, and each one that is met goes away.
const MOST_SUSPECTS: usize = 64;
/// What is kept of a suspect's bytes, in case that it does not come again.
const KEPT_BYTES: usize = 4096;

/// What becomes of the line when it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Verdict {
    /// It is tried again: the first death proves nothing.
    Watch,
    /// It is left out, or not given to the part that crashed.
    SetAside,
    /// It was left out, and that was told; an entry of the journal may be looked at again (`look_back`).
    Told,
}

/// A line in whose hands the daemon died.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Suspect {
    /// Who had it.
    pub part: Part,
    /// The collector's own name of the place, the cursor of an entry of the journal, or a [`BatchPlace`].
    pub place: String,
    /// For the collector the offset in the file; for others the line's number in its batch.
    pub number: u64,
    /// Whether `number` counts: batches of a careful life are the same in the next one.
    pub exact: bool,
    /// BLAKE3 of its bytes, in hexadecimal digits.
    pub digest: String,
    /// Its first bytes, in hexadecimal digits.
    pub line: String,
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
    pub(crate) fn of(batch: &'a LogBatch) -> Self {
        let (key, position) = batch.position.as_ref().map_or(("", ""), |at| (&*at.key, at.value.as_str()));
        Self { key, location: &batch.source.location, position }
    }

    /// As one text; names of sources hold no NUL, since they are paths or ours.
    pub(crate) fn render(&self) -> String {
        format!("{}\0{}\0{}", self.key, self.location, self.position)
    }

    pub(crate) fn parse(text: &'a str) -> Self {
        let mut parts = text.splitn(3, '\0');
        let mut next = || parts.next().unwrap_or_default();
        Self { key: next(), location: next(), position: next() }
    }
}

/// What a start knows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::daemon) struct Found {
    pub(super) suspects: Vec<Suspect>,
    /// What cannot come again, and is reported at once.
    pub lost: Vec<SetAside>,
    /// Number of the joined alerts at whose text the daemon died: it is not written.
    pub joined_text: Option<u64>,
    /// Number of an alert that the responder had in hand, and what is told if it does not come again.
    unanswered: Option<(u64, SetAside)>,
    /// What the log is told of the last death.
    pub death: Option<(String, &'static str)>,
}

impl Found {
    /// What follows from the suspects of before and the record of the last death.
    pub(super) fn new(suspects: Vec<Suspect>, record: Option<CrashRecord>) -> Self {
        let mut found = Self { suspects, ..Self::default() };
        let Some(record) = record else { return found };
        found.death = Some((signal_name(record.signal).to_owned(), name(record.part)));
        match record.part {
            Part::Collector => found.suspect(&record, text(&record.place)),
            // Without a cursor it is no entry, and journalctl does not print it again.
            Part::Journal if record.place.is_empty() => found.lost.push(lost(&record, "journald", NOT_AGAIN)),
            Part::Journal => found.suspect(&record, text(&record.place)),
            Part::JoinedText => found.joined_text = Some(record.number),
            Part::Recorder | Part::Responder if !record.careful => found.after_the_analysis(&record),
            Part::Analysis | Part::Recorder | Part::Responder => {
                let place = text(&record.place);
                match BatchPlace::parse(&place) {
                    BatchPlace { key: "", location, .. } => found.lost.push(lost(&record, location, NOT_AGAIN)),
                    _ => found.suspect(&record, place),
                }
            }
        }
        found
    }

    /// A stage behind the analysis died in an ordinary life: it knows the alert, and not the line's place.
    fn after_the_analysis(&mut self, record: &CrashRecord) {
        let location = text(&record.place);
        // Several alerts were carried out together: the careful life finds out which one it was.
        if !location.is_empty() {
            self.suspect(record, BatchPlace { key: "", location: &location, position: "" }.render());
        }
        if record.part == Part::Responder {
            let location = if location.is_empty() { "hidsd" } else { &location };
            self.unanswered = Some((record.number, lost(record, location, NOT_ANSWERED)));
        }
    }

    /// Decides what could not be known before the alert files were: whether the line of an alert was committed, and so
    /// will not come again. `next_sequence` is the number of the next alert, `left_out` what
    /// [`Self::joined_text`] was.
    pub(in crate::daemon) fn compare(&mut self, next_sequence: u64, left_out: Option<SetAside>) {
        if let Some((number, aside)) = self.unanswered.take()
            && number < next_sequence
        {
            let digest = digest(&aside.line);
            self.suspects.retain(|one| one.part != Part::Responder || one.exact || one.digest != digest);
            self.lost.push(aside);
        }
        let cause = self.death.as_ref().map(|(signal, _)| signal.clone()).unwrap_or_default();
        self.lost.extend(left_out.map(|aside| SetAside { cause, ..aside }));
    }

    fn suspect(&mut self, record: &CrashRecord, place: String) {
        let digest = digest(&record.bytes);
        let same = |known: &Suspect| {
            known.part == record.part
                && known.verdict != Verdict::Told
                && match record.part {
                    // The place says all; what followed it in the file may have grown.
                    Part::Collector => known.place == place && known.number == record.number,
                    Part::Journal => known.place == place,
                    _ => is_same_source(&known.place, &place) && known.digest == digest,
                }
        };
        let known = self.suspects.iter().position(same).map(|at| self.suspects.remove(at));
        let is_certain = known.is_some() || (record.careful && !is_piece(record.part));
        // Not giving it to that part has not helped: then it is not analysed either.
        let was_set_aside = known.is_some_and(|known| known.verdict == Verdict::SetAside);
        self.suspects.push(Suspect {
            part: if was_set_aside && !is_piece(record.part) { Part::Analysis } else { record.part },
            number: record.number,
            exact: record.careful,
            digest,
            line: hex(&record.bytes[..record.bytes.len().min(KEPT_BYTES)]),
            cause: signal_name(record.signal).to_owned(),
            verdict: if is_certain { Verdict::SetAside } else { Verdict::Watch },
            place,
        });
        let too_many = self.suspects.len().saturating_sub(MOST_SUSPECTS);
        self.suspects.drain(..too_many);
    }

    /// Whether lines go through the stages one at a time in this life.
    pub(super) fn is_careful(&self) -> bool {
        self.death.is_some() || self.suspects.iter().any(|one| one.verdict != Verdict::Told)
    }

    /// What the collector leaves out.
    pub(in crate::daemon) fn pieces(&self) -> Vec<PieceAt> {
        let aside = self.suspects.iter().filter(|one| is_piece(one.part) && one.verdict != Verdict::Watch);
        let piece = |one: &Suspect| PieceAt {
            place: one.place.clone(),
            offset: one.number,
            cause: one.cause.clone(),
            is_told: one.verdict == Verdict::Told,
        };
        aside.map(piece).collect()
    }
}

impl Suspect {
    /// What is told of it when it did not come again.
    pub(super) fn to_lost(&self) -> SetAside {
        let location = match self.part {
            Part::Collector => self.place.as_str(),
            Part::Journal => "journald",
            _ => BatchPlace::parse(&self.place).location,
        };
        SetAside {
            location: location.to_owned(),
            position: "none: it did not come again".to_owned(),
            part: name(self.part).to_owned(),
            cause: self.cause.clone(),
            line: unhex(&self.line),
        }
    }
}

const NOT_AGAIN: &str = "none: what this source gave is not read again";
const NOT_ANSWERED: &str = "none: its alert is recorded; what was to be done about it may not have been done";

/// What is told of joined alerts whose text is not written.
pub(in crate::daemon) fn text_left_out(held: &Held) -> SetAside {
    let lead = held.lead();
    SetAside {
        location: lead.source.location.clone(),
        position: format!("none: the common text of the alerts with group_id {}, which are in alerts.json", held.id),
        part: name(Part::JoinedText).to_owned(),
        cause: String::new(),
        line: lead.full_log.clone(),
    }
}

/// Whether the part hands lines on, and so leaves them out itself.
pub(super) fn is_piece(part: Part) -> bool {
    matches!(part, Part::Collector | Part::Journal)
}

/// Whether two places of lines are of one source, as far as both name it.
fn is_same_source(one: &str, other: &str) -> bool {
    let (one, other) = (BatchPlace::parse(one), BatchPlace::parse(other));
    if one.key.is_empty() || other.key.is_empty() { one.location == other.location } else { one.key == other.key }
}

pub(super) fn name(part: Part) -> &'static str {
    match part {
        Part::Analysis => "analysis",
        Part::Collector => "collector",
        Part::Journal => "journal",
        Part::Recorder | Part::JoinedText => "recorder",
        Part::Responder => "responder",
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lost(record: &CrashRecord, location: &str, position: &str) -> SetAside {
    SetAside {
        location: location.to_owned(),
        position: position.to_owned(),
        part: name(record.part).to_owned(),
        cause: signal_name(record.signal).to_owned(),
        line: record.bytes.clone(),
    }
}

#[cfg(test)]
mod tests;
