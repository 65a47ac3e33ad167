//! Answers what administrators ask.

use std::net::IpAddr;

use hids_core::respond::{Action, OffenceKey, Refusal, canonical};
use tracing::warn;

use super::carry_out::Batch;
use super::evidence::happenings_of;
use super::nft::Nft;
use super::nft_dump::FoundElements;
use super::request::{BlockView, HistoryView, Reply, ReportView, Request, WhyView};
use super::responder::{Mode, Responder, now};

/// How much of an address's history is shown.
const MOST_HISTORY: usize = 100;

impl Responder {
    pub(super) fn answer(&mut self, request: Request) {
        match request {
            // Alerts are handled in batches.
            Request::Alert(alert) => {
                let mut batch = Batch::default();
                batch.take_actions(self.planner.plan(&alert, now()), Some(&alert));
                self.finish(batch);
            }
            Request::List(reply) => self.list(reply),
            Request::Add { address, duration, reason, reply } => {
                let blocked = self.planner.block_by_hand(address, duration, &reason, now());
                let _ = reply.send(blocked.and_then(|block| {
                    let mut batch = Batch::default();
                    let address = block.address;
                    batch.take_actions(vec![Action::Block(block)], None);
                    self.finish(batch);
                    self.view(address).ok_or(Refusal::Full)
                }));
            }
            Request::Remove { address, reply } => {
                let ended = self.planner.unblock(address);
                let is_ended = ended.is_some();
                self.end(ended.into_iter().collect());
                let _ = reply.send(is_ended);
            }
            Request::Flush { reply } => {
                let ended = self.planner.unblock_all();
                let count = ended.len();
                self.end(ended);
                let _ = reply.send(count);
            }
            Request::Why { address, reply } => self.why(canonical(address), reply),
            Request::Reload(config, reply) => _ = reply.send(self.reload(*config)),
            Request::Report(reply) => _ = reply.send(self.report()),
        }
    }

    fn end(&mut self, actions: Vec<Action>) {
        let mut batch = Batch::default();
        batch.take_actions(actions, None);
        self.finish(batch);
    }

    fn view(&self, address: IpAddr) -> Option<BlockView> {
        let block = self.planner.blocks().get(&address)?;
        Some(BlockView::of(block, self.kernel.is_present(address), now()))
    }

    /// Reading the counters of many elements takes long, so another thread does it.
    fn list(&self, reply: Reply<Vec<BlockView>>) {
        let mut views: Vec<_> = self.planner.blocks().keys().filter_map(|address| self.view(*address)).collect();
        let is_acting = self.mode == Mode::Act;
        beside("respond-list", move || {
            views.sort_by_key(|view| view.address);
            if is_acting && let Ok(found) = Nft::open().and_then(|nft| nft.find_elements()) {
                views.iter_mut().for_each(|view| add_counts(view, &found));
            }
            let _ = reply.send(views);
        });
    }

    fn why(&self, address: IpAddr, reply: Reply<WhyView>) {
        let mut view = WhyView {
            address,
            block: self.view(address),
            never_blocked: self.planner.protected().protects(address).map(|reason| reason.to_string()),
            offences: self.planner.offences().get(&OffenceKey::Address(address)).map_or(0, |offence| offence.count),
            history: Vec::new(),
            trouble: None,
        };
        let path = self.store.evidence_path().to_path_buf();
        beside("respond-why", move || {
            match happenings_of(&path, address, MOST_HISTORY) {
                Ok(found) => view.history = found.into_iter().map(HistoryView::of).collect(),
                Err(error) => view.trouble = Some(format!("cannot read {}: {error}", path.display())),
            }
            let _ = reply.send(view);
        });
    }

    fn report(&self) -> ReportView {
        use std::sync::atomic::Ordering::Relaxed;
        let scripts = self.runner.counters();
        let counts = self.store.counts;
        ReportView {
            mode: if self.mode == Mode::Act { "act" } else { "dry-run" }.into(),
            nftables_trouble: self.kernel.trouble().map(str::to_owned),
            ledger_trouble: self.store.trouble().map(str::to_owned),
            addresses_trouble: self.addresses_trouble.clone(),
            blocked: self.planner.blocks().len(),
            active: self.kernel.present(),
            blocks: counts.blocks,
            refused: counts.refused,
            kept_out: self.kernel.kept_out(),
            repairs: self.kernel.repairs(),
            programs_pending: scripts.pending.load(Relaxed),
            programs_started: scripts.started.load(Relaxed),
            programs_failed: scripts.failed.load(Relaxed),
            programs_timed_out: scripts.timed_out.load(Relaxed),
            programs_dropped: counts.programs_dropped,
            programs_to_undo: self.planner.holds().count(),
            evidence_lost: counts.evidence_lost,
            action_lines_lost: counts.action_lines_lost,
        }
    }
}

fn add_counts(view: &mut BlockView, found: &FoundElements) {
    let counted = found.get(&view.address).and_then(|element| element.counted);
    view.packets = counted.map(|counted| counted.packets);
    view.bytes = counted.map(|counted| counted.bytes);
}

/// Runs `work` on a short-lived thread; without one the asker gets no answer.
fn beside(name: &str, work: impl FnOnce() + Send + 'static) {
    if let Err(error) = std::thread::Builder::new().name(name.into()).spawn(work) {
        warn!(%error, "a question of an administrator cannot be answered");
    }
}
