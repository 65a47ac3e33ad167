//! Decisions of the planner: plain values to execute, store and show.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::protected::NeverBlockReason;
use crate::model::{AlertId, Doubt, RuleId, Timestamp};

/// One decision.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The address is to be blocked as stated, whatever was stated before.
    Block(Block),
    /// The clock was set: the times of a block that goes on are stated anew; what is left is the same.
    Retime(Block),
    /// The address is no longer to be blocked.
    Unblock {
        /// What was blocked.
        block: Block,
        /// Why it ends.
        cause: EndCause,
    },
    /// A program is to run.
    Run(ProgramCall),
    /// A program that has run is to be undone later than was planned.
    Prolong(ProgramHold),
    /// Something was asked for and must not be done.
    Refused(Refused),
}

/// How many addresses are blocked at most: a forged log must not fill the kernel's memory.
pub const MAX_BLOCKS: usize = 1_000_000;

/// An address that is to be blocked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// In canonical form.
    pub address: IpAddr,
    /// When the block began.
    pub since: Timestamp,
    /// When `expires` was last set.
    pub updated: Timestamp,
    /// When it ends; `None`: when someone removes it.
    pub expires: Option<Timestamp>,
    /// The how manieth block of this address, from 1. 0 when an administrator asked for it.
    pub offence: u32,
    /// The alert that caused it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alert: Option<AlertId>,
    /// The rule that caused it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<RuleId>,
    /// Name of the `<command>`, or `manual`.
    pub response: String,
    /// The rule's description, or what the administrator gave as a reason.
    pub reason: String,
}

/// Why a block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// Its time is up.
    Expired,
    /// An administrator removed it.
    Removed,
    /// There was no room for a new one, and of all blocks this one ended first.
    Evicted,
    /// The address has become protected.
    Protected(NeverBlockReason),
}

/// `add` or `delete`: the first argument of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Do it.
    Add,
    /// Undo it.
    Delete,
}

impl Verb {
    /// The argument.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Delete => "delete",
        }
    }
}

/// What stands in the place of a program in calls that reload the daemon's configuration.
pub const RELOAD: &str = "reload of hidsd";

/// One run of the executable of a custom `<command>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramCall {
    /// Absolute path of the executable.
    pub program: String,
    /// Do or undo.
    pub verb: Verb,
    /// User, or `-`.
    pub user: String,
    /// Address (or host name), or `-`.
    pub ip: String,
    /// The alert.
    pub alert: AlertId,
    /// The rule.
    pub rule: RuleId,
    /// Where the line came from.
    pub location: String,
    /// File name, or `-`. Any bytes but NUL.
    pub file_name: Vec<u8>,
}

impl ProgramCall {
    /// The arguments in OSSEC's order (`src/os_execd/execd.c`): verb, user, address, alert, rule,
    /// location, file name.
    ///
    /// OSSEC splits its message at blanks, so that a blank in the location moves what follows; here
    /// each value is one argument.
    pub fn arguments(&self) -> [Vec<u8>; 7] {
        [
            self.verb.as_str().into(),
            self.user.clone().into_bytes(),
            self.ip.clone().into_bytes(),
            self.alert.to_string().into_bytes(),
            self.rule.to_string().into_bytes(),
            self.location.clone().into_bytes(),
            self.file_name.clone(),
        ]
    }

    /// What names the thing that this call does or undoes.
    pub fn key(&self) -> ProgramKey {
        let subject = if self.ip == "-" { &self.user } else { &self.ip };
        ProgramKey { program: self.program.clone(), subject: subject.clone() }
    }
}

/// A program and whom it was run against.
///
/// OSSEC compares program and address only, so that of two users without an address (`-`) only the
/// first is locked; here the user counts when there is no address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProgramKey {
    /// Absolute path of the executable.
    pub program: String,
    /// Address, or user when there is none.
    pub subject: String,
}

/// A program that has run and must run again with `delete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramHold {
    /// The call that undoes it.
    pub undo: ProgramCall,
    /// When.
    pub due: Timestamp,
}

/// Whose offences are counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OffenceKey {
    /// Of an address that was blocked natively.
    Address(IpAddr),
    /// Of whom a program was run against.
    Program(ProgramKey),
}

/// How often someone was acted against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offence {
    /// How often, from 1.
    pub count: u32,
    /// When last.
    pub last: Timestamp,
}

/// Something that must not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The text of the address or user as the log had it, at most 256 bytes, control bytes escaped.
    pub subject: String,
    /// The address of the event's source, if its text is one or holds one.
    pub address: Option<IpAddr>,
    /// Why.
    pub refusal: Refusal,
    /// The alert.
    pub alert: Option<AlertId>,
    /// The rule.
    pub rule: Option<RuleId>,
    /// Name of the `<command>`.
    pub response: String,
}

/// Why something must not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The address is protected.
    #[error("{0}")]
    NeverBlock(NeverBlockReason),
    /// A `<white_list>` host name.
    #[error("the name is in <white_list>")]
    WhiteListedName,
    /// The field holds bytes that no address or user name has.
    #[error("the {0} in the log contains invalid characters (possible log injection)")]
    UncleanField(ExpectedField),
    /// The source is a name; only addresses can be blocked.
    #[error("the source is not an address")]
    NotAnAddress,
    /// The journal does not confirm that the line comes from the program that it names.
    #[error("the journal does not confirm the sender of the line, which any local user could forge: {0}")]
    UntrustedSender(Doubt),
    /// The rule has the option `no_ar`, or `accuracy="0"`.
    #[error("the rule does not allow responses (option no_ar, or accuracy 0)")]
    NoResponse,
    /// There are too many blocks already, and none of them may end for another.
    #[error("the maximum of {} blocked addresses is reached, and all were blocked manually", MAX_BLOCKS)]
    Full,
    /// A duration of nought.
    #[error("a block of 0 seconds has no effect; omit the timeout to block until removed")]
    EndsAtOnce,
}

/// Names a field in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedField {
    /// `srcip`.
    SourceAddress,
    /// `user`.
    User,
    /// `filename`.
    FileName,
}

impl std::fmt::Display for ExpectedField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SourceAddress => "source address",
            Self::User => "user name",
            Self::FileName => "file name",
        })
    }
}
