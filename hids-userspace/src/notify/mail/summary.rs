//! What a mail says before its evidence: the subject, what was done, and what happened.
//!
//! Hosts, paths and descriptions come from logs. They were made visible when the alert was spooled; here they are
//! shortened, so that they push nothing else out of sight.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use hids_core::model::{Level, RuleId, Timestamp};
use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::contracts::standing::{Standing, StandingBlock};
use crate::notify::spool::{MailEntry, Omitted};

/// Longest subject in bytes, as OSSEC's.
const SUBJECT_LIMIT_BYTES: usize = 127;
/// Columns of a line.
const WIDTH: usize = 76;
/// Rules that are named; of more only the number is given.
const MOST_RULES: usize = 30;
/// Addresses and files that are named for each rule.
const MOST_NAMED: usize = 5;
/// Addresses whose standing is given.
pub(super) const MOST_ADDRESSES: usize = 50;

/// One entry of the spool, without its text.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub level: Level,
    pub rule: RuleId,
    description: String,
    count: u64,
    source: Option<IpAddr>,
    path: Option<String>,
    host: String,
    others: BTreeSet<RuleId>,
    time: Timestamp,
}

impl Fact {
    pub(super) fn of(entry: &MailEntry) -> Self {
        Self {
            level: entry.level,
            rule: entry.rule,
            description: entry.description.clone(),
            count: entry.count,
            source: entry.source,
            path: entry.path.clone(),
            host: if entry.host.is_empty() { host_of(&entry.location) } else { entry.host.clone() },
            others: entry.others.iter().map(|other| other.rule).filter(|rule| *rule != entry.rule).collect(),
            time: Timestamp::from_unix_seconds(entry.epoch_seconds),
        }
    }
}

/// An entry of an earlier version has only `HOST->LOCATION`.
fn host_of(location: &str) -> String {
    location.split_once("->").map_or("", |(host, _)| host).to_owned()
}

/// The addresses that alerts are about, each once, those of the most serious alerts first.
pub(super) fn addresses(facts: &[Fact]) -> Vec<IpAddr> {
    let mut facts: Vec<&Fact> = facts.iter().collect();
    facts.sort_by_key(|fact| std::cmp::Reverse(fact.level));
    let mut addresses = Vec::new();
    for address in facts.iter().filter_map(|fact| fact.source) {
        if addresses.len() < MOST_ADDRESSES && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// `[hids] web1: 14 alerts, worst level 10: sshd: brute force from 203.0.113.66`, on one line of at most 127 bytes.
pub(super) fn subject(facts: &[Fact], omitted: &[Omitted]) -> String {
    let count = facts.iter().map(|fact| fact.count).chain(omitted.iter().map(|omitted| omitted.count)).sum::<u64>();
    let worst = facts.iter().reduce(|worst, fact| if fact.level > worst.level { fact } else { worst });
    let of_omitted = omitted.iter().max_by_key(|omitted| omitted.level);
    let Some(worst) = worst.filter(|fact| of_omitted.is_none_or(|omitted| omitted.level <= fact.level)) else {
        let (level, description) =
            of_omitted.map_or((Level(0), ""), |omitted| (omitted.level, omitted.description.as_str()));
        return ended(&format!("[hids] {count} alerts, worst level {level}: {description}"), SUBJECT_LIMIT_BYTES);
    };
    let host = ended(&worst.host, 40);
    let head = match count {
        1 => format!("[hids] {host}: level {}: ", worst.level),
        _ => format!("[hids] {host}: {count} alerts, worst level {}: ", worst.level),
    };
    let tail = match (worst.source, &worst.path) {
        (Some(source), _) => format!(" from {source}"),
        (None, Some(path)) => format!(": {}", ending(path, 40)),
        (None, None) => String::new(),
    };
    let room = SUBJECT_LIMIT_BYTES.saturating_sub(head.len() + tail.len());
    let description = worst.description.trim_end_matches('.');
    // The source follows.
    let same = worst.source.and(description.strip_suffix(" from the same source"));
    let description = same.unwrap_or(description);
    format!("{head}{}{tail}", ended(description, room))
}

/// What was done, or that it is not known; nothing when no alert is about an address.
pub(super) fn done(standings: Option<&[Standing]>, facts: &[Fact], now: Timestamp, zone: &TimeZone) -> String {
    let mut out = String::new();
    if addresses(facts).is_empty() {
        return out;
    }
    out.push_str("What was done\n\n");
    let Some(standings) = standings else {
        wrap(&mut out, "  ", "It is not known whether an address was blocked: the responder did not answer. See:");
        out.push_str("    hidsctl blocks list\n\n");
        return out;
    };
    let before = out.len();
    for Standing { address, block, never_blocked } in standings {
        match (block, never_blocked) {
            (Some(block), _) => {
                wrap(&mut out, "  ", &format!("{address} {}", blocked(block, now, zone)));
                let _ = writeln!(out, "    hidsctl unblock {address}");
            }
            (None, Some(why)) => wrap(&mut out, "  ", &format!("{address} is never blocked: {why}.")),
            (None, None) => {}
        }
    }
    if out.len() == before {
        out.push_str("  No address was blocked.\n");
    }
    out.push('\n');
    out
}

fn blocked(block: &StandingBlock, now: Timestamp, zone: &TimeZone) -> String {
    let until = match block.until {
        Some(until) => format!(" for {} until {}", span(until.since(block.since)), clock(until, now, zone)),
        None => " until it is removed".to_owned(),
    };
    match block.is_enforced {
        true => format!("is blocked{until}. Lift it with:"),
        false => format!(
            "is to be blocked{until}, but the kernel does not drop its packets: see problems in hidsctl status. \
             Lift it with:"
        ),
    }
}

/// The time of day when it is today's, with the offset.
fn clock(time: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let local = time.in_zone(zone);
    match local.date() == now.in_zone(zone).date() {
        true => local.strftime("%H:%M %:z").to_string(),
        false => local.strftime("%Y-%m-%d %H:%M %:z").to_string(),
    }
}

/// A duration in its two largest units.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (large, unit, small, part) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3600 => (seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => (seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => (seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    };
    if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {part}") }
}

/// Alerts of one rule.
struct Group<'a> {
    first: &'a Fact,
    count: u64,
    sources: Vec<String>,
    paths: Vec<String>,
    others: BTreeSet<RuleId>,
}

/// A line for each rule, the most serious first.
pub(super) fn happened(facts: &[Fact], zone: &TimeZone) -> String {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for fact in facts {
        let at = groups.iter().position(|group| group.first.rule == fact.rule).unwrap_or_else(|| {
            groups.push(Group { first: fact, count: 0, sources: vec![], paths: vec![], others: BTreeSet::new() });
            groups.len() - 1
        });
        let group = &mut groups[at];
        group.count += fact.count;
        group.others.extend(&fact.others);
        let source = fact.source.map(|source| source.to_string());
        let path = fact.path.as_ref().map(|path| ending(path, 60));
        for (all, one) in [(&mut group.sources, source), (&mut group.paths, path)] {
            all.extend(one.filter(|one| all.len() < 1000 && !all.contains(one)));
        }
    }
    groups.sort_by_key(|group| (std::cmp::Reverse((group.first.level, group.count)), group.first.rule));
    let count: u64 = groups.iter().map(|group| group.count).sum();
    let times = || facts.iter().map(|fact| fact.time);
    let (first, last) = (times().min().unwrap_or_default(), times().max().unwrap_or_default());
    let mut out = String::from("What happened\n\n");
    let first = first.local_text(zone);
    let line = match count {
        1 => format!("1 alert at {first}"),
        _ => format!("{count} alerts from {first} to {}", last.local_text(zone)),
    };
    wrap(&mut out, "  ", &line);
    for group in groups.iter().take(MOST_RULES) {
        let Fact { level, rule, description, .. } = group.first;
        wrap(&mut out, "  ", &format!("{}x level {level}, rule {rule}: {description}", group.count));
        named(&mut out, "from", &group.sources);
        named(&mut out, "file", &group.paths);
        let others: Vec<String> = group.others.iter().map(RuleId::to_string).collect();
        named(&mut out, "with alerts of rule", &others);
    }
    if let Some(more) = groups.len().checked_sub(MOST_RULES).filter(|more| *more > 0) {
        let _ = writeln!(out, "  and alerts of {more} more rules");
    }
    out.push('\n');
    out
}

fn named(out: &mut String, word: &str, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let mut text = format!("{word} {}", names[..names.len().min(MOST_NAMED)].join(", "));
    if let Some(more) = names.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        let _ = write!(text, " and {more} more");
    }
    wrap(out, "      ", &text);
}

/// Appends `text` in lines of at most [`WIDTH`] columns; a longer word has a line of its own.
fn wrap(out: &mut String, indent: &str, text: &str) {
    let mut column = 0;
    for word in text.split_whitespace() {
        let width = word.width();
        if column > 0 && column + 1 + width > WIDTH {
            out.push('\n');
            column = 0;
        }
        let before = if column == 0 { indent } else { " " };
        out.push_str(before);
        out.push_str(word);
        column += before.len() + width;
    }
    out.push('\n');
}

/// The beginning of `text`, at most so many bytes, with a mark when it is cut.
fn ended(text: &str, limit_bytes: usize) -> String {
    if text.len() <= limit_bytes {
        return text.to_owned();
    }
    let Some(mut end) = limit_bytes.checked_sub('…'.len_utf8()) else { return String::new() };
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text[..end].trim_end())
}

/// The end of `text`, which of a path says more.
fn ending(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut left = columns - 1;
    let start = text.char_indices().rev().find_map(|(at, char)| {
        let rest = left.checked_sub(char.width().unwrap_or(0));
        left = rest.unwrap_or(0);
        rest.is_none().then(|| at + char.len_utf8())
    });
    format!("…{}", &text[start.unwrap_or(0)..])
}

#[cfg(test)]
mod tests;
