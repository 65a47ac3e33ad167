//! Keys of a test section.

use std::sync::Arc;

use super::ini::{self, Entry, Section};
use super::news;
use crate::diag::{Diagnostic, SourceFile, Span, closest};
use crate::model::{Channel, Timestamp};

/// Where a line comes from, by what its key begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// `log 1 pass`: a log.
    Log,
    /// `file 1 pass`: news of file integrity.
    File,
    /// `rootcheck 1 pass`: the rootkit and policy check.
    Rootcheck,
    /// `host 1 pass`: a scan of open ports.
    Host,
}

impl Feed {
    const ALL: [Self; 4] = [Self::Log, Self::File, Self::Rootcheck, Self::Host];

    /// What keys of its lines begin with.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::File => "file ",
            Self::Rootcheck => "rootcheck ",
            Self::Host => "host ",
        }
    }

    /// The channel of its lines, and where they come from.
    pub(super) const fn source(self) -> (&'static str, Channel) {
        match self {
            Self::Log => ("test", Channel::Log),
            Self::File => ("syscheck", Channel::Syscheck),
            Self::Rootcheck => ("rootcheck", Channel::Rootcheck),
            Self::Host => ("hostinfo", Channel::HostInformation),
        }
    }
}

/// Most lines that one case feeds.
const MAX_REPEAT: usize = 10_000;

/// What can be expected of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `rule`: the id of the rule that wins; `none` or nothing: no rule.
    Rule,
    /// `alert`: its level, 0 without a rule.
    Level,
    /// `decoder`: name of the decoder in any case; `none` or nothing: no decoder.
    Decoder,
    /// `srcip`: the peer as the decoder found it; `none`: no peer.
    SrcIp,
    /// `user`: who was acted upon, else who acted; `none`: nobody.
    User,
    /// `blocks`: `yes` if a response bound to `<level>7</level>` would block the peer, else `no`.
    Blocks,
}

impl Key {
    const ALL: [Self; 6] = [Self::Rule, Self::Level, Self::Decoder, Self::SrcIp, Self::User, Self::Blocks];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Level => "alert",
            Self::Decoder => "decoder",
            Self::SrcIp => "srcip",
            Self::User => "user",
            Self::Blocks => "blocks",
        }
    }

    /// The value in the form in which answers have it, or what is wrong with it.
    fn normal(self, value: &str) -> Result<String, &'static str> {
        match self {
            Self::Rule if matches!(value, "" | "none") => Ok("none".into()),
            Self::Rule => number(value).ok_or("must be a rule id, or none"),
            Self::Level => number(value).ok_or("must be a level (in these files, `alert` is the level)"),
            Self::Blocks if matches!(value, "yes" | "no") => Ok(value.into()),
            Self::Blocks => Err("must be yes or no"),
            Self::Decoder | Self::SrcIp | Self::User if value.is_empty() => Ok("none".into()),
            Self::Decoder => Ok(value.to_ascii_lowercase()),
            Self::SrcIp | Self::User => Ok(value.into()),
        }
    }
}

fn number(value: &str) -> Option<String> {
    value.parse::<u32>().ok().map(|number| number.to_string())
}

/// Lines and what is expected of the last of them.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name of the section.
    pub section: String,
    /// The key of the lines, `log 1 pass`.
    pub name: String,
    /// Where the lines stand.
    pub span: Span,
    /// The lines, fed in order.
    pub lines: Vec<Vec<u8>>,
    /// Where the lines come from.
    pub feed: Feed,
    /// How often the lines are fed, with the number of the time, from 1, in place of `{n}`; the last answer counts.
    pub repeat: usize,
    /// Whether that was asked for: elsewhere `{n}` is a part of the line.
    pub is_repeated: bool,
    /// Whether all expectations are to hold (`pass`), or at least one is not (`fail`).
    pub passes: bool,
    expected: Vec<(Key, String)>,
}

impl Case {
    /// What is expected, in a fixed order; texts as [`Verdict`](super::Verdict) has them.
    pub fn expected(&self) -> impl Iterator<Item = (Key, &str)> {
        self.expected.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// What is expected of one thing, if anything is.
    pub fn expects(&self, key: Key) -> Option<&str> {
        self.expected().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// `FILE:LINE: [section] log 1 pass`.
    pub fn place(&self) -> String {
        let (line, _) = self.span.file.line_column(self.span.start);
        format!("{}:{line}: [{}] {}", self.span.file.name, self.section, self.name)
    }
}

/// The cases of `file`, and every problem found.
pub fn parse(file: &Arc<SourceFile>) -> (Vec<Case>, Vec<Diagnostic>) {
    let (sections, mut diagnostics) = ini::parse(file);
    let cases = sections.iter().flat_map(|section| cases(section, &mut diagnostics)).collect();
    (cases, diagnostics)
}

/// The expectations hold for all lines of a section, wherever in it they stand.
fn cases(section: &Section, diagnostics: &mut Vec<Diagnostic>) -> Vec<Case> {
    let mut expected: Vec<(Key, String)> = Vec::new();
    let (mut repeat, mut is_repeated) = (1, false);
    let mut logs: Vec<(&Entry, Feed, bool)> = Vec::new();
    for entry in &section.entries {
        let value = String::from_utf8_lossy(&entry.values[0]).into_owned();
        let key = Key::ALL.into_iter().find(|key| key.as_str() == entry.key);
        if let Some((feed, passes)) = line_key(&entry.key) {
            logs.push((entry, feed, passes));
            let is_news = |value: &Vec<u8>| news::notice(value, Timestamp::default()).is_some();
            if feed == Feed::File && !entry.values.iter().all(is_news) {
                let wants = format!("must be one of {}, followed by a path", news::WORDS.join(", "));
                diagnostics.push(bad_value(entry, &wants));
            }
        } else if entry.key == "repeat" {
            match value.parse() {
                Ok(number @ 1..=MAX_REPEAT) => (repeat, is_repeated) = (number, true),
                _ => diagnostics.push(bad_value(entry, "must be a number from 1 to 10000")),
            }
        } else if let Some(key) = key {
            match key.normal(&value) {
                Ok(value) => expect(&mut expected, key, value, entry, diagnostics),
                Err(why) => diagnostics.push(bad_value(entry, why)),
            }
        } else {
            diagnostics.push(unknown(entry));
        }
    }
    expected.sort();
    check(section, &expected, &logs, diagnostics);
    let case = |(entry, feed, passes): &(&Entry, Feed, bool)| Case {
        section: section.name.clone(),
        name: entry.key.clone(),
        span: entry.span.clone(),
        lines: entry.values.iter().map(|value| undoubled(value)).collect(),
        feed: *feed,
        repeat,
        is_repeated,
        passes: *passes,
        expected: expected.clone(),
    };
    logs.iter().map(case).collect()
}

/// `log 1 pass`, `log 2 fail`, `file 1 pass`; `None` if it is another key.
fn line_key(key: &str) -> Option<(Feed, bool)> {
    let (feed, rest) = Feed::ALL.iter().find_map(|feed| Some((*feed, key.strip_prefix(feed.prefix())?)))?;
    match (rest.ends_with("pass"), rest.ends_with("fail")) {
        (true, _) => Some((feed, true)),
        (_, true) => Some((feed, false)),
        _ => None,
    }
}

fn expect(
    expected: &mut Vec<(Key, String)>,
    key: Key,
    value: String,
    entry: &Entry,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if let Some(at) = expected.iter().position(|(known, _)| *known == key) {
        let message = format!("{} is given twice in this section; the last one is used", entry.key);
        diagnostics.push(Diagnostic::warning("T005", message).at(entry.key_span.clone()));
        expected.remove(at);
    }
    expected.push((key, value));
}

fn check(
    section: &Section,
    expected: &[(Key, String)],
    logs: &[(&Entry, Feed, bool)],
    diagnostics: &mut Vec<Diagnostic>,
) {
    if logs.is_empty() {
        let problem = Diagnostic::warning("T007", format!("[{}] has no log line", section.name));
        diagnostics.push(problem.at(section.span.clone()).help("add `log 1 pass = …` with a complete log line"));
    } else if expected.is_empty() {
        let problem = Diagnostic::error("T008", format!("[{}] has no expectation for its log lines", section.name));
        diagnostics.push(problem.at(section.span.clone()).help("add rule, alert (the level) and decoder"));
    }
}

fn bad_value(entry: &Entry, why: &str) -> Diagnostic {
    let found = String::from_utf8_lossy(&entry.values[0]);
    Diagnostic::error("T006", format!("{} {why}, found \"{found}\"", entry.key)).at(entry.span.clone())
}

fn unknown(entry: &Entry) -> Diagnostic {
    let known = Key::ALL.map(Key::as_str).into_iter().chain([
        "repeat",
        "log 1 pass",
        "log 1 fail",
        "file 1 pass",
        "rootcheck 1 pass",
        "host 1 pass",
    ]);
    let problem =
        Diagnostic::error("T004", format!("unknown key \"{}\" in a rule test", entry.key)).at(entry.key_span.clone());
    match closest(&entry.key, known) {
        Some(known) => problem.help(format!("did you mean {known}?")),
        None => problem.help(
            "supported: rule, alert, decoder, srcip, user, blocks, repeat, log N pass, log N fail, and file, \
                 rootcheck or host in place of log",
        ),
    }
}

/// Python's ini files need `%%` for a `%`. OSSEC's tests write the names of Cisco messages so
/// (`%%ASA-6-308001`); elsewhere two signs may be part of an attack, and stay.
fn undoubled(value: &[u8]) -> Vec<u8> {
    let doubled = memchr::memmem::find(value, b"%%").filter(|&at| {
        let name = &value[at + 2..];
        let length = name.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        length >= 2 && name[length..].first() == Some(&b'-')
    });
    match doubled {
        Some(at) => [&value[..at], &value[at + 1..]].concat(),
        None => value.to_vec(),
    }
}
