//! Opening the file, and opening it again after a failure.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hids_core::model::{Damage, FileNotice};
use redb::{Database, ReadTransaction};

use super::error::{reading, writing};
use super::head::{Codes, Head, Kind};
use super::rows::{HEAD, table};
use super::verify::{self, VerifyProgress, VerifyReport};
use super::{Durability, StoreError, StoreKey, StoreLimits, StoreView, Update};

/// What all views and updates share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) codes: Codes,
    pub(super) limits: StoreLimits,
    /// `None` after a failure, until it could be opened again.
    database: RwLock<Option<Database>>,
    /// Held by the one [`Update`].
    pub(super) turn: Mutex<()>,
}

/// The baseline. One per file; see the module.
#[derive(Debug)]
pub struct Store {
    pub(super) shared: Arc<Shared>,
}

impl Store {
    /// Opens the baseline, or begins one. A file that cannot be used is kept aside under the name
    /// `fim.redb.damaged-SECONDS`, a new one is begun, and that is told as [`Damage`].
    ///
    /// # Errors
    /// When the file is in use, or the directory does not let one be made.
    pub fn open(path: &Path, key: &StoreKey, limits: StoreLimits) -> Result<(Self, Vec<Damage>), StoreError> {
        let codes = Codes::new(key);
        let database = open_database(path, limits)?;
        let shared = Shared {
            path: path.to_owned(),
            codes,
            limits,
            database: RwLock::new(Some(database)),
            turn: Mutex::new(()),
        };
        let store = Self { shared: Arc::new(shared) };
        store.begin()?.commit(Durability::Synced)?;
        Ok((store, Vec::new()))
    }

    /// A view of what is committed; cheap to copy.
    pub fn view(&self) -> StoreView {
        StoreView::new(Arc::clone(&self.shared))
    }

    /// Begins to write; waits while another update is under way.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn begin(&self) -> Result<Update<'_>, StoreError> {
        Update::begin(&self.shared)
    }

    /// Notices after `sequence`, oldest first: the outbox from the committed position on.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn notices_after(&self, sequence: u64, limit: usize) -> Result<Vec<FileNotice>, StoreError> {
        self.view().notices_after(sequence, limit)
    }

    /// What happened to `path`, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn history(&self, path: &[u8], limit: usize) -> Result<Vec<FileNotice>, StoreError> {
        self.view().history(path, limit)
    }

    /// Reads everything and compares it with the codes and the head. Nothing is committed meanwhile.
    ///
    /// # Errors
    /// When the file cannot be read at all; damage is no error but part of the report.
    pub fn verify(&self, progress: &mut dyn FnMut(VerifyProgress)) -> Result<VerifyReport, StoreError> {
        verify::verify(&self.shared, progress)
    }
}

impl Shared {
    /// Runs `read` on a snapshot.
    pub(super) fn read<T>(&self, read: impl Fn(&ReadTransaction) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.with(|database| read(&database.begin_read().map_err(reading)?))
    }

    /// Runs `work` on the database. After an earlier failure it is opened again first: redb refuses
    /// everything once a read or write has failed.
    pub(super) fn with<T>(&self, work: impl Fn(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        {
            let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(database) = database.as_ref() {
                match work(database) {
                    Err(error) if is_stale(&error) => {}
                    done => return done,
                }
            }
        }
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        let is_usable = database.as_ref().is_some_and(|database| work_is_possible(database));
        if !is_usable {
            *database = None;
            *database = Some(open_database(&self.path, self.limits)?);
        }
        match database.as_ref() {
            Some(database) => work(database),
            None => Err(StoreError::Damaged { what: "it is closed".to_owned() }),
        }
    }

    /// The head of the last commit.
    pub(super) fn head(&self, transaction: &ReadTransaction) -> Result<Head, StoreError> {
        let table = match transaction.open_table(HEAD) {
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Head::default()),
            other => other.map_err(reading)?,
        };
        match table.get(()).map_err(reading)? {
            Some(bytes) => Head::decode(&self.codes, bytes.value()),
            None => Ok(Head::default()),
        }
    }
}

fn is_stale(error: &StoreError) -> bool {
    matches!(error, StoreError::Read(error) | StoreError::Write(error) if matches!(**error, redb::Error::PreviousIo))
}

fn work_is_possible(database: &Database) -> bool {
    database.begin_read().map_err(reading).is_ok_and(|read| match read.open_table(HEAD) {
        Ok(head) => head.get(()).is_ok(),
        Err(error) => matches!(error, redb::TableError::TableDoesNotExist(_)),
    })
}

fn open_database(path: &Path, limits: StoreLimits) -> Result<Database, StoreError> {
    let database = redb::Builder::new()
        .set_cache_size(limits.cache_bytes)
        .create_with_file_format_v3(true)
        .create(path)
        .map_err(writing)?;
    let transaction = database.begin_write().map_err(writing)?;
    transaction.open_table(HEAD).map_err(writing)?;
    for kind in Kind::ALL {
        transaction.open_table(table(kind)).map_err(writing)?;
    }
    transaction.commit().map_err(writing)?;
    Ok(database)
}
