//! The facade: a line goes in, what OSSEC's decoders and rules say of it comes out.
//!
//! `Engine::compile` reports every problem of a rule set in one run; `Engine::process` analyses
//! one line with the state that earlier lines left. Owns the order of the stages (pre-decoding,
//! decoding, accumulation, rules; `src/analysisd/analysisd.c`). Never: writes, blocks, mails.

mod dropped;
mod outcome;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use self::dropped::{Dropped, OssecProgram};
pub use self::outcome::{Explanation, Outcome};
use crate::decode::{self, Accumulator, Decoded, DecoderSet, DecoderTrial, EventKind, FieldId, NameId, Scratch};
use crate::diag::{Diagnostic, SourceFile, has_errors};
use crate::model::{Channel, EventRef, Level, RuleFacts, RuleId, Timestamp};
use crate::pattern::{Prefilter, PrefilterBuilder, Subject};
use crate::predecode::{Headers, predecode};
use crate::rules::{self, HostNews, Judged, ListTables, RuleEvent, RuleOptions, RuleSet, RuleState};
pub use crate::rules::{ListSource, Losses, RuleTrial, SavedState};
use dropped::LastLines;
use outcome::{Answer, Parts};

/// Decoders, rules and lists as the configuration names them, in its order.
#[derive(Clone, Debug, Default)]
pub struct RulesetSources {
    /// Decoder files.
    pub decoders: Vec<Arc<SourceFile>>,
    /// Rule files.
    pub rules: Vec<Arc<SourceFile>>,
    /// Lookup lists.
    pub lists: Vec<ListSource>,
}

/// What the engine needs to know besides its rules.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// From which level alerts are recorded.
    pub record_level: Level,
    /// From which level alerts are mailed.
    pub mail_level: Level,
    /// Events kept for `if_matched_regex`.
    pub memory_size: usize,
    /// Time window of composite rules that have none.
    pub default_timeframe: Duration,
    /// Host name of lines without one.
    pub default_hostname: Vec<u8>,
    /// Time zone of `<time>` and `<weekday>`.
    pub zone: jiff::tz::TimeZone,
    /// Whether to answer exactly as OSSEC does, its defects included.
    pub strict_ossec: bool,
    /// As which of OSSEC's programs the strict mode answers.
    pub strict_program: OssecProgram,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            record_level: Level(1),
            mail_level: Level(7),
            memory_size: 8192,
            default_timeframe: Duration::from_secs(360),
            default_hostname: b"localhost".to_vec(),
            zone: jiff::tz::TimeZone::UTC,
            strict_ossec: false,
            strict_program: OssecProgram::Logtest,
        }
    }
}

impl EngineOptions {
    fn is_strict_daemon(&self) -> bool {
        self.strict_ossec && self.strict_program == OssecProgram::Daemon
    }

    fn of_rules(&self) -> RuleOptions {
        RuleOptions {
            record_level: self.record_level,
            mail_level: self.mail_level,
            default_timeframe_seconds: u32::try_from(self.default_timeframe.as_secs()).unwrap_or(u32::MAX),
            memory_size: self.memory_size,
            zone: self.zone.clone(),
            strict_ossec: self.strict_ossec,
        }
    }
}

/// What is probably wrong with decoders and rules that load. [`Engine::compile`] does not look for
/// it, because it takes longer than a start should.
pub fn lint(sources: &RulesetSources, options: &EngineOptions) -> Vec<Diagnostic> {
    let options = options.of_rules();
    let tables = ListTables::read(&sources.lists, &options, &mut Vec::new());
    rules::lint(&sources.decoders, &sources.rules, &tables, &options)
}

/// Decoders and rules with the state that events leave.
pub struct Engine {
    decoders: DecoderSet,
    rules: RuleSet,
    prefilter: Prefilter,
    options: EngineOptions,
    scratch: Scratch,
    /// The line without control bytes, in the strict mode.
    clean: Vec<u8>,
    state: RuleState,
    accumulator: Accumulator,
    /// In the strict mode as the daemon.
    last_lines: LastLines,
}

impl Engine {
    /// Reads and compiles everything. No engine when there is an error; all problems are reported
    /// either way, in the order of the files.
    pub fn compile(sources: &RulesetSources, options: EngineOptions) -> (Option<Self>, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let rule_options = options.of_rules();
        let subject = if options.strict_ossec { Subject::StrictUtf8 } else { Subject::Bytes };
        let mut prefilter = PrefilterBuilder::default();
        let mut definitions: Vec<_> = parse_all(&sources.decoders, decode::parse, &mut diagnostics);
        if options.is_strict_daemon() {
            definitions.iter_mut().for_each(decode::DecoderDef::lose_sonic_wall);
        }
        let decoders = DecoderSet::compile(&definitions, subject, &mut prefilter, &mut diagnostics);
        let tables = ListTables::read(&sources.lists, &rule_options, &mut diagnostics);
        let definitions = parse_all(&sources.rules, rules::parse, &mut diagnostics);
        let rules = RuleSet::compile(definitions, &decoders, &tables, rule_options, &mut prefilter, &mut diagnostics);
        if has_errors(&diagnostics) {
            return (None, diagnostics);
        }
        let state = RuleState::new(&rules);
        let engine = Self {
            decoders,
            rules,
            prefilter: prefilter.build(),
            options,
            scratch: Scratch::default(),
            clean: Vec::new(),
            state,
            accumulator: Accumulator::default(),
            last_lines: LastLines::default(),
        };
        (Some(engine), diagnostics)
    }

    /// Analyses one line. `now` is the time that time windows and `<time>` use: the time of
    /// receipt, or the line's own when old files are replayed.
    ///
    /// Allocates nothing for a line that raises no alert, once its program has been seen.
    pub fn process<'a>(&'a mut self, event: EventRef<'a>, now: Timestamp) -> Outcome<'a> {
        self.analyse(event, now, None, None)
    }

    /// As [`process`](Self::process), with every decoder and rule that was tried.
    pub fn explain<'a>(&'a mut self, event: EventRef<'a>, now: Timestamp) -> (Outcome<'a>, Explanation) {
        let mut explanation = Explanation::default();
        let Explanation { decoders, rules } = &mut explanation;
        let outcome = self.analyse(event, now, Some(decoders), Some(rules));
        (outcome, explanation)
    }

    /// Facts of all rules in load order.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<RuleFacts>> {
        self.rules.facts()
    }

    /// How many rules there are.
    pub fn rule_count(&self) -> usize {
        self.rules.facts().count()
    }

    /// How many decoders there are.
    pub fn decoder_count(&self) -> usize {
        self.decoders.len()
    }

    /// The part of the state that outlives a restart.
    pub fn state(&self) -> SavedState {
        self.state.save()
    }

    /// How often that part has changed since the start, so that it is only saved when it did.
    pub fn state_changes(&self) -> u64 {
        self.state.changes()
    }

    /// Puts the state of an earlier run back.
    pub fn restore_state(&mut self, saved: &SavedState) {
        self.state.restore(saved);
    }

    /// Forgets everything that earlier lines left.
    pub fn reset(&mut self) {
        self.state = RuleState::new(&self.rules);
        self.accumulator = Accumulator::default();
        self.last_lines = LastLines::default();
    }

    /// What was cut or forgotten for lack of room since the start.
    pub fn losses(&self) -> Losses {
        let mut losses = self.state.losses();
        losses.forgotten_combinations += self.accumulator.forgotten();
        losses.pattern_limit_hits = self.decoders.limit_hits() + self.rules.limit_hits();
        losses
    }

    fn analyse<'a>(
        &'a mut self,
        event: EventRef<'a>,
        now: Timestamp,
        decoder_trials: Option<&mut Vec<DecoderTrial>>,
        rule_trials: Option<&mut Vec<RuleTrial>>,
    ) -> Outcome<'a> {
        let Self { decoders, rules, prefilter, options, scratch, clean, state, accumulator, last_lines } = &mut *self;
        let is_clean = !options.strict_ossec || !has_control_bytes(event.line);
        let line = match is_clean {
            true if options.strict_ossec => event.line,
            true => event.line.strip_suffix(b"\r").unwrap_or(event.line),
            false => {
                clean.clear();
                clean.extend(event.line.iter().copied().filter(|byte| !byte.is_ascii_control()));
                clean
            }
        };
        let headers = if options.strict_ossec { Headers::StrictOssec } else { Headers::Modern };
        let found = predecode(line, headers);
        // Characters of other alphabets that fold to ASCII letters exist only in the strict mode.
        if options.strict_ossec && !found.log.is_ascii() {
            prefilter.pass_all(&mut scratch.seen);
        } else {
            prefilter.scan(found.log, &mut scratch.seen);
        }
        let hostname = found.hostname.unwrap_or(&options.default_hostname);
        let mut host_news = None;
        let decoded = match event.source.channel {
            Channel::Log => decoders.decode(&found, scratch, decoder_trials),
            channel => {
                scratch.fields.clear();
                if channel == Channel::HostInformation {
                    host_news = Some(state.host_news(found.log));
                }
                built_in(decoders, channel, found.log, host_news)
            }
        };
        let decoder_name = decoded.name.map_or("", |name| decoders.name(name));
        let as_daemon = options.is_strict_daemon();
        let dropped = match decoded.kind {
            _ if host_news == Some(HostNews::Same) => Some(Dropped::UnchangedHost),
            EventKind::Firewall if as_daemon && !dropped::is_complete(&scratch.fields, found.log) => {
                Some(Dropped::IncompleteFirewall)
            }
            EventKind::Syslog if as_daemon && last_lines.has(&event.source.location, line) => Some(Dropped::Repeated),
            _ => None,
        };
        let parts = Parts::of(line, &found);
        if dropped.is_some() {
            return self.outcome(event, now, is_clean, parts, Answer { decoded, dropped, judged: Judged::default() });
        }
        if decoded.kind == EventKind::Firewall && (as_daemon || !options.strict_ossec) {
            normalise_action(scratch, found.log);
        }
        if decoders.accumulates(&decoded) {
            accumulator.complete(hostname, decoder_name, found.log, &mut scratch.fields, now);
        }
        let rule_event = RuleEvent {
            full_log: line,
            log: found.log,
            log_offset: found.log_offset,
            hostname,
            program_name: found.program_name,
            seen: &scratch.seen,
            fields: &scratch.fields,
            decoder: decoded.name,
            decoder_name,
            kind: decoded.kind,
            fts: decoders.fts(&decoded),
            location: &event.source.location,
            now,
        };
        let judged = rules.judge(&rule_event, decoded.original_rule.map(RuleId), state, rule_trials);
        self.outcome(event, now, is_clean, parts, Answer { decoded, dropped, judged })
    }

    fn outcome<'a>(
        &'a self,
        event: EventRef<'a>,
        now: Timestamp,
        is_clean: bool,
        parts: Parts,
        answer: Answer,
    ) -> Outcome<'a> {
        let line = if is_clean { event.line } else { &self.clean };
        Outcome { engine: self, source: event.source, line, now, parts, answer }
    }
}

type Parse<T> = fn(&Arc<SourceFile>) -> (Vec<T>, Vec<Diagnostic>);

fn parse_all<T>(files: &[Arc<SourceFile>], parse: Parse<T>, diagnostics: &mut Vec<Diagnostic>) -> Vec<T> {
    let mut all = Vec::new();
    for file in files {
        let (definitions, problems) = parse(file);
        all.extend(definitions);
        diagnostics.extend(problems);
    }
    all
}

/// OSSEC deletes 0x00 to 0x1F and 0x7F from every line.
fn has_control_bytes(line: &[u8]) -> bool {
    line.iter().fold(false, |found, byte| found | byte.is_ascii_control())
}

/// Events of our own sensors are known by their first words.
fn built_in(decoders: &DecoderSet, channel: Channel, log: &[u8], host_news: Option<HostNews>) -> Decoded {
    let (name, kind) = match channel {
        Channel::HostInformation if host_news == Some(HostNews::New) => ("hostinfo_new", EventKind::Ossec),
        Channel::HostInformation => ("hostinfo_modified", EventKind::Ossec),
        Channel::Syscheck if log.starts_with(b"New file") => ("syscheck_new_entry", EventKind::Ossec),
        Channel::Syscheck if log.starts_with(b"File ") => ("syscheck_deleted", EventKind::Ossec),
        Channel::Syscheck => ("syscheck_integrity_changed", EventKind::Ossec),
        Channel::Rootcheck | Channel::Log => ("rootcheck", EventKind::Ossec),
    };
    let id: Option<NameId> = decoders.name_id(name);
    Decoded::built_in(id, kind)
}

/// Rules on packet filters see one of five words.
fn normalise_action(scratch: &mut Scratch, log: &[u8]) {
    let Some(action) = scratch.fields.value(FieldId::ACTION, log) else { return };
    let contains = |word: &[u8]| action.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    let word: &[u8] = match action.first().map(u8::to_ascii_lowercase) {
        Some(b'd' | b'r' | b'b') => b"DROP",
        Some(b'c' | b't') => b"CLOSED",
        Some(b'a' | b'p' | b'o') => b"ALLOW",
        _ if contains(b"drop") => b"DROP",
        _ if contains(b"accept") => b"ALLOW",
        _ => b"UNKNOWN",
    };
    scratch.fields.set_made(FieldId::ACTION, word);
}
