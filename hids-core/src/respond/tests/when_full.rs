//! What happens when as many addresses are blocked as can be, and what administrators ask for.

use super::*;

fn full(timeouts: &[Option<u64>]) -> Planner {
    let mut planner = planner(Vec::new()).with_most_blocks(timeouts.len());
    for (number, timeout) in timeouts.iter().enumerate() {
        planner.set_policy(Policy { responses: vec![drop_response(*timeout)], ..Policy::default() });
        planner.plan(&from(&format!("203.0.113.{number}")), seconds(number as i64));
    }
    assert_eq!(planner.blocks().len(), timeouts.len());
    planner
}

fn evicted(actions: &[Action]) -> Option<IpAddr> {
    actions.iter().find_map(|action| match action {
        Action::Unblock { block, cause: EndCause::Evicted } => Some(block.address),
        _ => None,
    })
}

#[test]
fn the_block_that_ends_first_makes_room_for_a_new_one() {
    // M5
    let mut planner = full(&[Some(900), Some(300), None, Some(600)]);
    let actions = planner.plan(&from("198.51.100.1"), seconds(10));
    assert_eq!(evicted(&actions), Some(ip("203.0.113.1")));
    assert!(matches!(actions.last(), Some(Action::Block(block)) if block.address == ip("198.51.100.1")));
    assert_eq!(planner.blocks().len(), 4);
}

#[test]
fn a_permanent_block_ends_only_when_all_are_permanent_and_then_the_oldest() {
    // M5
    let mut planner = full(&[None, Some(5000), None]);
    assert_eq!(evicted(&planner.plan(&from("198.51.100.1"), seconds(10))), Some(ip("203.0.113.1")));
    planner.set_policy(Policy { responses: vec![drop_response(None)], ..Policy::default() });
    assert_eq!(evicted(&planner.plan(&from("198.51.100.2"), seconds(11))), Some(ip("203.0.113.0")));
}

#[test]
fn what_an_administrator_asked_for_is_never_evicted() {
    // M5
    let mut planner = planner(vec![drop_response(Some(600))]).with_most_blocks(2);
    for address in ["203.0.113.1", "203.0.113.2"] {
        planner.block_by_hand(ip(address), Some(Duration::from_secs(1)), "by hand", seconds(0)).expect("room");
    }
    let actions = planner.plan(&from("198.51.100.1"), seconds(0));
    assert!(matches!(&actions[..], [Action::Refused(Refused { refusal: Refusal::Full, .. })]), "{actions:?}");
    planner.unblock(ip("203.0.113.1"));
    planner.plan(&from("198.51.100.1"), seconds(0));
    let Ok(ByHand::Blocked(actions)) = planner.block_by_hand(ip("203.0.113.3"), None, "x", seconds(0)) else {
        panic!("refused")
    };
    assert_eq!(evicted(&actions), Some(ip("198.51.100.1")));
}

#[test]
fn an_address_that_is_blocked_already_needs_no_room() {
    // M5
    let mut planner = full(&[Some(300), Some(600)]);
    planner.set_policy(Policy { responses: vec![drop_response(Some(900))], ..Policy::default() });
    let actions = planner.plan(&from("203.0.113.1"), seconds(10));
    assert!(matches!(&actions[..], [Action::Block(_)]), "{actions:?}");
    assert_eq!(planner.blocks().len(), 2);
}

#[test]
fn a_block_by_hand_never_shortens_another() {
    // O-B14
    let mut planner = planner(vec![drop_response(Some(600))]);
    planner.plan(&from("203.0.113.9"), seconds(0));
    let minute = Some(Duration::from_secs(60));
    let answer = planner.block_by_hand(ip("203.0.113.9"), minute, "x", seconds(1));
    assert!(matches!(answer, Ok(ByHand::Unchanged(block)) if block.expires == Some(seconds(600))));
    let answer = planner.block_by_hand(ip("203.0.113.9"), None, "x", seconds(2));
    assert!(matches!(answer, Ok(ByHand::Blocked(actions)) if matches!(&actions[..], [Action::Block(_)])));
    let answer = planner.block_by_hand(ip("203.0.113.9"), minute, "x", seconds(3));
    assert!(matches!(answer, Ok(ByHand::Unchanged(block)) if block.expires.is_none()));
    assert_eq!(planner.blocks()[&ip("203.0.113.9")].expires, None);
}

#[test]
fn a_block_by_hand_for_no_time_is_refused_with_the_reason() {
    // L1
    let mut planner = planner(Vec::new());
    let answer = planner.block_by_hand(ip("203.0.113.9"), Some(Duration::ZERO), "x", seconds(0));
    assert_eq!(answer, Err(Refusal::EndsAtOnce));
    assert!(planner.blocks().is_empty());
}

proptest! {
    #[test]
    fn there_are_never_more_blocks_than_may_be_and_the_newest_is_always_among_them(
        timeouts in proptest::collection::vec(proptest::option::of(1..1000u64), 1..40),
        most in 1..8usize,
    ) {
        let mut planner = planner(Vec::new()).with_most_blocks(most);
        for (number, timeout) in timeouts.into_iter().enumerate() {
            planner.set_policy(Policy { responses: vec![drop_response(timeout)], ..Policy::default() });
            let (address, now) = (format!("203.0.113.{number}"), seconds(number as i64 * 10));
            planner.expire(now);
            planner.plan(&from(&address), now);
            prop_assert!(planner.blocks().len() <= most);
            prop_assert!(planner.blocks().contains_key(&ip(&address)));
        }
        while let Some(due) = planner.next_due() {
            prop_assert!(!planner.expire(due).is_empty());
        }
        prop_assert!(planner.blocks().values().all(|block| block.expires.is_none()));
    }
}
