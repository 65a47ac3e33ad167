//! Answers what administrators ask.

use std::net::IpAddr;
use std::time::Duration;

use hids_core::respond::{Action, ByHand, MAX_BLOCKS, OffenceKey, Refusal, canonical};
use tracing::warn;

use super::carry_out::Batch;
use super::clock;
use super::evidence::happenings_of;
use super::mode::Mode;
use super::nft::Nft;
use super::nft_dump::FoundElements;
use super::request::{
    AddedView, BlockView, BlocksView, HistoryView, MOST_PER_PAGE, Page, ProgramsView, Reply, ReportView, Request,
    WhyView,
};
use super::responder::Responder;
use crate::contracts::standing::{Standing, StandingBlock};

/// How much of an address's history is shown.
const MOST_HISTORY: usize = 100;

/// Does what is asked, and answers.
pub(super) fn answer(responder: &mut Responder, request: Request) {
    match request {
        // Alerts are handled in batches.
        Request::Alert(alert) => {
            let mut batch = Batch::default();
            let now = responder.now(&mut batch);
            batch.take_actions(responder.plan(&alert, now), Some(&alert));
            responder.finish(batch);
        }
        Request::List(page, reply) => list(responder, page, reply),
        Request::Add { address, duration, reason, reply } => {
            _ = reply.send(add(responder, address, duration, &reason));
        }
        Request::Remove { address, reply } => {
            let ended = responder.planner.unblock(address);
            let is_ended = ended.is_some();
            end(responder, ended.into_iter().collect());
            let _ = reply.send(is_ended);
        }
        Request::Flush { reply } => {
            let ended = responder.planner.unblock_all();
            let count = ended.len();
            end(responder, ended);
            let _ = reply.send(count);
        }
        Request::Why { address, reply } => why(responder, canonical(address), reply),
        Request::Standings(addresses, reply) => {
            let standings = addresses.into_iter().map(|address| standing(responder, address)).collect();
            // Who asked may have given up.
            let _ = reply.try_send(standings);
        }
        Request::Reload(config, reply) => {
            responder.reload(*config);
            let _ = reply.send(());
        }
        Request::Report(reply) => _ = reply.send(report(responder)),
        Request::Barrier(until_done) => drop(until_done),
    }
}

fn end(responder: &mut Responder, actions: Vec<Action>) {
    let mut batch = Batch::default();
    batch.take_actions(actions, None);
    responder.finish(batch);
}

fn add(
    responder: &mut Responder,
    address: IpAddr,
    duration: Option<Duration>,
    reason: &str,
) -> Result<AddedView, Refusal> {
    let mut batch = Batch::default();
    let now = responder.now(&mut batch);
    let block = match responder.planner.block_by_hand(address, duration, reason, now)? {
        ByHand::Unchanged(block) => {
            responder.finish(batch);
            let active = responder.kernel.is_present(block.address);
            return Ok(AddedView { block: BlockView::of(&block, active, now), unchanged: true });
        }
        ByHand::Blocked(actions) => {
            let block = actions.iter().rev().find_map(|action| match action {
                Action::Block(block) => Some(block.clone()),
                _ => None,
            });
            batch.take_actions(actions, None);
            responder.finish(batch);
            // The planner's last decision is the block.
            block.ok_or(Refusal::Full)?
        }
    };
    let active = responder.kernel.is_present(block.address);
    Ok(AddedView { block: BlockView::of(&block, active, now), unchanged: false })
}

fn standing(responder: &Responder, address: IpAddr) -> Standing {
    let address = canonical(address);
    let is_enforced = responder.mode == Mode::Act && responder.kernel.is_present(address);
    let block = responder.planner.blocks().get(&address);
    Standing {
        address,
        block: block.map(|block| StandingBlock { since: block.since, until: block.expires, is_enforced }),
        never_blocked: responder.planner.protected().protects(address).map(|reason| reason.to_string()),
    }
}

fn view(responder: &Responder, address: IpAddr) -> Option<BlockView> {
    let block = responder.planner.blocks().get(&address)?;
    Some(BlockView::of(block, responder.kernel.is_present(address), clock::read().wall))
}

/// Reading the counters of many elements takes long, so another thread does it.
fn list(responder: &Responder, page: Page, reply: Reply<BlocksView>) {
    use std::ops::Bound::{Excluded, Unbounded};
    let most = page.most.unwrap_or(MOST_PER_PAGE).clamp(1, MOST_PER_PAGE);
    let now = clock::read().wall;
    let first = page.after.map_or(Unbounded, |address| Excluded(canonical(address)));
    let mut rest = responder.planner.blocks().range((first, Unbounded));
    let view = |(address, block): (&IpAddr, &_)| BlockView::of(block, responder.kernel.is_present(*address), now);
    let mut blocks: Vec<_> = rest.by_ref().take(most).map(view).collect();
    let next = rest.next().and(blocks.last()).map(|view| view.address);
    let total = responder.planner.blocks().len();
    let is_acting = responder.mode == Mode::Act;
    beside("respond-list", move || {
        let addresses: Vec<IpAddr> = blocks.iter().map(|view| view.address).collect();
        if is_acting && let Ok(found) = Nft::open().and_then(|nft| nft.find_some(&addresses)) {
            blocks.iter_mut().for_each(|view| add_counts(view, &found));
        }
        let _ = reply.send(BlocksView { blocks, total, next });
    });
}

fn why(responder: &Responder, address: IpAddr, reply: Reply<WhyView>) {
    let mut view = WhyView {
        address,
        block: view(responder, address),
        never_blocked: responder.planner.protected().protects(address).map(|reason| reason.to_string()),
        offences: responder.planner.offences().get(&OffenceKey::Address(address)).map_or(0, |offence| offence.count),
        history: Vec::new(),
        trouble: None,
    };
    let path = responder.store.evidence_path().to_path_buf();
    beside("respond-why", move || {
        match happenings_of(&path, address, MOST_HISTORY) {
            Ok(found) => {
                view.history = found.happenings.into_iter().map(HistoryView::of).collect();
                view.trouble = (found.damaged_lines > 0)
                    .then(|| format!("{} damaged lines of {} skipped", found.damaged_lines, path.display()));
            }
            Err(error) => view.trouble = Some(format!("cannot read {}: {error}", path.display())),
        }
        let _ = reply.send(view);
    });
}

/// How the responder fares.
pub(super) fn report(responder: &Responder) -> ReportView {
    let counts = responder.store.counts;
    let mut programs = ProgramsView {
        distrusted_now: responder.distrusted.clone(),
        dropped: counts.programs_over_share + counts.programs_displaced + counts.programs_without_room,
        over_share: counts.programs_over_share,
        displaced: counts.programs_displaced,
        without_room: counts.programs_without_room,
        to_undo: responder.planner.holds().count(),
        ..ProgramsView::default()
    };
    programs.take(responder.runner.counters());
    ReportView {
        mode: if responder.mode == Mode::Act { "blocking" } else { "dry-run" }.into(),
        nftables_trouble: responder.kernel.trouble().map(str::to_owned),
        ledger_trouble: responder.store.trouble().map(str::to_owned),
        addresses_trouble: responder.addresses.trouble().map(str::to_owned),
        blocked: responder.planner.blocks().len(),
        blocked_at_most: MAX_BLOCKS,
        evicted: counts.evicted,
        active: responder.kernel.present(),
        blocks: counts.blocks,
        refused: counts.refused,
        kept_out: responder.kernel.kept_out(),
        repairs: responder.kernel.repairs(),
        restored: responder.kernel.restored().0,
        restored_because: responder.kernel.restored().1.map(str::to_owned),
        programs,
        evidence_lost: counts.evidence_lost,
        action_lines_lost: counts.action_lines_lost,
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
        warn!(%error, "cannot answer a hidsctl request");
    }
}
