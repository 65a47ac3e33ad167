//! Keeps the kernel's sets as the planner wants them: writes changes, notices drift, repairs it,
//! and goes on without nf_tables when there is none.
//!
//! Owns the connection to nf_tables. Never decides what is blocked.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hids_core::model::Timestamp;
use hids_core::respond::{Block, ProtectedSet};
use tracing::{error, info, warn};

use super::nft::{Change, Element, KeptOut, Nft};
use super::nft_dump::{FoundElements, Structure};
use super::nft_error::NftError;
use crate::sys::nftables::{Counted, ElementLife};

/// Time between two tries to reach nf_tables.
const RETRY: Duration = Duration::from_secs(10);
/// So many repairs in a row are done at once; then at most one in each [`CALM`].
const QUICK_REPAIRS: u32 = 20;
const CALM: Duration = Duration::from_secs(1);
/// How far an element's end may be off: the kernel and we read the clock at different moments.
const TOLERANCE: Duration = Duration::from_secs(2);
/// Up to so many elements the packet counts of the program before are taken over.
const COUNTS_TAKEN_OVER: usize = 5_000;

/// What is wanted.
pub(super) type Wanted = BTreeMap<IpAddr, Block>;

/// The link to the kernel.
pub(super) struct Kernel {
    nft: Option<Nft>,
    /// The table as we wrote it.
    structure: Option<Structure>,
    /// Addresses that are in a set, or were until their time was up.
    present: HashSet<IpAddr>,
    own_port: Arc<AtomicU32>,
    trouble: Option<String>,
    retry_at: Option<Instant>,
    repairs: u64,
    /// How often it was another program's doing, and what was found last.
    restored: (u64, Option<String>),
    kept_out: u64,
    recent_repairs: u32,
    last_repair: Option<Instant>,
}

impl Kernel {
    /// Not connected; [`Kernel::start`] does that.
    pub(super) fn new(own_port: Arc<AtomicU32>) -> Self {
        Self {
            nft: None,
            structure: None,
            present: HashSet::new(),
            own_port,
            trouble: None,
            retry_at: None,
            repairs: 0,
            restored: (0, None),
            kept_out: 0,
            recent_repairs: 0,
            last_repair: None,
        }
    }

    /// Connects and writes the table; on failure a later [`Kernel::retry`] does.
    pub(super) fn start(&mut self, wanted: &Wanted, guard: &ProtectedSet, now: Timestamp) {
        let connected = match self.nft.take() {
            Some(nft) => Ok(nft),
            None => Nft::open(),
        };
        match connected {
            Ok(nft) => {
                self.own_port.store(nft.port(), Ordering::Relaxed);
                let counts = if wanted.len() <= COUNTS_TAKEN_OVER {
                    nft.find_elements().unwrap_or_default()
                } else {
                    HashMap::new()
                };
                self.nft = Some(nft);
                self.write_all(wanted, &counts, guard, now);
            }
            Err(error) => self.fail(&error),
        }
    }

    /// When [`Kernel::retry`] has something to do.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Tries again what failed, when it is time.
    pub(super) fn retry(&mut self, wanted: &Wanted, guard: &ProtectedSet, now: Timestamp) {
        if self.retry_at.is_some_and(|at| at <= Instant::now()) {
            self.retry_at = None;
            self.start(wanted, guard, now);
        }
    }

    /// Brings the sets up to date for `changed` addresses, in one transaction.
    pub(super) fn write(&mut self, changed: &HashSet<IpAddr>, wanted: &Wanted, guard: &ProtectedSet, now: Timestamp) {
        let changes: Vec<Change> = changed.iter().filter_map(|address| self.change(*address, wanted, now)).collect();
        if changes.is_empty() {
            return;
        }
        if self.structure.is_none() {
            return;
        }
        if wanted.is_empty() {
            // Everything goes: an empty table is less work than each element.
            return self.write_all(wanted, &HashMap::new(), guard, now);
        }
        let Some(nft) = self.nft.as_mut() else { return };
        match nft.apply(&changes, guard) {
            Ok(kept_out) => {
                for change in &changes {
                    match change {
                        Change::Put(element) | Change::Replace(element) => self.present.insert(element.address),
                        Change::Remove(address) => self.present.remove(address),
                    };
                }
                self.note_kept_out(&kept_out);
            }
            Err(error) if error.is_missing() => self.repair("table missing", wanted, guard, now),
            Err(error) => self.fail(&error),
        }
    }

    /// Looks whether table, chain, sets and rules are still ours, and writes them anew if not.
    pub(super) fn check_structure(&mut self, wanted: &Wanted, guard: &ProtectedSet, now: Timestamp) {
        let Some(nft) = self.nft.as_ref().filter(|_| self.structure.is_some()) else { return };
        match nft.find_structure() {
            Ok(found) if found == self.structure => {}
            Ok(Some(_)) => self.repair("table modified", wanted, guard, now),
            Ok(None) => self.repair("table missing", wanted, guard, now),
            Err(error) => self.fail(&error),
        }
    }

    /// Compares elements that were read a moment ago with what is wanted, and repairs the
    /// difference. Every repair may be made twice, so that what changed meanwhile does no harm.
    ///
    /// `after_change`: another program has changed something. Else the kernel's own clock, which
    /// stands still while the machine sleeps, or a set that was being resized may explain a difference.
    pub(super) fn check_elements(
        &mut self,
        found: &FoundElements,
        after_change: bool,
        wanted: &Wanted,
        guard: &ProtectedSet,
        now: Timestamp,
    ) {
        if self.structure.is_none() {
            return;
        }
        let mut differing: HashSet<IpAddr> =
            found.keys().filter(|address| !wanted.contains_key(address)).copied().collect();
        self.present.extend(differing.iter().copied());
        for (address, block) in wanted {
            let left = block.expires.map(|end| end.since(now));
            let is_as_wanted = match (found.get(address).map(|element| element.remaining), left) {
                (None, Some(left)) => left < TOLERANCE,
                (None, None) => false,
                (Some(None), None) => true,
                (Some(Some(found)), Some(left)) => found.abs_diff(left) < TOLERANCE,
                (Some(_), _) => false,
            };
            if !is_as_wanted {
                differing.insert(*address);
            }
        }
        if !differing.is_empty() {
            self.repairs += 1;
            // What follows a repair of the whole table is of the same change.
            let is_told = self.last_repair.is_some_and(|at| at.elapsed() < CALM * 5);
            if after_change && !is_told {
                self.note_restored(match differing.len() {
                    1 => "1 blocked address removed, added or modified".into(),
                    count => format!("{count} blocked addresses removed, added or modified"),
                });
            }
            info!(elements = differing.len(), "blocked addresses in nftables differed; corrected");
            self.write(&differing, wanted, guard, now);
        }
    }

    /// Why blocks are not carried out at the moment.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Whether an address has been written.
    pub(super) fn is_present(&self, address: IpAddr) -> bool {
        self.structure.is_some() && self.present.contains(&address)
    }

    /// How many addresses have been written.
    pub(super) fn present(&self) -> usize {
        if self.structure.is_some() { self.present.len() } else { 0 }
    }

    /// How often the table or elements were put right.
    pub(super) fn repairs(&self) -> u64 {
        self.repairs
    }

    /// How often another program had changed something that was then put right, and what was found last.
    pub(super) fn restored(&self) -> (u64, Option<&str>) {
        (self.restored.0, self.restored.1.as_deref())
    }

    /// How many protected addresses the last check kept out. Anything but 0 is an error of ours.
    pub(super) fn kept_out(&self) -> u64 {
        self.kept_out
    }

    fn change(&self, address: IpAddr, wanted: &Wanted, now: Timestamp) -> Option<Change> {
        let is_present = self.present.contains(&address);
        match wanted.get(&address).and_then(|block| element(block, Counted::default(), now)) {
            Some(element) if is_present => Some(Change::Replace(element)),
            Some(element) => Some(Change::Put(element)),
            None => is_present.then_some(Change::Remove(address)),
        }
    }

    fn repair(&mut self, reason: &'static str, wanted: &Wanted, guard: &ProtectedSet, now: Timestamp) {
        let is_calm = self.last_repair.is_none_or(|at| at.elapsed() >= CALM * 10);
        self.recent_repairs = if is_calm { 0 } else { self.recent_repairs + 1 };
        if self.recent_repairs > QUICK_REPAIRS && self.last_repair.is_some_and(|at| at.elapsed() < CALM) {
            self.retry_at.get_or_insert(Instant::now() + CALM);
            self.structure = None;
            return;
        }
        self.last_repair = Some(Instant::now());
        self.repairs += 1;
        self.note_restored(reason.into());
        warn!(reason, blocks = wanted.len(), "nftables table inet hids was modified by another program; restored");
        self.write_all(wanted, &HashMap::new(), guard, now);
    }

    fn note_restored(&mut self, reason: String) {
        self.restored = (self.restored.0 + 1, Some(reason));
    }

    fn write_all(&mut self, wanted: &Wanted, counts: &FoundElements, guard: &ProtectedSet, now: Timestamp) {
        let Some(nft) = &mut self.nft else { return };
        let counted = |address| counts.get(address).and_then(|found| found.counted).unwrap_or_default();
        let elements: Vec<Element> =
            wanted.values().filter_map(|block| element(block, counted(&block.address), now)).collect();
        let written = nft.replace(&elements, guard).and_then(|kept_out| Ok((kept_out, nft.find_structure()?)));
        match written {
            Ok((kept_out, structure)) => {
                self.present = elements.into_iter().map(|element| element.address).collect();
                self.structure = structure;
                if self.trouble.take().is_some() {
                    info!(blocks = self.present.len(), "blocks applied to nftables again");
                }
                self.note_kept_out(&kept_out);
            }
            Err(error) => self.fail(&error),
        }
    }

    fn note_kept_out(&mut self, kept_out: &KeptOut) {
        for (address, reason) in kept_out {
            self.kept_out += 1;
            self.present.remove(address);
            error!(srcip = %address, %reason, "protected address rejected by the final check before blocking");
        }
    }

    fn fail(&mut self, error: &NftError) {
        let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let text = format!("{error}: {cause}");
        if self.trouble.as_ref() != Some(&text) {
            warn!(error = %text, consequence = "blocks are recorded but not enforced", help = "load the kernel module nf_tables and run as root", "nftables unavailable");
        }
        self.trouble = Some(text);
        self.nft = None;
        self.structure = None;
        self.retry_at = Some(Instant::now() + RETRY);
    }
}

/// A block as an element; `None` when its time is up.
fn element(block: &Block, counted: Counted, now: Timestamp) -> Option<Element> {
    let life = match block.expires {
        None => None,
        Some(end) => {
            let remaining = end.since(now);
            if remaining.is_zero() {
                return None;
            }
            Some(ElementLife { timeout: end.since(block.updated).max(remaining), remaining })
        }
    };
    Some(Element { address: block.address, life, comment: comment(block), counted })
}

/// Numbers only: nothing that a log line could choose.
fn comment(block: &Block) -> String {
    match (block.rule, block.alert) {
        (Some(rule), Some(alert)) => format!("rule {rule} alert {alert}"),
        (Some(rule), None) => format!("rule {rule}"),
        _ => "manual".into(),
    }
}
