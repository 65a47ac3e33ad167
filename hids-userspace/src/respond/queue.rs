//! The response programs that wait: which one runs next, and which one gives way when there are too many.
//!
//! - Calls about one subject (program, and address or user) run one after another, in their order.
//! - A call that waits already is not queued again ([`Identity`]): it keeps its place. It keeps its arguments, too,
//!   unless the new alert is of a higher level; then alert, rule and location are the new one's.
//! - The call of the highest level runs first, of equal ones the oldest. One worker of several always takes the
//!   oldest, so that none waits for ever. Undo calls come after all others.
//! - One source has at most [`QueueLimits::share`] calls. In a full queue a call of the lowest level gives way for one
//!   of a higher level; among equal levels, one of the source that has the most. What gives way is given back to be
//!   counted. Undo calls never give way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use hids_core::model::{Level, RuleId};
use hids_core::respond::{ProgramCall, ProgramKey, Verb};

/// Bounds of the queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct QueueLimits {
    /// How many calls wait at most.
    pub most: usize,
    /// How many of them are of one source at most.
    pub share: usize,
}

/// Why a call is not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DropCause {
    /// Its source has too many waiting.
    Share,
    /// It gave way for another one.
    Displaced,
    /// The queue is full of calls that are no less important.
    NoRoom,
}

/// What became of a call that was put in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits; another one may have given way.
    Waits(Option<(ProgramCall, DropCause)>),
    /// It waits already.
    Merged,
    /// It is not taken.
    Refused(ProgramCall, DropCause),
}

/// Which runs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// The one of the highest level.
    Highest,
    /// The one that has waited longest.
    Oldest,
}

/// What two calls have in common of which one is enough. Without address and user a program tells of alerts, and
/// each rule is another one.
#[derive(PartialEq, Eq)]
struct Identity<'a> {
    verb: Verb,
    user: &'a str,
    ip: &'a str,
    file_name: &'a [u8],
    rule: Option<RuleId>,
}

impl<'a> Identity<'a> {
    fn of(call: &'a ProgramCall) -> Self {
        let is_nobody = call.ip == "-" && call.user == "-";
        let ProgramCall { verb, user, ip, file_name, rule, .. } = call;
        Self { verb: *verb, user, ip, file_name, rule: is_nobody.then_some(*rule) }
    }
}

struct Waiting {
    call: ProgramCall,
    level: Level,
}

impl Waiting {
    fn rank(&self, number: u64) -> Rank {
        (self.call.verb == Verb::Delete, Reverse(self.level), number)
    }
}

/// Undo calls last, then the lowest level, then the youngest.
type Rank = (bool, Reverse<Level>, u64);

/// The queue.
pub(super) struct CallQueue {
    limits: QueueLimits,
    next_number: u64,
    /// By age.
    waiting: BTreeMap<u64, Waiting>,
    /// Holds exactly `waiting`.
    ranks: BTreeSet<Rank>,
    /// Of each subject the numbers of its calls, in order. Holds exactly `waiting`.
    subjects: HashMap<ProgramKey, VecDeque<u64>>,
    running: HashSet<ProgramKey>,
    /// The calls of each source, without undo calls.
    sources: HashMap<String, BTreeSet<Rank>>,
    /// How many each source has. Holds exactly `sources`.
    shares: BTreeSet<(usize, String)>,
}

impl CallQueue {
    /// An empty one.
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            next_number: 0,
            waiting: BTreeMap::new(),
            ranks: BTreeSet::new(),
            subjects: HashMap::new(),
            running: HashSet::new(),
            sources: HashMap::new(),
            shares: BTreeSet::new(),
        }
    }

    /// How many calls wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Puts in a call that an alert of `level` has led to.
    pub(super) fn push(&mut self, call: ProgramCall, level: Level) -> Pushed {
        if let Some(number) = self.same(&call) {
            self.merge(number, call, level);
            return Pushed::Merged;
        }
        let given_way = match self.make_room(&call, level) {
            Ok(given_way) => given_way,
            Err(cause) => return Pushed::Refused(call, cause),
        };
        let number = self.next_number;
        self.next_number += 1;
        self.subjects.entry(call.key()).or_default().push_back(number);
        self.put(number, Waiting { call, level });
        Pushed::Waits(given_way)
    }

    /// The call to run now; [`Self::has_run`] is to follow.
    pub(super) fn take(&mut self, pick: Pick) -> Option<ProgramCall> {
        let number = match pick {
            Pick::Highest => self.ranks.iter().find_map(|(_, _, number)| self.first_of_subject(*number)),
            Pick::Oldest => self.waiting.keys().find_map(|number| self.first_of_subject(*number)),
        }?;
        let call = self.remove(number)?.call;
        self.running.insert(call.key());
        Some(call)
    }

    /// The call that was taken has ended.
    pub(super) fn has_run(&mut self, key: &ProgramKey) {
        self.running.remove(key);
    }

    /// The call of the same subject that runs before this one can, or this one, unless one of it runs now.
    fn first_of_subject(&self, number: u64) -> Option<u64> {
        let key = self.waiting.get(&number)?.call.key();
        if self.running.contains(&key) {
            return None;
        }
        self.subjects.get(&key)?.front().copied()
    }

    /// A call that waits and makes this one needless: nothing opposite comes after it.
    fn same(&self, call: &ProgramCall) -> Option<u64> {
        let identity = Identity::of(call);
        let of_subject = self.subjects.get(&call.key())?.iter().rev();
        let until_opposite = of_subject
            .map_while(|number| Some((*number, &self.waiting.get(number)?.call)))
            .take_while(|(_, other)| other.verb == call.verb);
        until_opposite.into_iter().find(|(_, other)| Identity::of(other) == identity).map(|(number, _)| number)
    }

    fn merge(&mut self, number: u64, call: ProgramCall, level: Level) {
        if self.waiting.get(&number).is_some_and(|waiting| level > waiting.level) {
            self.take_out(number);
            self.put(number, Waiting { call, level });
        }
    }

    /// Lets another call give way if that is needed, or says why this one is not taken.
    fn make_room(&mut self, call: &ProgramCall, level: Level) -> Result<Option<(ProgramCall, DropCause)>, DropCause> {
        let own = source(call);
        let share = self.sources.get(own).map_or(0, BTreeSet::len);
        let is_undo = call.verb == Verb::Delete;
        if !is_undo && share >= self.limits.share {
            let (_, Reverse(lowest), number) = self.lowest_of(own).ok_or(DropCause::Share)?;
            return if lowest < level { Ok(self.give_way(number, DropCause::Share)) } else { Err(DropCause::Share) };
        }
        if self.waiting.len() < self.limits.most {
            return Ok(None);
        }
        if is_undo {
            return Err(DropCause::NoRoom);
        }
        let lowest = self.ranks.iter().rev().find(|(is_undo, ..)| !is_undo).copied();
        let (_, Reverse(lowest), number) = lowest.ok_or(DropCause::NoRoom)?;
        if lowest < level {
            return Ok(self.give_way(number, DropCause::Displaced));
        }
        let most = self.shares.last().filter(|(most, _)| *most > share + 1);
        let youngest = most.and_then(|(_, source)| self.lowest_of(source));
        let youngest = youngest.filter(|(_, Reverse(lowest), _)| *lowest <= level);
        let (.., number) = youngest.ok_or(DropCause::NoRoom)?;
        Ok(self.give_way(number, DropCause::Displaced))
    }

    /// Of a source's calls the youngest of the lowest level.
    fn lowest_of(&self, source: &str) -> Option<Rank> {
        self.sources.get(source)?.last().copied()
    }

    fn give_way(&mut self, number: u64, cause: DropCause) -> Option<(ProgramCall, DropCause)> {
        Some((self.remove(number)?.call, cause))
    }

    fn remove(&mut self, number: u64) -> Option<Waiting> {
        let waiting = self.take_out(number)?;
        let key = waiting.call.key();
        if let Some(numbers) = self.subjects.get_mut(&key) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.subjects.remove(&key);
            }
        }
        Some(waiting)
    }

    /// Everywhere but in the order of its subject.
    fn put(&mut self, number: u64, waiting: Waiting) {
        let rank = waiting.rank(number);
        self.ranks.insert(rank);
        if waiting.call.verb == Verb::Add {
            self.change_source(source(&waiting.call).to_owned(), |ranks| ranks.insert(rank));
        }
        self.waiting.insert(number, waiting);
    }

    fn take_out(&mut self, number: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&number)?;
        let rank = waiting.rank(number);
        self.ranks.remove(&rank);
        if waiting.call.verb == Verb::Add {
            self.change_source(source(&waiting.call).to_owned(), |ranks| ranks.remove(&rank));
        }
        Some(waiting)
    }

    fn change_source(&mut self, source: String, change: impl FnOnce(&mut BTreeSet<Rank>) -> bool) {
        let ranks = self.sources.entry(source.clone()).or_default();
        let before = ranks.len();
        change(ranks);
        let now = ranks.len();
        self.shares.remove(&(before, source.clone()));
        if now == 0 {
            self.sources.remove(&source);
        } else {
            self.shares.insert((now, source));
        }
    }
}

/// Whose calls are counted together: address, or user when there is none.
fn source(call: &ProgramCall) -> &str {
    if call.ip == "-" { &call.user } else { &call.ip }
}

#[cfg(test)]
mod tests;
