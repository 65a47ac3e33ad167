//! Denied writes to protected paths: equal ones between two ticks become one record, with their number.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use hids_core::model::{FimEvent, Operation, Refusal};

use super::baseline_writer::BaselineWriter;
use super::status::Status;

/// What equal denials have in common: path, operation, whether it was denied or only noticed, program.
type Key = (Vec<u8>, Operation, bool, Vec<u8>);

/// Different denials that wait; more are reported at once.
const MAX_WAITING: usize = 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Denials {
    waiting: HashMap<Key, Refusal>,
    status: Arc<Status>,
}

impl Denials {
    pub(super) fn new(status: Arc<Status>) -> Self {
        Self { waiting: HashMap::new(), status }
    }

    /// Takes one; true when [`report`](Self::report) must not wait for the next tick.
    #[must_use]
    pub(super) fn push(&mut self, denial: Refusal) -> bool {
        self.status.refusals.fetch_add(u64::from(denial.count.max(1)), Relaxed);
        let key = (denial.path.clone(), denial.operation, denial.refused, denial.who.executable.clone());
        match self.waiting.entry(key) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.count = known.count.saturating_add(denial.count.max(1));
                known.who = Arc::clone(&denial.who);
            }
            Entry::Vacant(place) => _ = place.insert(denial),
        }
        self.waiting.len() >= MAX_WAITING
    }

    /// Reports those that have come together.
    pub(super) fn report(&mut self, writer: &mut BaselineWriter) {
        if !self.waiting.is_empty() {
            writer.report(self.waiting.drain().map(|(_, denial)| FimEvent::Refusal(Box::new(denial))).collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use hids_core::model::Who;

    use super::super::testing::Baseline;
    use super::*;

    fn denial(path: &str, pid: u32) -> Refusal {
        let who = Who { pid, executable: b"/bin/tee".to_vec(), ..Who::default() };
        Refusal { path: path.into(), operation: Operation::Write, refused: true, who: Arc::new(who), count: 2 }
    }

    #[test]
    fn equal_denials_are_one_record_with_their_number_and_the_last_process() {
        let mut baseline = Baseline::new();
        let mut denials = Denials::new(Arc::clone(&baseline.status));
        for denial in [denial("/etc/a", 1), denial("/etc/a", 2), denial("/etc/b", 3)] {
            assert!(!denials.push(denial));
        }
        denials.report(&mut baseline.writer);
        denials.report(&mut baseline.writer);
        let mut found: Vec<(Vec<u8>, u32, u32)> = Vec::new();
        for record in baseline.records() {
            let FimEvent::Refusal(denial) = record.news else { panic!("{record:?}") };
            found.push((denial.path, denial.count, denial.who.pid));
        }
        found.sort();
        assert_eq!(found, [(b"/etc/a".to_vec(), 4, 2), (b"/etc/b".to_vec(), 2, 3)]);
        assert_eq!(baseline.status.refusals.load(Relaxed), 6);
    }

    #[test]
    fn memory_is_bounded() {
        let mut denials = Denials::new(Arc::default());
        let is_full = (0..MAX_WAITING).map(|number| denials.push(denial(&format!("/etc/{number}"), 1)));
        assert_eq!(is_full.collect::<Vec<_>>().iter().position(|full| *full), Some(MAX_WAITING - 1));
    }
}
