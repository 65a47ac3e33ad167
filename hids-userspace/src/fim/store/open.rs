//! Opening the baseline, keeping a damaged one aside, and reading through what is open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hids_core::model::Damage;

use super::shared::Shared;
use super::verify::{self, VerifyProgress, VerifyReport};
use super::{Durability, StoreError, StoreKey, StoreLimits, StoreView, WriteTxn};
use crate::platform::clock;

/// The baseline. One per file; see the module.
#[derive(Debug)]
pub(crate) struct Store {
    shared: Arc<Shared>,
}

impl Store {
    /// Opens the baseline, or begins one. A file that cannot be used is kept aside under the name
    /// `fim.redb.damaged-SECONDS` and a new one is begun; that, and anything else that shows that
    /// somebody else touched the baseline, is told as [`Damage`].
    ///
    /// Everything that is in use is read once: a second or so for a million entries.
    ///
    /// # Errors
    /// When the file is in use, or the directory does not let one be made.
    pub(crate) fn open(path: &Path, key: &StoreKey, limits: StoreLimits) -> Result<(Self, Vec<Damage>), StoreError> {
        let mut damages = Vec::new();
        let store = Self::open_noting(path, key, limits, &mut damages)?;
        Ok((store, damages))
    }

    /// The same for whoever tries again: what is found is added to `damages` also when opening fails, since
    /// the next try may find a new file in the place of the damaged one, and nothing wrong with it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_noting(
        path: &Path,
        key: &StoreKey,
        limits: StoreLimits,
        damages: &mut Vec<Damage>,
    ) -> Result<Self, StoreError> {
        match Self::try_open(path, key, limits) {
            Err(StoreError::Damaged { what }) => {
                damages.push(set_aside(path, &what)?);
                // Of the file set aside it is told already that nothing is left of it.
                Ok(Self::try_open(path, key, limits)?.0)
            }
            Err(error) => Err(error),
            Ok((store, found)) => {
                damages.extend(found);
                Ok(store)
            }
        }
    }

    /// The same for a look at the baseline while no daemon runs: a file that cannot be used stays where
    /// it is.
    ///
    /// # Errors
    /// When the file is in use or damaged.
    pub(crate) fn open_without_repair(
        path: &Path,
        key: &StoreKey,
        limits: StoreLimits,
    ) -> Result<(Self, Vec<Damage>), StoreError> {
        Self::try_open(path, key, limits)
    }

    /// The first commit is part of opening: it reads what the database keeps for itself.
    fn try_open(path: &Path, key: &StoreKey, limits: StoreLimits) -> Result<(Self, Vec<Damage>), StoreError> {
        let (shared, found) = Shared::open(path, key, limits)?;
        let store = Self { shared: Arc::new(shared) };
        store.begin()?.commit(Durability::Synced)?;
        Ok((store, found.into_iter().map(|what| Damage { what, paths: Vec::new() }).collect()))
    }

    /// Keeps the file aside and begins a new one, after an operation has failed with
    /// [`StoreError::Damaged`]: the way to go on without a restart. Open updates and what was not
    /// readable are lost; views go on with the new file.
    ///
    /// # Errors
    /// When the directory does not let a file be renamed or made.
    pub(crate) fn recreate(&self, what: &str) -> Result<Damage, StoreError> {
        let damage = self.shared.replace(|| set_aside(self.shared.path(), what))?;
        self.begin()?.commit(Durability::Synced)?;
        Ok(damage)
    }

    /// A view of what is committed; cheap to copy.
    pub(crate) fn view(&self) -> StoreView {
        StoreView::new(Arc::clone(&self.shared))
    }

    /// Begins to write; waits while another update is under way.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn begin(&self) -> Result<WriteTxn<'_>, StoreError> {
        WriteTxn::begin(&self.shared)
    }

    /// Reads everything of one moment and compares it with the MACs and the head. Updates go on meanwhile.
    ///
    /// # Errors
    /// When the operating system refuses a read; damage is no error but part of the report.
    pub(crate) fn verify(&self, progress: &mut dyn FnMut(VerifyProgress)) -> Result<VerifyReport, StoreError> {
        verify::verify(&self.shared, progress)
    }
}

/// Renames a file that cannot be used, and what belongs to it.
fn set_aside(path: &Path, what: &str) -> Result<Damage, StoreError> {
    let seconds = clock::now().unix_seconds();
    let name = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged-{seconds}"));
        if number > 0 {
            name.push(format!("-{number}"));
        }
        PathBuf::from(name)
    };
    let aside = (0..).map(name).find(|name| !name.exists()).unwrap_or_else(|| name(0));
    std::fs::rename(path, &aside).map_err(|source| StoreError::Open { path: aside.clone(), source })?;
    // What it says is of the old file, and that is told.
    let anchor = super::anchor::path_for(path);
    let mut anchor_aside = aside.clone().into_os_string();
    anchor_aside.push(".head");
    match std::fs::rename(&anchor, anchor_aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(StoreError::Open { path: anchor, source: error });
        }
        _ => {}
    }
    let what = format!("{what}; moved to {}, creating a new baseline", aside.display());
    Ok(Damage { what, paths: Vec::new() })
}
