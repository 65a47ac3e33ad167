use std::collections::HashMap;

use hids_core::model::AlertId;
use proptest::prelude::*;

use super::*;

fn call(source: &str, sequence: u64) -> ProgramCall {
    ProgramCall {
        program: "/bin/tell".into(),
        verb: Verb::Add,
        user: "-".into(),
        ip: source.into(),
        alert: AlertId { epoch_seconds: 1, sequence },
        rule: RuleId(5712),
        location: "/var/log/auth.log".into(),
        file_name: b"-".to_vec(),
    }
}

fn undo(source: &str) -> ProgramCall {
    ProgramCall { verb: Verb::Delete, ..call(source, 0) }
}

fn queue(most: usize, share: usize) -> CallQueue {
    CallQueue::new(QueueLimits { most, share })
}

/// Runs everything in order: source and number of the alert.
fn run_all(queue: &mut CallQueue) -> Vec<(String, u64)> {
    let mut run = Vec::new();
    while let Some(call) = queue.take(Pick::Highest) {
        queue.has_run(&call.key());
        run.push((call.ip, call.alert.sequence));
    }
    run
}

fn of(source: &str, sequence: u64) -> (String, u64) {
    (source.into(), sequence)
}

// L3
#[test]
fn a_call_that_waits_already_is_one_and_the_highest_level_s_alert_is_told() {
    let mut queue = queue(8, 8);
    assert_eq!(queue.push(call("a", 1), Level(7)), Pushed::Waits(None));
    assert_eq!(queue.push(call("a", 2), Level(7)), Pushed::Merged);
    assert_eq!(queue.push(call("b", 3), Level(7)), Pushed::Waits(None));
    assert_eq!(queue.push(call("b", 4), Level(10)), Pushed::Merged);
    assert_eq!(queue.push(call("b", 5), Level(9)), Pushed::Merged);
    assert_eq!(run_all(&mut queue), [of("b", 4), of("a", 1)]);
    // While one runs, another one of its source waits: something new may have happened.
    queue.push(call("a", 6), Level(7));
    let running = queue.take(Pick::Highest).expect("a call");
    assert_eq!(queue.push(call("a", 7), Level(7)), Pushed::Waits(None));
    assert_eq!(queue.take(Pick::Highest), None, "one of a subject runs at a time");
    queue.has_run(&running.key());
    assert_eq!(run_all(&mut queue), [of("a", 7)]);
}

#[test]
fn other_users_and_files_and_rules_that_concern_nobody_are_other_calls() {
    let mut queue = queue(8, 8);
    let user = |user: &str| ProgramCall { user: user.into(), ..call("a", 1) };
    let rule = |rule| ProgramCall { rule: RuleId(rule), ..call("-", 1) };
    for other in [user("root"), user("www"), rule(1), rule(2), ProgramCall { file_name: b"/f".to_vec(), ..rule(2) }] {
        assert_eq!(queue.push(other.clone(), Level(7)), Pushed::Waits(None), "{other:?}");
        assert_eq!(queue.push(other, Level(7)), Pushed::Merged);
    }
}

#[test]
fn what_is_done_and_undone_stays_in_its_order() {
    let mut queue = queue(8, 8);
    queue.push(call("a", 1), Level(3));
    queue.push(undo("a"), Level(0));
    assert_eq!(queue.push(call("a", 2), Level(12)), Pushed::Waits(None), "not the one before the undoing");
    queue.push(call("b", 3), Level(7));
    // The one of level 12 takes along what has to come before it.
    assert_eq!(run_all(&mut queue), [of("a", 1), of("a", 0), of("a", 2), of("b", 3)]);
}

// L3
#[test]
fn in_a_full_queue_the_lowest_level_gives_way_and_a_higher_one_never_does() {
    let mut queue = queue(3, 3);
    for (source, level) in [("a", 7), ("b", 5), ("c", 9)] {
        queue.push(call(source, 1), Level(level));
    }
    assert_eq!(queue.push(call("d", 2), Level(4)), Pushed::Refused(call("d", 2), DropCause::NoRoom));
    assert_eq!(queue.push(call("d", 2), Level(12)), Pushed::Waits(Some((call("b", 1), DropCause::Displaced))));
    assert_eq!(queue.push(call("e", 2), Level(7)), Pushed::Refused(call("e", 2), DropCause::NoRoom));
    assert_eq!(run_all(&mut queue), [of("d", 2), of("c", 1), of("a", 1)]);
}

// L3
#[test]
fn a_source_has_its_share_and_gives_way_to_others_of_its_level() {
    let mut queue = queue(4, 3);
    let file = |name: &str| ProgramCall { file_name: name.into(), ..call("a", 1) };
    for name in ["1", "2", "3"] {
        queue.push(file(name), Level(7));
    }
    assert_eq!(queue.push(file("4"), Level(7)), Pushed::Refused(file("4"), DropCause::Share));
    assert_eq!(queue.push(file("5"), Level(8)), Pushed::Waits(Some((file("3"), DropCause::Share))));
    assert_eq!(queue.push(call("b", 2), Level(7)), Pushed::Waits(None));
    assert_eq!(queue.push(call("c", 2), Level(7)), Pushed::Waits(Some((file("2"), DropCause::Displaced))));
    assert_eq!(queue.push(call("d", 2), Level(7)), Pushed::Waits(Some((file("1"), DropCause::Displaced))));
    assert_eq!(queue.push(call("e", 2), Level(7)), Pushed::Refused(call("e", 2), DropCause::NoRoom), "all are equal");
}

#[test]
fn undo_calls_never_give_way_and_come_last() {
    let mut queue = queue(2, 1);
    queue.push(undo("a"), Level(0));
    queue.push(call("b", 1), Level(1));
    assert_eq!(queue.push(undo("c"), Level(0)), Pushed::Refused(undo("c"), DropCause::NoRoom));
    assert_eq!(queue.push(call("d", 2), Level(15)), Pushed::Waits(Some((call("b", 1), DropCause::Displaced))));
    assert_eq!(queue.take(Pick::Oldest), Some(undo("a")));
    assert_eq!(queue.take(Pick::Highest), Some(call("d", 2)));
    assert_eq!(queue.len(), 0);
}

proptest! {
    /// Any calls in any order: the bounds hold, nothing is lost untold, and all indices agree.
    #[test]
    fn every_call_is_run_merged_or_given_back(
        pushes in prop::collection::vec((0_u8..6, 0_u8..3, 0_u16..16, any::<bool>(), any::<bool>()), 0..200)
    ) {
        let mut queue = queue(8, 3);
        let (mut taken, mut given_back, mut merged, mut total) = (0, 0, 0, 0);
        for (source, file, level, is_undo, runs) in pushes {
            let mut call = ProgramCall { file_name: vec![file], ..call(&source.to_string(), 1) };
            call.verb = if is_undo { Verb::Delete } else { Verb::Add };
            total += 1;
            match queue.push(call, Level(level)) {
                Pushed::Waits(None) => {}
                Pushed::Waits(Some((other, _))) => {
                    prop_assert_eq!(other.verb, Verb::Add);
                    given_back += 1;
                }
                Pushed::Merged => merged += 1,
                Pushed::Refused(..) => given_back += 1,
            }
            if runs && let Some(call) = queue.take(if is_undo { Pick::Oldest } else { Pick::Highest }) {
                queue.has_run(&call.key());
                taken += 1;
            }
            prop_assert!(queue.len() <= 8);
            prop_assert_eq!(queue.ranks.len(), queue.len());
            prop_assert_eq!(queue.subjects.values().map(VecDeque::len).sum::<usize>(), queue.len());
            let shares: HashMap<_, _> = queue.sources.iter().map(|(source, of)| (source.clone(), of.len())).collect();
            prop_assert!(shares.values().all(|share| (1..=3).contains(share)));
            prop_assert_eq!(queue.shares.iter().map(|(n, s)| (s.clone(), *n)).collect::<HashMap<_, _>>(), shares);
        }
        while let Some(call) = queue.take(Pick::Highest) {
            queue.has_run(&call.key());
            taken += 1;
        }
        prop_assert_eq!((queue.len(), taken + given_back + merged), (0, total));
    }
}
