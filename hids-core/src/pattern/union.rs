//! One search for many patterns: whether any of them can match.

use std::sync::{Mutex, OnceLock, PoisonError};

use regex_automata::hybrid::dfa::{self, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchKind};

use super::{Pattern, Program};

/// Longest text that is looked at: with a state that is built for each byte, this takes some milliseconds.
const MAX_TEXT_BYTES: usize = 512;

/// Largest automaton of all patterns; those of the shipped ruleset take a third of it.
const NFA_SIZE_BYTES: usize = 32 << 20;

/// Room for the lazily built automaton.
const CACHE_BYTES: usize = 4 << 20;

/// Patterns that hardly any text matches, so that one search says so for all of them.
#[derive(Default)]
pub(crate) struct Union {
    expressions: Vec<Box<str>>,
    /// Built when the first text comes.
    search: OnceLock<Option<Search>>,
}

struct Search {
    dfa: DFA,
    cache: Mutex<dfa::Cache>,
}

impl Union {
    /// Adds a pattern; `false` if it cannot be searched for with others.
    pub(crate) fn add(&mut self, pattern: &Pattern) -> bool {
        // Patterns that need more than an automaton tell only where they cannot match.
        let expression = match &pattern.program {
            Program::Automaton(automaton) if automaton.reads_bytes() => automaton.expression(),
            _ => return false,
        };
        self.expressions.push(expression.into());
        true
    }

    /// Whether a pattern may match `text`; true where that is not known.
    pub(crate) fn may_match(&self, text: &[u8]) -> bool {
        // `$` of a pattern also stands before a newline at the end.
        if self.expressions.is_empty() || text.len() > MAX_TEXT_BYTES || text.last() == Some(&b'\n') {
            return !self.expressions.is_empty();
        }
        let Some(search) = self.search.get_or_init(|| Search::new(&self.expressions)) else { return true };
        let mut cache = search.cache.lock().unwrap_or_else(PoisonError::into_inner);
        search.dfa.try_search_fwd(&mut cache, &Input::new(text).earliest(true)).map_or(true, |found| found.is_some())
    }
}

impl Search {
    fn new(expressions: &[Box<str>]) -> Option<Self> {
        let config = dfa::Config::new()
            .match_kind(MatchKind::All)
            .cache_capacity(CACHE_BYTES)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(10))
            .minimum_bytes_per_state(Some(10));
        let dfa = DFA::builder()
            .configure(config)
            .syntax(syntax::Config::new().unicode(false).utf8(false).case_insensitive(true))
            .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(NFA_SIZE_BYTES)))
            .build_many(expressions)
            .ok()?;
        let cache = Mutex::new(dfa.create_cache());
        Some(Self { dfa, cache })
    }
}

impl std::fmt::Debug for Union {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a union of {} patterns", self.expressions.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn union(patterns: &[&str]) -> Union {
        let mut union = Union::default();
        for text in patterns {
            assert!(union.add(&Pattern::pcre2(text).expect("a pattern")), "{text}");
        }
        union
    }

    #[test]
    fn says_whether_one_of_the_patterns_matches() {
        let union = union(&["/etc/(?:passwd|shadow)", "^https?://", r"\.(?:bak|old)$", "%0[0-9a-f]"]);
        for text in ["/x?f=/ETC/Passwd", "http://h/", "/a.bak", "/a%0A"] {
            assert!(union.may_match(text.as_bytes()), "{text}");
        }
        for text in ["/", "/a?u=http://h/", "/a.bak/", "/etc/hosts", ""] {
            assert!(!union.may_match(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_it_cannot_tell_may_match() {
        let union = union(&[r"\.old$"]);
        assert!(union.may_match(b"/a.old\n"));
        assert!(union.may_match(&vec![b'a'; MAX_TEXT_BYTES + 1]));
        assert!(!Union::default().may_match(b"x"), "nothing to match");
    }

    #[test]
    fn patterns_that_need_another_engine_stay_out() {
        let mut union = Union::default();
        assert!(!union.add(&Pattern::pcre2("(?=a)b").expect("a pattern")));
        assert!(!union.add(&Pattern::word("a")));
    }
}
