//! What keys, answers and the time make of the screen.

use std::collections::VecDeque;

use hids_core::model::Timestamp;
use jiff::tz::TimeZone;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::json;

use super::state::{App, Effect, Message, Notice, Place, Prompt};
use super::{commands, update};
use crate::cli::top::ask::{Act, Answer, LastChange, Question};
use crate::cli::top::cursor::Motion;
use crate::cli::top::keys::Pane;
use crate::fim::protocol::ListItem;
use crate::record::RecordedAlert;

const NOON: i64 = 1_795_608_000;

fn app() -> App {
    let mut app = App::new(Place { host: "web1".into(), zone: TimeZone::UTC }, Timestamp::from_unix_seconds(NOON));
    update(&mut app, tick(0));
    update(&mut app, Message::Answer(Question::Status, Ok(Answer::Status(Box::new(json!({ "fim": fim(1) }))))));
    app
}

fn fim(changes: u64) -> serde_json::Value {
    json!({
        "enabled": true, "entries": 1, "changes": changes, "denials": 0, "events": 0, "pending": 0, "unreadable": 0,
        "unreported": 0, "rescans_completed": 0,
    })
}

fn tick(second: i64) -> Message {
    Message::Tick(Timestamp::from_unix_seconds(NOON + second))
}

fn press(app: &mut App, code: KeyCode) -> Vec<Effect> {
    update(app, Message::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn keys(app: &mut App, keys: &str) -> Vec<Effect> {
    keys.chars().flat_map(|char| press(app, KeyCode::Char(char))).collect()
}

fn asked(effects: Vec<Effect>) -> Vec<Question> {
    effects
        .into_iter()
        .filter_map(|effect| if let Effect::Ask(question) = effect { Some(question) } else { None })
        .collect()
}

fn with_block(app: &mut App, address: &str) {
    let block = json!({
        "address": address, "remaining_seconds": 5, "expires": null, "since": "", "rule": null, "alert": null,
        "description": "x", "response": "manual", "offences": 0, "active": true, "packets": null, "bytes": null,
    });
    let block = serde_json::from_value(block).expect("a block");
    update(app, Message::Answer(Question::Blocks, Ok(Answer::Blocks(vec![block], 1))));
}

#[test]
fn the_status_is_asked_once_a_second_and_one_at_a_time() {
    let mut app = App::new(Place { host: String::new(), zone: TimeZone::UTC }, Timestamp::from_unix_seconds(NOON));
    assert_eq!(asked(update(&mut app, tick(0))), [Question::Status]);
    assert_eq!(asked(update(&mut app, tick(5))), [], "the answer is not here");
    let status = || Message::Answer(Question::Status, Ok(Answer::Status(Box::new(json!({})))));
    assert_eq!(asked(update(&mut app, status())), [Question::Status]);
    assert_eq!(asked(update(&mut app, status())), [], "within the second");
    assert_eq!(asked(update(&mut app, tick(6))), [Question::Status]);
}

#[test]
fn lists_are_read_only_while_they_are_in_front() {
    let mut app = app();
    let others =
        |effects| asked(effects).into_iter().filter(|question| *question != Question::Status).collect::<Vec<_>>();
    assert_eq!(others(update(&mut app, tick(1))), []);
    assert_eq!(others(keys(&mut app, "3")), [Question::Blocks]);
    with_block(&mut app, "203.0.113.5");
    assert_eq!(others(update(&mut app, tick(2))), []);
    assert_eq!(others(update(&mut app, tick(4))), [Question::Blocks]);
    assert_eq!(others(keys(&mut app, "1")), []);
    update(&mut app, Message::Answer(Question::Blocks, Ok(Answer::Blocks(Vec::new(), 0))));
    assert_eq!(others(update(&mut app, tick(9))), []);
}

#[test]
fn changed_files_are_listed_again_when_the_daemon_has_counted_a_change() {
    let mut app = app();
    assert!(asked(keys(&mut app, "4")).contains(&Question::Changes));
    update(&mut app, Message::Answer(Question::Changes, Ok(Answer::Changes(Vec::new(), false))));
    assert!(!asked(update(&mut app, tick(10))).contains(&Question::Changes));
    let status = Answer::Status(Box::new(json!({ "fim": fim(2) })));
    assert!(asked(update(&mut app, Message::Answer(Question::Status, Ok(status)))).contains(&Question::Changes));
}

#[test]
fn what_changed_last_is_asked_for_what_is_in_view_and_once() {
    let mut app = app();
    keys(&mut app, "4");
    let items = (0..6).map(|number| ListItem {
        path: crate::fim::protocol::PathText::Text(format!("/{number}")),
        state: None,
        changes: 1,
        new: false,
        change: None,
    });
    let questions =
        asked(update(&mut app, Message::Answer(Question::Changes, Ok(Answer::Changes(items.collect(), false)))));
    assert_eq!(questions.len(), 4, "some at a time: {questions:?}");
    let mut waiting: VecDeque<Question> = questions.into();
    let mut count = 0;
    while let Some(question) = waiting.pop_front() {
        count += 1;
        let change = Ok(Answer::LastChange(LastChange::default()));
        waiting.extend(asked(update(&mut app, Message::Answer(question, change))));
    }
    assert_eq!(count, 6);
}

#[test]
fn an_act_needs_a_yes() {
    let mut app = app();
    keys(&mut app, "3");
    with_block(&mut app, "203.0.113.5");
    let act = Act::Unblock("203.0.113.5".parse().expect("an address"));
    keys(&mut app, "u");
    assert_eq!(app.prompt, Some(Prompt::Confirm(act.clone())));
    assert_eq!(asked(keys(&mut app, "n")), []);
    assert_eq!(app.prompt, None);
    assert_eq!(asked(keys(&mut app, "uy")), [Question::Act(act.clone())]);
    let questions = asked(update(&mut app, Message::Answer(Question::Act(act), Ok(Answer::Done("gone\n".into())))));
    assert_eq!(app.notice, Some(Notice { text: "gone".into(), is_error: false }));
    assert!(questions.contains(&Question::Status), "what the act changed is read at once: {questions:?}");
}

#[test]
fn a_block_is_an_address_and_a_time() {
    let mut app = app();
    keys(&mut app, "3+203.0.113.9 4h");
    press(&mut app, KeyCode::Enter);
    let address = "203.0.113.9".parse().expect("an address");
    assert_eq!(app.prompt, Some(Prompt::Confirm(Act::Block { address, seconds: Some(14_400) })));
    for wrong in ["host", "203.0.113.9 soon", "", "203.0.113.0/24"] {
        keys(&mut app, "n+");
        keys(&mut app, wrong);
        press(&mut app, KeyCode::Enter);
        assert!(app.notice.as_ref().is_some_and(|notice| notice.is_error), "{wrong}");
        assert!(matches!(&app.prompt, Some(Prompt::Block(input)) if input.text() == wrong), "it can be corrected");
        press(&mut app, KeyCode::Esc);
    }
}

#[test]
fn an_address_is_allowed_and_a_rule_silenced_after_a_question() {
    let mut app = app();
    keys(&mut app, "3");
    with_block(&mut app, "203.0.113.5");
    keys(&mut app, "a");
    assert_eq!(app.prompt, Some(Prompt::Confirm(Act::Allow("203.0.113.5".parse().expect("an address")))));
    keys(&mut app, "n6");
    let alert = json!({ "rule": { "level": 5, "comment": "c", "sidid": 7 }, "TimeStamp": NOON * 1000 });
    update(&mut app, Message::Alert(Box::new(RecordedAlert::from_json(&alert.to_string()).expect("an alert"))));
    keys(&mut app, "s");
    assert_eq!(app.prompt, Some(Prompt::Confirm(Act::Silence(7))));
}

#[test]
fn a_wrong_filter_is_explained_and_stays_to_be_corrected() {
    let mut app = app();
    keys(&mut app, "2/level>=high");
    press(&mut app, KeyCode::Enter);
    assert_eq!(app.notice.as_ref().map(|notice| notice.text.as_str()), Some("level wants a number, found \"high\""));
    assert!(matches!(&app.prompt, Some(Prompt::Filter(input)) if input.text() == "level>=high"));
    press(&mut app, KeyCode::Esc);
    assert_eq!(app.records.alerts.filter_line(), "");
}

#[test]
fn pasted_lines_are_tried_one_after_the_other() {
    let mut app = app();
    keys(&mut app, "7ab");
    assert_eq!(asked(update(&mut app, Message::Paste("c\r\nsecond\n\nrest".into()))), [Question::Line("abc".into())]);
    assert_eq!(app.lines.input.text(), "rest");
    let answer = |line: &str| Message::Answer(Question::Line(line.into()), Ok(Answer::Text("an answer".into())));
    assert_eq!(asked(update(&mut app, answer("abc"))), [Question::Line("second".into())]);
    assert_eq!(asked(update(&mut app, answer("second"))), []);
    assert!(app.lines.output.iter().any(|line| line == "> second"));
    // Letters and digits belong to the line; Esc gives the keys back.
    keys(&mut app, "1q");
    assert_eq!((app.pane, app.lines.input.text().as_str()), (Pane::Lines, "rest1q"));
    press(&mut app, KeyCode::Esc);
    keys(&mut app, "1");
    assert_eq!(app.pane, Pane::Overview);
}

#[test]
fn a_long_alert_is_read_again_for_its_details() {
    let mut app = app();
    keys(&mut app, "2");
    let alert = json!({
        "rule": { "level": 5, "comment": "c", "sidid": 7 }, "TimeStamp": NOON * 1000, "id": format!("{NOON}.3"),
        "full_log": "x".repeat(60_000),
    });
    update(&mut app, Message::Alert(Box::new(RecordedAlert::from_json(&alert.to_string()).expect("an alert"))));
    let questions = asked(press(&mut app, KeyCode::Enter));
    assert!(matches!(&questions[..], [Question::Alert { id: Some(_), .. }]), "{questions:?}");
}

#[test]
fn a_text_scrolls_and_closes() {
    let mut app = app();
    app.show_text("t".into(), "line\n".repeat(100));
    press(&mut app, KeyCode::End);
    assert_eq!(app.text.as_ref().map(|text| text.first), Some(100 - app.text_page()));
    commands::obey(&mut app, crate::cli::top::keys::Command::Move(Motion::Home));
    press(&mut app, KeyCode::Char('q'));
    assert_eq!(app.text, None, "q closes the text, not the program");
}
