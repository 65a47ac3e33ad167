//! Hostile patterns and lines of 64 KiB: each event is over in time, and what was given up is counted.
//!
//! Time is what the kernel charged to the thread, so that other work on the machine does not count.

use std::sync::Arc;
use std::time::Duration;

use hids_core::diag::{Diagnostic, SourceFile};
use hids_core::engine::{Engine, EngineOptions, RulesetSources};
use hids_core::model::{Channel, EventRef, LogSource, Timestamp};

use rustix::time::{ClockId, clock_gettime};

use crate::xml;

const LINE_BYTES: usize = 64 * 1024;

/// The promise for one event, of optimised code. What takes less than 4 ms there (docs/performance.md) was seen to
/// take up to 14 ms in the build for tests, which counts the back-tracker's steps with overflow checks.
const LIMIT: Duration = Duration::from_millis(if cfg!(debug_assertions) { 30 } else { 10 });

/// As many plain scans of the same line take 10 ms of optimised code; holds in slow builds too.
const LIMIT_SCANS: u32 = 100;

/// Element and pattern; most explode where an engine backtracks without a limit.
const PATTERNS: &[(&str, &str)] = &[
    ("pcre2", "(a+)+$"),
    ("pcre2", "(a|aa)+$"),
    ("pcre2", "(?=a)(a+)+$"),
    ("pcre2", r"(a+)+\1\1b"),
    ("pcre2", r"^(?:(\w+)\s?)*(?!x)!$"),
    ("pcre2", "(?=(.*a){12})b"),
    ("pcre2", r"(x+x+)+y(?=z)"),
    ("pcre2", r"(.*)(.*)(.*)(.*)(.*)\1=\2"),
    ("pcre2", r"(?:a?){30}(?=a){3}a{30}\d"),
    ("pcre2", r"(?=a)(a+)+[?!]"),
    ("pcre2", r"(?!x)(\w+\s?)+!"),
    ("pcre2", r"(\w+)+\1!"),
    // What is skipped in one step and tried again from each place.
    ("pcre2", r"(?!x)\S+ .*user=\S+ .*addr=\S+ .*!$"),
    ("pcre2", r"(?=a).*\S+ "),
    ("pcre2", r"(?=.).*.*.*.*.*[^ -~]{3}"),
    ("pcre2", r"(?!x)a.*b.*a.*b.*a.*z"),
    ("pcre2", r"(?:(?=.*b)a)*!"),
    ("pcre2", r"(?>a+)+!"),
    ("pcre2", r"(a++)*+!"),
    ("pcre2", r"(?=((a+)+)!)z"),
    ("pcre2", r"\b(\w+)\b.*\b\1\b.*\b\1\b!"),
    ("pcre2", r"(.+)\1+q"),
    ("pcre2", r"(a*)*(?!b)!"),
    ("pcre2", r"(?:(?=a)|b*)*!"),
    ("pcre2", r"(.)(.)(.)(.).*\4\3\2\1.*\4\3\2\1!!"),
    ("pcre2", r"(?:\R|a)*(?=!)b"),
    // What only PCRE2 knows.
    ("pcre2", r"\Ga+(?=!)"),
    ("pcre2", r"(a(?R)?b)"),
    ("pcre2", r"((a|b)(?1)?c)+!"),
    ("pcre2", r"(?!z)a(*PRUNE)(b)"),
    ("pcre2", r"(?(?=a)a+|b+)+!"),
    // Linear, but with many states for each byte, or more than an automaton can hold.
    ("pcre2", r"(?:a{1,100}){1,100}!"),
    ("pcre2", r"[a-z]{0,500}x[a-z]{0,500}y"),
    ("pcre2", r"[ab]*a[ab]{14}x"),
    ("pcre2", r"(a.{20}b)+!"),
    ("pcre2", r"(.{1,64}a){1,32}b"),
    ("pcre2", r"(?:(?:a?){50}){50}b"),
    ("pcre2", r"a.{200}b"),
    ("regex", r"(\.+)(\.+)(\.+)(\.+)!"),
    ("regex", r"\w+\w+\w+\w+\w+\w+!$"),
    ("regex", r"\.*\.*\.*\.*=\.*\.*\.*!!"),
    ("regex", r"a\.\.\.\.\.\.\.\.\.\.\.\.\.\.\.\.\.\.\.\.b!"),
    ("regex", r"(a\.\.\.\.\.\.\.\.\.\.\.\.\.b)\.+(a\.\.\.\.\.\.\.b)!"),
    ("regex", r"(\.*a)(\.*a)(\.*a)(\.*a)(\.*a)(\.*a)(\.*a)(\.*a)!"),
    ("regex", r"(\w*) (\w*)(\w*) (\w*)(\w*) (\w*)(\w*) (\w*)!"),
    ("regex", r"^(\S+) (\S+) (\.+) (\S+)$"),
    ("match", "aaaaaaaaaaaaaaab|xxxxxxxxxxxxy|^a$|b$"),
];

fn hostile_lines() -> Vec<Vec<u8>> {
    let repeated = |piece: &[u8]| piece.iter().copied().cycle().take(LINE_BYTES).collect::<Vec<u8>>();
    let mut lines: Vec<Vec<u8>> =
        [&b"a"[..], b"x", b"a ", b"ab", b"a=", b"\xff\xfea", b"((((", b" "].into_iter().map(repeated).collect();
    for alphabet in [&b"ab"[..], b"axb ", b"abcdefghijklmnop    xyz=:0123456789.!"] {
        lines.push(scattered(alphabet));
    }
    lines.push([&repeated(b"a")[..LINE_BYTES - 1], b"\n"].concat());
    let mut ended = repeated(b"a");
    ended.extend_from_slice(b"!b");
    lines.push(ended);
    // Many places at each of which a little less than the limit is spent.
    for piece in [&b"aaaaaaaaaaaaaab"[..], b"abcdefghijklm-", b"aaaa bbbb user=x addr=y "] {
        lines.push([repeated(piece), b" ! 9".to_vec()].concat());
        lines.push([&repeated(piece)[..4096], b" ! 9"].concat());
    }
    let header = b"Oct 11 22:14:15 host demo[1]: ".to_vec();
    lines.push([header, repeated(b"a")].concat());
    lines
}

/// Bytes of an alphabet in an order that repeats nothing.
fn scattered(alphabet: &[u8]) -> Vec<u8> {
    let mut state = 1u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        alphabet[(state >> 33) as usize % alphabet.len()]
    };
    std::iter::repeat_with(next).take(LINE_BYTES).collect()
}

/// An engine with one rule whose condition is the pattern.
fn engine(element: &str, pattern: &str) -> Engine {
    let decoders = "<decoder name=\"d\"><program_name>^demo</program_name></decoder>\n\
        <decoder name=\"e\"><prematch>^zz-never</prematch></decoder>";
    let rules = format!(
        "{}<group name=\"g,\"><rule id=\"100100\" level=\"3\"><{element}>{pattern}</{element}>\
         <description>hostile</description></rule></group>",
        xml::roots()
    );
    let sources = RulesetSources {
        decoders: vec![SourceFile::new("decoders", decoders)],
        rules: vec![SourceFile::new("rules", rules)],
        lists: Vec::new(),
    };
    let (engine, diagnostics) = Engine::compile(&sources, EngineOptions::default());
    engine.unwrap_or_else(|| panic!("{}", diagnostics.iter().map(Diagnostic::render).collect::<String>()))
}

/// What the kernel has charged to this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The shortest of three times: what the work costs without what else the machine does.
fn shortest(mut work: impl FnMut()) -> Duration {
    let time = |_| {
        let start = cpu_time();
        work();
        cpu_time() - start
    };
    (0..3).map(time).min().unwrap_or_default()
}

fn analysis_time(engine: &mut Engine, line: &[u8]) -> Duration {
    let source = Arc::new(LogSource { location: "/var/log/hostile".into(), channel: Channel::Log });
    let now = Timestamp::from_unix_seconds(1_700_000_000);
    shortest(|| {
        std::hint::black_box(
            engine.process(EventRef { source: &source, received: now, line, notice: None }, now).rule(),
        );
    })
}

/// How long one event may take here.
fn limit(line: &[u8]) -> Duration {
    let plain = regex::bytes::Regex::new("[^b]{3}zz").expect("a pattern of ours");
    let scan = shortest(|| {
        std::hint::black_box(plain.is_match(line));
    });
    LIMIT.max(scan * LIMIT_SCANS)
}

#[test]
fn hostile_patterns_on_long_lines_keep_the_time_of_an_event() {
    let lines = hostile_lines();
    let (mut slowest, mut hits) = (Duration::ZERO, 0);
    let mut late = Vec::new();
    for (element, pattern) in PATTERNS {
        let mut engine = engine(element, pattern);
        for line in &lines {
            let took = analysis_time(&mut engine, line);
            slowest = slowest.max(took);
            if took > limit(line) {
                late.push(format!("{element} {pattern} on {}…: {took:?}", line[..8].escape_ascii()));
            }
        }
        hits += engine.losses().pattern_limit_hits;
    }
    println!("slowest event {slowest:?}, {hits} times over the match limit");
    assert!(late.is_empty(), "{late:#?}");
    assert!(hits > 0, "no pattern was given up, so none of them was hostile");
}

#[test]
fn wildcards_behind_a_look_ahead_are_searched_to_the_end_of_the_longest_line() {
    // PCRE2 scans a word again from each of its bytes and counts none of it: half a second.
    let mut engine = engine("pcre2", r"(?!x)\S+ .*user=\S+ .*addr=\S+ .*!$");
    let line: Vec<u8> = b"aaaa bbbb user=x addr=y ".iter().copied().cycle().take(LINE_BYTES).chain(*b" 9!").collect();
    let source = Arc::new(LogSource { location: "/var/log/hostile".into(), channel: Channel::Log });
    let now = Timestamp::from_unix_seconds(1_700_000_000);
    assert!(
        engine.process(EventRef { source: &source, received: now, line: &line, notice: None }, now).rule().is_some()
    );
    assert_eq!(engine.losses().pattern_limit_hits, 0);
}

#[test]
fn limit_is_for_the_whole_line_and_not_for_each_place_in_it() {
    let mut engine = engine("pcre2", r"(\w+\s?)+(\w)\2\2!");
    let line: Vec<u8> = b"abcdefghijklm-".iter().copied().cycle().take(LINE_BYTES).chain(*b" !").collect();
    analysis_time(&mut engine, &line);
    assert!(engine.losses().pattern_limit_hits > 0);
}

#[test]
fn pattern_that_hits_the_match_limit_is_counted_and_does_not_match() {
    let mut engine = engine("pcre2", r"^(?=a)(a+)+\1!$");
    let source = Arc::new(LogSource { location: "/var/log/hostile".into(), channel: Channel::Log });
    let now = Timestamp::from_unix_seconds(1_700_000_000);
    assert_eq!(engine.losses().pattern_limit_hits, 0);
    // What ends the line keeps the automaton from seeing at once that no match is possible.
    let line = [&[b'a'; 4096][..], b"bb!"].concat();
    assert!(
        engine.process(EventRef { source: &source, received: now, line: &line, notice: None }, now).rule().is_none()
    );
    assert_eq!(engine.losses().pattern_limit_hits, 1);
}
