//! Verification of all MACs and row totals of the baseline.
//!
//! What is found: any altered, missing, added or exchanged row (each row's MAC, the sum and the
//! number of rows in the head), any altered block of the file that is in use (its own MAC), an
//! altered head, an older copy of the file (`fim.head`), also when single blocks were put back.
//!
//! What is not: changes by who has the key, and older copies of the database, `fim.head` and whatever
//! else remembers (the record journal's position) put back together. Whoever is root on this machine
//! can do both; only something outside of it, a signed export, tells then.

use std::sync::Arc;

use redb::ReadTransaction;

use super::blocks::Blocks;
use super::error::reading;
use super::head::{Head, Kind, MAC_BYTES};
use super::rows::{Totals, open_table, value_of};
use super::shared::{Shared, head};
use super::{StoreError, paths};

/// Rows between two calls of the progress function.
const STEP: u64 = 8192;
const MOST_PATHS: usize = 16;
/// Blocks of the file that are read without an update in between: 2 MiB, some milliseconds.
const PIECE: u64 = 512;

/// How far a verification is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct VerifyProgress {
    /// Rows looked at.
    pub rows: u64,
    /// Rows that there should be.
    pub of: u64,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VerifyReport {
    /// Entries looked at.
    pub entries: u64,
    /// Notices looked at.
    pub notices: u64,
    /// Number of the commit that was looked at.
    pub commit: u64,
    /// MAC of its head in hexadecimal digits: changes with each commit, tells nothing of the key.
    pub head: String,
    /// What is wrong, in words; empty when all is well.
    pub problems: Vec<String>,
    /// Paths whose entries fail the MAC check, at most 16.
    pub paths: Vec<Vec<u8>>,
}

impl VerifyReport {
    /// Whether nothing was altered.
    pub(crate) fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

pub(super) fn verify(shared: &Shared, progress: &mut dyn FnMut(VerifyProgress)) -> Result<VerifyReport, StoreError> {
    let report =
        begin(shared).and_then(|moment| Walk { shared, progress, done: VerifyProgress::default() }.everything(&moment));
    match report {
        Err(StoreError::Damaged { what }) => Ok(VerifyReport { problems: vec![what], ..VerifyReport::default() }),
        other => other,
    }
}

/// One moment of everything. Updates go on meanwhile: a check of a million entries takes seconds, and
/// changes of files do not wait for it.
struct Moment {
    transaction: ReadTransaction,
    head: Head,
    blocks: Arc<Blocks>,
    /// What is wrong according to the file beside the database.
    of_anchor: Option<String>,
}

/// Takes the moment. Only for that it needs the right to write: `fim.head` must be of the same commit.
fn begin(shared: &Shared) -> Result<Moment, StoreError> {
    let write_lock = shared.write_lock();
    shared.with(&write_lock, |opened| {
        let transaction = opened.database.begin_read().map_err(reading)?;
        let head = head(&shared.macs, &transaction)?;
        let of_anchor = shared.check_anchor(&head)?;
        Ok(Moment { transaction, head, blocks: Arc::clone(&opened.blocks), of_anchor })
    })
}

struct Walk<'w> {
    shared: &'w Shared,
    progress: &'w mut dyn FnMut(VerifyProgress),
    done: VerifyProgress,
}

impl Walk<'_> {
    fn everything(&mut self, moment: &Moment) -> Result<VerifyReport, StoreError> {
        let head = &moment.head;
        self.done = VerifyProgress { rows: 0, of: head.rows.iter().sum() };
        let mut report = VerifyReport {
            commit: head.commit,
            head: blake3::Hash::from_bytes(head.mac).to_hex().to_string(),
            ..VerifyReport::default()
        };
        match self.tables(&moment.transaction, &mut report) {
            Ok(totals) => {
                report.entries = totals.rows[Kind::Entry as usize];
                report.notices = totals.rows[Kind::Notice as usize];
                compare(&self.shared.macs, head, &totals, &mut report);
            }
            Err(StoreError::Damaged { what }) => report.problems.push(what),
            Err(error) => return Err(error),
        }
        report.problems.extend(moment.of_anchor.clone());
        file(self.shared, &moment.blocks, &mut report)
            .map_err(|error| StoreError::Read(Box::new(redb::Error::Io(error))))?;
        (self.progress)(self.done);
        Ok(report)
    }

    fn tables(&mut self, transaction: &ReadTransaction, report: &mut VerifyReport) -> Result<Totals, StoreError> {
        let mut totals = Totals::default();
        for kind in Kind::ALL {
            let mut wrong = 0_u64;
            for row in open_table(transaction, kind)?.range::<&[u8]>(..).map_err(reading)? {
                let (key, stored) = row.map_err(reading)?;
                let (key, stored) = (key.value(), stored.value());
                let value = value_of(stored)?;
                let term = self.shared.macs.term(kind, key, value);
                totals.sum.add(term.summand);
                totals.rows[kind as usize] += 1;
                if stored[stored.len() - MAC_BYTES..] != term.mac {
                    wrong += 1;
                    if kind == Kind::Entry && report.paths.len() < MOST_PATHS {
                        report.paths.extend(paths::path_of(key));
                    }
                }
                self.count();
            }
            if wrong > 0 {
                report.problems.push(format!("MAC mismatch in {wrong} rows of {}", kind.name()));
            }
        }
        Ok(totals)
    }

    fn count(&mut self) {
        self.done.rows += 1;
        if self.done.rows.is_multiple_of(STEP) {
            (self.progress)(self.done);
        }
    }
}

fn compare(macs: &super::head::Macs, head: &Head, totals: &Totals, report: &mut VerifyReport) {
    for (kind, (&there, &wanted)) in Kind::ALL.iter().zip(totals.rows.iter().zip(&head.rows)) {
        if there != wanted {
            report.problems.push(format!("{} has {there} rows instead of {wanted}", kind.name()));
        }
    }
    if totals.sum != head.sum(macs) {
        report.problems.push("row totals do not match the head".to_owned());
    }
}

/// The file itself: pages that the database has in memory may have been altered on the disk.
///
/// A block that is just being written is not altered, so each piece is read while nobody writes. An update
/// waits for one piece at most.
fn file(shared: &Shared, blocks: &Blocks, report: &mut VerifyReport) -> std::io::Result<()> {
    let is_sound = {
        let _write_lock = shared.write_lock();
        blocks.recheck_superblock()?
    };
    if !is_sound {
        report.problems.push("a superblock of the file was altered on the disk".to_owned());
    }
    let (mut first, mut altered) = (0, 0);
    loop {
        let checked = {
            let _write_lock = shared.write_lock();
            blocks.recheck(first, PIECE)
        };
        match checked {
            Ok(Some(blocks)) => altered += blocks.len(),
            Ok(None) => break,
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                report.problems.push(error.to_string());
                break;
            }
            Err(error) => return Err(error),
        }
        first += PIECE;
    }
    if altered > 0 {
        report.problems.push(format!("{altered} blocks of the file were modified on disk"));
    }
    Ok(())
}
