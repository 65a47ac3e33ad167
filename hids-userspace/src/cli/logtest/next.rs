//! What would follow from a line: tried out with the engine and the planner, not guessed.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use hids_core::engine::{Engine, Outcome};
use hids_core::model::{AlertId, EventRef, Level, LogSource, RuleId, Timestamp};
use hids_core::respond::{Action, MachineAddresses, Planner, Policy, ProtectedSet};
use hids_core::rules::Catalogue;
use serde_json::{Value, json};

use crate::cli::output;
use crate::config::Config;
use crate::respond;

/// Lines before the one in hand that count again when it is repeated.
const MOST_LINES: usize = 500;
/// How often a line is repeated until something follows.
const MOST_REPEATS: u32 = 100;

/// What would follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing is recorded, for this reason.
    NoAlert(String),
    /// The source can never be blocked, for this reason.
    NeverBlocked(String, String),
    /// The source would be blocked.
    Block {
        address: IpAddr,
        /// How many more such lines it takes.
        after: u32,
        /// Within how many seconds they must come, where the rule counts.
        within_seconds: Option<u32>,
        /// `None`: until it is removed.
        seconds: Option<u64>,
        response: String,
        rule: RuleId,
        level: Level,
    },
    /// A program would run.
    Run(String),
}

/// Tries lines out.
pub(super) struct Forecast {
    catalogue: Catalogue,
    default_timeframe_seconds: u64,
    record_level: Level,
    policy: Policy,
    protected: ProtectedSet,
    engine: Engine,
    lines: VecDeque<(Timestamp, Vec<u8>)>,
}

impl Forecast {
    pub(super) fn new(config: &Config, engine: &Engine, catalogue: Catalogue) -> Self {
        Self {
            catalogue,
            default_timeframe_seconds: config.analysis.default_timeframe.as_secs(),
            record_level: config.analysis.record_level,
            policy: respond::policy(&config.respond),
            protected: respond::protected(&config.respond, MachineAddresses::default()),
            engine: engine.fresh(),
            lines: VecDeque::new(),
        }
    }

    /// What follows from a line with this outcome.
    pub(super) fn of(&mut self, outcome: &Outcome<'_>, event: EventRef<'_>) -> Vec<Next> {
        let mut next: Vec<Next> = self.no_alert(outcome).into_iter().collect();
        let source = outcome.source_ip().map(output::visible);
        let address = source.as_deref().and_then(|source| source.parse::<IpAddr>().ok());
        let now = self.actions(outcome, event.received);
        let is_answered = now.iter().any(|next| matches!(next, Next::Block { .. }));
        next.extend(now);
        if let Some(reason) = address.and_then(|address| self.protected.protects(address)) {
            next.push(Next::NeverBlocked(source.unwrap_or_default(), reason.to_string()));
        } else if address.is_some() && !is_answered {
            next.extend(self.repeated(event));
        }
        if self.lines.len() == MOST_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back((event.received, event.line.to_vec()));
        next
    }

    fn no_alert(&self, outcome: &Outcome<'_>) -> Option<Next> {
        if outcome.is_recorded() {
            return None;
        }
        let why = match outcome.rule() {
            None => "no rule matches".to_owned(),
            Some(rule) if rule.level == Level(0) => format!("rule {} has level 0", rule.id),
            Some(_) if outcome.is_ignored() => "a rule ignores repeated events (ignore or if_fts)".to_owned(),
            Some(rule) if rule.level < self.record_level => {
                format!("level {} is below <log_alert_level> {}", rule.level, self.record_level)
            }
            Some(rule) => format!("option no_log of rule {}", rule.id),
        };
        Some(Next::NoAlert(why))
    }

    /// What a planner without any memory does about it.
    fn actions(&self, outcome: &Outcome<'_>, now: Timestamp) -> Vec<Next> {
        let Some(alert) =
            outcome.to_alert(AlertId { epoch_seconds: now.unix_seconds(), sequence: 1 }).filter(|_| outcome.is_alert())
        else {
            return Vec::new();
        };
        let mut planner = Planner::new(self.policy.clone(), self.protected.clone());
        let actions = planner.plan(&alert, now);
        actions
            .into_iter()
            .filter_map(|action| match action {
                Action::Block(block) => Some(Next::Block {
                    address: block.address,
                    after: 0,
                    within_seconds: None,
                    seconds: block.expires.map(|until| until.since(block.since).as_secs()),
                    response: block.response,
                    rule: alert.rule.id,
                    level: alert.rule.level,
                }),
                Action::Run(call) => Some(Next::Run(call.program)),
                _ => None,
            })
            .collect()
    }

    /// The nearest block when the same line comes again and again, after all lines before it.
    fn repeated(&mut self, event: EventRef<'_>) -> Option<Next> {
        if !self.policy.responses.iter().any(|response| response.kind == hids_core::respond::ResponseKind::Block) {
            return None;
        }
        let mut engine = self.engine.fresh();
        let source: &Arc<LogSource> = event.source;
        for (received, line) in &self.lines {
            engine.process(EventRef { source, received: *received, line, notice: None }, *received);
        }
        engine.process(event, event.received);
        (1..=MOST_REPEATS).find_map(|repeat| {
            let outcome = engine.process(event, event.received);
            let block =
                self.actions(&outcome, event.received).into_iter().find(|next| matches!(next, Next::Block { .. }));
            match block? {
                Next::Block { address, seconds, response, rule, level, .. } => {
                    let within_seconds = self.timeframe(rule);
                    Some(Next::Block { address, after: repeat, within_seconds, seconds, response, rule, level })
                }
                _ => None,
            }
        })
    }

    /// The time window of a rule, if it counts.
    fn timeframe(&self, rule: RuleId) -> Option<u32> {
        let counts = self.catalogue.rule(rule)?.counts.as_ref()?;
        let default = u32::try_from(self.default_timeframe_seconds).unwrap_or(u32::MAX);
        Some(counts.timeframe_seconds.unwrap_or(default))
    }
}

impl Next {
    /// As a person reads it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::NoAlert(why) => format!("no alert: {why}"),
            Self::NeverBlocked(source, why) => format!("{source} is never blocked: {why}"),
            Self::Run(program) => format!("would run {}", output::visible(program.as_bytes())),
            Self::Block { address, after, within_seconds, seconds, response, rule, level } => {
                let until = seconds
                    .map_or_else(|| "until removed".into(), |seconds| format!("for {}", output::duration(seconds)));
                let by = format!("(response {}, rule {rule}, level {level})", output::visible(response.as_bytes()));
                let lines = match after {
                    0 => String::new(),
                    number => format!(" after {}", output::count(u64::from(*number), "more such line")),
                };
                let within = within_seconds.map_or_else(String::new, |seconds| format!(" within {seconds} s"));
                format!("would block {address} {until}{lines}{within} {by}")
            }
        }
    }

    /// As a program reads it.
    pub(super) fn to_json(&self) -> Value {
        let text = self.text();
        match self {
            Self::NoAlert(why) => json!({ "kind": "no_alert", "reason": why, "text": text }),
            Self::NeverBlocked(_, why) => json!({ "kind": "never_blocked", "reason": why, "text": text }),
            Self::Run(program) => json!({ "kind": "run", "program": program, "text": text }),
            Self::Block { address, after, within_seconds, seconds, response, rule, level } => json!({
                "kind": "block", "address": address, "lines_more": after, "within_seconds": within_seconds,
                "seconds": seconds, "response": response, "rule": rule, "level": level, "text": text,
            }),
        }
    }
}
