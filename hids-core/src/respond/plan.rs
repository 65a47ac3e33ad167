//! The planner: alerts in, decisions out; owns what is wanted at this moment.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::action::{
    Action, Block, EndCause, Offence, OffenceKey, ProgramCall, ProgramHold, ProgramKey, Refusal, Refused, Verb,
};
use super::address::canonical;
use super::policy::{Policy, Response, ResponseKind, block_time};
use super::protected::{NeverBlockReason, ProtectedSet};
use super::select::{NoTarget, Target, target};
use crate::model::{Alert, RuleFacts, RuleId, Timestamp};

/// How many addresses are blocked at most: a forged log must not fill the kernel's memory.
pub const MAX_BLOCKS: usize = 1_000_000;

/// How many offenders are remembered before the oldest half is forgotten.
const MAX_OFFENDERS: usize = 200_000;

/// A block that would end less than this later stays as it is: lines that were on their way when an
/// address was blocked must not cost one kernel transaction each.
const SMALLEST_EXTENSION: Duration = Duration::from_secs(1);

/// The clock is followed when it goes back this far at once; less is what keeping it exact does.
const SMALLEST_SETBACK: Duration = Duration::from_secs(2);

/// State from before a restart.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// Blocks.
    pub blocks: Vec<Block>,
    /// Programs to be undone.
    pub holds: Vec<ProgramHold>,
    /// Offences counted so far.
    pub offences: Vec<(OffenceKey, Offence)>,
}

/// Decides what is done about alerts, and when it ends.
pub struct Planner {
    policy: Policy,
    protected: ProtectedSet,
    /// Invariant: keys are canonical and none is protected.
    blocks: HashMap<IpAddr, Block>,
    /// Invariant: holds exactly the blocks that end.
    block_ends: BTreeSet<(Timestamp, IpAddr)>,
    holds: HashMap<ProgramKey, ProgramHold>,
    /// Invariant: holds exactly `holds`.
    hold_ends: BTreeSet<(Timestamp, ProgramKey)>,
    offences: HashMap<OffenceKey, Offence>,
    /// The time when it was last told.
    clock: Option<Timestamp>,
    /// What followed from setting the clock back and was not handed out yet.
    retimed: Vec<Action>,
    /// Which responses a rule is bound to, so that group patterns run once per rule.
    bound: HashMap<RuleId, (Arc<RuleFacts>, Arc<[usize]>)>,
}

impl Planner {
    /// A planner that wants nothing yet.
    pub fn new(policy: Policy, protected: ProtectedSet) -> Self {
        Self {
            policy,
            protected,
            blocks: HashMap::new(),
            block_ends: BTreeSet::new(),
            holds: HashMap::new(),
            hold_ends: BTreeSet::new(),
            offences: HashMap::new(),
            clock: None,
            retimed: Vec::new(),
            bound: HashMap::new(),
        }
    }

    /// What is to be done about `alert`.
    ///
    /// Unlike in OSSEC, an alert about an address that is blocked at `now` extends the block (never
    /// shortens it) but does not count as another offence: OSSEC moves on to the next
    /// `<repeated_offenders>` value for each line that was already on its way.
    pub fn plan(&mut self, alert: &Alert, now: Timestamp) -> Vec<Action> {
        self.follow_clock(now);
        let mut actions = std::mem::take(&mut self.retimed);
        for &index in self.bound_responses(&alert.rule).iter() {
            let response = self.policy.responses[index].clone();
            match target(&response, alert, &self.protected) {
                Ok(target) => self.respond(&response, &target, alert, now, &mut actions),
                Err(NoTarget::Missing) => {}
                Err(NoTarget::Refused(text, address, refusal)) => {
                    actions.push(refused(&response, alert, &text, address, refusal));
                }
            }
        }
        actions
    }

    /// Whether some response is bound to `rule`: of an alert of any other nothing need be planned.
    pub fn is_bound(&mut self, rule: &Arc<RuleFacts>) -> bool {
        !self.bound_responses(rule).is_empty()
    }

    /// What ends at or before `now`, and what must end earlier because the clock was set back.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Action> {
        self.follow_clock(now);
        let mut actions = std::mem::take(&mut self.retimed);
        while let Some(&(end, address)) = self.block_ends.first().filter(|(end, _)| *end <= now) {
            self.block_ends.remove(&(end, address));
            let block = self.blocks.remove(&address);
            actions.extend(block.map(|block| Action::Unblock { block, cause: EndCause::Expired }));
        }
        while let Some((end, key)) = self.hold_ends.first().filter(|(end, _)| *end <= now).cloned() {
            self.hold_ends.remove(&(end, key.clone()));
            actions.extend(self.holds.remove(&key).map(|hold| Action::Run(hold.undo)));
        }
        actions
    }

    /// Keeps what is left of every block and undo call when the clock is set back: one that began
    /// while the clock was years ahead must not last for years.
    fn follow_clock(&mut self, now: Timestamp) {
        let setback = self.clock.map_or(Duration::ZERO, |before| before.since(now));
        self.clock = Some(now);
        if setback < SMALLEST_SETBACK {
            return;
        }
        for block in self.blocks.values().cloned().collect::<Vec<_>>() {
            let block = set_back(block, setback);
            self.put(block.clone());
            self.retimed.push(Action::Retime(block));
        }
        for hold in self.holds.values().cloned().collect::<Vec<_>>() {
            let hold = ProgramHold { due: hold.due.minus(setback), ..hold };
            self.hold(hold.clone());
            self.retimed.push(Action::Prolong(hold));
        }
    }

    /// When [`Planner::expire`] next has something to do.
    pub fn next_due(&self) -> Option<Timestamp> {
        let block = self.block_ends.first().map(|(end, _)| *end);
        let hold = self.hold_ends.first().map(|(end, _)| *end);
        block.into_iter().chain(hold).min()
    }

    /// Blocks an address because an administrator asks for it; `None` as duration: until removed.
    pub fn block_by_hand(
        &mut self,
        address: IpAddr,
        duration: Option<Duration>,
        reason: &str,
        now: Timestamp,
    ) -> Result<Block, Refusal> {
        self.follow_clock(now);
        let address = canonical(address);
        if let Some(why) = self.protected.protects(address) {
            return Err(Refusal::NeverBlock(why));
        }
        if self.blocks.len() >= MAX_BLOCKS && !self.blocks.contains_key(&address) {
            return Err(Refusal::Full);
        }
        let block = Block {
            address,
            since: self.blocks.get(&address).map_or(now, |block| block.since),
            updated: now,
            expires: duration.map(|duration| now.plus(duration)),
            offence: 0,
            alert: None,
            rule: None,
            response: "manual".into(),
            reason: reason.to_owned(),
        };
        self.put(block.clone());
        Ok(block)
    }

    /// Ends the block of an address because an administrator asks for it.
    pub fn unblock(&mut self, address: IpAddr) -> Option<Action> {
        let block = self.take(canonical(address))?;
        Some(Action::Unblock { block, cause: EndCause::Removed })
    }

    /// Ends all blocks.
    pub fn unblock_all(&mut self) -> Vec<Action> {
        self.block_ends.clear();
        let blocks = std::mem::take(&mut self.blocks);
        blocks.into_values().map(|block| Action::Unblock { block, cause: EndCause::Removed }).collect()
    }

    /// Takes another configuration. Blocks and pending undo calls stay.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
        self.bound.clear();
    }

    /// Takes other protected addresses; blocks of addresses that are protected now end at once.
    pub fn set_protected(&mut self, protected: ProtectedSet) -> Vec<Action> {
        self.protected = protected;
        let now_protected: Vec<_> =
            self.blocks.keys().filter_map(|&address| Some((address, self.protected.protects(address)?))).collect();
        now_protected.into_iter().filter_map(|(address, why)| self.end_as_protected(address, why)).collect()
    }

    /// Takes back the state from before a restart. What ended meanwhile, or is protected now, is
    /// given back as the actions that end it.
    pub fn restore(&mut self, restored: Restored, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        self.offences.extend(restored.offences);
        for mut block in restored.blocks {
            block.address = canonical(block.address);
            match self.protected.protects(block.address) {
                Some(why) => actions.push(Action::Unblock { block, cause: EndCause::Protected(why) }),
                None => {
                    let was_ahead = block.updated.since(now);
                    if was_ahead >= SMALLEST_SETBACK {
                        block = set_back(block, was_ahead);
                        actions.push(Action::Retime(block.clone()));
                    }
                    self.put(block);
                }
            }
        }
        for hold in restored.holds {
            self.hold(hold);
        }
        actions.extend(self.expire(now));
        actions
    }

    /// Forgets that a program must be undone, because it was never run.
    pub fn forget_hold(&mut self, key: &ProgramKey) {
        if let Some(hold) = self.holds.remove(key) {
            self.hold_ends.remove(&(hold.due, key.clone()));
        }
    }

    /// Plans that a program be undone, in place of what was planned before.
    pub fn hold(&mut self, hold: ProgramHold) {
        let key = hold.undo.key();
        self.forget_hold(&key);
        self.hold_ends.insert((hold.due, key.clone()));
        self.holds.insert(key, hold);
    }

    /// All addresses that are to be blocked.
    pub fn blocks(&self) -> &HashMap<IpAddr, Block> {
        &self.blocks
    }

    /// All programs that are to be undone.
    pub fn holds(&self) -> impl Iterator<Item = &ProgramHold> {
        self.holds.values()
    }

    /// When and how the program named by `key` is to be undone.
    pub fn hold_of(&self, key: &ProgramKey) -> Option<&ProgramHold> {
        self.holds.get(key)
    }

    /// All offences counted.
    pub fn offences(&self) -> &HashMap<OffenceKey, Offence> {
        &self.offences
    }

    /// The addresses that are never blocked.
    pub fn protected(&self) -> &ProtectedSet {
        &self.protected
    }

    fn bound_responses(&mut self, rule: &Arc<RuleFacts>) -> Arc<[usize]> {
        if let Some((known, bound)) = self.bound.get(&rule.id)
            && Arc::ptr_eq(known, rule)
        {
            return Arc::clone(bound);
        }
        let responses = self.policy.responses.iter().enumerate();
        let bound: Arc<[usize]> = responses.filter(|(_, r)| r.is_bound_to(rule)).map(|(index, _)| index).collect();
        self.bound.insert(rule.id, (Arc::clone(rule), Arc::clone(&bound)));
        bound
    }

    fn respond(
        &mut self,
        response: &Response,
        target: &Target,
        alert: &Alert,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        match (&response.kind, target.address) {
            (ResponseKind::Block, Some(address)) => actions.extend(self.block(response, address, alert, now)),
            (ResponseKind::Block, None) => {}
            (ResponseKind::Program(program), _) => actions.extend(self.run(response, program, target, alert, now)),
        }
    }

    fn block(&mut self, response: &Response, address: IpAddr, alert: &Alert, now: Timestamp) -> Option<Action> {
        let current = self.blocks.get(&address);
        // A block whose end is due but not yet carried out is over.
        let current = current.filter(|block| block.expires.is_none_or(|end| end > now));
        if current.is_none() && self.blocks.len() >= MAX_BLOCKS {
            return Some(refused(response, alert, address.to_string().as_bytes(), Some(address), Refusal::Full));
        }
        let key = OffenceKey::Address(address);
        let since = current.map_or(now, |block| block.since);
        let former_end = current.map(|block| block.expires);
        let offence = match former_end {
            None => self.count_offence(key, now),
            Some(_) => self.offences.get(&key).map_or(1, |offence| offence.count),
        };
        let expires = response.timeout.map(|base| now.plus(block_time(offence, base, &self.policy.repeated_offenders)));
        if former_end.is_some_and(|end| !is_worth_an_extension(end, expires)) {
            return None;
        }
        let block = Block {
            address,
            since,
            updated: now,
            expires,
            offence,
            alert: Some(alert.id),
            rule: Some(alert.rule.id),
            response: response.name.clone(),
            reason: alert.rule.description.clone(),
        };
        self.put(block.clone());
        Some(Action::Block(block))
    }

    /// As in OSSEC a program whose undo call is pending does not run again; only the time until
    /// then starts anew.
    fn run(
        &mut self,
        response: &Response,
        program: &str,
        target: &Target,
        alert: &Alert,
        now: Timestamp,
    ) -> Option<Action> {
        let call = ProgramCall {
            program: program.to_owned(),
            verb: Verb::Add,
            user: target.user.clone(),
            ip: target.ip.clone(),
            alert: alert.id,
            rule: alert.rule.id,
            location: alert.source.location.replace('\0', ""),
            file_name: target.file_name.clone(),
        };
        let Some(base) = response.timeout else { return Some(Action::Run(call)) };
        let key = call.key();
        let held = self.holds.get(&key).cloned();
        let offence_key = OffenceKey::Program(key);
        let offence = match held {
            None => self.count_offence(offence_key, now),
            Some(_) => self.offences.get(&offence_key).map_or(1, |offence| offence.count),
        };
        let due = now.plus(block_time(offence, base, &self.policy.repeated_offenders));
        match held {
            Some(held) if due.since(held.due) < SMALLEST_EXTENSION => None,
            Some(held) => {
                let hold = ProgramHold { due, undo: held.undo };
                self.hold(hold.clone());
                Some(Action::Prolong(hold))
            }
            None => {
                self.hold(ProgramHold { undo: ProgramCall { verb: Verb::Delete, ..call.clone() }, due });
                Some(Action::Run(call))
            }
        }
    }

    fn count_offence(&mut self, key: OffenceKey, now: Timestamp) -> u32 {
        if self.offences.len() >= MAX_OFFENDERS && !self.offences.contains_key(&key) {
            self.forget_oldest_offenders();
        }
        let offence = self.offences.entry(key).or_insert(Offence { count: 0, last: now });
        *offence = Offence { count: offence.count.saturating_add(1), last: now };
        offence.count
    }

    fn forget_oldest_offenders(&mut self) {
        let mut times: Vec<_> = self.offences.values().map(|offence| offence.last).collect();
        let middle = times.len() / 2;
        let (_, &mut median, _) = times.select_nth_unstable(middle);
        self.offences.retain(|_, offence| offence.last > median);
    }

    fn put(&mut self, block: Block) {
        self.take(block.address);
        if let Some(end) = block.expires {
            self.block_ends.insert((end, block.address));
        }
        self.blocks.insert(block.address, block);
    }

    fn take(&mut self, address: IpAddr) -> Option<Block> {
        let block = self.blocks.remove(&address)?;
        if let Some(end) = block.expires {
            self.block_ends.remove(&(end, address));
        }
        Some(block)
    }

    fn end_as_protected(&mut self, address: IpAddr, why: NeverBlockReason) -> Option<Action> {
        let block = self.take(address)?;
        Some(Action::Unblock { block, cause: EndCause::Protected(why) })
    }
}

/// The block as a clock shows it that was set back.
fn set_back(block: Block, by: Duration) -> Block {
    Block {
        since: block.since.minus(by),
        updated: block.updated.minus(by),
        expires: block.expires.map(|end| end.minus(by)),
        ..block
    }
}

/// Whether a block that ends at `former` should end at `new` instead.
fn is_worth_an_extension(former: Option<Timestamp>, new: Option<Timestamp>) -> bool {
    match (former, new) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(former), Some(new)) => new.since(former) >= SMALLEST_EXTENSION,
    }
}

fn refused(response: &Response, alert: &Alert, text: &[u8], address: Option<IpAddr>, refusal: Refusal) -> Action {
    let shown = &text[..text.len().min(256)];
    Action::Refused(Refused {
        subject: shown.escape_ascii().to_string(),
        address,
        refusal,
        alert: Some(alert.id),
        rule: Some(alert.rule.id),
        response: response.name.clone(),
    })
}
