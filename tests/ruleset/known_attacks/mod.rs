//! Attacks on programs of this kind that got a number: a file for each, with lines like those that it used.
//!
//! `PEER` writes what belongs to `INNOCENT`. The lines are our own, written after the descriptions of the attacks and
//! the forms of the daemons.

mod cve_2006_6301;
mod cve_2006_6302;
mod cve_2007_4321;
mod cve_2007_4322;
mod cve_2007_4323;
mod cve_2009_0362;
mod cve_2012_5642;
mod cve_2013_2178;
mod cve_2013_7176;
mod cve_2013_7177;
mod cve_2020_8443;
mod cve_2020_8444;
mod cve_2021_28040;
mod cve_2021_32749;
mod forwarded_by_the_client;

use crate::shipped::Shipped;

/// The attacker.
const PEER: &str = "198.51.100.7";
/// Whom the attacker wants to have blocked.
const INNOCENT: &str = "203.0.113.9";

/// Whatever adds up, nobody but the peer is named by these lines, and nobody else is blocked.
#[track_caller]
fn blames_only_the_peer(lines: &[&str]) {
    let mut engine = Shipped::new();
    for line in lines {
        engine.reset();
        let has_header = !line.as_bytes()[0].is_ascii_alphabetic();
        let line = if has_header { (*line).to_owned() } else { format!("Nov 30 10:00:00 web1 {line}") };
        // Often enough for each rule that adds up.
        for second in 0..30 {
            let answer = engine.answer(&line, second);
            assert_ne!(answer.srcip.as_deref(), Some(INNOCENT), "{answer:?} of {line}");
            assert!(!answer.blocks || answer.srcip.as_deref() == Some(PEER), "{answer:?} of {line}");
            assert!(answer.decoder.is_some(), "nothing understands {line}");
        }
    }
}
