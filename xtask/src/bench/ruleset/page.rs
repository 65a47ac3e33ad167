//! The tables, and the page about them.

use std::fmt::Write as _;

use super::score::{Row, Tally};

const HEAD: &str = "\
# What the shipped rules see

<!-- Made by `cargo xtask bench ruleset --write`. -->

The shipped rules, measured on log lines with known answers from the test suites of fail2ban, CrowdSec and OSSEC and from \
the Loghub collection. The data is other people's and is not in this repository, and no line of it is: rules and their \
tests are written from what the services log. What is here is half of the data, divided by a hash; the other half is \
measured separately.

To measure it again, put the data into `../shared/testdata` (or name its parent in `HIDS_SHARED`) and run

    cargo xtask bench ruleset
    cargo xtask bench ruleset --misses /tmp/misses.jsonl
    cargo xtask bench ruleset --program target/release/hidsctl --ruleset DIR --write

The second command also writes each miss, the third measures other rules with a program that is already built and makes \
this page anew. Each case is analysed by a `hidsctl logtest` of its own with the shipped configuration, in which an active \
response blocks from level 7 on; the logs of Loghub are replayed with the times of their lines where blocks are counted.
";

/// The whole page.
pub(super) fn page(tally: &Tally) -> String {
    format!("{HEAD}\n## Figures\n\n{}", tables(tally))
}

/// Figures, then misses.
pub(super) fn tables(tally: &Tally) -> String {
    let mut out = String::from("| Data | Right | Share | Wanted |\n| --- | --- | --- | --- |\n");
    for row in &in_order(&tally.rows) {
        let _ = writeln!(out, "| {} | {}/{} | {} | {} |", row.name, row.right, row.of, share(row), row.wanted);
    }
    out.push_str("\n## Misses by service\n\n| Data | Service | Missed |\n| --- | --- | --- |\n");
    for ((data, service), (missed, of)) in tally.by_service.iter().filter(|(_, (missed, _))| *missed > 0) {
        let _ = writeln!(out, "| {data} | {service} | {missed} of {of} |");
    }
    out
}

/// The services of a row behind it; otherwise as they came.
fn in_order(rows: &[Row]) -> Vec<&Row> {
    let kind = |row: &Row| row.name.splitn(3, ": ").take(2).collect::<Vec<_>>().join(": ");
    let mut kinds: Vec<String> = Vec::new();
    for row in rows {
        let kind = kind(row);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let mut ordered: Vec<&Row> = rows.iter().collect();
    ordered.sort_by_key(|row| (kinds.iter().position(|known| *known == kind(row)), row.name.matches(": ").count()));
    ordered
}

fn share(row: &Row) -> String {
    if row.of == 0 { "–".into() } else { format!("{:.1} %", 100.0 * row.right as f64 / row.of as f64) }
}
