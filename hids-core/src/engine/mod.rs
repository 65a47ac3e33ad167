//! The facade: a line goes in, what OSSEC's decoders and rules say of it comes out.
//!
//! `Engine::compile` reports every problem of a rule set in one run; `Engine::process` analyses
//! one line with the state that earlier lines left. Owns the order of the stages (pre-decoding,
//! decoding, accumulation, rules; `src/analysisd/analysisd.c`). Never: writes, blocks, mails.
//!
//! ```
//! use std::sync::Arc;
//!
//! use hids_core::diag::SourceFile;
//! use hids_core::engine::{Engine, EngineOptions, RulesetSources};
//! use hids_core::model::{Channel, EventRef, LogSource, Timestamp};
//!
//! let decoders = r#"<decoder name="door"><program_name>^doord</program_name></decoder>
//!     <decoder name="door-from"><parent>door</parent><regex>refused (\S+)</regex><order>srcip</order></decoder>"#;
//! let rules = r#"<group name="local,">
//!     <rule id="1" level="0" noalert="1"><category>syslog</category><description>all</description></rule>
//!     <rule id="100" level="5"><decoded_as>door</decoded_as><description>refused</description></rule>
//!     <rule id="110" level="10" frequency="2" timeframe="60"><if_matched_sid>100</if_matched_sid>
//!       <same_source_ip/><description>refused many times</description></rule></group>"#;
//! let sources = RulesetSources {
//!     decoders: vec![SourceFile::new("decoder.xml", decoders)],
//!     rules: vec![SourceFile::new("rules.xml", rules)],
//!     lists: Vec::new(),
//! };
//! let (engine, problems) = Engine::compile(&sources, EngineOptions::default());
//! let mut engine = engine.unwrap_or_else(|| panic!("{problems:?}"));
//!
//! let source = Arc::new(LogSource { location: "/var/log/door.log".into(), channel: Channel::Log });
//! let now = Timestamp::from_unix_seconds(1_800_000_000);
//! let line = b"Jan 15 08:00:00 gate doord[7]: refused 192.0.2.1";
//! let mut fired = Vec::new();
//! for _ in 0..4 {
//!     let outcome = engine.process(EventRef { source: &source, received: now, line, notice: None }, now);
//!     assert_eq!(outcome.source_ip(), Some(&b"192.0.2.1"[..]));
//!     fired.push(outcome.rule().expect("a rule").id.0);
//! }
//! // OSSEC counts two more than it is asked for.
//! assert_eq!(fired, [100, 100, 100, 110]);
//! ```

mod compiled;
mod dropped;
mod line_analysis;
mod memory;
mod message_cache;
mod options;
mod outcome;
mod parts;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use self::compiled::Compiled;
pub use self::dropped::{Dropped, OssecProgram};
use self::line_analysis::built_in;
pub use self::line_analysis::{Analyser, LineAnalysis};
use self::memory::{Memories, Memory};
pub use self::options::EngineOptions;
pub use self::outcome::{Explanation, Outcome};
use crate::decode::{self, DecoderSet, DecoderTrial, EventKind};
use crate::diag::{Diagnostic, SourceFile, Span, has_errors, limited};
use crate::model::{Channel, EventRef, RuleFacts, RuleId, Timestamp, UntrustedSender};
use crate::pattern::{PrefilterBuilder, Seen, Subject};
use crate::rules::{self, HostNews, ListTables, RuleEvent, RuleMatch};
pub use crate::rules::{ListSource, Losses, RuleTrial, SavedLogins, SavedState};

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

/// What is probably wrong with decoders and rules that load. [`Engine::compile`] does not look for
/// it, because it takes longer than a start should.
pub fn lint(sources: &RulesetSources, options: &EngineOptions) -> Vec<Diagnostic> {
    let of_rules = options.of_rules();
    let tables = ListTables::read(&sources.lists, &of_rules, &mut Vec::new());
    let mut diagnostics = rules::lint(&sources.decoders, &sources.rules, &tables, &of_rules);
    if !options.strict_ossec {
        diagnostics.extend(decode::lint(&sources.decoders, options.hardened_decoders));
    }
    limited(diagnostics)
}

/// Decoders and rules with the state that events leave.
pub struct Engine {
    analyser: Analyser,
    prepared: LineAnalysis,
    memories: Memories,
}

impl Engine {
    /// Reads and compiles everything. No engine when there is an error; all problems are reported
    /// either way, in the order of the files ([`limited`] where there are very many).
    pub fn compile(sources: &RulesetSources, options: EngineOptions) -> (Option<Self>, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let rule_options = options.of_rules();
        let subject = if options.strict_ossec { Subject::StrictUtf8 } else { Subject::Bytes };
        let mut prefilter = PrefilterBuilder::default();
        let mut definitions: Vec<_> =
            parse_all(&sources.decoders, |file| decode::parse(file, rule_options.reading()), &mut diagnostics);
        diagnostics.extend(definitions.iter().filter_map(|def| def.too_many_fields(options.decoder_order_size)));
        if options.is_strict_daemon() {
            definitions.iter_mut().for_each(decode::DecoderDef::lose_sonic_wall);
        }
        let mut decoders = DecoderSet::compile(&definitions, subject, &mut prefilter, &mut diagnostics);
        let tables = ListTables::read(&sources.lists, &rule_options, &mut diagnostics);
        let mut definitions = rules::definitions(&sources.rules, rule_options.reading(), &mut diagnostics);
        if !options.strict_ossec {
            rules::add_own_messages(&mut definitions);
        }
        decoders.want_fields(definitions.iter().flat_map(rules::RuleDef::field_names));
        let rules = rules::compile(definitions, &decoders, &tables, rule_options, &mut prefilter, &mut diagnostics);
        let diagnostics = limited(diagnostics);
        if has_errors(&diagnostics) {
            return (None, diagnostics);
        }
        let prefilter = prefilter.build();
        let mut all_literals = Seen::default();
        prefilter.pass_all(&mut all_literals);
        let peers = (!options.strict_ossec).then(|| decode::PeerGuard::new(&decoders, options.hardened_decoders));
        let compiled = Arc::new(Compiled { decoders, peers, rules, prefilter, all_literals, options });
        let memories = Memories::new(&compiled);
        let engine = Self { analyser: Analyser::new(compiled), prepared: LineAnalysis::default(), memories };
        (Some(engine), diagnostics)
    }

    /// Analyses one line. `now` is the time that time windows and `<time>` use: the time of
    /// receipt, or the line's own when old files are replayed.
    ///
    /// Allocates nothing for a line that raises no alert, once its program and message have come twice.
    pub fn process<'a>(&'a mut self, event: EventRef<'a>, now: Timestamp) -> Outcome<'a> {
        self.analyse(event, None, now, None, None)
    }

    /// As [`process`](Self::process), of a line whose sender is not confirmed to be the program that it names: what
    /// it leaves behind counts only for others like it. The strict mode knows no such difference.
    pub fn process_untrusted<'a>(
        &'a mut self,
        event: EventRef<'a>,
        sender: &'a Arc<UntrustedSender>,
        now: Timestamp,
    ) -> Outcome<'a> {
        self.analyse(event, Some(sender), now, None, None)
    }

    /// As [`process`](Self::process), with every decoder and rule that was tried.
    pub fn explain<'a>(&'a mut self, event: EventRef<'a>, now: Timestamp) -> (Outcome<'a>, Explanation) {
        let mut explanation = Explanation::default();
        let Explanation { decoders, rules } = &mut explanation;
        let outcome = self.analyse(event, None, now, Some(decoders), Some(rules));
        (outcome, explanation)
    }

    /// Facts of all rules in load order.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<RuleFacts>> {
        self.compiled().rules.facts()
    }

    /// How many rules there are.
    pub fn rule_count(&self) -> usize {
        self.compiled().rules.facts().count()
    }

    /// Every decoder as written, in load order: its name, its place, whether it extracts the peer's address. A child
    /// of several parents comes once for each.
    pub fn decoders(&self) -> impl Iterator<Item = (&Arc<str>, &Span, bool)> {
        self.compiled().decoders.written()
    }

    /// How many decoders there are.
    pub fn decoder_count(&self) -> usize {
        self.compiled().decoders.len()
    }

    /// The part of the state that outlives a restart.
    pub fn state(&self) -> SavedState {
        self.memories.save()
    }

    /// How often that part has changed since the start, so that it is only saved when it did.
    pub fn state_changes(&self) -> u64 {
        self.memories.changes()
    }

    /// Puts the state of an earlier run back.
    pub fn restore_state(&mut self, saved: &SavedState) {
        let Self { analyser, memories, .. } = self;
        memories.restore(saved, &analyser.compiled);
    }

    /// Forgets everything that earlier lines left.
    pub fn reset(&mut self) {
        self.memories = Memories::new(self.compiled());
    }

    /// What was cut or forgotten for lack of room since the start.
    pub fn losses(&self) -> Losses {
        let mut losses = self.memories.losses();
        losses.addresses_not_taken = self.compiled().peers.as_ref().map_or(0, decode::PeerGuard::not_taken);
        losses.pattern_limit_hits = self.compiled().decoders.limit_hits() + self.compiled().rules.limit_hits();
        losses
    }

    /// An engine of the same rules without any memory, to try what lines would lead to.
    pub fn fresh(&self) -> Self {
        let memories = Memories::new(self.compiled());
        Self { analyser: self.analyser(), prepared: LineAnalysis::default(), memories }
    }

    /// Does the part of the analysis that depends on nothing but the line: several threads can,
    /// each with an analyser of its own.
    pub fn analyser(&self) -> Analyser {
        Analyser::new(Arc::clone(&self.analyser.compiled))
    }

    /// The rest of the analysis of an event that [`Analyser::prepare`] has prepared. Events must come
    /// in their order: what they leave counts for those after them.
    pub fn finish<'a>(
        &'a mut self,
        event: EventRef<'a>,
        now: Timestamp,
        prepared: &'a mut LineAnalysis,
    ) -> Outcome<'a> {
        let Self { analyser, memories, .. } = self;
        Finish { compiled: &analyser.compiled, sender: None }.run(event, now, prepared, memories, None)
    }

    fn compiled(&self) -> &Compiled {
        &self.analyser.compiled
    }

    fn analyse<'a>(
        &'a mut self,
        event: EventRef<'a>,
        sender: Option<&'a Arc<UntrustedSender>>,
        now: Timestamp,
        decoder_trials: Option<&mut Vec<DecoderTrial>>,
        rule_trials: Option<&mut Vec<RuleTrial>>,
    ) -> Outcome<'a> {
        let Self { analyser, prepared, memories } = self;
        analyser.run(event, prepared, decoder_trials);
        let compiled = &*analyser.compiled;
        let sender = sender.filter(|_| !compiled.options.strict_ossec);
        Finish { compiled, sender }.run(event, now, prepared, memories, rule_trials)
    }
}

/// Accumulation and rules: all that depends on earlier events.
struct Finish<'a> {
    compiled: &'a Compiled,
    sender: Option<&'a Arc<UntrustedSender>>,
}

impl<'a> Finish<'a> {
    fn run(
        self,
        event: EventRef<'a>,
        now: Timestamp,
        prepared: &'a mut LineAnalysis,
        memories: &'a mut Memories,
        trials: Option<&mut Vec<RuleTrial>>,
    ) -> Outcome<'a> {
        #[cfg(feature = "faults")]
        crate::faults::strike("rules", event.line);
        let Compiled { decoders, rules, options, .. } = self.compiled;
        let Memory { rules: state, accumulator, last_lines } = memories.of(self.sender, self.compiled);
        let line = if prepared.is_clean { event.line } else { &prepared.clean };
        let log = &line[prepared.parts.log.clone()];
        let part = |range: &Option<Range<usize>>| range.clone().map(|range| &line[range]);
        let hostname = part(&prepared.parts.hostname).unwrap_or(&options.default_hostname);
        let mut dropped = prepared.dropped;
        if event.source.channel == Channel::HostInformation {
            let news = state.host_news(log);
            prepared.decoded = built_in(decoders, Channel::HostInformation, log, Some(news));
            dropped = (news == HostNews::Same).then_some(Dropped::UnchangedHost);
        }
        let decoded = prepared.decoded;
        let decoder_name = decoded.name.map_or("", |name| decoders.name(name));
        if options.is_strict_daemon()
            && decoded.kind == EventKind::Syslog
            && last_lines.has(&event.source.location, line)
        {
            dropped = Some(Dropped::Repeated);
        }
        let mut matched = RuleMatch::default();
        if dropped.is_none() {
            if decoders.accumulates(&decoded) {
                accumulator.complete(hostname, decoder_name, log, &mut prepared.fields, now);
            }
            let rule_event = RuleEvent {
                full_log: line,
                log,
                log_offset: prepared.parts.log.start,
                hostname,
                program_name: part(&prepared.parts.program_name),
                seen: prepared.seen(self.compiled),
                fields: &prepared.fields,
                // Of a known message it is known already which rules are left.
                is_common_url: prepared.known.is_none() && rules.is_common_url(&prepared.fields, log),
                decoder: decoded.name,
                decoder_name,
                kind: decoded.kind,
                fts: decoders.fts(&decoded),
                location: &event.source.location,
                now,
            };
            let candidates = prepared.known.as_ref().map(|known| &known.candidates);
            matched = rules::evaluate(rules, &rule_event, decoded.original_rule.map(RuleId), state, trials, candidates);
        }
        let EventRef { source, notice, .. } = event;
        let Self { compiled, sender: untrusted } = self;
        Outcome { compiled, state, prepared, source, line, notice, untrusted, now, dropped, matched }
    }
}

fn parse_all<T>(
    files: &[Arc<SourceFile>],
    parse: impl Fn(&Arc<SourceFile>) -> (Vec<T>, Vec<Diagnostic>),
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<T> {
    let mut all = Vec::new();
    for file in files {
        let (definitions, problems) = parse(file);
        all.extend(definitions);
        diagnostics.extend(problems);
    }
    all
}
