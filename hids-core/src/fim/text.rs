//! Alert texts: OSSEC's texts for file changes, with the process that made them, and our own for other events.
//!
//! The promise: whatever bytes names hold, the lines of a text are those written here. A name cannot
//! end a line, and the lines of a diff begin with the marks of a diff.

mod changes;
#[cfg(test)]
mod tests;
mod who;

use super::Checks;
use crate::escape::{visible, visible_string};
use crate::model::{Acceptance, Damage, FimEvent, Gap, Operation, Protection, Refusal, Restored, SetAside, WindowNews};

/// Longest path in a text (`%.756s` in OSSEC's `src/analysisd/decoders/syscheck.c`); JSON has all of it.
const PATH_LIMIT_BYTES: usize = 756;
/// Longest other name in a text.
const NAME_LIMIT_BYTES: usize = 256;

/// How to say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextStyle {
    /// What is compared of the file: other differences are not told.
    pub checks: Checks,
    /// Exactly OSSEC's texts of changes: nothing of who did it, nothing that OSSEC does not compare.
    pub strict: bool,
}

/// The text of `news`: lines ended by newlines, but for the last one (in the strict mode as OSSEC has it).
///
/// Valid UTF-8 without control characters but newlines and tabs.
pub fn text(news: &FimEvent, style: TextStyle) -> Vec<u8> {
    let mut text = Text::default();
    match news {
        FimEvent::Change(change) => return changes::change(change, style),
        FimEvent::Gap(told) => gap(&mut text, told),
        FimEvent::Refusal(told) => refusal(&mut text, told),
        FimEvent::Acceptance(told) => acceptance(&mut text, told),
        FimEvent::Protection(told) => protection(&mut text, told),
        FimEvent::Damage(told) => damage(&mut text, told),
        FimEvent::Restored(told) => restored(&mut text, told),
        FimEvent::SetAside(told) => set_aside(&mut text, told),
        FimEvent::Window(told) => window(&mut text, told),
    }
    text.finish()
}

/// The path that `news` is about, for the field `filename`.
pub fn subject(news: &FimEvent) -> Option<&[u8]> {
    match news {
        FimEvent::Change(change) => Some(&change.path),
        FimEvent::Gap(gap) => Some(&gap.subtree),
        FimEvent::Refusal(refusal) => Some(&refusal.path),
        FimEvent::Acceptance(_)
        | FimEvent::Protection(_)
        | FimEvent::Damage(_)
        | FimEvent::SetAside(_)
        | FimEvent::Window(_)
        | FimEvent::Restored(_) => None,
    }
}

fn gap(text: &mut Text, gap: &Gap) {
    let subtree = path(&gap.subtree);
    let why = gap.cause.describe();
    let Some(duration) = gap.duration() else {
        text.line(format_args!("File changes below '{subtree}' may have been missed: {why}."));
        text.line(format_args!("A rescan compares these files with the baseline and reports what changed."));
        return;
    };
    text.line(format_args!("Rescan of '{subtree}' completed after possibly missed events."));
    text.line(format_args!("Cause: {why}"));
    text.line(format_args!("Duration: {:.1} s", duration.as_secs_f64()));
    text.line(format_args!("Changes found: {}", gap.found));
}

fn refusal(text: &mut Text, refusal: &Refusal) {
    let (protected, attempt) = (path(&refusal.path), attempt(refusal.operation));
    if refusal.refused {
        text.line(format_args!("Blocked: {attempt} protected '{protected}'."));
    } else {
        text.line(format_args!("Not blocked (monitor mode): {attempt} protected '{protected}'."));
        text.line(format_args!("To block such operations, set <protect_mode>enforce</protect_mode>."));
    }
    if refusal.count > 1 {
        text.line(format_args!("Times: {}", refusal.count));
    }
    who::who(text, &refusal.who, "Attempted by");
}

/// What was attempted, with the preposition that the protected path follows.
const fn attempt(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "creation of",
        Operation::Write | Operation::CloseWrite => "write to",
        Operation::Attributes => "attribute change of",
        Operation::Delete => "deletion of",
        Operation::RenamedTo => "rename to",
        Operation::RenamedFrom => "rename of",
        Operation::Map => "writable mapping of",
        Operation::Mount => "mount on",
    }
}

fn acceptance(text: &mut Text, acceptance: &Acceptance) {
    text.line(format_args!("Changes to {} files accepted into the baseline.", acceptance.files));
    for reason in &acceptance.reasons {
        text.line(format_args!("Reason: {}", quoted(reason.as_bytes())));
    }
    for example in &acceptance.examples {
        text.line(format_args!("File: '{}'", path(example)));
    }
    let shown = acceptance.examples.len() as u64;
    if acceptance.files > shown && shown > 0 {
        text.line(format_args!("And {} more.", acceptance.files - shown));
    }
}

fn protection(text: &mut Text, protection: &Protection) {
    let reason = quoted(protection.reason.as_bytes());
    if protection.enforced {
        text.line(format_args!("File protection is now active: writes are blocked."));
    } else {
        text.line(format_args!("File protection is now inactive: writes are not blocked."));
    }
    text.line(format_args!("Reason: {reason}"));
    if let Some(uid) = protection.uid {
        text.line(format_args!("Switched by user: '{uid}'"));
    }
}

fn damage(text: &mut Text, damage: &Damage) {
    text.line(format_args!("The file integrity baseline is damaged or was tampered with."));
    text.line(format_args!("Problem: '{}'", quoted(damage.what.as_bytes())));
    for entry in &damage.paths {
        text.line(format_args!("Entry: '{}'", path(entry)));
    }
    text.line(format_args!(
        "Action: run `hidsctl fim verify`; unless the cause is known, treat the host as compromised."
    ));
}

fn set_aside(text: &mut Text, aside: &SetAside) {
    text.line(format_args!(
        "hidsd crashed while processing a line from '{}'; the line was quarantined.",
        path(aside.location.as_bytes())
    ));
    text.line(format_args!("Position: '{}'", quoted(aside.position.as_bytes())));
    text.line(format_args!(
        "Crashed component: '{}', cause: '{}'",
        quoted(aside.part.as_bytes()),
        quoted(aside.cause.as_bytes())
    ));
    // Nothing of the line itself: these words are analysed too, and what crashed once would crash again.
    text.line(format_args!("Length: {} bytes", aside.line.len()));
    match aside.part.as_str() {
        "recorder" => text.line(format_args!("It was analysed and answered; only the record of its alert is missing.")),
        "responder" => text.line(format_args!("It was analysed and its alert recorded; only the response is missing.")),
        _ => {}
    }
    text.line(format_args!("`hidsctl status` shows the quarantine file with the line; please report it."));
}

fn restored(text: &mut Text, restored: &Restored) {
    text.line(format_args!(
        "nftables table 'inet hids', which holds the blocked addresses, was modified by another program; restored."
    ));
    text.line(format_args!("Finding: '{}'", quoted(restored.reason.as_bytes())));
    text.line(format_args!("Times: {}", restored.times));
    text.line(format_args!("Blocked addresses: {}", restored.blocked));
    text.line(format_args!(
        "Action: if a firewall service reloads with 'flush ruleset', configure it to flush only its own tables; \
         unless the cause is known, check who has root access."
    ));
}

fn window(text: &mut Text, window: &WindowNews) {
    let time = |time: crate::model::Timestamp| time.rfc3339(&jiff::tz::TimeZone::UTC);
    match (&window.end, window.everything) {
        (None, true) => {
            text.line(format_args!("Maintenance mode of file integrity is on: changes are accepted without alerts."))
        }
        (None, false) => {
            text.line(format_args!("Change window {} opened: announced file changes are accepted.", window.id))
        }
        (Some(end), true) => {
            text.line(format_args!("Maintenance mode of file integrity is off: {}.", end.cause.describe()));
        }
        (Some(end), false) => text.line(format_args!("Change window {} ended: {}.", window.id, end.cause.describe())),
    }
    if !window.reason.is_empty() {
        text.line(format_args!("Reason: '{}'", quoted(window.reason.as_bytes())));
    }
    for member in &window.members {
        text.line(format_args!("Changes by: '{}'", quoted(member.as_bytes())));
    }
    for below in &window.paths {
        text.line(format_args!("Below: '{}'", path(below)));
    }
    match &window.end {
        None => {
            text.line(format_args!("Ends at the latest: {}", time(window.ends)));
            who::who(text, &window.opener, "Opened by");
        }
        Some(end) => {
            text.line(format_args!("Opened: {}", time(window.opened)));
            text.line(format_args!("Changes accepted: {}", end.changes));
            for example in &end.examples {
                text.line(format_args!("File: '{}'", path(example)));
            }
        }
    }
}

/// Lines being written.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        use std::fmt::Write as _;
        // Writing into a string cannot fail.
        let _ = self.0.write_fmt(line);
        self.0.push('\n');
    }

    fn finish(mut self) -> Vec<u8> {
        if self.0.ends_with('\n') {
            self.0.pop();
        }
        self.0.into_bytes()
    }
}

/// A path on one line, as OSSEC's texts have it.
fn path(bytes: &[u8]) -> String {
    limited(bytes, PATH_LIMIT_BYTES)
}

/// Any other name on one line, without an apostrophe that would end its quotes.
fn quoted(bytes: &[u8]) -> String {
    limited(bytes, NAME_LIMIT_BYTES).replace('\'', "\\x27")
}

fn limited(bytes: &[u8], limit_bytes: usize) -> String {
    if bytes.len() <= limit_bytes / 4 {
        return visible_string(bytes);
    }
    let mut out = Vec::new();
    visible(&mut out, bytes, limit_bytes);
    String::from_utf8(out).unwrap_or_default()
}
