//! The linear-time engine, held to its promise also where pattern and line are long.
//!
//! `regex-automata` takes time in proportion to the line *times* the pattern in the worst case, when
//! its lazily built automaton gives up: a second for a pattern of some thousand states on 64 KiB.
//! Where that product is large, only the lazily built automaton runs, and says so when it gives up.

use std::fmt::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};

use regex_automata::hybrid::dfa;
use regex_automata::hybrid::regex as lazy;
use regex_automata::meta::Regex;
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind, Span, nfa::thompson};
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::dialect::PatternError;
use super::literals;

/// Largest automaton of one pattern; 2048 bytes of os_regex stay far below it.
const NFA_SIZE_BYTES: usize = 4 << 20;

/// So many states certainly fit into it.
const SURE_STATES: usize = 4000;

/// Bytes of a line times states of a pattern up to which any engine is fast enough: a few
/// milliseconds at worst.
const EASY_PRODUCT: usize = 300_000;

/// Room for the lazily built automaton; filling it takes some milliseconds.
const CACHE_BYTES: usize = 512 << 10;
/// Bytes that each of its states must have been good for when the room is used up.
const BYTES_PER_STATE: usize = 20;

/// Whether an expression means characters or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Bytes,
    Characters,
}

/// The automaton grew too large for its line; no other answer is quick enough.
#[derive(Debug)]
pub(super) struct GaveUp;

/// An expression in the linear-time engine.
pub(super) struct Linear {
    expression: Box<str>,
    encoding: Encoding,
    /// Built when the first line needs it, for most patterns of a rule set never do.
    regex: OnceLock<Option<Box<Regex>>>,
    groups: usize,
    /// Whether every match begins at the start of the text.
    at_start: bool,
    /// About as many states as the automaton has.
    states: usize,
    literals: Option<Vec<Box<[u8]>>>,
    long: OnceLock<Option<Long>>,
}

/// What runs on long lines.
struct Long {
    regex: lazy::Regex,
    cache: Mutex<lazy::Cache>,
}

impl Linear {
    pub(super) fn new(expression: &str, encoding: Encoding) -> Result<Self, PatternError> {
        let hir = read(expression, encoding);
        let hir = hir.map_err(|error| PatternError::TooLarge { message: error.to_string() })?;
        Self::from_hir(expression, encoding, &hir)
    }

    /// The same from `expression` as it was [read]: reading is most of what loading a pattern takes.
    pub(super) fn from_hir(expression: &str, encoding: Encoding, hir: &Hir) -> Result<Self, PatternError> {
        let states = states(hir);
        let regex = OnceLock::new();
        if states > SURE_STATES {
            let too_large = |message| PatternError::TooLarge { message };
            let hir = parse(expression, encoding).map_err(|error| too_large(error.to_string()))?;
            let built = build(&hir).map_err(too_large)?;
            let _ = regex.set(Some(Box::new(built)));
        }
        let groups = hir.properties().explicit_captures_len();
        let at_start = hir.properties().look_set_prefix().contains(Look::Start);
        let literals = literals::required(hir);
        let (expression, long) = (expression.into(), OnceLock::new());
        Ok(Self { expression, encoding, regex, groups, at_start, states, literals, long })
    }

    /// Literals in lower case, one of which every match contains in some case.
    pub(super) fn literals(&self) -> Option<&[Box<[u8]>]> {
        self.literals.as_deref()
    }

    fn regex(&self) -> Result<&Regex, GaveUp> {
        let build = || build(&self.hir()?).ok().map(Box::new);
        self.regex.get_or_init(build).as_deref().ok_or(GaveUp)
    }

    pub(super) fn expression(&self) -> &str {
        &self.expression
    }

    /// The expression as the engine understands it.
    pub(super) fn hir(&self) -> Option<Hir> {
        parse(&self.expression, self.encoding).ok()
    }

    pub(super) fn groups(&self) -> usize {
        self.groups
    }

    /// Whether every match begins at the start of the text.
    pub(super) fn is_at_start(&self) -> bool {
        self.at_start
    }

    /// Whether every engine is fast enough on `subject`.
    pub(super) fn is_easy(&self, subject: &[u8]) -> bool {
        subject.len().saturating_mul(self.states) <= EASY_PRODUCT
    }

    pub(super) fn is_match(&self, subject: &[u8]) -> Result<bool, GaveUp> {
        let input = Input::new(subject).earliest(true);
        if self.is_easy(subject) {
            return Ok(self.regex()?.is_match(input));
        }
        Ok(self.forward(&input)?.is_some())
    }

    pub(super) fn find_end(&self, subject: &[u8]) -> Result<Option<usize>, GaveUp> {
        let input = Input::new(subject).anchored(Anchored::No);
        if self.is_easy(subject) {
            return Ok(self.regex()?.search_half(&input).map(|half| half.offset()));
        }
        self.forward(&input)
    }

    /// Where the first match in a long line is.
    pub(super) fn find(&self, subject: &[u8]) -> Result<Option<Span>, GaveUp> {
        let long = self.long()?;
        let mut cache = long.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let found = long.regex.try_search(&mut cache, &Input::new(subject)).map_err(|_| GaveUp)?;
        Ok(found.map(|found| found.span()))
    }

    /// Start and end of the match and of each group, in a line that is easy.
    pub(super) fn captures(&self, subject: &[u8], slots: &mut Vec<Option<NonMaxUsize>>) -> Result<bool, GaveUp> {
        slots.clear();
        slots.resize((self.groups + 1) * 2, None);
        Ok(self.regex()?.search_slots(&Input::new(subject), slots).is_some())
    }

    fn forward(&self, input: &Input<'_>) -> Result<Option<usize>, GaveUp> {
        let long = self.long()?;
        let mut cache = long.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (forward, _) = cache.as_parts_mut();
        let found = long.regex.forward().try_search_fwd(forward, input).map_err(|_| GaveUp)?;
        Ok(found.map(|half| half.offset()))
    }

    fn long(&self) -> Result<&Long, GaveUp> {
        self.long.get_or_init(|| Long::new(&self.expression, self.encoding)).as_ref().ok_or(GaveUp)
    }
}

impl Long {
    fn new(expression: &str, encoding: Encoding) -> Option<Self> {
        let automaton = dfa::Config::new()
            .match_kind(MatchKind::LeftmostFirst)
            .cache_capacity(CACHE_BYTES)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(0))
            .minimum_bytes_per_state(Some(BYTES_PER_STATE));
        let regex = lazy::Regex::builder()
            .syntax(syntax_of(encoding))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(NFA_SIZE_BYTES)))
            .dfa(automaton)
            .build(expression)
            .ok()?;
        let cache = Mutex::new(regex.create_cache());
        Some(Self { regex, cache })
    }
}

fn build(hir: &Hir) -> Result<Regex, String> {
    Regex::builder()
        .configure(Regex::config().utf8_empty(false).nfa_size_limit(Some(NFA_SIZE_BYTES)))
        .build_from_hir(hir)
        .map_err(|error| error.to_string())
}

fn syntax_of(encoding: Encoding) -> syntax::Config {
    syntax::Config::new().unicode(encoding == Encoding::Characters).utf8(false).case_insensitive(true)
}

/// The expression that matches letters of either case.
fn parse(expression: &str, encoding: Encoding) -> Result<Hir, Box<regex_syntax::Error>> {
    syntax::parse_with(expression, &syntax_of(encoding)).map_err(Box::new)
}

/// The expression with the letters of bytes as they are written: enough to know its groups, lengths and literals, and
/// read in two thirds of the time.
pub(super) fn read(expression: &str, encoding: Encoding) -> Result<Hir, Box<regex_syntax::Error>> {
    let folds = encoding == Encoding::Characters;
    syntax::parse_with(expression, &syntax_of(encoding).case_insensitive(folds)).map_err(Box::new)
}

/// Adds `byte` to an expression, as nothing but itself, in a class as well. Short, for `\x2f` takes longer to read
/// than `/`.
pub(super) fn push_byte(expression: &mut String, byte: u8) {
    match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => expression.push(char::from(byte)),
        b' ' | b'/' | b'"' | b'\'' | b',' | b';' | b'=' | b'@' | b'%' | b'!' | b'_' | b'<' | b'>' | b'`' => {
            expression.push(char::from(byte));
        }
        b'!'..=b'~' => {
            expression.push('\\');
            expression.push(char::from(byte));
        }
        _ => {
            let _ = write!(expression, "\\x{byte:02x}");
        }
    }
}

/// About how many states `hir` needs.
fn states(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Bytes(_)) => 1,
        HirKind::Class(Class::Unicode(class)) => class.ranges().len().saturating_mul(4),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1) as usize;
            times.saturating_mul(states(&repetition.sub).saturating_add(1))
        }
        HirKind::Capture(capture) => states(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().map(states).fold(1, usize::saturating_add),
    }
}
