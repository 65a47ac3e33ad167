//! The machine's own addresses, gateways and name servers as far as they are known now.
//!
//! Owns the sensor, from when it can be opened. Never decides what follows from an address.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use hids_core::respond::MachineAddresses;
use tracing::warn;

use super::protected::AddressSensor;

/// Resolver files are looked at no more often.
const RESOLVERS_EVERY: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct OwnAddresses {
    sensor: Option<AddressSensor>,
    /// Resolver files; `None`: the system's.
    resolver_files: Option<Vec<PathBuf>>,
    /// When the resolver files were looked at last, and what they were then.
    resolvers_seen: (Instant, Vec<Option<(SystemTime, u64)>>),
    trouble: Option<String>,
}

impl OwnAddresses {
    /// Nothing is read yet.
    pub(super) fn new(resolver_files: Option<Vec<PathBuf>>) -> Self {
        Self { sensor: None, resolver_files, resolvers_seen: (Instant::now(), Vec::new()), trouble: None }
    }

    /// All of them as they are now; `None` when they cannot be read.
    pub(super) fn read(&mut self) -> Option<MachineAddresses> {
        if self.sensor.is_none() {
            let opened = match &self.resolver_files {
                Some(files) => AddressSensor::open_with(files.clone()),
                None => AddressSensor::open(),
            };
            self.sensor = opened.inspect_err(|error| self.trouble = Some(error.to_string())).ok();
        }
        let sensor = self.sensor.as_ref()?;
        self.resolvers_seen = (Instant::now(), sensor.resolver_stamp());
        match sensor.read() {
            Ok(machine) => {
                self.trouble = None;
                Some(machine)
            }
            Err(error) => {
                warn!(%error, consequence = "previously known addresses stay protected",
                    "cannot read the addresses of this host");
                self.trouble = Some(error.to_string());
                None
            }
        }
    }

    /// Whether they are to be read again: a resolver file has changed, or the last reading failed. Looks once a
    /// second at most.
    pub(super) fn have_other_resolvers(&mut self) -> bool {
        if self.resolvers_seen.0.elapsed() < RESOLVERS_EVERY {
            return false;
        }
        let stamp = self.sensor.as_ref().map(AddressSensor::resolver_stamp).unwrap_or_default();
        let is_new = self.resolvers_seen.1 != stamp;
        self.resolvers_seen = (Instant::now(), stamp);
        is_new || self.trouble.is_some()
    }

    /// Why they are not known, if so.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}
