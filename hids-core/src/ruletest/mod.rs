//! Rule tests: log lines with the rule, level and fields that are expected of them.
//!
//! `ini` knows the form of the files, `case` what their keys mean, `run` feeds the lines to an
//! engine without earlier state and compares, `coverage` says what of a rule set the cases show. Owns the form of OSSEC's rule tests
//! (`contrib/ossec-testing/tests/*.ini`), lines of other sources (`file N pass`, `rootcheck N pass`, `host N pass`), and the further keys of the shipped ruleset's own tests.
//! Never: reads a file, prints.

mod case;
mod coverage;
mod ini;
mod news;
mod run;
#[cfg(test)]
mod tests;

pub use case::{Case, Feed, Key, parse};
pub use coverage::{Coverage, Covered};
pub use run::{Difference, Verdict, run};
