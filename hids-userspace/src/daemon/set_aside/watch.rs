//! Finds the suspects among the lines that the analysis gets.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hids_core::model::{FileNews, LogBatch, SetAside};

use super::files::SuspectsFile;
use super::suspect::{BatchPlace, Found, Suspect, Verdict, digest};

/// A suspect that has not come by then does not come any more: its file was removed or rewritten.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long the analysis stays careful after the last suspect: such lines come in groups.
const AFTERWARDS: Duration = Duration::from_secs(60);

/// What is done with a line.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::daemon) enum Act {
    /// It is analysed.
    Analyse,
    /// It is left out, and this is told.
    SetAside(Box<SetAside>),
}

/// The suspects, while there are any.
#[derive(Debug)]
pub(in crate::daemon) struct Watch {
    suspects: Vec<Suspect>,
    file: SuspectsFile,
    /// Lines of each suspect's source that have been committed since the start.
    committed: HashMap<String, u64>,
    /// Those met in the batch in hand.
    met: Vec<Suspect>,
    until: Instant,
}

impl Watch {
    /// `None` when there is nobody to look for.
    pub(in crate::daemon) fn new(found: Found, file: SuspectsFile) -> Option<Self> {
        if found.suspects.is_empty() {
            return None;
        }
        let until = Instant::now() + PATIENCE;
        Some(Self { suspects: found.suspects, file, committed: HashMap::new(), met: Vec::new(), until })
    }

    /// What to do with line `index` of `batch`.
    pub(in crate::daemon) fn judge(&mut self, batch: &LogBatch, index: usize, line: &[u8]) -> Act {
        let Some(position) = &batch.position else { return Act::Analyse };
        let key = &*position.key;
        let before = self.committed.get(key).copied().unwrap_or(0);
        let is_it = |one: &Suspect| {
            !one.of_collector
                && BatchPlace::parse(&one.place).key == key
                && (!one.exact || one.number == before + index as u64)
                && one.digest == digest(line)
        };
        let Some(at) = self.suspects.iter().position(is_it) else { return Act::Analyse };
        let suspect = self.suspects.remove(at);
        let act = match suspect.verdict {
            Verdict::Watch => Act::Analyse,
            Verdict::SetAside => Act::SetAside(Box::new(SetAside {
                location: batch.source.location.clone(),
                position: format!("line {} of {} before {}", index + 1, batch.len(), position.value),
                part: "analysis".to_owned(),
                cause: suspect.cause.clone(),
                line: line.to_vec(),
            })),
        };
        self.met.push(suspect);
        act
    }

    /// `batch` has been committed. `false`: nobody is left to look for, and the time afterwards is over.
    pub(in crate::daemon) fn has_committed(&mut self, batch: &LogBatch) -> bool {
        for notice in &batch.notices {
            if let FileNews::SetAside(aside) = &notice.news {
                let is_it = |one: &Suspect| {
                    one.of_collector && aside.position == format!("{} offset {}", one.place, one.number)
                };
                let met = self.suspects.iter().position(is_it).map(|at| self.suspects.remove(at));
                self.met.extend(met);
            }
        }
        let is_source = |one: &Suspect, key: &str| !one.of_collector && BatchPlace::parse(&one.place).key == key;
        let mut changed = !self.met.is_empty();
        if let Some(position) = &batch.position
            && self.suspects.iter().any(|one| is_source(one, &position.key))
        {
            // What comes after the next start is counted from here on.
            *self.committed.entry(position.key.to_string()).or_default() += batch.len() as u64;
            changed = true;
        }
        if changed {
            self.file.write(&self.remaining());
        }
        if !self.met.is_empty() {
            self.met.clear();
            self.until = Instant::now() + if self.suspects.is_empty() { AFTERWARDS } else { PATIENCE };
        }
        self.goes_on()
    }

    /// Whether the careful mode goes on.
    fn goes_on(&mut self) -> bool {
        if Instant::now() < self.until {
            return true;
        }
        if !self.suspects.is_empty() {
            tracing::warn!(
                lines = self.suspects.len(),
                "lines that hidsd may have died of did not come again; they are no longer looked for"
            );
            self.file.write(&[]);
        }
        false
    }

    /// The suspects as the next start has to know them: numbers count from what is committed now.
    fn remaining(&self) -> Vec<Suspect> {
        let mut suspects = self.suspects.clone();
        for one in suspects.iter_mut().filter(|one| !one.of_collector && one.exact) {
            let committed = self.committed.get(BatchPlace::parse(&one.place).key).copied().unwrap_or(0);
            one.number = one.number.saturating_sub(committed);
        }
        suspects
    }
}
