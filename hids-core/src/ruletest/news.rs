//! News of file integrity in a rule test: `changed 2 /etc/passwd`.

use std::sync::Arc;

use crate::fim::{Checks, TextStyle, text};
use crate::model::{
    Acceptance, ChangeKind, Damage, FileChange, FileNotice, FileState, FimEvent, Gap, GapCause, Operation, Operations,
    Protection, Refusal, Restored, SetAside, Timestamp, Who, WindowEnd, WindowEndCause, WindowNews,
};

/// What a value can begin with; the path follows (`changed` may have the number of the change between).
pub(super) const WORDS: [&str; 18] = [
    "added",
    "changed",
    "deleted",
    "readded",
    "gap",
    "gap-closed",
    "refused",
    "would-refuse",
    "accepted",
    "protection-on",
    "protection-off",
    "damage",
    "firewall-restored",
    "line-set-aside",
    "window-opened",
    "window-closed",
    "maintenance-on",
    "maintenance-off",
];

/// The text of the news that `value` names, and the news; `None` when it names none.
pub(super) fn notice(value: &[u8], time: Timestamp) -> Option<(Vec<u8>, Arc<FileNotice>)> {
    let news = news(value, time)?;
    let text = text(&news, TextStyle { checks: Checks::all(true), strict: false });
    Some((text, Arc::new(FileNotice { sequence: 1, time, alerted: true, news })))
}

fn news(value: &[u8], time: Timestamp) -> Option<FimEvent> {
    let (word, rest) = split(value);
    let word = WORDS.into_iter().find(|known| known.as_bytes() == word)?;
    let (count, path) = match split(rest) {
        (number, path) if word == "changed" && number.first().is_some_and(u8::is_ascii_digit) => {
            (std::str::from_utf8(number).ok()?.parse().ok()?, path)
        }
        _ => (1, rest),
    };
    let change = |kind| change(kind, path, count);
    Some(match word {
        "added" => change(ChangeKind::Added),
        "changed" => change(ChangeKind::Modified),
        "deleted" => change(ChangeKind::Deleted),
        "readded" => change(ChangeKind::Readded),
        "gap" | "gap-closed" => FimEvent::Gap(Gap {
            subtree: path.to_vec(),
            cause: GapCause::QueueOverflow,
            opened: time,
            closed: (word == "gap-closed").then_some(time),
            found: 0,
        }),
        "refused" | "would-refuse" => FimEvent::Refusal(Box::new(Refusal {
            path: path.to_vec(),
            operation: Operation::Write,
            refused: word == "refused",
            who: who(),
            count: 1,
        })),
        "accepted" => {
            let reasons = vec!["hidsctl fim accept".to_owned()];
            FimEvent::Acceptance(Acceptance { reasons, files: 1, examples: vec![path.to_vec()] })
        }
        "protection-on" | "protection-off" => FimEvent::Protection(Protection {
            enforced: word == "protection-on",
            reason: "hidsctl fim protect".to_owned(),
            uid: Some(0),
        }),
        "window-opened" | "window-closed" | "maintenance-on" | "maintenance-off" => {
            let end = WindowEnd { time, cause: WindowEndCause::Closed, changes: 2, examples: vec![path.to_vec()] };
            FimEvent::Window(Box::new(WindowNews {
                id: 1,
                everything: word.starts_with("maintenance"),
                reason: "update".to_owned(),
                members: vec!["process 811 and its descendants".to_owned()],
                paths: Vec::new(),
                opener: who(),
                opened: time,
                ends: time,
                end: matches!(word, "window-closed" | "maintenance-off").then_some(end),
            }))
        }
        "line-set-aside" => FimEvent::SetAside(Box::new(SetAside {
            location: String::from_utf8_lossy(path).into_owned(),
            position: "line 1 of 1".to_owned(),
            part: "analysis".to_owned(),
            cause: "SIGSEGV".to_owned(),
            line: b"a line".to_vec(),
        })),
        "firewall-restored" => {
            FimEvent::Restored(Restored { reason: "table missing".to_owned(), times: 1, blocked: 2 })
        }
        _ => FimEvent::Damage(Damage { what: "an entry was altered".to_owned(), paths: vec![path.to_vec()] }),
    })
}

fn change(kind: ChangeKind, path: &[u8], count: u32) -> FimEvent {
    let state = |size_bytes| Some(Box::new(FileState { mode: 0o100_644, size_bytes, ..FileState::default() }));
    let old = if kind == ChangeKind::Added { None } else { state(1) };
    let new = if kind == ChangeKind::Deleted { None } else { state(2) };
    FimEvent::Change(Box::new(FileChange {
        path: path.to_vec(),
        kind,
        old,
        new,
        count,
        who: vec![who()],
        operations: Operations::NONE.with(Operation::Write),
        diff: None,
    }))
}

fn who() -> Arc<Who> {
    let (executable, command) = (b"/usr/bin/vim".to_vec(), b"vim".to_vec());
    Arc::new(Who { pid: 811, executable, command, uid: Some(0), ..Who::default() })
}

/// The first word, and what follows it.
fn split(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == b' ') {
        Some(at) => (&text[..at], text[at..].trim_ascii_start()),
        None => (text, b""),
    }
}
