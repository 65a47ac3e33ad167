//! The planner: alerts in, decisions out; owns what is wanted at this moment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::action::{
    Action, Block, EndCause, Offence, OffenceKey, ProgramCall, ProgramHold, ProgramKey, RELOAD, Refusal, Refused, Verb,
};
use super::address::{canonical, contained_address};
use super::blocks::Blocks;
use super::clock::{Clock, Step, ahead};
use super::policy::{Policy, Response, ResponseKind, block_time};
use super::protected::{NeverBlockReason, ProtectedSet};
use super::select::{NoTarget, Target, target};
use crate::model::{Alert, FieldName, RuleFacts, RuleId, Timestamp};

/// How many offenders are remembered before the oldest half is forgotten.
const MAX_OFFENDERS: usize = 200_000;

/// A block that would end less than this later stays as it is: lines that were on their way when an
/// address was blocked must not cost one kernel transaction each.
const SMALLEST_EXTENSION: Duration = Duration::from_secs(1);

/// State from before a restart.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// Blocks.
    pub blocks: Vec<Block>,
    /// Programs to be undone.
    pub holds: Vec<ProgramHold>,
    /// Offences counted so far.
    pub offences: Vec<(OffenceKey, Offence)>,
    /// Both clocks as they stood when these times were written, if that was in this boot.
    pub clock: Option<Clock>,
}

/// Decides what is done about alerts, and when it ends.
pub struct Planner {
    policy: Policy,
    protected: ProtectedSet,
    /// Invariant: none is protected.
    blocks: Blocks,
    holds: HashMap<ProgramKey, ProgramHold>,
    /// Invariant: holds exactly `holds`.
    hold_ends: BTreeSet<(Timestamp, ProgramKey)>,
    offences: HashMap<OffenceKey, Offence>,
    /// Both clocks when the wall clock was last found to be right.
    clock: Option<Clock>,
    /// Which responses a rule is bound to, so that group patterns run once per rule.
    bound: HashMap<RuleId, (Arc<RuleFacts>, Arc<[usize]>)>,
}

impl Planner {
    /// A planner that wants nothing yet.
    pub fn new(policy: Policy, protected: ProtectedSet) -> Self {
        Self {
            policy,
            protected,
            blocks: Blocks::new(),
            holds: HashMap::new(),
            hold_ends: BTreeSet::new(),
            offences: HashMap::new(),
            clock: None,
            bound: HashMap::new(),
        }
    }

    /// The same planner with room for at most `most` blocks.
    #[must_use]
    pub fn with_most_blocks(mut self, most: usize) -> Self {
        self.blocks.limit_to(most);
        self
    }

    /// What is to be done about `alert`.
    ///
    /// Unlike in OSSEC, an alert about an address that is blocked at `now` extends the block (never
    /// shortens it) but does not count as another offence: OSSEC moves on to the next
    /// `<repeated_offenders>` value for each line that was already on its way.
    pub fn plan(&mut self, alert: &Alert, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        if !alert.rule.may_respond {
            actions.extend(self.forbidden(alert));
        }
        for &index in self.bound_responses(&alert.rule).iter() {
            let response = self.policy.responses[index].clone();
            match (target(&response, alert, &self.protected), &alert.untrusted) {
                // Neither blocks nor programs: a program may lock a user out, or block somebody as well.
                (Ok(target), Some(sender)) => {
                    let subject = if target.ip == "-" { &target.user } else { &target.ip };
                    let refusal = Refusal::UntrustedSender(sender.doubt);
                    actions.push(refused(&response, alert, subject.as_bytes(), target.address, refusal));
                }
                (Ok(target), None) => self.respond(&response, &target, alert, now, &mut actions),
                (Err(NoTarget::Missing), _) => {}
                (Err(NoTarget::Refused(text, address, refusal)), _) => {
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

    /// What ends at or before `now`.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Action> {
        let mut actions = Vec::new();
        while let Some(block) = self.blocks.take_ended(now) {
            actions.push(Action::Unblock { block, cause: EndCause::Expired });
        }
        while let Some((end, key)) = self.hold_ends.first().filter(|(end, _)| *end <= now).cloned() {
            self.hold_ends.remove(&(end, key.clone()));
            actions.extend(self.holds.remove(&key).map(|hold| Action::Run(hold.undo)));
        }
        actions
    }

    /// When [`Planner::expire`] next has something to do.
    pub fn next_due(&self) -> Option<Timestamp> {
        let hold = self.hold_ends.first().map(|(end, _)| *end);
        self.blocks.next_end().into_iter().chain(hold).min()
    }

    /// Blocks an address because an administrator asks for it; `None` as duration: until removed.
    ///
    /// Never shortens a block: one that would end later stays as it is.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use hids_core::model::Timestamp;
    /// use hids_core::respond::{Planner, Policy, ProtectedSet};
    ///
    /// let mut planner = Planner::new(Policy::default(), ProtectedSet::default());
    /// let (now, attacker) = (Timestamp::from_unix_seconds(0), "192.0.2.1".parse().expect("an address"));
    /// planner.block_by_hand(attacker, Some(Duration::from_secs(60)), "scans", now).expect("not protected");
    /// assert!(planner.blocks().contains_key(&attacker));
    /// // An end is an action like any other, at the time that the planner names.
    /// assert_eq!(planner.expire(planner.next_due().expect("one block")).len(), 1);
    /// assert!(planner.blocks().is_empty());
    /// ```
    pub fn block_by_hand(
        &mut self,
        address: IpAddr,
        duration: Option<Duration>,
        reason: &str,
        now: Timestamp,
    ) -> Result<ByHand, Refusal> {
        let address = canonical(address);
        if duration.is_some_and(|duration| duration.is_zero()) {
            return Err(Refusal::EndsAtOnce);
        }
        if let Some(why) = self.protected.protects(address) {
            return Err(Refusal::NeverBlock(why));
        }
        let expires = duration.map(|duration| now.plus(duration));
        let current = self.blocks.current(address, now);
        if let Some(block) = current.filter(|block| !ends_later(block.expires, expires)) {
            return Ok(ByHand::Unchanged(block.clone()));
        }
        let since = current.map_or(now, |block| block.since);
        let mut actions = Vec::new();
        if !self.blocks.holds(address) {
            actions.extend(self.blocks.make_room()?);
        }
        let block = Block {
            address,
            since,
            updated: now,
            expires,
            offence: 0,
            alert: None,
            rule: None,
            response: "manual".into(),
            reason: reason.to_owned(),
        };
        self.blocks.put(block.clone());
        actions.push(Action::Block(block));
        Ok(ByHand::Blocked(actions))
    }

    /// Ends the block of an address because an administrator asks for it.
    pub fn unblock(&mut self, address: IpAddr) -> Option<Action> {
        let block = self.blocks.take(canonical(address))?;
        Some(Action::Unblock { block, cause: EndCause::Removed })
    }

    /// Ends all blocks.
    pub fn unblock_all(&mut self) -> Vec<Action> {
        self.blocks.take_all().map(|block| Action::Unblock { block, cause: EndCause::Removed }).collect()
    }

    /// Takes another configuration. Blocks and pending undo calls stay.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
        self.bound.clear();
    }

    /// Takes other protected addresses; blocks of addresses that are protected now end at once.
    pub fn set_protected(&mut self, protected: ProtectedSet) -> Vec<Action> {
        self.protected = protected;
        let now_protected: Vec<_> = self
            .blocks
            .all()
            .keys()
            .filter_map(|&address| Some((address, self.protected.protects(address)?)))
            .collect();
        now_protected.into_iter().filter_map(|(address, why)| self.end_as_protected(address, why)).collect()
    }

    /// Takes back the state from before a restart. What ended meanwhile, or is protected now, is
    /// given back as the actions that end it.
    pub fn restore(&mut self, restored: Restored, now: Clock) -> Vec<Action> {
        let mut actions = Vec::new();
        self.offences.extend(restored.offences);
        for mut block in restored.blocks {
            block.address = canonical(block.address);
            match self.protected.protects(block.address) {
                Some(why) => actions.push(Action::Unblock { block, cause: EndCause::Protected(why) }),
                None => self.blocks.put(block),
            }
        }
        for hold in restored.holds {
            self.hold(hold);
        }
        self.clock = restored.clock;
        actions.extend(self.follow_clock(now));
        actions.extend(self.end_what_was_ahead(now.wall));
        actions.extend(self.expire(now.wall));
        actions
    }

    /// Keeps what is left of every block and undo call when the wall clock was set: ahead, and blocks
    /// would end early (whoever forges time servers would free himself); back, and they would last
    /// for years. Call it before anything that takes a time of this clock.
    ///
    /// Small steps are added up, so that many of them do not pass unnoticed.
    pub fn follow_clock(&mut self, now: Clock) -> Vec<Action> {
        let Some(before) = self.clock else {
            self.clock = Some(now);
            return Vec::new();
        };
        let Some(step) = now.step_since(before) else { return Vec::new() };
        self.clock = Some(now);
        let mut actions = Vec::new();
        for block in self.blocks.all().values().cloned().collect::<Vec<_>>() {
            let block = step.shift_block(block);
            self.blocks.put(block.clone());
            actions.push(Action::Retime(block));
        }
        for hold in self.holds.values().cloned().collect::<Vec<_>>() {
            let hold = ProgramHold { due: step.shift(hold.due), ..hold };
            self.hold(hold.clone());
            actions.push(Action::Prolong(hold));
        }
        actions
    }

    /// A block from another boot in which the clock was ahead lasts no longer than it was to last.
    fn end_what_was_ahead(&mut self, now: Timestamp) -> Vec<Action> {
        let ahead = self.blocks.all().values().filter_map(|block| Some((ahead(block, now)?, block.clone())));
        let ahead: Vec<(Step, Block)> = ahead.collect();
        let set_back = |(step, block): (Step, Block)| {
            let block = step.shift_block(block);
            self.blocks.put(block.clone());
            Action::Retime(block)
        };
        ahead.into_iter().map(set_back).collect()
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
    pub fn blocks(&self) -> &BTreeMap<IpAddr, Block> {
        self.blocks.all()
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

    /// What a rule with the option `no_ar` keeps from being done, so that the question why somebody is
    /// not blocked has an answer.
    fn forbidden(&self, alert: &Alert) -> Option<Action> {
        let text = alert.fields.value(&FieldName::SrcIp)?;
        let free = RuleFacts { may_respond: true, ..(*alert.rule).clone() };
        let response = self.policy.responses.iter().find(|response| response.is_bound_to(&free))?;
        Some(refused(response, alert, text, contained_address(text), Refusal::NoResponse))
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
            (ResponseKind::Block, Some(address)) => self.block(response, address, alert, now, actions),
            (ResponseKind::Block, None) => {}
            (ResponseKind::Reload, _) => actions.extend(self.run(response, RELOAD, target, alert, now)),
            (ResponseKind::Program(program), _) => {
                actions.extend(self.run(response, &program.to_string_lossy(), target, alert, now));
            }
        }
    }

    fn block(
        &mut self,
        response: &Response,
        address: IpAddr,
        alert: &Alert,
        now: Timestamp,
        actions: &mut Vec<Action>,
    ) {
        let current = self.blocks.current(address, now).map(|block| (block.since, block.expires));
        if !self.blocks.holds(address) {
            match self.blocks.make_room() {
                Ok(evicted) => actions.extend(evicted),
                Err(full) => {
                    return actions.push(refused(response, alert, address.to_string().as_bytes(), Some(address), full));
                }
            }
        }
        let key = OffenceKey::Address(address);
        let offence = match current {
            None => self.count_offence(key, now),
            Some(_) => self.offences.get(&key).map_or(1, |offence| offence.count),
        };
        let expires = response.timeout.map(|base| now.plus(block_time(offence, base, &self.policy.repeated_offenders)));
        if current.is_some_and(|(_, end)| !is_worth_an_extension(end, expires)) {
            return;
        }
        let block = Block {
            address,
            since: current.map_or(now, |(since, _)| since),
            updated: now,
            expires,
            offence,
            alert: Some(alert.id),
            rule: Some(alert.rule.id),
            response: response.name.clone(),
            reason: alert.rule.description.clone(),
        };
        self.blocks.put(block.clone());
        actions.push(Action::Block(block));
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

    fn end_as_protected(&mut self, address: IpAddr, why: NeverBlockReason) -> Option<Action> {
        let block = self.blocks.take(address)?;
        Some(Action::Unblock { block, cause: EndCause::Protected(why) })
    }
}

/// What came of asking for a block by hand.
#[derive(Clone, Debug, PartialEq)]
pub enum ByHand {
    /// These are the decisions; the last one is the block.
    Blocked(Vec<Action>),
    /// The address is blocked already, and not for a shorter time.
    Unchanged(Block),
}

/// Whether `new` is later than `former`; no end is later than any.
fn ends_later(former: Option<Timestamp>, new: Option<Timestamp>) -> bool {
    former.is_some_and(|former| new.is_none_or(|new| new > former))
}

/// Whether a block that ends at `former` should end at `new` instead.
fn is_worth_an_extension(former: Option<Timestamp>, new: Option<Timestamp>) -> bool {
    match (former, new) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(former), Some(new)) => new.since(former) >= SMALLEST_EXTENSION,
    }
}

/// The refusal stands with the address of the event's source, also where its text is more than an
/// address (`203.0.113.10:4000`) or where another field is what must not be used.
fn refused(response: &Response, alert: &Alert, text: &[u8], address: Option<IpAddr>, refusal: Refusal) -> Action {
    let shown = &text[..text.len().min(256)];
    let address = address.or_else(|| contained_address(alert.fields.value(&FieldName::SrcIp)?));
    Action::Refused(Refused {
        subject: shown.escape_ascii().to_string(),
        address,
        refusal,
        alert: Some(alert.id),
        rule: Some(alert.rule.id),
        response: response.name.clone(),
    })
}
