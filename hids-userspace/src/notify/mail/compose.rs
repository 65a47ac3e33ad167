//! The mail itself.

use std::net::IpAddr;

use hids_core::model::Timestamp;
use hids_core::render::header_text;
use jiff::tz::TimeZone;
use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, SinglePart};

use super::route::Routes;
use super::summary::{self, Fact};
use crate::contracts::standing::Standing;
use crate::notify::spool::{MailEntry, Omitted};

/// Name shown beside the sender's address, as OSSEC's.
const DISPLAY_NAME: &str = "OSSEC HIDS";

/// Longest text of a mail. Alerts that do not fit are counted per rule; the most serious go first
/// into what fits, and the first of them is shown cut off rather than not at all.
///
/// A mail is read by people: some hundred alerts.
pub(super) const TEXT_LIMIT_BYTES: usize = 100 * 1024;

/// What a mail is made of.
#[derive(Debug)]
pub(super) struct Content {
    /// Subject of the most serious alert (the first of several).
    pub subject: String,
    /// The alerts' texts one after another.
    pub text: String,
    /// Names the mail: the first alert's number and time.
    pub first: (i64, u64),
    /// Which mail of its group it is.
    pub part: usize,
}

impl Content {
    /// `TIME.NUMBER` of its first alert, and for a further mail of the same group `.PART`.
    pub(super) fn name(&self) -> String {
        let (epoch, sequence) = self.first;
        match self.part {
            0 => format!("{epoch}.{sequence}"),
            part => format!("{epoch}.{sequence}.{part}"),
        }
    }
}

/// What a mail looks like, with what only one of its layouts needs.
pub(super) enum Layout<'a> {
    /// OSSEC's.
    Ossec,
    /// What was done and what happened before OSSEC's texts.
    Summary {
        /// Asked about the addresses of the alerts.
        standings: &'a dyn Fn(Vec<IpAddr>) -> Option<Vec<Standing>>,
        /// The present moment.
        now: Timestamp,
        /// Zone of the times.
        zone: &'a TimeZone,
    },
}

/// Puts `entries` (in order) together, with what a full spool left out.
///
/// `shown` says which of them are given in full; the others are counted.
pub(super) fn content(
    entries: impl Iterator<Item = (MailEntry, bool)>,
    omitted_before: &[Omitted],
    layout: &Layout<'_>,
) -> Content {
    let mut omitted = omitted_before.to_vec();
    let mut content = Content { subject: String::new(), text: String::new(), first: (0, 0), part: 0 };
    let (mut highest, mut facts) = (None, Vec::new());
    for (number, (entry, is_shown)) in entries.enumerate() {
        if number == 0 {
            content.first = (entry.epoch_seconds, entry.alert_number());
        }
        facts.push(Fact::of(&entry));
        if highest.is_none_or(|highest| entry.level > highest) {
            highest = Some(entry.level);
            content.subject.clone_from(&entry.subject);
        }
        if is_shown {
            push_body(&mut content.text, &entry.body);
        } else {
            Omitted::count(&mut omitted, entry.rule, entry.level, &entry.description);
        }
    }
    if let Layout::Summary { standings, now, zone } = layout {
        content.subject = summary::subject(&facts, omitted_before);
        let addresses = summary::addresses(&facts);
        let standings = if addresses.is_empty() { None } else { standings(addresses) };
        let done = summary::done(standings.as_deref(), &facts, *now, zone);
        let happened = if facts.is_empty() { String::new() } else { summary::happened(&facts, zone) };
        content.text = format!("{done}{happened}Evidence\n{}", content.text);
    }
    push_omitted(&mut content.text, omitted);
    content
}

/// An alert's text, or as much of it as one mail holds.
fn push_body(text: &mut String, body: &str) {
    if body.len() <= TEXT_LIMIT_BYTES {
        return text.push_str(body);
    }
    text.push_str(beginning(body, TEXT_LIMIT_BYTES));
    text.push_str("\n\n... cut off: the whole alert is in alerts.log.\n\n --END OF NOTIFICATION\n\n\n\n");
}

/// At most so many bytes of `text`.
fn beginning(text: &str, limit_bytes: usize) -> &str {
    let mut end = text.len().min(limit_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// `entry` without anything that a log or host brought: for a server that refuses its text.
pub(super) fn without_log(mut entry: MailEntry) -> MailEntry {
    entry.host = String::new();
    entry.path = None;
    entry.location = String::new();
    entry.subject = format!("OSSEC Alert - Level {} - {}", entry.level, entry.description);
    entry.body = format!(
        "\nOSSEC HIDS Notification.\n\nRule: {} fired (level {}) -> \"{}\"\n\n\
         The mail server rejected the text of this alert; see alert {}.{} in alerts.log.\n\n\
         --END OF NOTIFICATION\n\n\n\n",
        entry.rule,
        entry.level,
        entry.description,
        entry.epoch_seconds,
        entry.alert_number()
    );
    entry
}

/// Marks which of `alerts` (level and size, in order) are shown: the most serious first, and one in any case.
pub(super) fn choose(alerts: &[(u16, usize)], limit_bytes: usize) -> Vec<bool> {
    let mut by_level: Vec<usize> = (0..alerts.len()).collect();
    by_level.sort_by_key(|&number| std::cmp::Reverse(alerts[number].0));
    let mut shown = vec![false; alerts.len()];
    let mut left = limit_bytes;
    for (place, number) in by_level.into_iter().enumerate() {
        let rest = left.checked_sub(alerts[number].1);
        if rest.is_none() && place > 0 {
            break;
        }
        left = rest.unwrap_or(0);
        shown[number] = true;
    }
    shown
}

fn push_omitted(text: &mut String, mut omitted: Vec<Omitted>) {
    /// Rules named one by one; the rest is added up.
    const MOST: usize = 200;
    omitted.sort_by_key(|omitted| (std::cmp::Reverse(omitted.level), omitted.rule));
    for group in omitted.iter().take(MOST) {
        text.push_str(&format!(
            "... and {} more alerts of rule {} (level {}) -> \"{}\"\n",
            group.count, group.rule, group.level, group.description
        ));
    }
    let rest: u64 = omitted.iter().skip(MOST).map(|omitted| omitted.count).sum();
    if rest > 0 {
        text.push_str(&format!("... and {rest} more alerts of other rules\n"));
    }
    if !omitted.is_empty() {
        text.push_str("\nAll alerts are in alerts.log.\n");
    }
}

/// Headers and text, ready to be handed over. `host` is this machine's name, for the Message-ID.
///
/// First recipient in `To`, the others in `Cc`, as OSSEC does. No header can be injected: addresses
/// are checked, other values are one line, and lettre encodes them.
pub(super) fn message(
    content: &Content,
    routes: &Routes,
    recipients: &[Address],
    ids_name: Option<&str>,
    host: &str,
) -> Result<Message, lettre::error::Error> {
    let named = |address: &Address| Mailbox::new(Some(DISPLAY_NAME.into()), address.clone());
    let mut builder = Message::builder()
        .from(named(&routes.from))
        .reply_to(named(routes.reply_to.as_ref().unwrap_or(&routes.from)))
        .date_now()
        .subject(header_text(&content.subject))
        .message_id(Some(format!("<{}.hids@{}>", content.name(), id_domain(host))));
    for (number, recipient) in recipients.iter().enumerate() {
        let mailbox = Mailbox::new(None, recipient.clone());
        builder = if number == 0 { builder.to(mailbox) } else { builder.cc(mailbox) };
    }
    // RFC 3834: no one answers it with a holiday.
    let generated = HeaderName::new_from_ascii_str("Auto-Submitted");
    builder = builder.raw_header(HeaderValue::new(generated, "auto-generated".into()));
    if let Some(name) = ids_name {
        let name = HeaderValue::new(HeaderName::new_from_ascii_str("X-IDS-OSSEC"), header_text(name));
        builder = builder.raw_header(name);
    }
    let text = content.text.replace('\n', "\r\n");
    builder.singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text))
}

/// What of a host name may stand in a Message-ID.
fn id_domain(host: &str) -> String {
    let domain: String =
        host.chars().filter(|char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-')).collect();
    if domain.is_empty() { "localhost".into() } else { domain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_serious_alerts_are_shown_when_not_all_fit() {
        let alerts = [(7, 40), (12, 40), (7, 40), (10, 40)];
        assert_eq!(choose(&alerts, 100), [false, true, false, true]);
        assert_eq!(choose(&alerts, 1000), [true; 4]);
        assert_eq!(choose(&alerts, 10), [false, true, false, false], "the most serious one is cut off");
    }
}
