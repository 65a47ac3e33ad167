//! What is drawn, at all sizes and with hostile contents.

use hids_core::escape::is_dangerous;
use hids_core::model::Timestamp;
use proptest::prelude::*;
use ratatui::crossterm::event::KeyCode;
use serde_json::json;

use super::Look;
use super::sample::{self, NOON, PLAIN, keys, press, screen};
use crate::cli::screen::columns;
use crate::cli::top::app::{App, Message, update};
use crate::cli::top::ask::{Answer, Failure, LastChange, Question};
use crate::fim::protocol::{ListItem, PathText, StateView};
use crate::record::RecordedAlert;

const USUAL: (u16, u16) = (80, 24);

/// The page as it is to be.
fn document() -> String {
    let mut app = sample::app();
    let mut page = String::from(
        "# hidsctl top\n\n\
         What `hidsctl top` shows on a terminal of 80 columns and 24 rows, drawn from the sample in\n\
         `hids-userspace/src/cli/top/view/sample.rs`: a web server under attack, with a log that cannot be read and\n\
         a mail server that refuses mail. The keys are in hidsctl(8) and behind `?`.\n",
    );
    for (key, title) in [("1", "Overview"), ("2", "Alerts"), ("3", "Blocks")] {
        keys(&mut app, key);
        page.push_str(&format!("\n## {title}\n\n```text\n{}```\n", screen(&mut app, USUAL, PLAIN)));
    }
    page
}

#[test]
fn the_documentation_shows_what_is_drawn() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/top.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let drawn = document();
    assert!(written == drawn, "docs/top.md is to be:\n{drawn}");
}

#[test]
fn every_pane_has_its_contents() {
    let mut app = sample::app();
    for (key, parts) in [
        ("1", &["! cannot read /var/log/mail.log", "Still     7h 48m /var/log/dpkg.log", "10-11"][..]),
        ("2", &["192.0.2.14      bob      (3x) User login failed.", "2001:db8:1::66"]),
        ("3", &["until removed", "18m 59s", "REASON"]),
        ("4", &["new", "deleted", "modified", "/etc/ssh/sshd_config", "size, content; vim (uid 1000)"]),
        ("5", &["unreadable", "missing", "journald", "Permission denied"]),
        ("6", &["31101", "Multiple authentication failures."]),
    ] {
        keys(&mut app, key);
        let screen = screen(&mut app, USUAL, PLAIN);
        parts.iter().for_each(|part| assert!(screen.contains(part), "{part:?} is missing in\n{screen}"));
        assert!(screen.trim_end().ends_with("quit"), "{screen}");
    }
}

#[test]
fn a_small_screen_shows_what_matters() {
    let mut app = sample::app();
    keys(&mut app, "2");
    let small = screen(&mut app, (20, 10), PLAIN);
    assert!(small.contains(" 2 Alerts ") && small.contains("11:59:57  5 5503"), "{small}");
    assert_eq!(small.lines().count(), 10);
    let line = screen(&mut app, (20, 1), PLAIN);
    assert_eq!(line.trim_end(), "Enter details");
    let large = screen(&mut app, (200, 50), PLAIN);
    assert!(large.contains("Multiple web server 400 error codes from same source ip."), "{large}");
}

#[test]
fn a_selected_row_is_in_view_at_every_size() {
    let mut app = sample::app();
    keys(&mut app, "2");
    press(&mut app, KeyCode::End);
    for rows in 3..30 {
        let screen = screen(&mut app, (80, rows), PLAIN);
        assert!(screen.contains("203.0.113.80"), "{rows} rows:\n{screen}");
    }
}

#[test]
fn without_the_daemon_the_screen_says_what_to_do() {
    let mut app = sample::app();
    let failure = Failure { text: "hidsd is not running: …".into(), is_not_running: true };
    update(&mut app, Message::Answer(Question::Status, Err(failure)));
    let down = screen(&mut app, USUAL, PLAIN);
    assert!(down.contains("hidsd is not running; start it with `systemctl start hidsd`"), "{down}");
    assert!(down.contains("56 in the last hour"), "recorded alerts stay: {down}");
    let failure = Failure { text: "no response\u{1b}[2J".into(), is_not_running: false };
    update(&mut app, Message::Answer(Question::Status, Err(failure)));
    assert!(screen(&mut app, USUAL, PLAIN).contains("no response from hidsd: no response\\x1b[2J"));
}

#[test]
fn a_terminal_without_utf8_gets_ascii() {
    let mut app = sample::app();
    update(&mut app, Message::Alert(Box::new(hostile("Straße 日本"))));
    for key in ["1", "2", "3", "4", "5", "6", "7"] {
        keys(&mut app, key);
        let screen = screen(&mut app, USUAL, Look { is_ascii: true, ..PLAIN });
        assert!(screen.is_ascii(), "{screen}");
        press(&mut app, KeyCode::Esc);
    }
}

#[test]
fn questions_and_typed_lines_are_at_the_bottom() {
    let mut app = sample::app();
    keys(&mut app, "3u");
    assert!(screen(&mut app, USUAL, PLAIN).trim_end().ends_with("unblock 192.0.2.77? y/n"));
    keys(&mut app, "n/2001");
    let typed = screen(&mut app, USUAL, PLAIN);
    assert!(typed.trim_end().ends_with("filter: 2001"), "{typed}");
    press(&mut app, KeyCode::Enter);
    let filtered = screen(&mut app, USUAL, PLAIN);
    assert!(filtered.contains("4 blocked addresses; 1 fit /2001") && !filtered.contains("192.0.2.77"), "{filtered}");
}

fn hostile(text: &str) -> RecordedAlert {
    let alert = json!({
        "rule": { "level": 12, "comment": text, "sidid": 9, "group": text }, "id": format!("{NOON}.9"),
        "TimeStamp": NOON * 1000, "srcip": text, "dstuser": text, "location": text, "full_log": text,
        "evidence": [text, text], "decoder": text, "SyscheckFile": { "path": text, "who": { "command": text } },
    });
    RecordedAlert::from_json(&alert.to_string()).expect("an alert")
}

/// The sample with `text` wherever the outside world puts one.
fn hostile_app(text: &str) -> App {
    let mut app = sample::app();
    app.place.host = text.to_owned();
    update(&mut app, Message::Alert(Box::new(hostile(text))));
    let source = json!({ "path": text, "state": text, "reason": text, "last_event": text, "lines": u64::MAX });
    let status = json!({
        "version": text, "mode": text, "problems": vec![json!({ "text": text, "remedy": text }); 6],
        "mail": { "error": text, "queued": u64::MAX, "mails": u64::MAX }, "collect": { "sources": [source] },
        "analysis": { "events": u64::MAX }, "respond": { "blocked": u64::MAX, "active": 0 }, "uptime_seconds": u64::MAX,
    });
    update(&mut app, Message::Answer(Question::Status, Ok(Answer::Status(Box::new(status)))));
    let block = json!({
        "address": "2001:db8:1234:5678:9abc:def0:1234:5678", "remaining_seconds": u64::MAX, "expires": text,
        "since": text, "rule": u32::MAX, "alert": null, "description": text, "response": text, "offences": 1,
        "active": false, "packets": u64::MAX, "bytes": 1,
    });
    let block = serde_json::from_value(block).expect("a block");
    update(&mut app, Message::Answer(Question::Blocks, Ok(Answer::Blocks(vec![block], usize::MAX))));
    let path = PathText::Text(text.to_owned());
    let item =
        ListItem { path: path.clone(), state: Some(StateView::default()), changes: u32::MAX, new: true, change: None };
    update(&mut app, Message::Answer(Question::Changes, Ok(Answer::Changes(vec![item], true))));
    let change = LastChange { time: Some(Timestamp::from_unix_nanos(i64::MIN)), what: text.into(), who: text.into() };
    update(&mut app, Message::Answer(Question::LastChange(path), Ok(Answer::LastChange(change))));
    app
}

/// Nothing reaches the terminal that acts on it, and every line fits.
fn is_harmless(screen: &str, columns_of_screen: u16) -> Result<(), TestCaseError> {
    for line in screen.lines() {
        prop_assert!(!line.contains(is_dangerous), "{line:?}");
        prop_assert!(columns(line) <= columns_of_screen.into(), "{line:?}");
    }
    Ok(())
}

const HOSTILE: &str =
    "a\u{1b}[2J\tb\n\r\u{7f}\u{9b}\u{202e}\u{2028}\u{200b}\u{e0001}日本\u{301}\u{1f469}\u{200d}\u{1f4bb}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_at_any_size_is_harmless(
        text in prop_oneof!["\\PC{0,60}", any::<String>(), Just(HOSTILE.to_owned()), Just("x".repeat(5000))],
        width in 1_u16..220, height in 1_u16..60, is_coloured: bool, is_ascii: bool,
    ) {
        let mut app = hostile_app(&text);
        let look = Look { is_coloured, is_ascii };
        for pane in ["1", "2", "3", "4", "5", "6", "7"] {
            keys(&mut app, pane);
            press(&mut app, KeyCode::Down);
            is_harmless(&screen(&mut app, (width, height), look), width)?;
            // The text above the pane, a question, a line.
            for key in ["\n", "A", "u", "+", "/", "?"] {
                let code = if key == "\n" { KeyCode::Enter } else { KeyCode::Char(key.chars().next().unwrap_or('?')) };
                press(&mut app, code);
                update(&mut app, Message::Paste(text.clone()));
                press(&mut app, KeyCode::PageDown);
                is_harmless(&screen(&mut app, (width, height), look), width)?;
                press(&mut app, KeyCode::Esc);
            }
            press(&mut app, KeyCode::Esc);
        }
        let failure = Failure { text: text.clone(), is_not_running: false };
        update(&mut app, Message::AlertTrouble(Some(text.clone())));
        update(&mut app, Message::Answer(Question::Blocks, Err(failure.clone())));
        update(&mut app, Message::Answer(Question::Line(text.clone()), Err(failure.clone())));
        update(&mut app, Message::Answer(Question::Status, Err(failure)));
        for pane in ["2", "7", "1"] {
            keys(&mut app, pane);
            is_harmless(&screen(&mut app, (width, height), look), width)?;
            press(&mut app, KeyCode::Esc);
        }
    }

    #[test]
    fn every_small_size_is_drawn(width in 1_u16..40, height in 1_u16..12) {
        let mut app = sample::app();
        for pane in ["1", "2", "3", "4", "5", "6", "7"] {
            keys(&mut app, pane);
            let screen = screen(&mut app, (width, height), PLAIN);
            prop_assert_eq!(screen.lines().count(), usize::from(height));
            press(&mut app, KeyCode::Esc);
        }
    }
}
