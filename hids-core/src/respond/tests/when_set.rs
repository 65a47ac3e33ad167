//! What is left of a block when somebody sets the clock.

use super::*;

#[test]
fn a_clock_set_back_or_ahead_leaves_blocks_the_time_they_had_left() {
    // L10
    for step in [-315_000_000, -3600, 3600, 315_000_000] {
        let mut planner = planner(vec![drop_response(Some(600))]);
        assert!(planner.follow_clock(clock(0, 50)).is_empty());
        planner.plan(&from("203.0.113.9"), seconds(0));
        let actions = planner.follow_clock(clock(100 + step, 150));
        let [Action::Retime(block)] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!((block.address, block.expires), (ip("203.0.113.9"), Some(seconds(600 + step))));
        assert!(planner.expire(seconds(599 + step)).is_empty());
        assert_eq!(planner.next_due(), Some(seconds(600 + step)));
        assert_eq!(planner.expire(seconds(600 + step)).len(), 1);
    }
}

#[test]
fn a_clock_that_both_agree_on_or_that_is_kept_exact_changes_nothing() {
    let mut planner = planner(vec![drop_response(Some(600))]);
    planner.follow_clock(clock(0, 0));
    planner.plan(&from("203.0.113.9"), seconds(0));
    assert!(planner.follow_clock(clock(401, 400)).is_empty(), "a second is corrected");
    // A machine that slept: both clocks have gone on.
    assert!(planner.follow_clock(clock(590, 589)).is_empty());
    assert_eq!(planner.expire(seconds(600)).len(), 1);
}

#[test]
fn many_small_steps_are_one_large_one() {
    // L10
    let mut planner = planner(vec![drop_response(Some(600))]);
    planner.follow_clock(clock(0, 0));
    planner.plan(&from("203.0.113.9"), seconds(0));
    let mut ended = 0;
    for step in 1..=597 {
        // In each second somebody sets the clock ahead by one more.
        planner.follow_clock(clock(2 * step, step as u64));
        ended += planner.expire(seconds(2 * step)).len();
    }
    assert_eq!(ended, 0, "597 s have passed of 600, and the clocks agree to 2 s");
    planner.follow_clock(clock(1204, 602));
    assert_eq!(planner.expire(seconds(1204)).len(), 1);
}

#[test]
fn a_clock_that_was_set_does_not_move_the_undo_of_a_program() {
    for step in [-3600, 3600] {
        let mut planner = planner(vec![program(&[Expect::SourceAddress], Some(600))]);
        planner.follow_clock(clock(0, 0));
        planner.plan(&from("203.0.113.9"), seconds(0));
        let actions = planner.follow_clock(clock(step, 0));
        assert!(matches!(&actions[..], [Action::Prolong(hold)] if hold.due == seconds(600 + step)), "{actions:?}");
        assert!(planner.expire(seconds(599 + step)).is_empty());
        assert!(matches!(&planner.expire(seconds(600 + step))[..], [Action::Run(call)] if call.verb == Verb::Delete));
    }
}

fn one_block() -> Block {
    let mut planner = planner(vec![drop_response(Some(600))]);
    let actions = planner.plan(&from("203.0.113.9"), seconds(0));
    let [Action::Block(block)] = &actions[..] else { panic!("{actions:?}") };
    block.clone()
}

#[test]
fn a_clock_set_while_the_daemon_was_down_in_the_same_boot_is_noticed() {
    // L10
    for step in [-3600, 3600] {
        let restored = Restored { blocks: vec![one_block()], clock: Some(clock(0, 1000)), ..Restored::default() };
        let mut planner = planner(Vec::new());
        let actions = planner.restore(restored, clock(100 + step, 1100));
        assert!(matches!(&actions[..], [Action::Retime(block)] if block.expires == Some(seconds(600 + step))));
        assert_eq!(planner.next_due(), Some(seconds(600 + step)));
    }
}

#[test]
fn after_another_boot_the_wall_clock_counts_but_nothing_lasts_longer_than_it_was_to_last() {
    let restored = Restored { blocks: vec![one_block()], ..Restored::default() };
    let mut ended = planner(Vec::new());
    assert!(matches!(&ended.restore(restored.clone(), clock(601, 5))[..], [Action::Unblock { .. }]));
    let mut set_back = planner(Vec::new());
    let actions = set_back.restore(restored, clock(-1_000_000, 5));
    assert!(
        matches!(&actions[..], [Action::Retime(block)] if block.expires == Some(seconds(600 - 1_000_000))),
        "{actions:?}"
    );
}
