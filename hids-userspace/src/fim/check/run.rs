//! One look at everything, and what it finds.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use crossbeam_channel::bounded;
use hids_core::fim::{Differences, FindingKind, Policy, judge, lacks_sums};
use hids_core::model::{FileState, Timestamp};

use super::Frozen;
use crate::fim::BaselineView as _;
use crate::fim::paths::holds;
use crate::fim::scan::{Difference, Found, NotScanned, ScanOptions, ScanReport, ScanRequest, start};
use crate::platform::clock;
use crate::platform::error_chain::error_chain;

/// Findings, and paths that were not examined, that are named; more are counted.
const MOST_NAMED: usize = 500_000;
/// Messages of the scan that wait.
const WAITING: usize = 16;

/// A path that is not as it was accepted.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Which.
    pub path: Vec<u8>,
    /// What became of it.
    pub kind: FindingKind,
    /// What differs; nothing where the accepted state is no longer known.
    pub differences: Differences,
    /// As it was accepted; nothing for a new one, and where that is no longer known.
    pub old: Option<FileState>,
    /// As it is.
    pub new: Option<FileState>,
    /// When it was looked at.
    pub read: Timestamp,
}

/// A path of which nothing can be said.
#[derive(Debug)]
pub(crate) struct NotExamined {
    /// Which; also what is below it.
    pub path: Vec<u8>,
    /// Why.
    pub why: String,
    /// Whether that is as the configuration wants it (`skip_nfs`, files that the kernel makes up).
    pub is_wanted: bool,
}

/// What a check found.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    /// In the order of paths.
    pub findings: Vec<Finding>,
    /// Findings by kind: new, removed, changed.
    pub counts: [u64; 3],
    /// In the order in which they were met.
    pub not_examined: Vec<NotExamined>,
    /// How many there are, those that are not wanted only.
    pub failures: u64,
    /// The scan.
    pub report: ScanReport,
}

impl Checked {
    /// The bits of the exit status.
    pub(crate) fn bits(&self) -> u8 {
        let kinds = [FindingKind::New, FindingKind::Removed, FindingKind::Changed];
        self.counts.iter().zip(kinds).filter(|(count, _)| **count > 0).fold(0, |bits, (_, kind)| bits | kind.bit())
    }

    fn add(&mut self, finding: Finding) {
        self.counts[match finding.kind {
            FindingKind::New => 0,
            FindingKind::Removed => 1,
            FindingKind::Changed => 2,
        }] += 1;
        if self.findings.len() < MOST_NAMED {
            self.findings.push(finding);
        }
    }

    fn skip(&mut self, path: Vec<u8>, why: String, is_wanted: bool) {
        self.failures += u64::from(!is_wanted);
        if self.not_examined.len() < MOST_NAMED {
            self.not_examined.push(NotExamined { path, why, is_wanted });
        }
    }
}

/// Reads everything that `policy` watches, at and below `subtrees` if there are any, and compares it with `baseline`.
///
/// # Errors
/// When no thread can be started.
pub(crate) fn run(
    baseline: &Arc<Frozen>,
    policy: &Arc<Policy>,
    subtrees: Vec<Vec<u8>>,
    options: ScanOptions,
) -> io::Result<Checked> {
    let (sender, receiver) = bounded(WAITING);
    let request = ScanRequest { subtrees: subtrees.clone(), ..ScanRequest::default() };
    let scan = start(request, Arc::clone(policy), Arc::<Frozen>::clone(baseline), options, sender)?;
    let mut checked = Checked::default();
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    for found in &receiver {
        match found {
            Found::Differences(differences) => {
                for difference in differences {
                    if baseline.is_unknown(&difference.path) {
                        seen.insert(difference.path.clone());
                    }
                    take(&mut checked, baseline, policy, difference);
                }
            }
            Found::NotScanned { path, why } => {
                let is_wanted = matches!(why, NotScanned::NetworkFilesystem(_) | NotScanned::PseudoFilesystem(_));
                checked.skip(path, error_chain(&why), is_wanted);
            }
            Found::Finished(report) => checked.report = report,
            Found::Done { .. } => {}
        }
    }
    scan.wait();
    let is_asked = |path: &[u8]| subtrees.is_empty() || subtrees.iter().any(|subtree| holds(subtree, path));
    for path in baseline.unknown().iter().filter(|path| !seen.contains(*path) && is_asked(path)) {
        // As it was last seen, which is not as it was accepted.
        let state = baseline.entry(path).ok().flatten().and_then(|entry| entry.state);
        let kind = if state.is_some() { FindingKind::Changed } else { FindingKind::Removed };
        let (path, read) = (path.clone(), clock::now());
        checked.add(Finding { path, kind, differences: Differences::default(), old: None, new: state, read });
    }
    checked.findings.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(checked)
}

fn take(checked: &mut Checked, baseline: &Frozen, policy: &Policy, difference: Difference) {
    let Difference { path, old, new, read, unread } = difference;
    if let Some(unread) = &unread {
        checked.skip(path.clone(), error_chain(unread), false);
    } else if new.as_ref().is_some_and(|state| lacks_sums(policy, &path, state)) {
        checked.skip(path.clone(), "no checksum could be taken".to_owned(), false);
    }
    let old = old.and_then(|entry| entry.state);
    let (old, kind, differences) = if baseline.is_unknown(&path) {
        let kind = if new.is_some() { FindingKind::Changed } else { FindingKind::Removed };
        (None, kind, Differences::default())
    } else {
        let Some((kind, differences)) = judge(policy, &path, old.as_ref(), new.as_ref()) else { return };
        (old, kind, differences)
    };
    checked.add(Finding { path, kind, differences, old, new, read });
}
