//! CVE-2020-8444: OSSEC's analysis used what it had freed after messages of its own with parts left out.

use crate::shipped::Shipped;

#[test]
fn own_messages_with_parts_left_out_are_analysed() {
    let mut engine = Shipped::new();
    let parts = ["ossec: ", "output: ", "'df -h': ", "/dev/sda1 100%", "Agent ", "started: ", "'web1->", "any'.", "\n"];
    // Each set of these parts, in their order.
    for set in 0_u32..1 << parts.len() {
        let chosen = parts.iter().enumerate().filter(|(at, _)| set & (1 << at) != 0).map(|(_, part)| *part);
        let line: String = chosen.collect();
        let answer = engine.answer(&line, 0);
        assert!(!answer.blocks, "{answer:?} of {line}");
    }
}
