//! Paths with events, until they have been quiet long enough to be inspected.
//!
//! One save in an editor is a burst: a temporary file, a rename over the old one, new permissions. A path is
//! inspected once it has been quiet for [`QUIET`] ([`OPEN`] while it is open for writing), or [`MAX_WAIT`] after its
//! first event. A deleted file is inspected once more after [`REAPPEAR`], because many programs save by deleting and
//! writing anew.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hids_core::model::{FileEvent, Operation};

use super::event_context::EventContext;

/// How long a path must have had no event before it is inspected.
pub(super) const QUIET: Duration = Duration::from_millis(15);
/// The same while whoever writes it has not closed it: between opening and writing a program may be
/// interrupted.
pub(super) const OPEN: Duration = Duration::from_millis(100);
/// The longest wait of a path that is written all the time.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(1);
/// How long a deleted file may take to reappear as part of the same save, and a new one to be deleted again as a
/// temporary one.
pub(super) const REAPPEAR: Duration = Duration::from_millis(250);
/// The number of waiting paths has reached its bound; this one was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Full {
    pub path: Vec<u8>,
}

type Path = Arc<[u8]>;

#[derive(Debug)]
struct Waiting {
    context: EventContext,
    first: Instant,
    last: Instant,
    /// It is being inspected; what is scheduled meanwhile waits for the end of that.
    in_flight: bool,
    /// Whether it is to be inspected (again).
    is_scheduled: bool,
    /// Whether it is open for writing, as far as events show.
    is_open: bool,
    /// In which queue it counts; what stands in another one is out of date.
    queue: Queue,
}

/// What a path waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    /// Until it is quiet.
    Quick,
    /// Until it is closed.
    Open,
    /// Until it comes back.
    Slow,
}

/// Whether a file is open for writing after these operations; `None` if they do not show it.
fn is_open_after(event: &FileEvent) -> Option<bool> {
    const OPENS: [Operation; 2] = [Operation::Create, Operation::Write];
    if event.operations.contains(Operation::CloseWrite) || event.is_directory {
        return Some(false);
    }
    if OPENS.iter().any(|operation| event.operations.contains(*operation)) {
        return Some(true);
    }
    // Another file has this name now.
    (!event.operations.contains(Operation::Attributes)).then_some(false)
}

/// The waiting paths. Time is an argument; it must not go backwards.
#[derive(Debug)]
pub(super) struct Debouncer {
    paths: HashMap<Path, Waiting>,
    /// Looks to come, nearly in order of time: each is put at the end with the same delay.
    quick: VecDeque<(Instant, Path)>,
    /// The same for files that somebody still writes.
    open: VecDeque<(Instant, Path)>,
    /// The same for files that are gone.
    slow: VecDeque<(Instant, Path)>,
    max_paths: usize,
}

impl Debouncer {
    /// Room for `max_paths` paths.
    pub(super) fn new(max_paths: usize) -> Self {
        Self { paths: HashMap::new(), quick: VecDeque::new(), open: VecDeque::new(), slow: VecDeque::new(), max_paths }
    }

    /// How many paths wait or are being inspected.
    pub(super) fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether `path` waits or is being inspected.
    pub(super) fn has(&self, path: &[u8]) -> bool {
        self.paths.contains_key(path)
    }

    /// Takes an event.
    pub(super) fn push(&mut self, event: FileEvent, now: Instant) -> Result<(), Full> {
        if let Some((path, _)) = self.paths.get_key_value(event.path.as_slice()) {
            let event_path = Arc::clone(path);
            let Some(waiting) = self.paths.get_mut(&event_path) else { return Ok(()) };
            waiting.last = now;
            if !waiting.is_scheduled {
                waiting.is_scheduled = true;
                waiting.first = now;
            }
            waiting.is_open = is_open_after(&event).unwrap_or(waiting.is_open);
            waiting.context.add(event);
            match waiting.queue {
                Queue::Quick => return Ok(()),
                Queue::Open if waiting.is_open => return Ok(()),
                Queue::Open => {}
                // It is back, most likely.
                Queue::Slow => waiting.first = now,
            }
            waiting.queue = Queue::Quick;
            self.quick.push_back((now + QUIET, event_path));
            return Ok(());
        }
        if self.paths.len() >= self.max_paths {
            return Err(Full { path: event.path });
        }
        let path: Path = event.path.as_slice().into();
        let mut context = EventContext::default();
        let is_open = is_open_after(&event).unwrap_or(false);
        context.add(event);
        self.insert(path, context, is_open, now);
        Ok(())
    }

    /// Schedules `path` without an event (a scan saw a difference).
    pub(super) fn schedule(&mut self, path: &[u8], context: EventContext, now: Instant) -> Result<(), Full> {
        if let Some(waiting) = self.paths.get_mut(path) {
            if !waiting.is_scheduled {
                waiting.is_scheduled = true;
                (waiting.first, waiting.last) = (now, now);
            }
            waiting.context.merge(context);
            return Ok(());
        }
        if self.paths.len() >= self.max_paths {
            return Err(Full { path: path.to_vec() });
        }
        self.insert(path.into(), context, false, now);
        Ok(())
    }

    fn insert(&mut self, path: Path, context: EventContext, is_open: bool, now: Instant) {
        self.quick.push_back((now + QUIET, Arc::clone(&path)));
        let waiting = Waiting {
            context,
            first: now,
            last: now,
            in_flight: false,
            is_scheduled: true,
            is_open,
            queue: Queue::Quick,
        };
        self.paths.insert(path, waiting);
    }

    /// When the next path may be due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        [&self.quick, &self.open, &self.slow].iter().filter_map(|queue| Some(queue.front()?.0)).min()
    }

    /// Paths that are due, at most `limit`; each must be given back with [`finished`](Self::finished)
    /// or [`gone`](Self::gone).
    pub(super) fn take_due(&mut self, now: Instant, limit: usize) -> Vec<(Path, EventContext)> {
        let mut taken = Vec::new();
        for _ in 0..self.quick.len() {
            if taken.len() >= limit || self.quick.front().is_none_or(|(due, _)| *due > now) {
                break;
            }
            let Some((_, path)) = self.quick.pop_front() else { break };
            let Some(waiting) = self.paths.get_mut(&path).filter(|waiting| waiting.queue == Queue::Quick) else {
                continue;
            };
            let due = (waiting.last + QUIET).min(waiting.first + MAX_WAIT);
            let closed_by = (waiting.last + OPEN).min(waiting.first + MAX_WAIT);
            if due > now {
                self.quick.push_back((due, path));
            } else if waiting.is_open && waiting.is_scheduled && !waiting.in_flight && closed_by > now {
                waiting.queue = Queue::Open;
                self.open.push_back((closed_by, path));
            } else {
                taken.extend(waiting.start().map(|context| (path, context)));
            }
        }
        for _ in 0..self.open.len() {
            if taken.len() >= limit || self.open.front().is_none_or(|(due, _)| *due > now) {
                break;
            }
            let Some((_, path)) = self.open.pop_front() else { break };
            let Some(waiting) = self.paths.get_mut(&path).filter(|waiting| waiting.queue == Queue::Open) else {
                continue;
            };
            let due = (waiting.last + OPEN).min(waiting.first + MAX_WAIT);
            if due > now {
                self.open.push_back((due, path));
                continue;
            }
            waiting.queue = Queue::Quick;
            taken.extend(waiting.start().map(|context| (path, context)));
        }
        while taken.len() < limit && self.slow.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, path)) = self.slow.pop_front() else { break };
            // Something was done to it since: the quick queue has it.
            let Some(waiting) = self.paths.get_mut(&path).filter(|waiting| waiting.queue == Queue::Slow) else {
                continue;
            };
            waiting.queue = Queue::Quick;
            taken.extend(waiting.start().map(|context| (path, context)));
        }
        taken
    }

    /// The inspection of `path` has ended; what was scheduled meanwhile waits from now on.
    pub(super) fn finished(&mut self, path: &[u8], now: Instant) {
        let Some((path, waiting)) = self.paths.get_key_value(path) else { return };
        if !waiting.is_scheduled {
            let path = Arc::clone(path);
            self.paths.remove(&path);
            return;
        }
        let path = Arc::clone(path);
        if let Some(waiting) = self.paths.get_mut(&path) {
            waiting.in_flight = false;
        }
        self.quick.push_back((now + QUIET, path));
    }

    /// The inspection of `path` found nothing there: it is inspected again later.
    pub(super) fn gone(&mut self, path: &[u8], context: EventContext, now: Instant) {
        self.again_later(path, EventContext { was_gone: true, ..context }, now);
    }

    /// Nothing was known of `path`: it may be a temporary file, and is given time to go again.
    pub(super) fn new_name(&mut self, path: &[u8], context: EventContext, now: Instant) {
        let new_since = context.new_since.or(Some(now));
        self.again_later(path, EventContext { new_since, ..context }, now);
    }

    /// The inspection of `path` failed: it is tried again later.
    pub(super) fn failed(&mut self, path: &[u8], context: EventContext, now: Instant) {
        let failed_inspections = context.failed_inspections.saturating_add(1);
        self.again_later(path, EventContext { failed_inspections, ..context }, now);
    }

    fn again_later(&mut self, path: &[u8], context: EventContext, now: Instant) {
        let Some((path, _)) = self.paths.get_key_value(path) else { return };
        let path = Arc::clone(path);
        let Some(waiting) = self.paths.get_mut(&path) else { return };
        let meanwhile = std::mem::replace(&mut waiting.context, context);
        waiting.context.merge(meanwhile);
        waiting.in_flight = false;
        if waiting.is_scheduled {
            self.quick.push_back((now + QUIET, path));
        } else {
            (waiting.is_scheduled, waiting.queue) = (true, Queue::Slow);
            (waiting.first, waiting.last) = (now, now);
            self.slow.push_back((now + REAPPEAR, path));
        }
    }

    /// Forgets every path that is not being inspected, because a scan will inspect all of them.
    pub(super) fn clear(&mut self) {
        self.quick.clear();
        self.open.clear();
        self.slow.clear();
        self.paths.retain(|_, waiting| waiting.in_flight);
        self.paths.values_mut().for_each(|waiting| (waiting.is_scheduled, waiting.queue) = (false, Queue::Quick));
    }
}

impl Waiting {
    /// The context for an inspection; `None` if one is under way.
    fn start(&mut self) -> Option<EventContext> {
        if self.in_flight || !self.is_scheduled {
            return None;
        }
        self.in_flight = true;
        self.is_scheduled = false;
        Some(std::mem::take(&mut self.context))
    }
}

#[cfg(test)]
mod tests {
    use hids_core::model::{Operations, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn event(path: &str, operation: Operation) -> FileEvent {
        FileEvent {
            path: path.into(),
            operations: Operations::NONE.with(operation),
            is_directory: false,
            time: Timestamp::default(),
            who: None,
        }
    }

    fn paths(taken: &[(Path, EventContext)]) -> Vec<&str> {
        taken.iter().map(|(path, _)| std::str::from_utf8(path).unwrap()).collect()
    }

    #[test]
    fn a_burst_is_looked_at_once_and_with_everything_that_was_done() {
        let (mut pending, start) = (Debouncer::new(10), Instant::now());
        pending.push(event("/a", Operation::Create), start).unwrap();
        pending.push(event("/a", Operation::Write), start + QUIET / 2).unwrap();
        pending.push(event("/a", Operation::CloseWrite), start + QUIET / 2).unwrap();
        assert!(pending.take_due(start + QUIET, 10).is_empty());
        let taken = pending.take_due(start + QUIET * 2, 10);
        assert_eq!(paths(&taken), ["/a"]);
        assert!(taken[0].1.operations.contains(Operation::Create) && taken[0].1.operations.contains(Operation::Write));
        pending.finished(b"/a", start + QUIET * 2);
        assert_eq!((pending.len(), pending.next_due()), (0, None));
    }

    #[test]
    fn a_file_that_is_never_quiet_is_looked_at_all_the_same() {
        let (mut pending, start) = (Debouncer::new(10), Instant::now());
        let mut inspections = 0;
        for step in 0..400 {
            let now = start + QUIET / 3 * step;
            pending.push(event("/log", Operation::Write), now).unwrap();
            for (path, _) in pending.take_due(now, 10) {
                inspections += 1;
                pending.finished(&path, now);
            }
        }
        assert!(inspections >= 1, "400 writes in 2 s and no inspection");
    }

    #[test]
    fn what_happens_during_a_look_leads_to_another_one() {
        let (mut pending, start) = (Debouncer::new(10), Instant::now());
        pending.push(event("/a", Operation::CloseWrite), start).unwrap();
        assert_eq!(pending.take_due(start + QUIET, 10).len(), 1);
        pending.push(event("/a", Operation::CloseWrite), start + QUIET).unwrap();
        assert!(pending.take_due(start + QUIET * 9, 10).is_empty(), "two inspections of one path at a time");
        pending.finished(b"/a", start + QUIET * 9);
        assert_eq!(pending.take_due(start + QUIET * 10, 10).len(), 1);
    }

    #[test]
    fn a_file_that_is_gone_has_time_to_come_back() {
        let (mut pending, start) = (Debouncer::new(10), Instant::now());
        pending.push(event("/a", Operation::Delete), start).unwrap();
        let (path, context) = pending.take_due(start + QUIET, 10).remove(0);
        pending.gone(&path, context, start + QUIET);
        assert!(pending.take_due(start + QUIET + REAPPEAR / 2, 10).is_empty());
        let (_, context) = pending.take_due(start + QUIET + REAPPEAR, 10).remove(0);
        assert!(context.was_gone && context.operations.contains(Operation::Delete));
    }

    #[test]
    fn a_file_that_is_still_open_is_waited_for_but_not_long() {
        let (mut pending, start) = (Debouncer::new(10), Instant::now());
        pending.push(event("/a", Operation::Create), start).unwrap();
        pending.push(event("/b", Operation::Write), start).unwrap();
        assert!(pending.take_due(start + QUIET, 10).is_empty());
        pending.push(event("/b", Operation::CloseWrite), start + QUIET * 2).unwrap();
        assert_eq!(paths(&pending.take_due(start + QUIET * 3, 10)), ["/b"]);
        assert_eq!(paths(&pending.take_due(start + OPEN, 10)), ["/a"]);
    }

    #[test]
    fn a_file_that_came_back_is_looked_at_as_soon_as_it_is_quiet() {
        let (mut pending, start) = (Debouncer::new(10), Instant::now());
        pending.push(event("/a", Operation::Delete), start).unwrap();
        let (path, context) = pending.take_due(start + QUIET, 10).remove(0);
        pending.gone(&path, context, start + QUIET);
        pending.push(event("/a", Operation::CloseWrite), start + QUIET * 2).unwrap();
        let (path, context) = pending.take_due(start + QUIET * 3, 10).remove(0);
        assert!(context.operations.contains(Operation::Delete) && context.operations.contains(Operation::CloseWrite));
        pending.finished(&path, start + QUIET * 3);
        assert!(pending.take_due(start + QUIET + REAPPEAR, 10).is_empty() && pending.len() == 0);
    }

    #[test]
    fn more_paths_than_fit_are_refused() {
        let (mut pending, now) = (Debouncer::new(1), Instant::now());
        pending.push(event("/a", Operation::Write), now).unwrap();
        assert_eq!(pending.push(event("/b", Operation::Write), now), Err(Full { path: b"/b".to_vec() }));
        pending.push(event("/a", Operation::Write), now).unwrap();
    }

    proptest! {
        /// Whatever the order of events and inspections: each event is followed by an inspection that starts after it.
        #[test]
        fn no_event_is_forgotten(steps in prop::collection::vec((0u8..4, 0u8..3), 1..200)) {
            let (mut pending, start) = (Debouncer::new(100), Instant::now());
            let mut now = start;
            let mut unseen = [false; 3];
            let mut flying: Vec<(Path, EventContext)> = Vec::new();
            for (action, which) in steps {
                let path = format!("/{which}");
                match action {
                    0 => {
                        pending.push(event(&path, Operation::Write), now).unwrap();
                        unseen[usize::from(which)] = true;
                    }
                    1 => now += QUIET,
                    2 => for (path, context) in pending.take_due(now, 2) {
                        unseen[usize::from(path[1] - b'0')] = false;
                        flying.push((path, context));
                    },
                    _ => if let Some((path, context)) = flying.pop() {
                        if which == 0 && !context.was_gone { pending.gone(&path, context, now) } else { pending.finished(&path, now) }
                    },
                }
            }
            for _ in 0..100 {
                for (path, _) in flying.drain(..) { pending.finished(&path, now) }
                now += REAPPEAR;
                for (path, context) in pending.take_due(now, 100) {
                    unseen[usize::from(path[1] - b'0')] = false;
                    flying.push((path, context));
                }
            }
            prop_assert_eq!(unseen, [false; 3]);
            prop_assert_eq!(pending.len(), 0);
        }
    }
}
