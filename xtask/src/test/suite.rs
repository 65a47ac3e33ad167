//! One suite: a command that runs tests, what it prints, and the counts that are read from it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::exec::print;
use crate::paths;

/// How libtest ends the counts of one test program.
const RESULT: &str = "test result: ";
/// How `hids_tests::require::skip` prints a skip.
const SKIPPED: &str = "skipped: ";

/// A test that could not run on this machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Skip {
    /// What it lacked, as `HIDS_REQUIRE` names it.
    pub what: String,
    /// Why, for a person.
    pub reason: String,
    /// The test.
    pub test: String,
}

/// How libtest introduces what a failed test printed: `---- NAME stdout ----`.
const PRINTED: (&str, &str) = ("---- ", " stdout ----");
/// How a panic begins, behind the thread's name.
const PANICKED: &str = " panicked at ";
/// What follows a panic's message.
const BACKTRACE: &str = "stack backtrace:";
/// Most lines of a panic that are kept, and characters of each: enough for an assertion with its values.
const PANIC_LINES: usize = 8;
const PANIC_LINE_CHARS: usize = 500;

/// What the lines of test programs amount to.
#[derive(Default)]
pub(crate) struct Tally {
    /// Tests that passed, those that skipped included: libtest does not know of skips.
    pub passed: usize,
    /// Names of the tests that failed.
    pub failed: Vec<String>,
    /// For names of failed tests, the first lines of their panic.
    pub panics: BTreeMap<String, Vec<String>>,
    /// The failed test whose output is being read.
    printing: Option<String>,
    /// Test programs that ran to their end.
    pub programs: usize,
    /// Tests that libtest counted as failed; more than names if two lines were mixed up.
    counted: usize,
}

impl Tally {
    /// Takes one line of output.
    pub(crate) fn line(&mut self, line: &str) {
        // Lines of other processes may precede libtest's own on the same line.
        if let Some((_, counts)) = line.split_once(RESULT) {
            self.programs += 1;
            self.passed += number_before(counts, " passed").unwrap_or(0);
            self.counted += number_before(counts, " failed").unwrap_or(0);
            self.printing = None;
        } else if let Some(name) = line.strip_prefix(PRINTED.0).and_then(|rest| rest.strip_suffix(PRINTED.1)) {
            self.printing = Some(name.to_owned());
        } else if line == "failures:" {
            self.printing = None;
        } else if let Some(name) = &self.printing
            && (line.contains(PANICKED) || self.panics.contains_key(name))
        {
            let lines = self.panics.entry(name.clone()).or_default();
            if line.starts_with(BACKTRACE) {
                self.printing = None;
            } else if lines.len() < PANIC_LINES && !line.is_empty() {
                lines.push(line.chars().take(PANIC_LINE_CHARS).collect());
            }
        } else if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failed.push(name.to_owned());
        }
    }

    /// The number of tests that failed.
    pub(crate) fn failures(&self) -> usize {
        self.counted.max(self.failed.len())
    }
}

/// The skip that a line of a test program with `--nocapture` reports.
pub(crate) fn skip_in(line: &str) -> Option<Skip> {
    let (before, reason) = line.split_once(SKIPPED)?;
    let test = before.strip_prefix("test ").map_or("", |rest| rest.trim_end_matches(" ... ").trim());
    Some(Skip { what: String::new(), reason: reason.to_owned(), test: test.to_owned() })
}

/// The number in front of `word`.
fn number_before(text: &str, word: &str) -> Option<usize> {
    let (before, _) = text.split_once(word)?;
    before.rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// How one suite ended.
pub(crate) struct Outcome {
    /// The suite's name in the table.
    pub name: String,
    /// What its lines amount to.
    pub tally: Tally,
    /// Tests that could not run.
    pub skipped: Vec<Skip>,
    /// Why it did not run to its end, or is wrong beyond single tests.
    pub broken: Option<String>,
    /// How long it took.
    pub took: Duration,
    /// Tests that failed, and passed when they ran again; with what justified that.
    pub again: Vec<(String, String)>,
}

impl Outcome {
    /// The arguments by which the failed tests run again; `None` when nothing failed, or more than tests.
    pub(crate) fn failed_only(&self) -> Option<Vec<String>> {
        let can_run = self.broken.is_none() && !self.tally.failed.is_empty();
        can_run.then(|| std::iter::once("--exact".to_owned()).chain(self.tally.failed.iter().cloned()).collect())
    }

    /// Takes what came of running the failed tests once more, for this reason.
    pub(crate) fn run_again(&mut self, reason: &str, again: Self) {
        self.took += again.took;
        // What passed must be all of them, counted: a name that is in no program passes nothing.
        let wanted = self.tally.failures();
        if !again.is_good() || again.tally.passed != wanted {
            return;
        }
        let passed = std::mem::take(&mut self.tally.failed);
        self.again.extend(passed.into_iter().map(|test| (test, reason.to_owned())));
        self.tally.passed += wanted;
        self.tally.counted = 0;
        self.tally.panics.clear();
    }

    /// Whether nothing failed.
    pub(crate) fn is_good(&self) -> bool {
        self.broken.is_none() && self.tally.failures() == 0
    }

    /// The outcome of something that is no set of libtest programs: one step that passes or fails.
    pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<()>) -> Self {
        let start = Instant::now();
        let result = work();
        let tally = Tally { passed: usize::from(result.is_ok()), ..Tally::default() };
        let broken = result.err().map(|error| format!("{error:#}"));
        Self { name: name.to_owned(), tally, skipped: Vec::new(), broken, took: start.elapsed(), again: Vec::new() }
    }
}

/// Runs a command that runs tests, shows what it prints and counts it. A failure is part of the outcome.
pub(crate) fn run(name: &str, command: &mut Command) -> Outcome {
    let start = Instant::now();
    let mut tally = Tally::default();
    let skips = SkipFile::new();
    let ended = follow(command.env("HIDS_SKIPS", &skips.0), &mut tally);
    let broken = match ended {
        Err(error) => Some(format!("{error:#}")),
        Ok(status) if status.success() || tally.failures() > 0 => None,
        Ok(status) => Some(format!("did not run to its end ({status})")),
    };
    let mut skipped = skips.read();
    // A test may ask for two things that are missing; it is one test that was skipped.
    skipped.sort();
    skipped.dedup_by(|a, b| !a.test.is_empty() && a.test == b.test);
    tally.passed = tally.passed.saturating_sub(skipped.len());
    Outcome { name: name.to_owned(), tally, skipped, broken, took: start.elapsed(), again: Vec::new() }
}

fn follow(command: &mut Command, tally: &mut Tally) -> Result<std::process::ExitStatus> {
    print(command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let Some(output) = child.stdout.take() else { bail!("the test program has no output") };
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read the output of the tests")?;
        tally.line(String::from_utf8_lossy(&line).trim_end());
        // Line by line, because guests print meanwhile. A closed output must not stop the tests.
        let mut screen = std::io::stdout().lock();
        let _ = screen.write_all(&line).and_then(|()| screen.write_all(b"\n"));
    }
    child.wait().context("cannot wait for the tests")
}

/// The file into which `require::skip` writes, as libtest shows nothing of what a passing test printed.
struct SkipFile(PathBuf);

impl SkipFile {
    fn new() -> Self {
        let directory = paths::target().join("tmp");
        // If it cannot be made, the tests cannot write either: the table then shows no skips, and the tests still count.
        let _ = fs::create_dir_all(&directory);
        static FILES: AtomicUsize = AtomicUsize::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let file = directory.join(format!("skips-{}-{number}", std::process::id()));
        let _ = fs::remove_file(&file);
        Self(file)
    }

    fn read(&self) -> Vec<Skip> {
        let text = fs::read_to_string(&self.0).unwrap_or_default();
        text.lines().filter_map(parse_skip).collect()
    }
}

impl Drop for SkipFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A line of the file: what is missing, the test and the reason, with tabs between.
fn parse_skip(line: &str) -> Option<Skip> {
    let mut fields = line.splitn(3, '\t').map(str::to_owned);
    Some(Skip { what: fields.next()?, test: fields.next()?, reason: fields.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_from_all_programs_of_a_suite() {
        let mut tally = Tally::default();
        let output = [
            "running 3 tests",
            "test a::b ... ok",
            "test a::c ... FAILED",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "noise test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.10s",
        ];
        output.iter().for_each(|line| tally.line(line));
        assert_eq!((tally.passed, tally.failures(), tally.programs), (14, 1, 2));
        assert_eq!(tally.failed, ["a::c"]);
    }

    #[test]
    fn tests_that_pass_after_a_stall_count_only_when_all_of_them_ran() {
        let outcome = |lines: &[&str]| {
            let mut tally = Tally::default();
            lines.iter().for_each(|line| tally.line(line));
            Outcome { tally, ..Outcome::step("fim", || Ok(())) }
        };
        let first = ["test a ... FAILED", "test result: FAILED. 5 passed; 1 failed; 0 ignored"];
        let mut failed = outcome(&first);
        assert_eq!(failed.failed_only(), Some(vec!["--exact".to_owned(), "a".to_owned()]));
        failed.run_again("a stall", outcome(&["test result: ok. 0 passed; 0 failed; 0 ignored"]));
        assert!(!failed.is_good());
        failed.run_again("a stall", outcome(&first));
        assert!(!failed.is_good());
        failed.run_again("a stall", outcome(&["test result: ok. 1 passed; 0 failed; 0 ignored"]));
        assert!(failed.is_good());
        assert_eq!((failed.tally.passed, failed.again), (6, vec![("a".to_owned(), "a stall".to_owned())]));
    }

    #[test]
    fn the_first_lines_of_a_panic_are_kept_with_the_test() {
        let mut tally = Tally::default();
        let output = [
            "test a::c ... FAILED",
            "failures:",
            "",
            "---- a::d stdout ----",
            "nothing",
            "---- a::c stdout ----",
            "noise before",
            "thread 'a::c' (17) panicked at src/a.rs:1:2:",
            "assertion failed: x",
            "stack backtrace:",
            "   0: begin_unwind",
            "failures:",
            "    a::c",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
            "thread 'b' panicked at later",
        ];
        output.iter().for_each(|line| tally.line(line));
        assert_eq!(tally.panics.keys().collect::<Vec<_>>(), ["a::c"]);
        assert_eq!(tally.panics["a::c"], ["thread 'a::c' (17) panicked at src/a.rs:1:2:", "assertion failed: x"]);
    }

    #[test]
    fn a_failing_suite_is_an_outcome_and_no_end() {
        let outcome = run("broken", &mut Command::new("false"));
        assert!(!outcome.is_good());
        assert!(outcome.broken.is_some());
        let outcome = run("missing", &mut Command::new("/nonexistent/program"));
        assert!(outcome.broken.is_some());
    }

    #[test]
    fn skips_are_read_from_the_console_and_from_the_file() {
        let skip = skip_in("test guard::offer ... skipped: no BPF LSM").expect("a skip");
        assert_eq!((skip.test.as_str(), skip.reason.as_str()), ("guard::offer", "no BPF LSM"));
        assert_eq!(skip_in("test guard::offer ... ok"), None);
        let skip = parse_skip("root\tfim::changes\tneeds root").expect("a skip");
        assert_eq!((skip.what.as_str(), skip.test.as_str()), ("root", "fim::changes"));
    }
}
