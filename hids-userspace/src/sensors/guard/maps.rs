//! The guard's maps in the kernel, opened by their pins.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aya::Pod;
use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, RingBuf};
use hids_common::guard::{
    ALLOWED_MAP, DEVICES_MAP, FileKey, GUARD_DROPPED_MAP, GuardDrop, GuardOperation, JUDGED_MAP, PROTECTED_MAP,
    RECORDS_MAP, STATE_MAP, STATE_MODE, STATE_MOUNT_NAMESPACE, STATE_SUBVOLUMES,
};
use hids_common::user::total;

use super::error::GuardError;

/// The maps that user space reads and writes.
pub(super) struct GuardMaps {
    protected: HashMap<MapData, FileKey, u32>,
    devices: HashMap<MapData, u32, u32>,
    allowed: HashMap<MapData, FileKey, u32>,
    state: Array<MapData, u32>,
    judged: PerCpuArray<MapData, u64>,
    dropped: PerCpuArray<MapData, u64>,
}

/// Opens one pinned map.
fn open(directory: &Path, name: &'static str) -> Result<Map, GuardError> {
    let data = MapData::from_pin(directory.join(name)).map_err(|source| GuardError::Map { name, source })?;
    Map::from_map_data(data).map_err(|source| GuardError::Map { name, source })
}

macro_rules! opened {
    ($directory:expr, $name:expr) => {
        open($directory, $name)?.try_into().map_err(|source| GuardError::Map { name: $name, source })?
    };
}

impl GuardMaps {
    /// Opens the pins in `directory`.
    pub(super) fn open(directory: &Path) -> Result<Self, GuardError> {
        Ok(Self {
            protected: opened!(directory, PROTECTED_MAP),
            devices: opened!(directory, DEVICES_MAP),
            allowed: opened!(directory, ALLOWED_MAP),
            state: opened!(directory, STATE_MAP),
            judged: opened!(directory, JUDGED_MAP),
            dropped: opened!(directory, GUARD_DROPPED_MAP),
        })
    }

    /// Opens the ring of records. One reader at a time.
    pub(super) fn records(directory: &Path) -> Result<RingBuf<MapData>, GuardError> {
        Ok(opened!(directory, RECORDS_MAP))
    }

    /// One of the `MODE_` values.
    pub(super) fn mode(&self) -> Result<u32, GuardError> {
        self.state.get(&STATE_MODE, 0).map_err(|source| GuardError::Map { name: STATE_MAP, source })
    }

    /// Switches the programs; they read the mode at each operation.
    pub(super) fn set_mode(&mut self, mode: u32) -> Result<(), GuardError> {
        self.state.set(STATE_MODE, mode, 0).map_err(|source| GuardError::Map { name: STATE_MAP, source })
    }

    /// Whether the programs tell subvolumes of btrfs apart.
    pub(super) fn tells_subvolumes(&self) -> Result<bool, GuardError> {
        let value = self.state.get(&STATE_SUBVOLUMES, 0);
        value.map(|value| value == 1).map_err(|source| GuardError::Map { name: STATE_MAP, source })
    }

    /// Says that they do.
    pub(super) fn set_tells_subvolumes(&mut self, does: bool) -> Result<(), GuardError> {
        let set = self.state.set(STATE_SUBVOLUMES, u32::from(does), 0);
        set.map_err(|source| GuardError::Map { name: STATE_MAP, source })
    }

    /// Tells which mount namespace is protected.
    pub(super) fn set_mount_namespace(&mut self, number: u32) -> Result<(), GuardError> {
        self.state.set(STATE_MOUNT_NAMESPACE, number, 0).map_err(|source| GuardError::Map { name: STATE_MAP, source })
    }

    /// Makes the protected files exactly `wanted`: what is new first, then what is no longer wanted, so
    /// that nothing is unprotected in between.
    pub(super) fn protect(&mut self, wanted: &BTreeMap<FileKey, u32>) -> Result<(), GuardError> {
        self.protect_also(wanted)?;
        replace(&mut self.protected, wanted, PROTECTED_MAP)?;
        let devices: BTreeMap<u32, u32> = wanted.keys().map(|key| (key.device, 1)).collect();
        replace(&mut self.devices, &devices, DEVICES_MAP)
    }

    /// Adds protected files and removes none.
    pub(super) fn protect_also(&mut self, more: &BTreeMap<FileKey, u32>) -> Result<(), GuardError> {
        for key in more.keys() {
            let insert = self.devices.insert(key.device, 1, 0);
            insert.map_err(|source| GuardError::Map { name: DEVICES_MAP, source })?;
        }
        more.iter().try_for_each(|(key, flags)| {
            self.protected.insert(key, flags, 0).map_err(|source| GuardError::Map { name: PROTECTED_MAP, source })
        })
    }

    /// Takes protection from files.
    pub(super) fn release(&mut self, keys: impl Iterator<Item = FileKey>) -> Result<(), GuardError> {
        keys.into_iter().try_for_each(|key| remove(&mut self.protected, &key, PROTECTED_MAP))
    }

    /// Makes the allowed executables exactly `wanted`.
    pub(super) fn allow(&mut self, wanted: &BTreeMap<FileKey, u32>) -> Result<(), GuardError> {
        replace(&mut self.allowed, wanted, ALLOWED_MAP)
    }

    /// How many files are in the map of protected ones, and in that of allowed ones.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.protected.keys().filter(Result::is_ok).count(), self.allowed.keys().filter(Result::is_ok).count())
    }

    /// Judgements on one operation since the programs were loaded.
    pub(super) fn judged(&self, operation: GuardOperation) -> u64 {
        self.judged.get(&operation.code(), 0).map_or(0, |values| total(&values))
    }

    /// What the programs gave up.
    pub(super) fn dropped(&self, reason: GuardDrop) -> u64 {
        self.dropped.get(&(reason as u32), 0).map_or(0, |values| total(&values))
    }
}

fn replace<K: Pod + Ord>(
    map: &mut HashMap<MapData, K, u32>,
    wanted: &BTreeMap<K, u32>,
    name: &'static str,
) -> Result<(), GuardError> {
    let error = |source| GuardError::Map { name, source };
    for (key, value) in wanted {
        map.insert(key, value, 0).map_err(error)?;
    }
    let stale: BTreeSet<K> = map.keys().filter_map(Result::ok).filter(|key| !wanted.contains_key(key)).collect();
    for key in stale {
        remove(map, &key, name)?;
    }
    Ok(())
}

fn remove<K: Pod>(map: &mut HashMap<MapData, K, u32>, key: &K, name: &'static str) -> Result<(), GuardError> {
    match map.remove(key) {
        // The programs themselves remove files that lose their last name.
        Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
        Err(MapError::SyscallError(error)) if error.io_error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(GuardError::Map { name, source }),
    }
}
