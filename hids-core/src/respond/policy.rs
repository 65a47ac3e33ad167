//! Configured responses, their bindings and timeouts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Level, RuleFacts, RuleId};
use crate::pattern::Pattern;

/// All enabled responses.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// In file order.
    pub responses: Vec<Response>,
    /// Block times of the second, third … offence.
    pub repeated_offenders: Vec<Duration>,
}

/// One enabled `<active-response>` with its `<command>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Name of the command.
    pub name: String,
    /// What it does.
    pub kind: ResponseKind,
    /// The `<executable>` in the response directory, whether it exists or not: active-responses.log names it,
    /// for native blocks too.
    pub executable: PathBuf,
    /// Fields that the event must have.
    pub expects: Vec<Expect>,
    /// Bound to rules of this level and above; of level, rules and group any suffices, none given never does.
    pub level: Option<Level>,
    /// Bound to these rules.
    pub rules: Vec<RuleId>,
    /// `<rules_group>`, an os_regex: bound to rules whose group string fits.
    pub group: Option<Arc<Pattern>>,
    /// How long it lasts; `None`: never undone.
    pub timeout: Option<Duration>,
}

/// What a response does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseKind {
    /// Blocks the address natively (firewall-drop, nftables-drop, firewalld-drop, host-deny, route-null, …).
    Block,
    /// Reloads the daemon's configuration (restart-ossec).
    Reload,
    /// Runs the executable at this absolute path.
    Program(PathBuf),
}

/// A field that a response needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// `srcip`.
    SourceAddress,
    /// `user`.
    User,
    /// `filename`.
    FileName,
}

impl Response {
    /// Whether it is bound to `rule`: any of level, number and group suffices, none given never does.
    pub fn is_bound_to(&self, rule: &RuleFacts) -> bool {
        rule.may_respond
            && rule.level > Level(0)
            && (self.level.is_some_and(|level| rule.level >= level)
                || self.rules.contains(&rule.id)
                || self.group.as_ref().is_some_and(|pattern| pattern.is_match(rule.group.as_bytes())))
    }

    /// Whether it needs `field`. A native block always needs the address.
    pub fn expects(&self, field: Expect) -> bool {
        self.expects.contains(&field) || (field == Expect::SourceAddress && self.kind == ResponseKind::Block)
    }
}

/// How long the n-th offence is answered.
///
/// `offence` counts from 1. The first lasts `base`, the second `steps[0]`, and after the last step
/// its value holds. Same as OSSEC `src/os_execd/execd.c`.
pub fn block_time(offence: u32, base: Duration, steps: &[Duration]) -> Duration {
    match (offence, steps.last()) {
        (0 | 1, _) | (_, None) => base,
        (_, Some(last)) => *steps.get(offence as usize - 2).unwrap_or(last),
    }
}
