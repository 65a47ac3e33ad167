//! What an administrator configured: responses, what they are bound to, how long they last.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Level, RuleFacts, RuleId};

/// Tells whether a rule's group string fits (`<rules_group>`, an os_regex).
pub type GroupTest = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// All enabled responses.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// In file order.
    pub responses: Vec<Response>,
    /// Block times of the second, third … offence.
    pub repeated_offenders: Vec<Duration>,
}

/// One enabled `<active-response>` with its `<command>`.
#[derive(Clone)]
pub struct Response {
    /// Name of the command.
    pub name: String,
    /// What it does.
    pub kind: ResponseKind,
    /// Fields that the event must have.
    pub expects: Vec<Expect>,
    /// Bound to rules of this level and above.
    pub level: Option<Level>,
    /// Bound to these rules.
    pub rules: Vec<RuleId>,
    /// Bound to rules whose group string fits.
    pub group: Option<GroupTest>,
    /// How long it lasts; `None`: never undone.
    pub timeout: Option<Duration>,
}

/// What a response does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseKind {
    /// Blocks the address natively.
    Block,
    /// Runs the executable at this absolute path.
    Program(String),
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
                || self.group.as_ref().is_some_and(|fits| fits(&rule.group)))
    }

    /// Whether it needs `field`. A native block always needs the address.
    pub fn expects(&self, field: Expect) -> bool {
        self.expects.contains(&field) || (field == Expect::SourceAddress && self.kind == ResponseKind::Block)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
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
