//! What others ask of the watching thread.

use std::sync::Arc;

use crossbeam_channel::Sender;
use hids_core::fim::{Policy, Schedule};
use hids_core::model::Protection;

use super::event_loop::Monitor;
use super::scan_queue::{Cause, Wanted};
use crate::fim::request::AcceptView;
use crate::fim::scan::{ScanDepth, ScanOptions};
use crate::fim::store::{Durability, StoreError};

/// What `<syscheck>` says now.
#[derive(Debug)]
pub(super) struct ConfigUpdate {
    pub policy: Arc<Policy>,
    pub schedule: Schedule,
    pub scan_options: ScanOptions,
    /// Goes away when they are in force.
    pub until_applied: Sender<()>,
}

/// A command, with the way back for the answer.
#[derive(Debug)]
pub(super) enum Command {
    /// Scan these paths; the number of the scan.
    Scan { paths: Vec<Vec<u8>>, depth: ScanDepth, reply: Sender<Result<u64, String>> },
    /// Stop scans; how many.
    StopScans { reply: Sender<usize> },
    /// Accept changes below these paths.
    Accept { paths: Vec<Vec<u8>>, packages: bool, reply: Sender<Result<AcceptView, StoreError>> },
    /// Tell that protection was switched.
    Protection(Protection),
    /// Watch by another configuration from now on.
    Reconfigure(Box<ConfigUpdate>),
}

impl Monitor {
    /// Does it and answers; whoever asked may have gone.
    pub(super) fn handle(&mut self, command: Command) {
        match command {
            Command::Scan { paths, depth, reply } => _ = reply.send(self.asked_scan(paths, depth)),
            Command::StopScans { reply } => _ = reply.send(self.scans.stop()),
            Command::Accept { paths, packages, reply } => _ = reply.send(self.accept(&paths, packages)),
            Command::Protection(protection) => self.tell_protection(protection),
            Command::Reconfigure(update) => self.reconfigure(*update),
        }
    }

    fn asked_scan(&mut self, paths: Vec<Vec<u8>>, depth: ScanDepth) -> Result<u64, String> {
        let is_watched = |path: &Vec<u8>| {
            let overlaps = |root: &[u8]| super::scan_queue::holds(root, path) || super::scan_queue::holds(path, root);
            self.policy.watches().iter().any(|watch| overlaps(&watch.root))
        };
        if let Some(path) = paths.iter().find(|path| !is_watched(path)) {
            let path = hids_core::render::visible_string(path);
            return Err(format!("{path} is in no <directories> of <syscheck>"));
        }
        let number = self.scans.next_number();
        if self.first_stopped.take().is_some() {
            self.want_first(self.roots_without_baseline());
        }
        let mut wanted = Wanted::new(number, Cause::Asked, paths, depth);
        wanted.expected = self.last_scan.map(|round| round.totals).filter(|_| wanted.subtrees.is_empty());
        self.scans.want(wanted);
        self.start_scans();
        self.show_scans();
        Ok(number)
    }

    fn reconfigure(&mut self, update: ConfigUpdate) {
        self.schedule = update.schedule;
        self.scan_options = update.scan_options;
        self.policy = update.policy;
        self.shown_policy.store(Arc::clone(&self.policy));
        for root in self.follow_policy() {
            self.added.insert(root.clone());
            self.scan_gap(root, Vec::new());
        }
        let new = self.roots_without_baseline();
        self.added.extend(new.iter().cloned());
        self.want_first(new);
        self.note_wildcards();
        drop(update.until_applied);
    }

    /// Trees that are no longer watched are forgotten: when they come back, they begin anew. Gives the roots that have
    /// appeared under a wildcard.
    pub(super) fn follow_policy(&mut self) -> Vec<Vec<u8>> {
        let before = self.baselined.clone();
        let gone = self.baselined.follow(self.policy.watches());
        let appeared = self.take_appeared(&before);
        if before == self.baselined {
            return appeared;
        }
        gone.iter().for_each(|root| self.forget_tree(root));
        let store = Arc::clone(&self.store);
        let saved = store.begin().and_then(|mut update| {
            self.baselined.save(&mut update)?;
            update.commit(Durability::Synced)
        });
        if let Err(error) = saved {
            self.store_failed(&error);
        }
        appeared
    }
}
