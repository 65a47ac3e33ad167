//! The table at the end of `cargo xtask test`: suite, passed, failed, skipped, seconds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Result, bail};

use super::suite::Outcome;
use crate::exec::say;

/// The outcomes of a run, in the order in which they came.
pub(super) struct Report {
    outcomes: Vec<Outcome>,
    start: Instant,
}

impl Default for Report {
    fn default() -> Self {
        Self { outcomes: Vec::new(), start: Instant::now() }
    }
}

impl Report {
    /// Adds a suite that has ended.
    pub(super) fn add(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// Prints the table, what failed and what was skipped.
    ///
    /// # Errors
    /// When something failed.
    pub(super) fn finish(&self) -> Result<()> {
        say("results");
        print!("{}", self.text());
        let bad: Vec<&str> =
            self.outcomes.iter().filter(|outcome| !outcome.is_good()).map(|it| it.name.as_str()).collect();
        if !bad.is_empty() {
            bail!("failed: {}", bad.join(", "));
        }
        Ok(())
    }

    /// The table. Seconds of suites that ran side by side add up to more than the time that has passed.
    fn text(&self) -> String {
        let mut rows = vec![["suite", "passed", "failed", "skipped", "seconds"].map(str::to_owned)];
        rows.extend(self.outcomes.iter().map(row));
        rows.push(self.total());
        let widths: Vec<usize> =
            (0..5).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &rows {
            let _ = write!(text, "{:<width$}", row[0], width = widths[0]);
            for column in 1..5 {
                let _ = write!(text, "  {:>width$}", row[column], width = widths[column]);
            }
            text.push('\n');
        }
        let _ = writeln!(text, "elapsed: {:.0} s", self.start.elapsed().as_secs_f64());
        self.add_failures(&mut text);
        self.add_second_runs(&mut text);
        self.add_skips(&mut text);
        text
    }

    fn total(&self) -> [String; 5] {
        let sum = |count: fn(&Outcome) -> usize| self.outcomes.iter().map(count).sum::<usize>().to_string();
        [
            "total".to_owned(),
            sum(|it| it.tally.passed),
            sum(|it| it.tally.failures()),
            sum(|it| it.skipped.len()),
            format!("{:.0}", self.outcomes.iter().map(|it| it.took.as_secs_f64()).sum::<f64>()),
        ]
    }

    fn add_failures(&self, text: &mut String) {
        for outcome in self.outcomes.iter().filter(|outcome| !outcome.is_good()) {
            if let Some(why) = &outcome.broken {
                let _ = writeln!(text, "failed: {}: {why}", outcome.name);
            }
            for test in &outcome.tally.failed {
                let _ = writeln!(text, "failed: {}: {test}", outcome.name);
                for line in outcome.tally.panics.get(test).into_iter().flatten() {
                    let _ = writeln!(text, "    {line}");
                }
            }
        }
    }

    fn add_second_runs(&self, text: &mut String) {
        for outcome in &self.outcomes {
            for (test, reason) in &outcome.again {
                let _ = writeln!(text, "passed when run again: {}: {test} ({reason})", outcome.name);
            }
        }
    }

    fn add_skips(&self, text: &mut String) {
        let mut reasons: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
        for outcome in &self.outcomes {
            for skip in &outcome.skipped {
                reasons.entry((&outcome.name, &skip.what, &skip.reason)).or_default().push(&skip.test);
            }
        }
        for ((suite, what, reason), tests) in reasons {
            let what = if what.is_empty() { String::new() } else { format!(" ({what})") };
            let _ = writeln!(text, "skipped: {suite}: {} × {reason}{what}: {}", tests.len(), tests.join(", "));
        }
    }
}

fn row(outcome: &Outcome) -> [String; 5] {
    // What did not run to its end has no number of failures.
    let failed = match (outcome.tally.failures(), &outcome.broken) {
        (0, Some(_)) => "broken".to_owned(),
        (failures, _) => failures.to_string(),
    };
    [
        outcome.name.clone(),
        outcome.tally.passed.to_string(),
        failed,
        outcome.skipped.len().to_string(),
        format!("{:.0}", outcome.took.as_secs_f64()),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::suite::{Skip, Tally};
    use super::*;

    #[test]
    fn the_table_names_each_suite_each_failure_and_each_reason_to_skip() {
        let mut report = Report::default();
        let mut tally = Tally::default();
        tally.line("test x::y ... FAILED");
        tally.line("test result: FAILED. 7 passed; 1 failed; 0 ignored");
        let skip = |test: &str| Skip { what: "root".into(), reason: "needs root".into(), test: test.into() };
        let took = Duration::from_secs(3);
        report.add(Outcome {
            name: "fim".into(),
            tally,
            skipped: vec![skip("a"), skip("b")],
            broken: None,
            took,
            again: Vec::new(),
        });
        report.add(Outcome::step("lint", || bail!("tidy found 1 error")));
        let text = report.text();
        assert!(text.contains("fim         7       1        2        3\n"), "{text}");
        assert!(text.contains("lint        0  broken"), "{text}");
        assert!(text.contains("failed: fim: x::y\nfailed: lint: tidy found 1 error\n"), "{text}");
        assert!(text.contains("skipped: fim: 2 × needs root (root): a, b\n"), "{text}");
        let error = report.finish().expect_err("something failed");
        assert_eq!(error.to_string(), "failed: fim, lint");
    }
}
