use serde_json::json;

use super::*;

fn clock() -> Clock {
    Clock { now: Timestamp::from_unix_seconds(1_795_558_170), zone: TimeZone::UTC }
}

fn status(problems: &Value) -> Value {
    json!({
        "version": "1.0", "pid": 7, "started": "2026-11-24T21:09:30+00:00", "uptime_seconds": 3600, "mode": "blocking",
        "problems": problems, "config": "/etc/hids/ossec.conf", "memory_bytes": 1 << 20,
        "collect": { "sources": [
            { "path": "/var/log/a\u{1b}[2J", "state": "reading", "lines": 5, "last_event": "2026-11-24T22:09:27+00:00" },
            { "path": "/var/log/b", "state": "missing", "lines": 0, "last_event": null },
            { "path": "/var/log/c", "state": "duplicate", "reason": "/var/log/a", "lines": 0, "last_event": null },
        ] },
        "record": { "today": { "date": "2026-11-24", "alerts": 12, "levels": { "5": 8, "10": 1, "7": 3 } } },
        "respond": { "blocked": 1, "blocks": 14 },
        "mail": { "queued": 4, "mails": 3, "waiting": 3, "waiting_until": "2026-11-24T23:00:00+00:00", "error": null },
        "fim": { "entries": 1, "last_scan": { "ended": "2026-11-24T20:00:00.000+00:00" }, "gaps": [], "rescans_completed": 2 },
        "sensors": { "tiers": [ { "tier": "lsm", "available": false }, { "tier": "fanotify", "available": true } ] },
    })
}

fn problem(severity: &str, text: &str) -> Value {
    json!({ "severity": severity, "text": text, "remedy": "restart it" })
}

#[test]
fn summary_is_ten_lines_and_shows_problems_with_their_remedy_on_top() {
    let text = summary::text(&status(&json!([])), &clock());
    let expected = "hidsd 1.0 running since 2026-11-24 21:09:30 +00:00 (1h 0m), mode: blocking\n\
                    no problems\n\
                    sources   1 of 2 read, last line 3s ago (/var/log/a\\x1b[2J); not read: /var/log/b\n\
                    alerts    12 today: 1 of level 10, 3 of level 7, 8 of level 5\n\
                    blocks    1 address blocked now, 14 blocks since the start\n\
                    mail      3 mails sent, 4 alerts waiting, 3 of them until 2026-11-24 23:00:00 +00:00 (email_maxperhour is reached)\n\
                    files     1 entry in the baseline, last scan 2026-11-24 20:00:00 +00:00, no events missed, 2 rescans after missed events\n\
                    sensors   realtime file events; unavailable: write blocking\n";
    assert_eq!(text, expected);
    let text = summary::text(&status(&json!([problem("critical", "a\nb"), problem("warning", "c")])), &clock());
    let problems =
        "2 problems:\n  critical: a\\nb\n    remedy: restart it\n  warning: c\n    remedy: restart it\nsources";
    assert!(text.contains(problems), "{text}");
}

#[test]
fn check_speaks_as_a_plugin_does() {
    let (state, text) = plugin::of_status(&status(&json!([])));
    let measured = "alerts=12;;;0 blocked=1;;;0 problems=0;;;0 sources=1;;;0;2 mail_queue=4;;;0";
    assert_eq!(state, plugin::State::Ok);
    assert_eq!(text, format!("1 of 2 sources read, 12 alerts today, 1 blocked | {measured}"));
    let (state, text) = plugin::of_status(&status(&json!([problem("warning", "x | y")])));
    assert_eq!(state, plugin::State::Warning);
    assert!(text.starts_with("x / y | alerts="), "{text}");
    let (state, text) = plugin::of_status(&status(&json!([problem("critical", "x"), problem("warning", "y")])));
    assert_eq!(state, plugin::State::Critical);
    assert!(text.starts_with("x (and 1 more problem) | "), "{text}");
}

// H1: what rules forgot for lack of room is shown, and nothing where they forgot nothing.
#[test]
fn losses_of_rules_are_shown_where_there_are_any() {
    let shown = |forgotten: u64| {
        let mut out = String::new();
        let losses = json!({"shortened_lines": 0, "forgotten_counts": forgotten});
        details::describe(&mut out, &json!({"rules": 900, "losses": losses}), 1);
        out
    };
    assert!(!shown(0).contains("losses"), "{}", shown(0));
    assert!(shown(7).contains("  losses:\n    forgotten counts         7\n"), "{}", shown(7));
}

#[test]
fn details_hold_the_sources_as_a_table_and_no_counter_of_nothing() {
    let mut status = status(&json!([]));
    status["sensors"]["hooks"] = json!([
        { "hook": "exec", "seen": 5, "dropped": { "map_full": 0 } },
        { "hook": "exit", "seen": 6, "dropped": { "map_full": 2, "missed": 0 } },
    ]);
    let text = details::text(&status, &clock());
    assert!(
        text.contains("  STATE      LINES  LAST LINE  SOURCE\n  reading        5  3s ago     /var/log/a\\x1b[2J\n"),
        "{text}"
    );
    assert!(text.contains("/var/log/c (/var/log/a)"), "{text}");
    assert!(text.contains("hook: exec, seen: 5\n"), "{text}");
    assert!(
        text.contains("dropped: 2 map full, hook: exit, seen: 6\n")
            || text.contains("hook: exit, seen: 6, dropped: 2 map full\n"),
        "{text}"
    );
}
