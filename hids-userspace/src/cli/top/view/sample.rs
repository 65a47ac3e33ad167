//! The sample that `docs/top.md` shows: a web server with a break-in attempt, an unreadable log and a full mailbox.

use std::collections::VecDeque;

use hids_core::model::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::{Look, draw};
use crate::cli::top::alert_list::Held;
use crate::cli::top::app::{App, Effect, Message, Place, update};
use crate::cli::top::ask::{Answer, LastChange, Question};
use crate::cli::top::tally::Tally;
use crate::fim::protocol::{ListItem, PathText, StateView};
use crate::record::RecordedAlert;
use crate::respond::BlockView;

/// 2026-11-25 12:00:00 UTC.
pub(super) const NOON: i64 = 1_795_608_000;

/// Without colours, with all characters.
pub(super) const PLAIN: Look = Look { is_coloured: false, is_ascii: false };

/// Presses a key.
pub(super) fn press(app: &mut App, code: KeyCode) -> Vec<Effect> {
    update(app, Message::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

/// Types.
pub(super) fn keys(app: &mut App, keys: &str) -> Vec<Effect> {
    keys.chars().flat_map(|char| press(app, KeyCode::Char(char))).collect()
}

/// What the screen shows at a size, lines without blanks at their end.
pub(super) fn screen(app: &mut App, (columns, rows): (u16, u16), look: Look) -> String {
    update(app, Message::Size(columns, rows));
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal in memory");
    terminal.draw(|frame| draw(frame, app, look)).expect("drawn");
    let buffer = terminal.backend().buffer();
    let mut out = String::new();
    for row in buffer.content.chunks(usize::from(columns).max(1)) {
        let mut line = String::new();
        let mut skip = 0;
        for cell in row {
            // Behind a wide character stands an empty cell.
            if skip == 0 {
                line.push_str(cell.symbol());
                skip = crate::cli::screen::columns(cell.symbol()).saturating_sub(1);
            } else {
                skip -= 1;
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The sample.
pub(super) fn app() -> App {
    let mut app = App::new(Place { host: "web1".into(), zone: TimeZone::UTC }, Timestamp::from_unix_seconds(NOON));
    update(&mut app, Message::Tick(Timestamp::from_unix_seconds(NOON)));
    update(&mut app, history());
    update(&mut app, Message::Answer(Question::Status, Ok(Answer::Status(Box::new(status())))));
    let blocks = blocks();
    let total = blocks.len();
    update(&mut app, Message::Answer(Question::Blocks, Ok(Answer::Blocks(blocks, total))));
    update(&mut app, Message::Answer(Question::Changes, Ok(Answer::Changes(files(), false))));
    let change = LastChange {
        time: Some(Timestamp::from_unix_seconds(NOON - 2400)),
        what: "size, content".into(),
        who: "vim (uid 1000)".into(),
    };
    let path = PathText::Text("/etc/ssh/sshd_config".into());
    update(&mut app, Message::Answer(Question::LastChange(path), Ok(Answer::LastChange(change))));
    app
}

/// One alert: seconds before noon, level, rule, description, more keys.
fn alert(ago: i64, level: u16, rule: u32, description: &str, more: &Value) -> RecordedAlert {
    let time = NOON - ago;
    let mut alert = json!({
        "rule": { "level": level, "comment": description, "sidid": rule, "group": "sample," },
        "id": format!("{time}.1"), "TimeStamp": time * 1000, "location": "/var/log/auth.log", "full_log": "a line",
    });
    let all = alert.as_object_mut().expect("an object");
    all.extend(more.as_object().expect("an object").clone());
    RecordedAlert::from_json(&alert.to_string()).expect("an alert")
}

fn history() -> Message {
    let from = |address: &str, user: &str| json!({ "srcip": address, "dstuser": user });
    let mut alerts = Vec::new();
    for number in 0..40 {
        let ago = 3500 - number * 61;
        alerts.push(alert(ago, 5, 31_101, "Web server 400 error code.", &from("198.51.100.23", "-")));
    }
    for number in 0..8 {
        let login = from("203.0.113.5", "root");
        alerts.push(alert(700 - number * 5, 5, 5716, "sshd: authentication failed.", &login));
    }
    alerts.extend([
        alert(80_000, 12, 5720, "sshd: Multiple authentication failures.", &from("203.0.113.80", "root")),
        alert(664, 10, 5720, "sshd: Multiple authentication failures.", &from("203.0.113.5", "root")),
        alert(330, 6, 31_103, "SQL injection attempt.", &from("2001:db8:1::66", "-")),
        alert(
            240,
            7,
            550,
            "Integrity checksum changed.",
            &json!({ "SyscheckFile": { "path": "/etc/ssh/sshd_config" } }),
        ),
        alert(61, 10, 31_151, "Multiple web server 400 error codes from same source ip.", &from("198.51.100.23", "-")),
        alert(12, 3, 5501, "Login session opened.", &json!({ "dstuser": "alice" })),
        alert(3, 5, 5503, "User login failed.", &json!({ "srcip": "192.0.2.14", "dstuser": "bob", "count": 3 })),
    ]);
    alerts.sort_by_key(|alert| alert.time);
    let mut tally = Tally::default();
    alerts.iter().for_each(|alert| tally.add(alert));
    let alerts: VecDeque<Held> = alerts.into_iter().map(Held::of).collect();
    Message::History { tally: Box::new(tally), alerts, is_cut: false }
}

fn status() -> Value {
    let source = |path: &str, state: &str, lines: u64, last: Value| json!({ "path": path, "state": state, "lines": lines, "last_event": last });
    let mut unreadable = source("/var/log/mail.log", "unreadable", 0, Value::Null);
    unreadable["reason"] = json!("Permission denied (os error 13)");
    json!({
        "version": "0.1.0", "pid": 812, "uptime_seconds": 275_000, "mode": "blocking", "memory_bytes": 64_000_000,
        "problems": [
            { "text": "cannot read /var/log/mail.log: Permission denied (os error 13)", "remedy": "chmod it" },
            { "text": "mail delivery failing: 452 4.2.2 mailbox full", "remedy": "empty the mailbox" },
        ],
        "analysis": { "events": 1_234_567 },
        "respond": { "blocked": 4, "active": 4 },
        "mail": { "queued": 3, "mails": 12, "error": "452 4.2.2 mailbox full" },
        "fim": {
            "enabled": true, "entries": 2500, "changes": 3, "denials": 0, "events": 9, "pending": 0, "unreadable": 0,
            "unreported": 0, "rescans_completed": 0,
        },
        "collect": { "sources": [
            source("/var/log/apache2/access.log", "reading", 91_000, json!("2026-11-25T11:59:58Z")),
            source("/var/log/auth.log", "reading", 2200, json!("2026-11-25T11:59:57Z")),
            source("/var/log/dpkg.log", "reading", 12, json!("2026-11-25T04:12:00Z")),
            unreadable,
            source("/var/log/nginx/error.log", "missing", 0, Value::Null),
            source("journald", "reading", 88_000, json!("2026-11-25T11:59:59Z")),
        ] },
    })
}

fn blocks() -> Vec<BlockView> {
    let block = |address: &str, since: &str, remaining: Option<u64>, rule: u32, packets: u64, reason: &str| {
        let value = json!({
            "address": address, "remaining_seconds": remaining, "expires": null, "since": since,
            "rule": (rule > 0).then_some(rule), "alert": null, "description": reason, "response": "firewall-drop",
            "offences": 1, "active": true, "packets": packets, "bytes": packets * 60,
        });
        serde_json::from_value(value).expect("a block")
    };
    let failures = "sshd: Multiple authentication failures.";
    vec![
        block("192.0.2.77", "2026-11-24T18:30:00Z", None, 0, 0, "scanner of a customer, ticket 4711"),
        block(
            "198.51.100.23",
            "2026-11-25T11:58:59Z",
            Some(1139),
            31_151,
            214,
            "Multiple web server 400 error codes from same source ip.",
        ),
        block("203.0.113.5", "2026-11-25T11:48:56Z", Some(536), 5720, 38, failures),
        block("2001:db8:1::66", "2026-11-25T09:01:12Z", Some(75_672), 31_103, 3, "SQL injection attempt."),
    ]
}

fn files() -> Vec<ListItem> {
    let item = |path: &str, is_there: bool, changes: u32, new: bool| ListItem {
        path: PathText::Text(path.into()),
        state: is_there.then(StateView::default),
        changes,
        new,
        change: None,
    };
    vec![
        item("/etc/cron.d/backup", true, 1, true),
        item("/etc/ssh/sshd_config", true, 2, false),
        item("/usr/bin/wall", false, 1, false),
    ]
}
