//! Delayed alerts and their deadlines.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::cause::{Cause, Mark, cause};
use super::flood::{Kind, Rates};
use super::held::{Held, Why};
use crate::model::{Alert, AlertId};

/// A cause that has been quiet for so long is over. `sshd` says what PAM has said two to four seconds
/// after it (`pam_faildelay`).
const QUIET: Duration = Duration::from_secs(5);
/// No text waits longer.
const LONGEST: Duration = Duration::from_secs(10);
/// Causes at one time; what belongs to another one is written at once. Some kilobytes each, which are
/// written with each commit that changes them.
const MOST_CAUSES: usize = 1024;
/// Floods at one time; alerts of further ones are written.
const MOST_FLOODS: usize = 256;

/// What is joined and folded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JoinOptions {
    /// Whether alerts of one cause are one text.
    pub joins: bool,
    /// Equal alerts a minute that are written one by one; 0 = all.
    pub fold_above: u32,
}

/// What becomes of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// It is written and mailed now.
    Now,
    /// It is a record of its own, of the group named so; its text and mail come with the group's.
    Joined(AlertId),
    /// It is counted in a record to come.
    Folded,
}

#[derive(Debug)]
struct Open {
    held: Held,
    kind: Option<Kind>,
    due: Duration,
    latest: Duration,
}

/// Decides about alerts in their order.
#[derive(Debug, Default)]
pub struct Joiner {
    options: JoinOptions,
    rates: Rates,
    /// By the first alert's number.
    open: BTreeMap<u64, Open>,
    causes: HashMap<Cause, Vec<u64>>,
    floods: HashMap<Kind, u64>,
    open_causes: usize,
    changed: BTreeSet<u64>,
}

impl Joiner {
    /// Nothing is held.
    pub fn new(options: JoinOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Decides about `alert`; `now` is how long the caller has been running.
    pub fn offer(&mut self, alert: &Arc<Alert>, now: Duration) -> Placement {
        if !alert.recorded {
            return Placement::Now;
        }
        if self.options.fold_above > 0
            && let Some(kind) = Kind::of(alert)
            && self.rates.count(&kind, now) > self.options.fold_above
            && self.fold(alert, kind, now)
        {
            return Placement::Folded;
        }
        match self.options.joins.then(|| cause(alert)).flatten() {
            Some((cause, mark)) => self.join(alert, cause, mark, now),
            None => Placement::Now,
        }
    }

    fn fold(&mut self, alert: &Arc<Alert>, kind: Kind, now: Duration) -> bool {
        let end = Rates::window_end(now);
        if let Some(&number) = self.floods.get(&kind)
            && let Some(open) = self.open.get_mut(&number)
            && open.latest == end
        {
            open.held.add(alert);
            self.changed.insert(number);
            return true;
        }
        // One of the minute before is still to be taken: its number stays its own.
        if self.floods.len() >= MOST_FLOODS || self.floods.contains_key(&kind) {
            return false;
        }
        let number = alert.id.sequence;
        self.floods.insert(kind.clone(), number);
        let held = Held::new(alert, Why::Flood);
        self.open.insert(number, Open { held, kind: Some(kind), due: end, latest: end });
        self.changed.insert(number);
        true
    }

    fn join(&mut self, alert: &Arc<Alert>, cause: Cause, mark: Option<Mark>, now: Duration) -> Placement {
        for number in self.causes.get(&cause).into_iter().flatten() {
            let Some(open) = self.open.get_mut(number).filter(|open| now < open.latest) else { continue };
            let Why::Cause(_, known) = &mut open.held.why else { continue };
            if known.is_some() && mark.is_some() && *known != mark {
                continue;
            }
            *known = known.take().or(mark);
            open.held.add(alert);
            open.due = (now + QUIET).min(open.latest);
            self.changed.insert(*number);
            return Placement::Joined(open.held.id);
        }
        if self.open_causes >= MOST_CAUSES {
            return Placement::Now;
        }
        let number = alert.id.sequence;
        let held = Held::new(alert, Why::Cause(cause.clone(), mark));
        self.causes.entry(cause).or_default().push(number);
        self.open_causes += 1;
        self.open.insert(number, Open { held, kind: None, due: now + QUIET, latest: now + LONGEST });
        self.changed.insert(number);
        Placement::Joined(alert.id)
    }

    /// When [`Self::take_due`] has something to give.
    pub fn next_due(&self) -> Option<Duration> {
        self.open.values().map(|open| open.due).min()
    }

    /// What is complete at `now`, oldest first.
    pub fn take_due(&mut self, now: Duration) -> Vec<Held> {
        let due: Vec<u64> = self.open.iter().filter(|(_, open)| open.due <= now).map(|(number, _)| *number).collect();
        due.into_iter().filter_map(|number| self.take(number)).collect()
    }

    /// Everything: the caller ends.
    pub fn take_all(&mut self) -> Vec<Held> {
        let all: Vec<u64> = self.open.keys().copied().collect();
        all.into_iter().filter_map(|number| self.take(number)).collect()
    }

    fn take(&mut self, number: u64) -> Option<Held> {
        let open = self.open.remove(&number)?;
        self.changed.remove(&number);
        if let Some(kind) = open.kind {
            self.floods.remove(&kind);
        }
        if let Why::Cause(cause, _) = &open.held.why
            && let Some(numbers) = self.causes.get_mut(cause)
        {
            self.open_causes -= 1;
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.causes.remove(cause);
            }
        }
        Some(open.held)
    }

    /// What has grown since the last call and is still held: to be kept with the progress.
    pub fn changed(&mut self) -> impl Iterator<Item = &Held> {
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().filter_map(|number| self.open.get(&number)).map(|open| &open.held)
    }

    /// How many texts are held back.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}
