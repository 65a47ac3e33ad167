//! What the screen asks of the world around it, and what comes back: plain values.

use std::net::IpAddr;

use hids_core::model::{AlertId, Timestamp};
use serde_json::Value;

use super::facts::moment;
use crate::cli::output;
use crate::fim::protocol::{ListItem, PathText};
use crate::respond::BlockView;

/// A question to the daemon or to the files of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// What the daemon is doing.
    Status,
    /// Who is blocked.
    Blocks,
    /// Which files have changed.
    Changes,
    /// What changed last in a file, and who did it.
    LastChange(PathText),
    /// The history of a file, as a text.
    History(PathText),
    /// Why an address is blocked, as a text.
    Why(IpAddr),
    /// An alert that is not held whole, as a text.
    Alert {
        /// Its name.
        id: Option<AlertId>,
        /// When it was recorded.
        time: Timestamp,
    },
    /// A rule, as a text.
    Rule(u32),
    /// What the rules make of a log line, as a text.
    Line(String),
    /// Nothing; the rules are read again before the next line.
    ForgetRules,
    /// Something is to be done.
    Act(Act),
}

/// Something that changes the state of the daemon; each is a command, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// `hidsctl unblock`
    Unblock(IpAddr),
    /// `hidsctl blocks add`
    Block {
        /// Whom.
        address: IpAddr,
        /// For how long; `None` = until removed.
        seconds: Option<u64>,
    },
    /// `hidsctl fim accept`
    Accept(PathText),
    /// Never to block an address.
    Allow(IpAddr),
    /// No further alerts of a rule.
    Silence(u32),
}

impl Act {
    /// As a question that `y` answers.
    pub(super) fn question(&self) -> String {
        match self {
            Self::Unblock(address) => format!("unblock {address}?"),
            Self::Block { address, seconds: None } => format!("block {address} until removed?"),
            Self::Block { address, seconds: Some(seconds) } => {
                format!("block {address} for {}?", output::duration(*seconds))
            }
            Self::Accept(path) => format!("accept the changes of {}?", output::visible(path.as_bytes())),
            Self::Allow(address) => format!("never block {address}?"),
            Self::Silence(rule) => format!("silence rule {rule}?"),
        }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// The daemon's status.
    Status(Box<Value>),
    /// The first blocks, and how many there are.
    Blocks(Vec<BlockView>, usize),
    /// The first changed files, and whether there are more.
    Changes(Vec<ListItem>, bool),
    /// What changed last, and who did it.
    LastChange(LastChange),
    /// A text for people, safe for a terminal.
    Text(String),
    /// It was done; what a command would print.
    Done(String),
}

/// The newest change of a file in short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LastChange {
    /// When.
    pub time: Option<Timestamp>,
    /// `size, content`; empty for a new or deleted file.
    pub what: String,
    /// `vim (root)`; empty when not known.
    pub who: String,
}

impl LastChange {
    /// Reads the newest piece of a file's history.
    pub(super) fn of(time: &str, notice: &Value) -> Self {
        const PARTS: [(&str, &str); 7] = [
            ("kind", "kind"),
            ("size", "size"),
            ("sha256", "content"),
            ("perm", "mode"),
            ("owner", "owner"),
            ("gowner", "group"),
            ("link", "target"),
        ];
        let notice = notice.get("SyscheckFile").unwrap_or(notice);
        let differs = |name: &str| {
            let (before, after) = (&notice[format!("{name}_before")], &notice[format!("{name}_after")]);
            !before.is_null() && !after.is_null() && before != after
        };
        let what: Vec<&str> = PARTS.iter().filter(|(key, _)| differs(key)).map(|(_, name)| *name).collect();
        Self { time: moment(time), what: what.join(", "), who: who(&notice["who"]) }
    }
}

fn who(who: &Value) -> String {
    let program = who["executable"].as_str().map(|path| path.rsplit('/').next().unwrap_or(path).to_owned());
    let uid = who["login_uid"].as_u64().or_else(|| who["uid"].as_u64()).map(|uid| format!("uid {uid}"));
    match (program, uid) {
        (Some(program), Some(uid)) => format!("{program} ({uid})"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => String::new(),
    }
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// What a command would print.
    pub text: String,
    /// Whether the daemon does not run.
    pub is_not_running: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_change_is_shown_in_a_few_words() {
        let notice = json!({
            "event": "modified", "size_before": 1, "size_after": 2, "perm_before": 420, "perm_after": 420,
            "sha256_before": "a", "sha256_after": "b", "inode_before": 1, "inode_after": 2,
            "who": { "executable": "/usr/bin/vim", "uid": 0, "login_uid": 1000 },
        });
        let change = LastChange::of("2026-11-25T12:00:00Z", &notice);
        assert_eq!((change.what.as_str(), change.who.as_str()), ("size, content", "vim (uid 1000)"));
        assert_eq!(change.time, Some(Timestamp::from_unix_seconds(1_795_608_000)));
        assert_eq!(LastChange::of("", &Value::Null), LastChange::default());
    }
}
