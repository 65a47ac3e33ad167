use proptest::prelude::*;

use super::*;

/// What an alert may be: of one of some commands, of one of some peers, or on its own.
fn alert(number: u64, kind: u8) -> Arc<Alert> {
    match kind {
        0..=9 => file(number, 7, &format!("/etc/{number}"), vec![who(100 + u32::from(kind % 4), "/usr/bin/x", &[])]),
        10..=19 => {
            let header = format!("Nov 29 16:00:00 h sshd[{}]: ", kind % 3);
            let fields = [(FieldName::SrcIp, if kind.is_multiple_of(2) { "203.0.113.9" } else { "203.0.113.8" })];
            log(number, rule(5716, 5, "syslog,sshd,authentication_failed,"), &header, "Failed", &fields)
        }
        _ => log(number, rule(2, 10, "syslog,"), "", "an error", &[]),
    }
}

proptest! {
    /// Each alert is written now, joined or counted: exactly once, whenever what is due is taken, and
    /// none waits longer than it may.
    #[test]
    fn every_alert_comes_out_once(kinds in prop::collection::vec((0u8..24, 0u64..900), 0..400), limit in 0u32..20) {
        let mut joiner = Joiner::new(JoinOptions { joins: true, fold_above: limit });
        let (mut now, mut out, mut joined) = (Duration::ZERO, 0, 0);
        let mut number = 0;
        for (kind, wait) in kinds {
            now += Duration::from_millis(wait);
            for held in joiner.take_due(now) {
                out += held.count;
            }
            number += 1;
            match joiner.offer(&alert(number, kind), now) {
                Placement::Now => out += 1,
                Placement::Joined(_) => joined += 1,
                Placement::Folded => prop_assert!(limit > 0),
            }
            prop_assert!(joiner.next_due().is_none_or(|due| due > now && due <= now + seconds(60)));
            // What is kept for a crash is enough to go on from.
            for held in joiner.changed() {
                let json = serde_json::to_vec(held).expect("plain data");
                let back: Held = serde_json::from_slice(&json).expect("what was written");
                prop_assert_eq!(text(&back), text(held));
            }
        }
        let last = joiner.take_all();
        out += last.iter().map(|held| held.count).sum::<u64>();
        prop_assert_eq!(out, number);
        prop_assert!(joined <= number && joiner.is_empty());
    }
}
