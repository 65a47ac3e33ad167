//! Open database, shared by all views and updates; reopened after a failure.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

use redb::{Database, ReadTransaction};

use super::anchor::Anchor;
use super::blocks::{Backend, Blocks};
use super::error::{reading, writing};
use super::head::{Head, Kind, Macs};
use super::rows::{HEAD, table};
use super::{StoreError, StoreKey, StoreLimits};

/// The open database and the file below it.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) database: Database,
    pub(super) blocks: Arc<Blocks>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Shared {
    path: PathBuf,
    key: StoreKey,
    pub(super) macs: Macs,
    pub(super) limits: StoreLimits,
    /// `None` after a failure, until it could be opened again.
    opened: RwLock<Option<Opened>>,
    anchor: RwLock<Anchor>,
    /// Number of the last notice that a crash cannot take back any more.
    synced: AtomicU64,
    /// Held by the one update, and by whoever opens the file again.
    write_lock: Mutex<()>,
}

/// The right to write.
pub(super) type WriteGuard<'s> = MutexGuard<'s, ()>;

impl Shared {
    /// Opens or begins the file; what is wrong with it although it can be used.
    pub(super) fn open(path: &Path, key: &StoreKey, limits: StoreLimits) -> Result<(Self, Vec<String>), StoreError> {
        let macs = Macs::new(key);
        let blocks = Blocks::open(path, key)?;
        let mut found: Vec<String> = blocks.damage.into_iter().collect();
        let opened = open_database(blocks.blocks, limits)?;
        let head = opened.check(&macs)?;
        let anchor = Anchor::open(path, key)?;
        found.extend(anchor.check(&head, blocks.is_new)?);
        let shared = Self {
            path: path.to_owned(),
            key: key.clone(),
            macs,
            limits,
            opened: RwLock::new(Some(opened)),
            anchor: RwLock::new(anchor),
            synced: AtomicU64::new(head.last_sequence),
            write_lock: Mutex::new(()),
        };
        Ok((shared, found))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for the right to write.
    pub(super) fn write_lock(&self) -> WriteGuard<'_> {
        self.write_lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `read` on a snapshot.
    pub(super) fn read<T>(&self, read: impl Fn(&ReadTransaction) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.look(|opened| read(&opened.database.begin_read().map_err(reading)?))
    }

    /// A snapshot to be kept.
    pub(super) fn begin_read(&self) -> Result<ReadTransaction, StoreError> {
        self.look(|opened| opened.database.begin_read().map_err(reading))
    }

    fn look<T>(&self, read: impl Fn(&Opened) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match self.attempt(&read) {
            Some(done) => done,
            // An update that is under way still uses the file; it fails, and then it is opened again.
            None => match self.write_lock.try_lock() {
                Ok(write_lock) => self.with(&write_lock, read),
                Err(TryLockError::Poisoned(write_lock)) => self.with(&write_lock.into_inner(), read),
                Err(TryLockError::WouldBlock) => Err(StoreError::Read(Box::new(redb::Error::PreviousIo))),
            },
        }
    }

    /// Runs `work` on what is open, opened again if need be.
    pub(super) fn with<T>(
        &self,
        _write_lock: &WriteGuard<'_>,
        work: impl Fn(&Opened) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(done) = self.attempt(&work) {
            return done;
        }
        self.close();
        let blocks = Blocks::open(&self.path, &self.key)?;
        let opened = open_database(blocks.blocks, self.limits)?;
        let done = work(&opened);
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Some(opened);
        done
    }

    /// Closes the file, lets `change` put another in its place, opens that.
    pub(super) fn replace<T>(&self, change: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let _write_lock = self.write_lock();
        self.close();
        let done = change()?;
        *self.anchor.write().unwrap_or_else(PoisonError::into_inner) = Anchor::open(&self.path, &self.key)?;
        let blocks = Blocks::open(&self.path, &self.key)?;
        let opened = open_database(blocks.blocks, self.limits)?;
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Some(opened);
        Ok(done)
    }

    /// Number of the last notice that may be handed on.
    pub(super) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// Remembers a synced commit, also outside of the database. The commit has happened, whatever becomes
    /// of this: a failure only weakens what the next start can find out.
    pub(super) fn anchor(&self, head: &Head) {
        self.synced.store(head.last_sequence, Ordering::Release);
        let anchor = self.anchor.read().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = anchor.write(head) {
            tracing::warn!(
                commit = head.commit,
                %error,
                consequence = "a rollback to an older copy of the baseline may go undetected",
                "cannot write fim.head"
            );
        }
    }

    /// What is wrong according to the file beside the database.
    pub(super) fn check_anchor(&self, head: &Head) -> Result<Option<String>, StoreError> {
        self.anchor.read().unwrap_or_else(PoisonError::into_inner).check(head, false)
    }

    /// `None` when the file has to be opened again first: redb refuses everything once a read or
    /// write of it has failed.
    fn attempt<T>(&self, work: &impl Fn(&Opened) -> Result<T, StoreError>) -> Option<Result<T, StoreError>> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        match work(opened.as_ref()?) {
            Err(StoreError::Read(error) | StoreError::Write(error)) if matches!(*error, redb::Error::PreviousIo) => {
                None
            }
            done => Some(done),
        }
    }

    fn close(&self) {
        if let Some(opened) = self.opened.write().unwrap_or_else(PoisonError::into_inner).take() {
            opened.blocks.close();
        }
    }
}

impl Opened {
    /// Reads everything once, so that damage shows now and not in the middle of an event; the head.
    fn check(&self, macs: &Macs) -> Result<Head, StoreError> {
        let transaction = self.database.begin_read().map_err(reading)?;
        for kind in Kind::ALL {
            for row in transaction.open_table(table(kind)).map_err(reading)?.range::<&[u8]>(..).map_err(reading)? {
                row.map_err(reading)?;
            }
        }
        head(macs, &transaction)
    }
}

/// The head of the last commit.
pub(super) fn head(macs: &Macs, transaction: &ReadTransaction) -> Result<Head, StoreError> {
    let table = transaction.open_table(HEAD).map_err(reading)?;
    let bytes = table.get(()).map_err(reading)?;
    bytes.map_or(Ok(Head::default()), |bytes| Head::decode(macs, bytes.value()))
}

fn open_database(blocks: Arc<Blocks>, limits: StoreLimits) -> Result<Opened, StoreError> {
    let database = redb::Builder::new()
        .set_cache_size(limits.cache_bytes)
        .create_with_file_format_v3(true)
        .create_with_backend(Backend(Arc::clone(&blocks)))
        .map_err(writing)?;
    let mut transaction = database.begin_write().map_err(writing)?;
    transaction.set_two_phase_commit(true);
    if transaction.list_tables().map_err(writing)?.next().is_none() {
        transaction.open_table(HEAD).map_err(writing)?;
        for kind in Kind::ALL {
            transaction.open_table(table(kind)).map_err(writing)?;
        }
        transaction.commit().map_err(writing)?;
    }
    Ok(Opened { database, blocks })
}
